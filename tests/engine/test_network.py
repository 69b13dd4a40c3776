"""Laws of the networks in NumPy: they are the trained ones, forward and backward."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from engine.arrays import class_probabilities, free_logits, margins
from engine.checkpoint import load
from engine.network import largest_difference, spaced_by_length
from models.classifier import NetworkShape, build_classifier
from models.evidence import Reading, inputs_of
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
WITH_EVIDENCE = [  # words of the longest n-grams, and the sources of counts
    ("simple_rnn", "last", 0, 1, 1),
    ("gru", "last", 97, 2, 1),
    ("custom_gru", "max", 0, 3, 1),
    ("lstm", "mean", 97, 1, 2),
    ("bidirectional_gru", "mean_max", 0, 2, 2),
    ("bidirectional_lstm", "last", 97, 3, 2),
    ("stacked_bidirectional_gru", "last", 0, 3, 1),
    ("attention_gru", "attention", 97, 3, 2),
    ("transformer", "mean", 0, 3, 2),
]


def rows(rng: np.random.Generator) -> list[Any]:
    return [np.concatenate([[1], rng.integers(2, IDS, length - 1)]).astype(np.int32) for length in LENGTHS]


def readings(rng: np.random.Generator, width: int = 0) -> list[Reading]:
    """What a network reads of some reviews, with so many numbers of evidence."""
    if not width:
        return [Reading(ids) for ids in rows(rng)]
    beside = [rng.normal(size=(len(ids) + 1, width)).astype(np.float32) for ids in rows(rng)]
    return [Reading(ids, each[1:], each[0]) for ids, each in zip(rows(rng), beside, strict=True)]


def shape_of(architecture: str, pooling: str, bigrams: int, order: int = 0, sources: int = 1) -> NetworkShape:
    return NetworkShape(
        architecture=architecture,
        engine=ARCHITECTURES[architecture].engine or "keras",
        vocab_size=IDS,
        embedding_dim=8,
        units=8,
        pooling=pooling,
        bigrams=bigrams,
        bigram_dim=4,
        evidence=order,
        evidence_width=order * sources,
    )


def trained(shape: NetworkShape, rng: np.random.Generator) -> keras.Model:
    model = build_classifier(shape, dropout=0.2, spatial_dropout=0.1)
    model.set_weights([weight + 0.1 * rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def given(reviews: list[Reading], padding: int = 9) -> Any:
    """The inputs of a Keras model."""
    ids = np.zeros((len(reviews), max(map(len, reviews)) + padding), np.int32)
    for number, reading in enumerate(reviews):
        ids[number, : len(reading)] = reading.ids
    return ids if reviews[0].evidence is None else inputs_of(reviews, ids)


def logits_of(model: keras.Model, reviews: list[Reading]) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(given(reviews))))


def automatic_gradients(model: keras.Model, shape: NetworkShape, reviews: list[Reading]) -> tuple[np.ndarray, np.ndarray | None]:
    """Of the logits, with respect to the offset of the word vectors, and to the evidence."""
    training = build_classifier(shape)
    for variable, value in zip(training.trainable_variables, model.get_weights(), strict=True):
        variable.assign(value)
    perturbation, inputs = training.get_layer("perturbation"), given(reviews)

    def logits_at(offset: Any) -> Any:
        perturbation.offset = offset
        logits = keras.ops.sum(training(inputs, training=False))
        perturbation.offset = None
        return logits

    def logits_with(evidence: Any) -> Any:
        return keras.ops.sum(training([ids, evidence, keras.ops.convert_to_tensor(inputs[2])], training=False))

    ids = keras.ops.convert_to_tensor(inputs[0] if shape.evidence else inputs)
    nowhere = keras.ops.zeros((*ids.shape, perturbation.features))
    of_vectors = keras.ops.convert_to_numpy(_gradient(logits_at, is_compiled=False)(nowhere))
    if not shape.evidence:
        return of_vectors, None
    of_evidence = _gradient(logits_with, is_compiled=False)(keras.ops.convert_to_tensor(inputs[1]))
    return of_vectors, keras.ops.convert_to_numpy(of_evidence)


@pytest.fixture
def checkpoint(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "model.keras"
    trained(shape_of("gru", "mean", 0), rng).save(path)
    return path


@pytest.mark.parametrize("case", [*CASES, *WITH_EVIDENCE], ids=lambda case: "-".join(map(str, case)))
def test_a_numpy_network_gives_the_logits_of_its_checkpoint_and_the_gradients_of_automatic_differentiation(
    case: tuple[Any, ...], tmp_path: Path, rng: np.random.Generator
) -> None:
    shape = shape_of(*case)
    model, reviews = trained(shape, rng), readings(rng, shape.evidence_width)
    model.save(tmp_path / "model.keras")
    plain = load(tmp_path / "model.keras")
    assert plain.evidence == shape.evidence_width
    np.testing.assert_allclose(plain.logits(reviews), logits_of(model, reviews), atol=3e-6)

    order = np.argsort([-len(each) for each in reviews], kind="stable")
    inputs = plain.embed([reviews[i] for i in order])
    is_word, features = inputs.lengths.is_word, inputs.vectors.shape[-1] - shape.evidence_width
    vectors = inputs.vectors[..., :features]
    scale = np.sqrt((vectors**2 * is_word).sum() / is_word.sum() / features)  # the offset counts in this
    of_vectors, of_evidence = automatic_gradients(model, shape, reviews)
    gradient = of_vectors / scale if of_evidence is None else np.concatenate([of_vectors / scale, of_evidence], axis=-1)
    found = plain.gradient(inputs)
    for place, number in enumerate(order):
        n = LENGTHS[number]
        np.testing.assert_allclose(found[:n, place], gradient[number, :n], atol=2e-5 * max(1.0, np.abs(gradient[number]).max()))


def test_the_sums_of_evidence_stand_in_the_logit_as_they_are(tmp_path: Path, rng: np.random.Generator) -> None:
    trained(shape_of("gru", "mean_max", 0, 3, 2), rng).save(tmp_path / "model.keras")
    plain, (reading, *_) = load(tmp_path / "model.keras"), readings(rng, 6)
    assert reading.sums is not None
    moved = rng.normal(size=6).astype(np.float32)
    logits = plain.logits([reading, replace(reading, sums=reading.sums + moved if reading.sums is not None else moved)])
    assert plain.of_sums.shape == (6,)
    assert logits[1, 0] - logits[0, 0] == pytest.approx(float(moved @ plain.of_sums), abs=1e-5)


def test_a_batch_says_what_each_review_says_alone_in_any_order(checkpoint: Path, rng: np.random.Generator) -> None:
    plain, reviews = load(checkpoint), readings(rng) * 40
    alone = np.concatenate([plain.logits([each]) for each in reviews])
    np.testing.assert_allclose(plain.logits(reviews), alone, atol=1e-6)
    np.testing.assert_allclose(plain.logits(reviews[::-1])[::-1], alone, atol=1e-6)


def test_attention_weights_are_those_of_the_network_and_sum_to_one(tmp_path: Path, rng: np.random.Generator) -> None:
    from models.pooling import attention_weights

    model, reading = trained(shape_of("attention_gru", "attention", 0), rng), readings(rng)[0]
    model.save(tmp_path / "model.keras")
    found = load(tmp_path / "model.keras").attention(reading)
    assert found is not None and found.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found, np.asarray(attention_weights(model)(reading.ids[None]))[0, :, 0], atol=1e-6)


def test_the_largest_difference_is_in_probability_and_names_a_network_that_is_not_the_trained_one(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    model, reviews = trained(shape_of("gru", "mean", 0), rng), readings(rng)
    model.save(tmp_path / "model.keras")
    plain = load(tmp_path / "model.keras")
    logits = logits_of(model, reviews)
    assert largest_difference(plain, reviews, logits) < 1e-6
    probabilities = class_probabilities(logits)
    probabilities[3] += [-0.18, 0.18]
    assert largest_difference(plain, reviews, free_logits(probabilities)) == pytest.approx(0.18, abs=1e-6)
    assert np.isnan(largest_difference(plain, reviews, np.full((len(reviews), 1), np.nan)))


def test_of_many_classes_the_gradient_towards_one_is_that_of_its_margin(tmp_path: Path, rng: np.random.Generator) -> None:
    shape = replace(shape_of("bidirectional_gru", "mean_max", 97, 2, 3), classes=4)
    model, reviews = trained(shape, rng), sorted(readings(rng, shape.evidence_width), key=len, reverse=True)
    model.save(tmp_path / "model.keras")
    plain = load(tmp_path / "model.keras")
    logits = logits_of(model, reviews)
    assert logits.shape == (len(reviews), 3)
    np.testing.assert_allclose(plain.logits(reviews), logits, atol=3e-6)
    inputs, step = plain.embed(reviews), 1e-2
    for label in range(4):
        alone = plain.towards(label)
        np.testing.assert_allclose(alone.logits(reviews)[:, 0], margins(logits, label), atol=3e-6)
        gradient = alone.gradient(inputs)
        moved = alone.read(replace(inputs, vectors=inputs.vectors + step * gradient)) - alone.read(inputs)
        np.testing.assert_allclose(moved[:, 0] / step, (gradient**2).sum(axis=(0, 2)), rtol=0.1)


def test_reviews_to_compare_are_spaced_by_length_and_the_longest_is_among_them() -> None:
    lengths = np.random.default_rng(3).permutation(np.arange(1000))
    chosen = lengths[spaced_by_length(lengths, 64)]
    assert len(chosen) == 64 and chosen[0] == 0 and chosen[-1] == 999
    assert set(np.diff(chosen)) == {15, 16}
    assert sorted(spaced_by_length(np.array([5, 2, 9]))) == [0, 1, 2]
