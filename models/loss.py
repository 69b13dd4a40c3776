"""The loss and the accuracy of a classifier whose first class has the logit 0: cross-entropy of a softmax over free logits.

Labels are one number for each class but the first, `<float32>[batch, classes - 1]`: 1 for the class itself, all 0 for the first.
With two classes this is the logistic loss of one logit, in the same arithmetic as Keras's `BinaryCrossentropy(from_logits=True)`.
"""

from typing import Any

import numpy as np
from keras import ops

Tensor = Any


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """The numbers of classes `<int>[batch]` as `<float32>[batch, classes - 1]`."""
    return np.eye(n_classes, dtype=np.float32)[labels, 1:]


def cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """What it costs to give these logits to reviews of these classes, in nats, `<float32>[batch]`.

        loss = log(exp(0) + exp(z_1) + ... + exp(z_{K-1})) - z_label,  z_0 = 0

    Args:
        labels: see above, `<float32>[batch, classes - 1]`.
        logits: `<float32>[batch, classes - 1]`.
    """
    free = logits if logits.shape[-1] == 1 else ops.logsumexp(logits, axis=-1, keepdims=True)
    own = labels * logits if logits.shape[-1] == 1 else ops.sum(labels * logits, axis=-1, keepdims=True)
    is_above = free >= 0
    clipped, folded = ops.where(is_above, free, ops.zeros_like(free)), ops.where(is_above, -free, free)
    return ops.mean(clipped - own + ops.log1p(ops.exp(folded)), axis=-1)


def share_right(labels: Tensor, logits: Tensor) -> Tensor:
    """1 for a review whose own class has the highest logit, else 0, `<float32>[batch]`."""
    return ops.cast(ops.equal(_class_of(labels), _class_of(logits)), "float32")


def _class_of(numbers: Tensor) -> Tensor:
    """The class of the highest number where the first class has 0, `<int32>[batch]`."""
    return ops.where(ops.max(numbers, axis=-1) > 0, 1 + ops.argmax(numbers, axis=-1), 0)


def log_odds(logits: Tensor) -> Tensor:
    """How much likelier the class that these logits are for is than all others, in nats, `<float32>[batch]`."""
    every = ops.concatenate([ops.zeros_like(logits[:, :1]), logits], axis=-1)
    is_first = ops.one_hot(ops.argmax(every, axis=-1), every.shape[-1])
    others = ops.logsumexp(ops.where(is_first > 0, -np.inf, every), axis=-1)
    return ops.max(every, axis=-1) - others
