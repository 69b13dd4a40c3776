"""Recurrent networks that classify token sequences. Importing this package imports no Keras."""
