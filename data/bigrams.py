"""The row in a table of vectors that a pair of neighbouring words has, by one hash for training and for finished runs.

Pairs are too many for a row each, so that a hash finds their row, as in Joulin et al. (2017), Bag of tricks for efficient text
classification, EACL. The hash multiplies by odd numbers (Knuth, The art of computer programming, 6.4). Keras is not imported: as
in `models/cells.py`, the functions to compute with are given.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

Tensor = Any
NUMPY = SimpleNamespace(
    bitwise_xor=np.bitwise_xor, cast=lambda x, dtype: np.asarray(x).astype(dtype), equal=np.equal, mod=np.mod, pad=np.pad,
    right_shift=np.right_shift, where=np.where,
)  # fmt: skip
FACTORS, SHIFT = (0x85EBCA6B, 0x9E3779B1), 15


def bigram_rows(xp: Any, token_ids: Tensor, count: int) -> Tensor:
    """The row of each word together with the one before it.

    Args:
        xp: the functions to compute with, those of `keras.ops` or `NUMPY`.
        token_ids: `<int32>[batch, time]`, right-padded with 0.
        count: rows of the table; row 0 is for padding alone.

    Returns:
        `<int32>[batch, time]`, from 1 to `count - 1`, and 0 for padding.
    """
    words = xp.cast(token_ids, "uint32")
    before = xp.pad(words[:, :-1], ((0, 0), (1, 0)))
    factor, factor_before = (xp.cast(factor, "uint32") for factor in FACTORS)
    mixed = xp.bitwise_xor(words * factor, before * factor_before)
    mixed = xp.bitwise_xor(mixed, xp.right_shift(mixed, xp.cast(SHIFT, "uint32")))
    rows = xp.cast(xp.mod(mixed, xp.cast(count - 1, "uint32")), "int32") + 1
    return xp.where(xp.equal(token_ids, 0), 0, rows)
