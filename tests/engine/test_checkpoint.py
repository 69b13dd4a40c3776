"""Laws of reading checkpoints: every layer is read or refused by name, and nothing in a file is ever run."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops

from engine.checkpoint import load
from models.classifier import build_classifier
from models.registry import ARCHITECTURES
from records.errors import CheckpointError
from tests.engine.test_network import IDS, logits_of, readings, shape_of, trained

Tensor = Any


@pytest.fixture
def checkpoint(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "model.keras"
    trained(shape_of("gru", "mean", 0), rng).save(path)
    return path


# -- an architecture that was added to the registry --------------------------------------------------------------------


def added(
    then: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch, pooling: str = "mean", bigrams: int = 0
) -> keras.Model:
    """A network of the architecture `gru` followed by other layers, as CONTRIBUTING.md says how to add one."""
    gru = ARCHITECTURES["gru"]

    def build(*arguments: Any) -> Callable[[Tensor, Tensor], Tensor]:
        body = gru.build(*arguments)
        return lambda sequences, is_word: then(body(sequences, is_word))

    monkeypatch.setitem(ARCHITECTURES, "mine", replace(gru, build=build))
    model = build_classifier(shape_of("mine", pooling, bigrams), dropout=0.2, spatial_dropout=0.1)
    rng = np.random.default_rng(5)
    model.set_weights([weight + 0.1 * rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("pooling", ["last", "mean_max", "attention"])
def test_known_layers_after_a_recurrent_one_are_read(
    pooling: str, tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then(states: Tensor) -> Tensor:
        hidden = layers.Dense(12, "gelu")(layers.LayerNormalization(epsilon=0.01)(states))
        return layers.Add()([states, layers.Dense(8)(hidden)])

    model = added(then, monkeypatch, pooling, 97)
    model.save(tmp_path / "model.keras")
    reviews = readings(rng)
    np.testing.assert_allclose(load(tmp_path / "model.keras").logits(reviews), logits_of(model, reviews), atol=3e-6)


UNKNOWN = {
    "holds a layer of class UnitNormalization .named 'mine', module keras.layers.": layers.UnitNormalization,
    "holds 'mine' of class LayerNormalization: expected center=True": partial(layers.LayerNormalization, center=False),
    "holds 'mine' of class Dense: expected activation=linear or gelu, got 'relu'": partial(layers.Dense, 8, "relu"),
    "holds 'mine' of class Dense: expected use_bias=True, got False": partial(layers.Dense, 8, use_bias=False),
    "holds 'mine' of class Dense: expected dtype=float32, got 'mixed": partial(layers.Dense, 8, dtype="mixed_bfloat16"),
    "holds numbers of a type that is not known .*; expected float32": partial(layers.Dense, 8, dtype="bfloat16"),
    "holds 'mine' of class Activation: expected activation=linear, got 'tanh'": partial(layers.Activation, "tanh"),
    "holds 'mine' of class GRU: expected go_backwards=False": partial(layers.GRU, 8, return_sequences=True, go_backwards=True),
}
FUNCTIONS = {
    "'.*' of class Tanh: it stands where no such layer is known": ops.tanh,
    "'.*' of class Max: expected the maximum over the words": partial(ops.max, axis=-1, keepdims=True),
    "'.*' of class Multiply: it stands where no such layer is known": lambda x: 2 * x,
    "'.*' of class Add: expected the sum of what some layers read": lambda x: layers.Add()([x, x, x]),
    "'.*' of class Add: expected the sum .*, in this order": lambda x: layers.Add()([layers.Dense(8)(x), x]),
    "'.*' of class Concatenate: expected poolings of the same": lambda x: layers.Concatenate()([x, x]),
}


@pytest.mark.parametrize("named", [*UNKNOWN, *FUNCTIONS])
def test_what_is_not_known_is_refused_by_its_name_and_its_class(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = UNKNOWN[named](name="mine") if named in UNKNOWN else FUNCTIONS[named]
    added(then, monkeypatch).save(tmp_path / "model.keras")
    with pytest.raises(CheckpointError, match=f"{named}.*; nothing of it was run"):
        load(tmp_path / "model.keras")


# -- a network of another shape ----------------------------------------------------------------------------------------


def a_network(kind: str) -> keras.Model:
    """Of known layers, but not as `build_classifier` puts them together."""
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    words = layers.Embedding(IDS, 4, mask_zero=kind == "a mask by itself", name="words")(ids)
    if kind == "two tables":
        words = layers.Concatenate()([words, layers.Embedding(IDS, 4, name="others")(ids)])
    if kind == "a table of other rows":
        words = layers.Embedding(IDS, 4, name="others")(ops.where(ops.equal(ids, 0), 0, ids + 1))
    shared = layers.GRU(4, return_sequences=True, name="shared")
    is_word = ops.not_equal(ids, 0)
    mask = ops.not_equal(ids, 7) if kind == "a mask of other words" else is_word
    is_read = {"no mask": None, "a mask of other words before": ops.not_equal(ids, 7)}.get(kind, is_word)
    states = shared(shared(words, mask=is_read), mask=is_read) if kind == "a layer twice" else shared(words, mask=is_read)
    pooled = states if kind == "no pooling" else layers.GlobalAveragePooling1D(name="mean")(states, mask=mask)
    activation = "sigmoid" if kind == "a probability" else "linear"
    return keras.Model(ids, layers.Dense(1, activation, name="logit")(pooled))


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("a mask by itself", "'words' of class Embedding: expected mask_zero=False, got True"),
        ("no mask", "'shared' of class GRU: expected a mask beside its input, got \\[\\]"),
        ("a mask of other words before", "'shared' of class GRU: expected its mask to be that of the words"),
        ("two tables", "'others' of class Embedding: expected one table for token ids"),
        ("a table of other rows", "'others' of class Embedding: expected one table for token ids"),
        ("a layer twice", "'shared' of class GRU: it is applied 2 times, expected once"),
        ("no pooling", "'logit' of class Dense: expected it to read one vector a review"),
        ("a mask of other words", "'mean' of class GlobalAveragePooling1D: expected its mask to be that of the words"),
        ("a probability", "'logit' of class Dense: expected activation=linear, got 'sigmoid'"),
    ],
)
def test_a_network_of_another_shape_is_refused_by_the_layer_that_is_not_expected(kind: str, named: str, tmp_path: Path) -> None:
    a_network(kind).save(tmp_path / "model.keras")
    with pytest.raises(CheckpointError, match=f"holds {named}"):
        load(tmp_path / "model.keras")


def a_network_with_evidence(kind: str) -> keras.Model:
    """Of known layers and inputs, but not as `build_classifier` puts them together."""
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    evidence, sums = keras.Input((None, 3), name="evidence"), keras.Input((3,), name="evidence_sums")
    is_word = ops.not_equal(ids, 0)
    words: Tensor = layers.Embedding(IDS, 4, name="words")(ids)
    beside = keras.Input((None, 3), name="rumours") if kind == "under another name" else evidence
    if kind not in ("only the sums", "behind the layers"):
        words = layers.Concatenate(name="both")([evidence, words] if kind == "before the words" else [words, beside])
    states = layers.GRU(4, return_sequences=True, name="states")(words, mask=is_word)
    if kind == "behind the layers":
        states = layers.Concatenate(name="both")([states, evidence])
    pooled = layers.GlobalAveragePooling1D(name="mean")(states, mask=is_word)
    if kind == "as sums of themselves":
        pooled = layers.Concatenate(name="sums")([pooled, layers.GlobalAveragePooling1D(name="sum")(evidence, mask=is_word)])
    elif kind != "only at the words":
        pooled = layers.Concatenate(name="sums")([sums, pooled] if kind == "sums first" else [pooled, sums])
    inputs = [ids, *([] if kind == "only the sums" else [beside]), *([] if kind == "only at the words" else [sums])]
    return keras.Model(inputs, layers.Dense(1, name="logit")(pooled))


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("only at the words", "'logit' of class Dense: expected evidence at each word and its sums .*, or neither"),
        ("only the sums", "'logit' of class Dense: expected evidence at each word and its sums .*, or neither"),
        ("before the words", "'both' of class Concatenate: expected poolings of the same sequences"),
        ("behind the layers", "'states' of class GRU: expected the vectors of words"),
        ("under another name", "'both' of class Concatenate: expected poolings of the same sequences"),
        ("as sums of themselves", "'sums' of class Concatenate: expected poolings of the same sequences"),
        ("sums first", "'sums' of class Concatenate: expected poolings of the same sequences"),
    ],
)
def test_evidence_that_stands_elsewhere_or_half_of_it_is_refused_by_the_name_of_a_layer(
    kind: str, named: str, tmp_path: Path
) -> None:
    a_network_with_evidence(kind).save(tmp_path / "model.keras")
    with pytest.raises(CheckpointError, match=f"holds {named}.*; nothing of it was run"):
        load(tmp_path / "model.keras")


def test_a_layer_that_nothing_reads_and_arrays_of_no_layer_are_refused(checkpoint: Path) -> None:
    content = checkpoint.read_bytes()

    def more(described: list[dict[str, Any]]) -> None:
        described.append({**described[-1], "name": "more", "config": {**described[-1]["config"], "name": "more"}})

    with pytest.raises(CheckpointError, match="'more' of class Dense: nothing reads what it gives"):
        load(rewritten(checkpoint, more))
    checkpoint.write_bytes(content)
    with pytest.raises(CheckpointError, match="holds arrays that no layer reads: strange"):
        load(with_arrays(checkpoint, lambda file: file.create_dataset("layers/strange/vars/0", data=np.ones(2))))


# -- what is no checkpoint of ours -------------------------------------------------------------------------------------


def rewritten(path: Path, change: Any) -> Path:
    """The checkpoint with another description of its layers."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config["config"]["layers"])
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def with_arrays(path: Path, change: Callable[[h5py.File], object]) -> Path:
    """The checkpoint with other weights."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        change(file)
    parts["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_checkpoint_with_a_lambda_is_refused_and_its_code_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    def leave_a_mark(x: Any, path: str = str(mark)) -> Any:
        with open(path, "w") as file:  # noqa: PTH123 - the function travels inside the checkpoint
            file.write("it ran")
        return x

    inputs = keras.Input((None,), dtype="int32")
    outputs = layers.Lambda(leave_a_mark)(layers.Embedding(IDS, 4)(inputs))
    path = tmp_path / "evil.keras"
    keras.Model(inputs, outputs).save(path)
    mark.unlink(missing_ok=True)
    with pytest.raises(CheckpointError, match=r"holds a layer of class Lambda .* nothing of it was run"):
        load(path)
    assert not mark.exists()


@pytest.mark.parametrize("where", ["layer", "inside Bidirectional"])
def test_a_foreign_class_is_refused_by_its_name_without_being_imported(where: str, checkpoint: Path) -> None:
    def change(described: list[dict[str, Any]]) -> None:
        stranger = {"class_name": "Popen", "module": "subprocess", "config": {"name": "x"}, "registered_name": "evil>Popen"}
        if where == "layer":
            described.append(stranger)
        else:
            inner = {"layer": stranger, "backward_layer": stranger, "name": "b"}
            described.append({"class_name": "Bidirectional", "module": "keras.layers", "config": inner})

    with pytest.raises(CheckpointError, match="holds a layer of class Popen"):
        load(rewritten(checkpoint, change))


def test_an_option_that_a_plain_network_does_not_have_is_refused(checkpoint: Path) -> None:
    def change(described: list[dict[str, Any]]) -> None:
        next(layer for layer in described if layer["class_name"] == "GRU")["config"]["activation"] = "relu"

    with pytest.raises(CheckpointError, match="expected activation=tanh, got 'relu'"):
        load(rewritten(checkpoint, change))


def test_a_cut_an_empty_and_a_missing_checkpoint_are_one_sentence_each(checkpoint: Path, tmp_path: Path) -> None:
    content = checkpoint.read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 7):
        checkpoint.write_bytes(content[:size])
        with pytest.raises(CheckpointError, match="is damaged or was changed"):
            load(checkpoint)
    with pytest.raises(CheckpointError, match="is missing"):
        load(tmp_path / "nothing.keras")


def test_weights_that_are_not_numbers_are_refused(checkpoint: Path) -> None:
    def change(file: h5py.File) -> None:
        file["layers/dense/vars/1"][...] = np.nan

    with pytest.raises(CheckpointError, match="its weights are not numbers"):
        load(with_arrays(checkpoint, change))
