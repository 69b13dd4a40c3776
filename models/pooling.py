"""How the states over time become one vector. Padding never counts."""

from typing import Any

import keras
from keras import ops

Tensor = Any


def pool(sequences: Tensor, mask: Tensor, kind: str) -> Tensor:
    """Mean or maximum over the time steps where the mask is True, in stock Keras operations.

    Args:
        sequences: `<float32>[batch, time, features]`.
        mask: `<bool>[batch, time]`, True on at least one step of every row.
        kind: `mean` or `max`.

    Returns:
        `<float32>[batch, features]`.

    Raises:
        ValueError: another kind. (`last` is the recurrent body's own output, so it never comes here.)
    """
    if kind == "mean":
        return keras.layers.GlobalAveragePooling1D(name="pooling")(sequences, mask=mask)
    if kind == "max":
        lowest = ops.where(ops.expand_dims(mask, -1), sequences, -1e9)
        return ops.max(lowest, axis=1)
    raise ValueError(f"pooling: expected last, mean or max, got {kind!r}")
