"""A trained network in plain NumPy: read from its checkpoint as data, so that nothing in the file is ever run."""

import io
import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from data.types import IdArray
from engine.cells import Array, Cell, GRUCell, LSTMCell, SimpleRNNCell
from engine.layers import Attention, Bidirectional, Layer, Lengths, Recurrent, pooling
from records.errors import CheckpointError

CELLS_OF_A_BATCH = 16_000  # words read together
_CELLS: dict[str, type[Cell]] = {
    name: cell
    for kind, cell in (("SimpleRNN", SimpleRNNCell), ("LSTM", LSTMCell), ("GRU", GRUCell))
    for name in (kind, f"Custom{kind}")
}
_OTHERS = {  # layers that a network of this project is made of beside the recurrent ones and Keras's pure functions
    *("InputLayer", "Embedding", "Concatenate", "Dropout", "SpatialDropout1D", "Bidirectional", "GlobalAveragePooling1D"),
    *("Dense", "Activation", "LayerNormalization", "PositionalEncoding", "LocalAttention", "Add"),
}
_OPERATIONS = "keras.src.ops."  # Keras's module of pure functions
_OPTIONS = {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True, "use_bias": True, "go_backwards": False}


@dataclass(frozen=True)
class PlainNetwork:
    """Token ids in, logits out; and the gradient on the way back, to the vectors of the words."""

    embedding: Array  # <float32>[ids, width]
    bigrams: Array | None  # <float32>[rows, width], of pairs of neighbouring words
    body: tuple[Layer, ...]  # the last one pools
    kernel: Array  # of the logit, <float32>[features, 1]
    bias: Array  # <float32>[1]

    def logits(self, rows: Sequence[IdArray]) -> Array:
        """The logit of each review, `<float64>[reviews]`; neighbours in length are read together, without any padding.

        Args:
            rows: token ids, each `<int32>[time]`, the start token included.
        """
        logits, order, start = np.empty(len(rows)), np.argsort([-len(row) for row in rows], kind="stable"), 0
        while start < len(rows):
            size = max(1, CELLS_OF_A_BATCH // len(rows[order[start]]))
            batch = order[start : start + size]
            vectors, lengths = self.embed([rows[i] for i in batch])
            logits[batch] = self.read(vectors, lengths)
            start += size
        return logits

    def embed(self, rows: Sequence[IdArray]) -> tuple[Array, Lengths]:
        """The vectors of the words, `<float32>[time, reviews, width]`, of reviews that come the longest first."""
        lengths = Lengths(np.array([len(row) for row in rows]))
        ids = np.zeros((len(rows[0]), len(rows)), np.int32)
        for number, row in enumerate(rows):
            ids[: len(row), number] = row
        vectors = self.embedding[ids]
        if self.bigrams is not None:
            vectors = np.concatenate([vectors, self.bigrams[bigram_rows(ids, len(self.bigrams))]], axis=-1)
        return vectors, lengths

    def read(self, vectors: Array, lengths: Lengths) -> Array:
        """Logits `<float32>[reviews]` of word vectors."""
        for layer in self.body:
            vectors = layer(vectors, lengths)
        return (vectors @ self.kernel + self.bias)[:, 0]

    def gradient(self, vectors: Array, lengths: Lengths) -> Array:
        """The gradient of each review's logit with respect to its word vectors, in their shape."""
        inputs = [vectors]
        for layer in self.body[:-1]:
            inputs.append(layer(inputs[-1], lengths))
        d = np.repeat(self.kernel.T, vectors.shape[1], axis=0)
        for layer, x in zip(reversed(self.body), reversed(inputs), strict=True):
            d = layer.pullback(x, lengths, d)
        return d

    def attention(self, rows: IdArray) -> Array | None:
        """The share that each word of one review has in the verdict, `<float32>[time]`; None without attention pooling."""
        *body, pool = self.body
        if not isinstance(pool, Attention):
            return None
        vectors, lengths = self.embed([rows])
        for layer in body:
            vectors = layer(vectors, lengths)
        return pool.weights(vectors, lengths)[:, 0, 0]


def bigram_rows(ids: Array, count: int) -> Array:
    """The row of each word and the one before it, as `models.classifier` hashes them; `<int32>[time, reviews]`."""
    words = ids.astype(np.uint32)
    before = np.pad(words[:-1], ((1, 0), (0, 0)))
    mixed = (words * np.uint32(0x85EBCA6B)) ^ (before * np.uint32(0x9E3779B1))
    mixed ^= mixed >> np.uint32(15)
    return np.where(ids == 0, 0, (mixed % np.uint32(count - 1)).astype(np.int32) + 1)


# -- reading a checkpoint ----------------------------------------------------------------------------------------------


def load(path: Path) -> PlainNetwork:
    """The network in a `.keras` file.

    The file's description of its layers and its arrays are read as data; no class or function that it names is looked up.

    Raises:
        CheckpointError: it cannot be read, or holds anything but a network of this project.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            described = json.loads(archive.read("config.json"))["config"]["layers"]
            layers = [(layer["class_name"], layer["config"], str(layer["module"])) for layer in described]
            _refuse_strangers(layers, path)
            with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
                arrays = _arrays(file)
        return _build(layers, arrays)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: train it again with the same command, or choose another --study") from error
    except CheckpointError:
        raise
    except (OSError, KeyError, TypeError, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is damaged or was changed ({type(error).__name__}: {error}); delete it with its record under studies/ "
            "and train it again with the same command"
        ) from error


def _refuse_strangers(layers: list[tuple[str, Any, str]], path: Path) -> None:
    for kind, config, module in layers:
        inner = [config["layer"]["class_name"], config["backward_layer"]["class_name"]] if kind == "Bidirectional" else []
        known = kind in _OTHERS or kind in _CELLS or module.startswith(_OPERATIONS)
        if not known or not set(inner) <= set(_CELLS):
            stranger = kind if not known else ", ".join(inner)
            raise CheckpointError(
                f"{path} holds a layer of class {stranger} (module {module}), which no network of this project has; "
                "nothing of it was run. Only checkpoints that main.py wrote are read"
            )


def _arrays(file: h5py.File) -> dict[str, list[Array]]:
    """Group -> its arrays in order. Links to other files are not followed."""
    found: dict[str, dict[int, Array]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not item.external and not item.is_virtual:
            group, _, number = name.removeprefix("layers/").rpartition("/vars/")
            found.setdefault(group, {})[int(number)] = item[()].astype(np.float32)

    file.visititems(visit)
    return {group: [arrays[i] for i in sorted(arrays)] for group, arrays in found.items()}


def _build(described: list[tuple[str, Any, str]], arrays: Mapping[str, list[Array]]) -> PlainNetwork:
    layers = [(kind, config) for kind, config, module in described if not module.startswith(_OPERATIONS)]
    groups, counts = dict[str, str](), Counter[str]()
    for kind, config in layers:  # Keras calls a layer's arrays by its class and how many there were before
        snake = _snake_case(kind)
        groups[config["name"]] = f"{snake}_{counts[snake]}" if counts[snake] else snake
        counts[snake] += 1

    def of(name: str) -> list[Array]:
        return arrays[groups[name]]

    recurrent = [(kind, config, groups[config["name"]]) for kind, config in layers if kind in _CELLS or kind == "Bidirectional"]
    body: list[Layer] = [_recurrent(kind, config, arrays, group) for kind, config, group in recurrent]
    if "positions" in groups:
        body = [_encoder(of, arrays, groups["attention"], next(c for k, c in layers if k == "LocalAttention"))]
    weights: dict[str, Any] = {name: of(name) for name in ("attention_hidden", "attention_scores") if name in groups}
    kind = _pooling_kind(groups, {kind for kind, _, _ in described})
    body.append(pooling(kind, weights, is_bidirectional=recurrent[-1][0] == "Bidirectional" if recurrent else False))
    bigrams = of("bigram_embedding")[0] if "bigram_embedding" in groups else None
    kernel, bias = of("logit")
    network = PlainNetwork(of("embedding")[0], bigrams, tuple(body), kernel, bias)
    if not all(math.isfinite(float(np.sum(array))) for arrays_ in arrays.values() for array in arrays_):
        raise ValueError("its weights are not numbers")
    return network


def _pooling_kind(names: Mapping[str, str], kinds: set[str]) -> str:
    for name, kind in (("mean_and_max", "mean_max"), ("mean", "mean"), ("attention_scores", "attention")):
        if name in names:
            return kind
    return "max" if "Max" in kinds else "last"


def _recurrent(kind: str, config: dict[str, Any], arrays: Mapping[str, list[Array]], group: str) -> Layer:
    if kind != "Bidirectional":
        return _direction(kind, config, arrays, group, is_reversed=False)
    inner = config["layer"]
    there, back = (
        _direction(inner["class_name"], inner["config"], arrays, f"{group}/{name}_layer", is_reversed=name == "backward")
        for name in ("forward", "backward")
    )
    return Bidirectional(there, back)


def _direction(
    kind: str, config: dict[str, Any], arrays: Mapping[str, list[Array]], group: str, *, is_reversed: bool
) -> Recurrent:
    for option, expected in _OPTIONS.items():
        if option in config and config[option] != expected:
            raise ValueError(f"{config['name']}: expected {option}={expected}, got {config[option]!r}")
    kernel, recurrent_kernel, bias = arrays[group if group in arrays else f"{group}/cell"]
    return Recurrent(_CELLS[kind], kernel, recurrent_kernel, bias.reshape(-1, kernel.shape[1]), is_reversed)


def _encoder(of: Callable[[str], list[Array]], arrays: Mapping[str, list[Array]], group: str, config: dict[str, Any]) -> Layer:
    from engine.transformer import Dense, Encoder, LocalAttention, Normalisation

    query, key, value, output = (tuple(arrays[f"{group}/attention/{name}_dense"]) for name in ("query", "key", "value", "output"))
    return Encoder(
        tokens=Dense(*of("tokens")),
        normal_tokens=Normalisation(*of("normal_tokens")),
        before_attention=Normalisation(*of("before_attention")),
        attention=LocalAttention(int(config["window"]), query, key, value, output),  # type: ignore[arg-type]
        before_hidden=Normalisation(*of("before_hidden")),
        hidden=Dense(*of("hidden")),
        after_hidden=Dense(*of("after_hidden")),
        normal_encoded=Normalisation(*of("normal_encoded")),
    )


def _snake_case(kind: str) -> str:
    """As Keras names the arrays of a class: `SimpleRNN` -> `simple_rnn`."""
    text = re.sub(r"([^_])([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", text).lower()
