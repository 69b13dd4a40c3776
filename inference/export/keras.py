"""The checkpoint as an export that Keras opens alone; and the network as Keras runs it, which every export is compared with."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from data.bigrams import bigram_rows
from engine.arrays import Array, class_probabilities
from inference.export import Reader, Review, inputs
from inference.export.network import KerasNetwork, read
from inference.run import FinishedRun, Trained
from models.evidence import Reading
from records.errors import ExportError


def write(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    """Copy the checkpoint to `folder/model.keras`, byte for byte; one with layers of this project is written of Keras's own.

    Raises:
        ExportError: a layer of this project has no form of Keras's own.
    """
    from inference.export import stock

    file, checkpoint = folder / "model.keras", _path(run, trained)
    if stock.own_layers(checkpoint):
        stock.save(read(checkpoint), file)
    else:
        shutil.copyfile(checkpoint, file)
    model = read(file)

    def probabilities(reviews: Sequence[Review]) -> Array:
        given = list(inputs(reviews).values())
        logits = np.asarray(model.predict_on_batch(_alone_or_listed(given)))
        return class_probabilities(logits / trained.temperature)

    return probabilities


def probabilities(run: FinishedRun, trained: Trained, readings: Sequence[Reading]) -> Array:
    """The calibrated probabilities of each review, `<float64>[reviews, classes]`, from the checkpoint as Keras runs it.

    Args:
        run: that the checkpoint is of.
        trained: the network.
        readings: what the network reads of the reviews.

    Raises:
        CheckpointError: Keras cannot read it.
    """
    return class_probabilities(KerasNetwork(_path(run, trained)).logits(readings) / trained.temperature)


def portable(run: FinishedRun, trained: Trained) -> Any:
    """From what the network is given, see `inputs`, to calibrated probabilities, for TensorFlow's formats.

    These are `<float32>[batch, classes]`. The weights are the checkpoint's; recurrent layers are Keras's own, which need no
    project, no XLA and no cuDNN where the graph is run.

    Raises:
        ExportError: Keras runs on another backend.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ExportError(f"KERAS_BACKEND is {keras.backend.backend()}: TensorFlow's formats are written with tensorflow")
    network = read(_path(run, trained))
    model = keras.models.clone_model(network, clone_function=_without_cudnn)
    model.set_weights(network.get_weights())
    given = [keras.Input(each.shape[1:], dtype=each.dtype, name=each.name) for each in model.inputs]
    read_by_model: list[Any] = list(given)
    if tables := [layer for layer in model.layers if layer.name == "bigram_embedding"]:
        model = keras.Model([*model.inputs, tables[0].input], model.output)
        read_by_model.append(bigram_rows(_without_unsigned(), given[0], tables[0].input_dim))
    logits = model(_alone_or_listed(read_by_model))
    every = keras.ops.concatenate([keras.ops.zeros_like(logits[:, :1]), logits], axis=-1)
    return keras.Model(_alone_or_listed(given), keras.ops.softmax(every / trained.temperature))


def signature(model: Any, reviews: int | None) -> list[Any]:
    """What a function of a portable model is traced with, for so many reviews at a time; None for any number."""
    import tensorflow as tf

    return [tf.TensorSpec([reviews, *each.shape[1:]], each.dtype, name=each.name) for each in model.inputs]


def _alone_or_listed(inputs: list[Any]) -> Any:
    """As Keras takes the inputs of a model: one by itself, several in a list."""
    return inputs if len(inputs) > 1 else inputs[0]


def _path(run: FinishedRun, trained: Trained) -> Path:
    return run.folder.checkpoint(trained.study, trained.repeat.number)


def _without_cudnn(layer: Any) -> Any:
    """A layer of this configuration; Keras's own where ours is written from scratch, and without cuDNN."""
    from inference.export.stock import recurrent_layer
    from models.saved_network import without_cudnn

    return without_cudnn(recurrent_layer(layer))


def _without_unsigned() -> Any:
    """`keras.ops`, but for the two functions that LiteRT has not for unsigned numbers, which are computed of signed ones."""
    from keras import ops

    xp = SimpleNamespace(**vars(ops))
    xp.pad = lambda x, widths: ops.cast(ops.pad(ops.cast(x, "int32"), widths), "uint32")
    xp.mod = lambda x, divisor: ops.mod(ops.cast(x, "int64"), ops.cast(divisor, "int64"))
    return xp
