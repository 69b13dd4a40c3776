"""Networks that `experiment.network` has trained and saved as models of Keras, read back."""

from pathlib import Path

import keras
import numpy as np
from keras import ops

from data.batches import pad
from models.evidence import Reading, inputs_of


def load_weights(checkpoint: Path) -> list[np.ndarray]:
    """The trained weights of a saved network, for another of its shape."""
    model = keras.saving.load_model(checkpoint, safe_mode=True)
    return [np.array(ops.convert_to_numpy(variable)) for variable in model.trainable_variables]


def logits_on_cpu(checkpoint: Path, readings: list[Reading]) -> np.ndarray:
    """What a saved network says on this machine's processor, `<float32>[reviews, classes - 1]`.

    A GPU rounds the factors of a float32 product to ten binary digits (TensorFloat-32), which moves a probability by some 1e-4:
    too much to tell whether a difference comes from the arithmetic or from another network.

    Args:
        checkpoint: of the network.
        readings: of some reviews, read together.
    """
    with keras.device("cpu:0"):
        model = keras.saving.load_model(checkpoint, compile=False, safe_mode=True)
        for layer in model.layers:
            without_cudnn(layer)
        ids = pad([reading.ids for reading in readings], max(map(len, readings)))
        inputs = ids if readings[0].evidence is None else inputs_of(readings, ids)
        return ops.convert_to_numpy(model(inputs, training=False))


def without_cudnn(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer, which runs by Keras's own arithmetic from now on, in both directions where it has two."""
    for each in (layer, getattr(layer, "forward_layer", layer), getattr(layer, "backward_layer", layer)):
        if hasattr(each, "use_cudnn"):
            each.use_cudnn = False
    return layer
