"""Laws of the networks in NumPy: they are the trained ones, forward and backward."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from engine.checkpoint import load
from engine.network import largest_difference, spaced_by_length
from models.classifier import NetworkShape, build_classifier
from models.influence import _gradient
from models.registry import ARCHITECTURES

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
def test_a_numpy_network_gives_the_logits_of_its_checkpoint_and_the_gradients_of_automatic_differentiation(
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


def test_the_largest_difference_is_in_probability_and_names_a_network_that_is_not_the_trained_one(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    model, reviews = trained("gru", "mean", 0, rng), rows(rng)
    model.save(tmp_path / "model.keras")
    plain = load(tmp_path / "model.keras")
    logits = np.array([np.asarray(keras.ops.convert_to_numpy(model(row[None])))[0, 0] for row in reviews])
    probabilities = 1 / (1 + np.exp(-logits))
    assert largest_difference(plain, reviews, probabilities) < 1e-6
    probabilities[3] += 0.18
    assert largest_difference(plain, reviews, probabilities) == pytest.approx(0.18, abs=1e-6)
    assert np.isnan(largest_difference(plain, reviews, np.full(len(reviews), np.nan)))


def test_reviews_to_compare_are_spaced_by_length_and_the_longest_is_among_them() -> None:
    lengths = np.random.default_rng(3).permutation(np.arange(1000))
    chosen = lengths[spaced_by_length(lengths, 64)]
    assert len(chosen) == 64 and chosen[0] == 0 and chosen[-1] == 999
    assert set(np.diff(chosen)) == {15, 16}
    assert sorted(spaced_by_length(np.array([5, 2, 9]))) == [0, 1, 2]
