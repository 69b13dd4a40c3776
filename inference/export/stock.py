"""The same network of Keras's own layers and operations, where a checkpoint holds layers of this project: it opens anywhere."""

import math
import re
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from engine.graph import OWN
from models import recurrent, transformer
from records.errors import ExportError

Tensor = Any
_RECURRENT = {
    recurrent.CustomSimpleRNN: keras.layers.SimpleRNN,
    recurrent.CustomLSTM: keras.layers.LSTM,
    recurrent.CustomGRU: keras.layers.GRU,
}


def own_layers(path: Path) -> list[str]:
    """The classes of this project that a `.keras` file needs, by name."""
    with zipfile.ZipFile(path) as archive:
        return sorted(set(re.findall(rf"{OWN}(\w+)", archive.read("config.json").decode())))


def save(network: keras.Model, path: Path) -> None:
    """Write a network as a `.keras` file that Keras opens without this project.

    Raises:
        ExportError: one of its layers has no form here.
    """
    model = keras.models.clone_model(network, clone_function=_form)
    for layer in network.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())
    model.save(path)
    if left := own_layers(path):
        raise ExportError(f"{', '.join(left)}: nothing of Keras's own does the same; --export onnx or savedmodel may hold it")


def recurrent_layer(layer: Any) -> Any:
    """A layer of this configuration, new; Keras's own where ours is written from scratch."""
    if kind := _RECURRENT.get(type(layer)):
        options = ("units", "return_sequences", "return_state", "go_backwards", "name")
        return kind(**{option: getattr(layer, option) for option in options})
    if isinstance(layer, keras.layers.Bidirectional) and type(layer.forward_layer) in _RECURRENT:
        config = layer.forward_layer.get_config() | {"name": layer.forward_layer.name.removeprefix("forward_")}
        inner = recurrent_layer(type(layer.forward_layer).from_config(config))
        return keras.layers.Bidirectional(inner, merge_mode=layer.merge_mode, name=layer.name)
    return type(layer).from_config(layer.get_config())


def _form(layer: Any) -> Any:
    """What takes a layer's place; a small network in which names are its own, where it is more than a layer."""
    if isinstance(layer, transformer.PositionalEncoding):
        return lambda sequences: _positions(sequences.shape[-1], layer.name)(sequences)
    if isinstance(layer, transformer.LocalAttention):
        network = _local_attention(layer)
        return lambda sequences, mask: network([sequences, mask])
    return recurrent_layer(layer)


def _positions(features: int, name: str) -> keras.Model:
    """`PositionalEncoding` for a number of time steps that is not known yet."""
    sequences = keras.Input((None, features), name="sequences")
    half = features // 2
    frequencies = np.exp(np.arange(half) * (-math.log(10_000.0) / half)).astype(np.float32)
    angles = _places(sequences) * frequencies
    return keras.Model(sequences, sequences + ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1), name=name)


def _local_attention(layer: transformer.LocalAttention) -> keras.Model:
    """`LocalAttention` without its blocks, whose number is not known yet: time and memory grow with the square of the length."""
    heads, width = layer.heads, layer.attention.key_dim
    sequences = keras.Input((None, heads * width), name="sequences")
    is_token = keras.Input((None,), dtype="bool", name="is_token")
    places = _places(sequences)
    is_near = ops.abs(places - ops.transpose(places, (0, 2, 1))) <= layer.window  # [batch, time, time]
    allowed = ops.logical_and(is_near, ops.expand_dims(is_token, 1))
    heard = keras.layers.MultiHeadAttention(heads, width, name="attention")(sequences, sequences, attention_mask=allowed)
    return keras.Model([sequences, is_token], heard, name=layer.name)


def _places(sequences: Tensor) -> Tensor:
    """The number of each time step from 0 on, `<float32>[batch, time, 1]`, without asking for their number."""
    return ops.cumsum(ops.ones_like(ops.mean(sequences, axis=-1, keepdims=True)), axis=1) - 1
