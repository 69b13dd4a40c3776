"""How strongly a verdict depends on each word: the norm of its log-odds' gradient with respect to the word's vector.

Simonyan et al. (2014), Deep inside convolutional networks, ICLR workshop; over the distance to the last word it is what
Bengio et al. (1994), Learning long-term dependencies with gradient descent is difficult, IEEE Transactions on Neural
Networks, reason about: where it vanishes, no training can teach the network anything about that word.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from models.loss import log_odds


def influence(model: keras.Model, inputs: Any) -> np.ndarray:
    """The norms of the gradient, `<float32>[batch, time]`. The evidence beside a word's vector is held as it is.

    Args:
        model: a classifier with a layer `perturbation`, as it is built for training.
        inputs: what it reads: `<int32>[batch, time]`, right-padded with 0, or a list of that and of what evidence it is given.
    """
    perturbation = model.get_layer("perturbation")
    token_ids = inputs[0] if isinstance(inputs, list) else inputs
    nowhere = ops.zeros((*token_ids.shape, perturbation.features))

    def odds_at(offset: Any) -> Any:
        perturbation.offset = offset
        odds = ops.sum(log_odds(model(inputs, training=False)))
        perturbation.offset = None
        return odds

    gradient = ops.convert_to_numpy(_gradient(odds_at, is_compiled=model.jit_compile)(nowhere))
    return np.linalg.norm(gradient, axis=-1)


def _gradient(function: Any, *, is_compiled: bool) -> Any:
    """The function's gradient as a program; on TensorFlow compiled by XLA where the model's own steps are."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(jax.grad(function))
    import tensorflow

    @tensorflow.function(jit_compile=is_compiled, autograph=False)
    def gradient(at: Any) -> Any:
        with tensorflow.GradientTape() as tape:
            tape.watch(at)
            value = function(at)
        return tape.gradient(value, at)

    return gradient
