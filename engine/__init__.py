"""Trained networks in NumPy, read from checkpoints as data."""
