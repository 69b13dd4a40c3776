"""How the states over time become one vector. Padding never counts. Stock Keras layers only."""

from typing import Any

import keras
from keras import ops

Tensor = Any
ATTENTION_WEIGHTS = "attention_weights"  # the layer that gives each time step's share, where pooling is `attention`


def pool(sequences: Tensor, mask: Tensor, kind: str) -> Tensor:
    """One vector from the time steps where the mask is True.

    `attention` is a weighted mean whose weights are learned, additive as in Bahdanau et al. (2015, ICLR) with a learned
    query as in Yang et al. (2016, Hierarchical Attention Networks, NAACL): softmax over time of `v . tanh(W h + b)`.

    Args:
        sequences: `<float32>[batch, time, features]`.
        mask: `<bool>[batch, time]`, True on at least one step of every row.
        kind: `mean`, `max`, `mean_max` (both, side by side) or `attention`.

    Returns:
        `<float32>[batch, features]`; twice as many features for `mean_max`.

    Raises:
        ValueError: another kind. (`last` is the recurrent body's own output, so it never comes here.)
    """
    match kind:
        case "mean":
            return _mean(sequences, mask)
        case "max":
            return _max(sequences, mask)
        case "mean_max":
            return keras.layers.Concatenate(name="mean_and_max")([_mean(sequences, mask), _max(sequences, mask)])
        case "attention":
            return _attention(sequences, mask)
    raise ValueError(f"pooling: expected last, mean, max, mean_max or attention, got {kind!r}")


def attention_weights(model: keras.Model) -> keras.Model:
    """The model that gives the share of each time step, `<float32>[batch, time, 1]`, 0 on padding and 1 in all.

    Raises:
        ValueError: the model does not pool by attention.
    """
    if ATTENTION_WEIGHTS not in {layer.name for layer in model.layers}:
        raise ValueError("this model has no attention weights: it was not built with pooling by attention")
    return keras.Model(model.input, model.get_layer(ATTENTION_WEIGHTS).output)


def _mean(sequences: Tensor, mask: Tensor) -> Tensor:
    return keras.layers.GlobalAveragePooling1D(name="mean")(sequences, mask=mask)


def _max(sequences: Tensor, mask: Tensor) -> Tensor:
    lowest = ops.where(ops.expand_dims(mask, -1), sequences, -1e9)
    return ops.max(lowest, axis=1)


def _attention(sequences: Tensor, mask: Tensor) -> Tensor:
    hidden = keras.layers.Dense(sequences.shape[-1], activation="tanh", name="attention_hidden")(sequences)
    scores = keras.layers.Dense(1, use_bias=False, name="attention_scores")(hidden)  # [batch, time, 1]
    scores = ops.where(ops.expand_dims(mask, -1), scores, -1e9)
    shares = ops.exp(scores - ops.max(scores, axis=1, keepdims=True))  # Keras's softmax warns where there is one time step
    weights = keras.layers.Activation("linear", name=ATTENTION_WEIGHTS)(shares / ops.sum(shares, axis=1, keepdims=True))
    return ops.sum(weights * sequences, axis=1)
