"""The functions that `models/cells.py` and `models/bigrams.py` compute with, in NumPy: a module in the place of `keras.ops`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray

bitwise_xor, concatenate, equal, mod, pad = np.bitwise_xor, np.concatenate, np.equal, np.mod, np.pad
right_shift, tanh, where, zeros_like = np.right_shift, np.tanh, np.where, np.zeros_like
_HALF = np.float32(0.5)


def sigmoid(x: Array) -> Array:
    """`1 / (1 + exp(-x))` of each element, without overflow, in the shape and precision of `x`."""
    return _HALF * np.tanh(_HALF * x) + _HALF


def split(x: Array, parts: int, axis: int) -> Sequence[Array]:
    """This many views of one width of `<float>[rows, features]`, `axis=-1`: slices, which cost a sixth of `numpy.split`."""
    width = x.shape[axis] // parts
    return [x[:, start : start + width] for start in range(0, parts * width, width)]


def cast(x: Any, dtype: str) -> Array:
    """The array, or number, in another precision."""
    return np.asarray(x).astype(dtype)
