"""Laws of the plain networks: they are the trained ones, forward and backward, and nothing in a checkpoint is ever run."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from engine import linear
from engine.checkpoint import load
from models.classifier import NetworkShape, build_classifier
from models.influence import _gradient
from models.registry import ARCHITECTURES
from records.errors import CheckpointError

IDS = 50
LENGTHS = (40, 3, 17, 17, 70, 1)
POOLINGS = ("last", "mean", "max", "mean_max", "attention")
CASES = [  # every architecture, every pooling of a GRU, with and without pairs of words
    *((name, each.pooling or POOLINGS[i % 5], (0, 97)[i % 2]) for i, (name, each) in enumerate(ARCHITECTURES.items())),
    *(("gru", pooling, 0) for pooling in POOLINGS),
    *(("bidirectional_lstm", pooling, 97) for pooling in POOLINGS),
]


def rows(rng: np.random.Generator) -> list[Any]:
    return [np.concatenate([[1], rng.integers(2, IDS, length - 1)]).astype(np.int32) for length in LENGTHS]


def shape_of(architecture: str, pooling: str, bigrams: int) -> NetworkShape:
    return NetworkShape(
        architecture=architecture,
        engine=ARCHITECTURES[architecture].engine or "keras",
        vocab_size=IDS,
        embedding_dim=8,
        units=8,
        pooling=pooling,
        bigrams=bigrams,
        bigram_dim=4,
    )


def trained(architecture: str, pooling: str, bigrams: int, rng: np.random.Generator) -> keras.Model:
    model = build_classifier(shape_of(architecture, pooling, bigrams), dropout=0.2, spatial_dropout=0.1)
    model.set_weights([weight + 0.1 * rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def automatic_gradient(model: keras.Model, shape: NetworkShape, ids: np.ndarray) -> np.ndarray:
    """Of the logits, with respect to the offset of the word vectors."""
    training = build_classifier(shape)
    for variable, value in zip(training.trainable_variables, model.get_weights(), strict=True):
        variable.assign(value)
    perturbation = training.get_layer("perturbation")

    def logits_at(offset: Any) -> Any:
        perturbation.offset = offset
        logits = keras.ops.sum(training(ids, training=False))
        perturbation.offset = None
        return logits

    nowhere = keras.ops.zeros((*ids.shape, perturbation.features))
    return np.asarray(keras.ops.convert_to_numpy(_gradient(logits_at, is_compiled=False)(nowhere)))


@pytest.fixture
def checkpoint(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "model.keras"
    trained("gru", "mean", 0, rng).save(path)
    return path


@pytest.mark.parametrize(("architecture", "pooling", "bigrams"), CASES)
def test_a_plain_network_gives_the_logits_of_its_checkpoint_and_the_gradients_of_automatic_differentiation(
    architecture: str, pooling: str, bigrams: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    model, reviews = trained(architecture, pooling, bigrams, rng), rows(rng)
    model.save(tmp_path / "model.keras")
    plain = load(tmp_path / "model.keras")
    ids = np.zeros((len(reviews), max(LENGTHS) + 9), np.int32)
    for number, row in enumerate(reviews):
        ids[number, : len(row)] = row
    expected = np.asarray(keras.ops.convert_to_numpy(model(ids)))[:, 0]
    np.testing.assert_allclose(plain.logits(reviews), expected, atol=3e-6)

    order = np.argsort([-len(row) for row in reviews], kind="stable")
    vectors, lengths = plain.embed([reviews[i] for i in order])
    is_word = lengths.is_word
    scale = np.sqrt((vectors**2 * is_word).sum() / is_word.sum() / vectors.shape[-1])  # the offset counts in this
    gradient = automatic_gradient(model, shape_of(architecture, pooling, bigrams), ids) / scale
    found = plain.gradient(vectors, lengths)
    for place, number in enumerate(order):
        n = LENGTHS[number]
        np.testing.assert_allclose(found[:n, place], gradient[number, :n], atol=2e-5 * max(1.0, np.abs(gradient[number]).max()))


def test_a_batch_says_what_each_review_says_alone_in_any_order(checkpoint: Path, rng: np.random.Generator) -> None:
    plain, reviews = load(checkpoint), rows(rng) * 40
    alone = np.concatenate([plain.logits([row]) for row in reviews])
    np.testing.assert_allclose(plain.logits(reviews), alone, atol=1e-6)
    np.testing.assert_allclose(plain.logits(reviews[::-1])[::-1], alone, atol=1e-6)


def test_attention_weights_are_those_of_the_network_and_sum_to_one(tmp_path: Path, rng: np.random.Generator) -> None:
    from models.pooling import attention_weights

    model, row = trained("attention_gru", "attention", 0, rng), rows(rng)[0]
    model.save(tmp_path / "model.keras")
    found = load(tmp_path / "model.keras").attention(row)
    assert found is not None and found.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found, np.asarray(attention_weights(model)(row[None]))[0, :, 0], atol=1e-6)


# -- what is no checkpoint of ours ------------------------------------------------------------------------------------


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


def test_a_checkpoint_with_a_lambda_is_refused_and_its_code_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    def leave_a_mark(x: Any, path: str = str(mark)) -> Any:
        with open(path, "w") as file:  # noqa: PTH123 - the function travels inside the checkpoint
            file.write("it ran")
        return x

    inputs = keras.Input((None,), dtype="int32")
    outputs = keras.layers.Lambda(leave_a_mark)(keras.layers.Embedding(IDS, 4)(inputs))
    path = tmp_path / "evil.keras"
    keras.Model(inputs, outputs).save(path)
    mark.unlink(missing_ok=True)
    with pytest.raises(CheckpointError, match=r"holds a layer of class Lambda .* nothing of it was run"):
        load(path)
    assert not mark.exists()


@pytest.mark.parametrize("where", ["layer", "inside Bidirectional"])
def test_a_foreign_class_is_refused_by_its_name_without_being_imported(where: str, checkpoint: Path) -> None:
    def change(layers: list[dict[str, Any]]) -> None:
        stranger = {"class_name": "Popen", "module": "subprocess", "config": {"name": "x"}, "registered_name": "evil>Popen"}
        if where == "layer":
            layers.append(stranger)
        else:
            inner = {"layer": stranger, "backward_layer": stranger, "name": "b"}
            layers.append({"class_name": "Bidirectional", "module": "keras.layers", "config": inner})

    with pytest.raises(CheckpointError, match="holds a layer of class Popen"):
        load(rewritten(checkpoint, change))


def test_an_option_that_a_plain_network_does_not_have_is_refused(checkpoint: Path) -> None:
    def change(layers: list[dict[str, Any]]) -> None:
        next(layer for layer in layers if layer["class_name"] == "GRU")["config"]["activation"] = "relu"

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
    with zipfile.ZipFile(checkpoint) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        file["layers/dense/vars/1"][...] = np.nan
    parts["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(checkpoint, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(CheckpointError, match="its weights are not numbers"):
        load(checkpoint)


# -- the yardstick ----------------------------------------------------------------------------------------------------


def test_the_plain_yardstick_is_the_fitted_one_and_its_parts_add_up(tmp_path: Path, demo_data: Any) -> None:
    from experiment import baseline

    pipeline = baseline.fit([demo_data.train])
    baseline.save(pipeline, tmp_path / "linear.npz")
    model = linear.load(tmp_path / "linear.npz")
    reviews = demo_data.test.take(np.arange(60))
    logits = model.logits([reviews.sequences[i] for i in range(60)])
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), baseline.predict(pipeline, reviews), atol=1e-12)
    parts = model.contributions(reviews.sequences[0])
    assert parts.sum() + model.intercept == pytest.approx(logits[0], abs=1e-9)
    nothing = np.array([1, 2_000_000], np.int32)
    assert model.logits([nothing])[0] == pytest.approx(model.intercept)


def test_a_pickled_or_cut_yardstick_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "linear.npz"
    np.savez(path, terms=np.array([{"a": 1}], dtype=object))
    with pytest.raises(CheckpointError, match="damaged or was changed"):
        linear.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(CheckpointError, match="damaged or was changed"):
        linear.load(path)
