"""The functions that `models/cells.py` computes with, in NumPy: a module in the place of `keras.ops`."""

from collections.abc import Sequence

import numpy as np

Array = np.ndarray

concatenate, tanh, zeros_like = np.concatenate, np.tanh, np.zeros_like
_SUREST = 2.0**-53  # the smallest distance of a probability from 1 that a float64 holds
_HALF = np.array(0.5, np.float32)  # as an array: a step of one review takes half as long as with a scalar


def sigmoid(x: Array) -> Array:
    """`1 / (1 + exp(-x))` of each element, without overflow, in the shape and precision of `x`."""
    return np.add(np.multiply(np.tanh(np.multiply(x, _HALF)), _HALF), _HALF)


def class_probabilities(logits: Array) -> Array:
    """The softmax over the classes, `<float64>[..., classes]`, of the logits of all but the first, `<float>[..., classes - 1]`.

    The first one's logit is 0: so two classes have one logit, whose sigmoid is the probability of the second.
    """
    free = np.asarray(logits, np.float64)
    every = np.concatenate([np.zeros((*free.shape[:-1], 1)), free], axis=-1)
    odds = np.exp(every - every.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def free_logits(probabilities: Array) -> Array:
    """The logits, `<float64>[..., classes - 1]`, of which `class_probabilities` makes these; those of 0 and 1 are kept finite."""
    logs = np.log(np.clip(probabilities, _SUREST, 1 - _SUREST))
    return logs[..., 1:] - logs[..., :1]


def predicted(probabilities: Array) -> Array:
    """The class of the highest probability, `<int64>[...]` of `<float>[..., classes]`; of equals the last."""
    return probabilities.shape[-1] - 1 - probabilities[..., ::-1].argmax(axis=-1)


def margins(logits: Array, label: int) -> Array:
    """How far a class's logit is above the mean of the others', `<float>[...]`, of `<float>[..., classes - 1]`.

    Of two classes it is the logit for the second, and for the first the logit with the other sign. Being linear in the logits, it
    can be shared out among words.
    """
    others = logits.shape[-1]  # as many as there are logits: the first class, whose logit is 0, is one of the classes
    mine = logits[..., label - 1] if label else 0.0
    return mine - (logits.sum(axis=-1) - mine) / others


def log_odds(logits: Array) -> Array:
    """How much likelier the likeliest class is than all others, in nats, `<float64>[...]`, of `<float>[..., classes - 1]`.

    Of two classes it is how far the logit is from 0.
    """
    every = np.sort(np.concatenate([np.zeros((*logits.shape[:-1], 1)), logits], axis=-1), axis=-1)
    top, others = every[..., -1], every[..., :-1]
    return top - others[..., -1] - np.log(np.exp(others - others[..., -1:]).sum(axis=-1))


def split(x: Array, parts: int, axis: int) -> Sequence[Array]:
    """This many views of one width of `<float>[rows, features]`, `axis=-1`: slices, which cost a sixth of `numpy.split`."""
    width = x.shape[axis] // parts
    return [x[:, start : start + width] for start in range(0, parts * width, width)]
