"""Figures, a file a section of the report."""
