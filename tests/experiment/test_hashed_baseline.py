"""Laws of the linear models of very many reviews: they learn, explain and come back from the disk as the exact ones do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.evaluation import accuracy
from data.hashed import HashedNGrams, hash_bits
from data.ngrams import UNKNOWN, collect
from data.types import Dataset, Reviews, Sequences
from engine import linear
from engine.arrays import class_probabilities
from experiment import baseline, hashed_baseline
from experiment.hashed_baseline import Stream
from records.study import LinearForm

KINDS = ("linear", "nb_linear")


def stream(data: Dataset, *, alike: bool = False) -> Stream:
    return Stream((data.train, data.validation), len(data.classes), weigh_classes_alike=alike)


def fit(kind: str, data: Dataset, *, alike: bool = False) -> linear.LinearModel:
    return hashed_baseline.fit(kind, LinearForm(n=2, min_df=2, C=10.0, hash_bits=16), stream(data, alike=alike), seed=7)


def right(model: linear.LinearModel, data: Dataset) -> float:
    return accuracy(data.test.labels, class_probabilities(baseline.predict(model, data.test)))


def test_the_same_words_have_the_same_bucket_and_others_another_one() -> None:
    reviews = [[1, 5, 6, 5, 6], [1, 6, 5], [1], [1, 7]]
    found = HashedNGrams(3, 30).find(np.concatenate(reviews).astype(np.int32))
    assert (found[[0, 5, 8, 9]] == UNKNOWN).all()  # nothing ends at the start
    assert (found[[1, 6, 10], 1] == UNKNOWN).all() and (found[[2, 7], 2] == UNKNOWN).all()  # nor reaches over it
    assert found[1, 0] == found[3, 0] == found[7, 0] and found[2, 1] == found[4, 1] and found[3, 1] == found[7, 1]
    known = found[found != UNKNOWN]
    assert len(np.unique(known)) == 3 + 2 + 2 + 0 and known.max() < 1 << 30  # words, pairs, triples
    exact, _ = collect(Sequences.from_lists(reviews), order=3, fewest=1)
    assert len(exact) == len(np.unique(known))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hashed_model_is_about_as_good_as_the_exact_one(kind: str, demo_data: Dataset) -> None:
    form = baseline.FORMS[kind][-1]
    counted = baseline.count([demo_data.train, demo_data.validation], [form], 2)
    exact = next(baseline.fitted(kind, counted, [form], seed=7))
    assert right(fit(kind, demo_data), demo_data) > right(exact, demo_data) - 0.04


@pytest.mark.parametrize("kind", KINDS)
def test_the_form_is_judged_by_reviews_that_were_held_out(kind: str, demo_data: Dataset) -> None:
    rng, train = np.random.default_rng(0), demo_data.train
    for labels, low, high in (
        (np.array([(ids == 30).any() for ids in train.sequences]), 0.9, 1.0),  # any fit learns that
        (rng.integers(0, 2, len(train)), 0.3, 0.7),  # there is nothing to learn, whatever it remembers
    ):
        reviews = replace(train, labels=labels.astype(np.int8))
        (judged,) = hashed_baseline.validate(kind, Stream((reviews,), 2), seed=7)
        assert low <= judged.accuracy <= high and judged.form == hashed_baseline.form_of(2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_hashed_model_comes_back_from_the_disk_and_its_words_add_up(kind: str, demo_data: Dataset, tmp_path: Path) -> None:
    model = fit(kind, demo_data)
    linear.save(model, tmp_path / "0.npz")
    read = linear.load(tmp_path / "0.npz")
    expected = baseline.predict(model, demo_data.test)
    np.testing.assert_array_equal(baseline.predict(read, demo_data.test), expected)
    for number, logit in enumerate(expected[:20, 0]):
        words = read.towards(1).contributions(demo_data.test.sequences[number])
        np.testing.assert_allclose(words.sum() + read.intercepts[0], logit, atol=1e-9)


def test_the_same_reviews_give_the_same_model_however_they_are_cut_into_parts(demo_data: Dataset) -> None:
    form = LinearForm(n=2, min_df=2, C=10.0, hash_bits=16)
    n = len(demo_data.train)
    parts = tuple(demo_data.train.take(np.arange(*ends)) for ends in ((0, 100), (100, n)))
    first, second = (hashed_baseline.fit("linear", form, Stream(each, 2), 7) for each in ((demo_data.train,), parts))
    np.testing.assert_array_equal(first.weights, second.weights)


@pytest.mark.parametrize("kind", KINDS)
def test_of_three_classes_each_is_read_against_the_rest(kind: str, demo_data: Dataset) -> None:
    def with_third(reviews: Reviews) -> Reviews:
        return replace(reviews, labels=np.where(reviews.sequences.lengths > 250, 2, reviews.labels))

    train, validation, test = map(with_third, (demo_data.train, demo_data.validation, demo_data.test))
    data = replace(demo_data, train=train, validation=validation, test=test)
    form = LinearForm(n=2, min_df=2, C=10.0, hash_bits=16)
    model = hashed_baseline.fit(kind, form, Stream((data.train, data.validation), 3), seed=7)
    assert model.weights.shape == (1 << 16, 2)
    assert right(model, data) > 0.4


def test_a_rare_class_counts_for_more_where_that_is_asked_for(demo_data: Dataset) -> None:
    keep = np.flatnonzero((demo_data.train.labels == 0) | (np.arange(len(demo_data.train)) % 6 == 0))
    few = replace(demo_data, train=demo_data.train.take(keep), validation=demo_data.validation.take(np.arange(0)))
    said = [int((baseline.predict(fit("linear", few, alike=alike), demo_data.test) >= 0).sum()) for alike in (False, True)]
    assert said[0] < said[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_nothing_is_of_stops_no_model_that_weighs_classes_alike(kind: str, demo_data: Dataset) -> None:
    form = LinearForm(n=1, min_df=2, C=10.0, hash_bits=12)
    model = hashed_baseline.fit(kind, form, Stream((demo_data.train,), 3, weigh_classes_alike=True), seed=7)
    assert np.isfinite(model.weights).all() and (baseline.predict(model, demo_data.test)[:, 1] < 0).all()


def test_there_are_fewer_buckets_for_very_many_classes() -> None:
    assert [hash_bits(n) for n in (2, 8, 9, 16, 50)] == [22, 22, 21, 21, 19]


def test_models_of_many_tokens_are_hashed(demo_data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not hashed_baseline.is_large(demo_data.train)
    monkeypatch.setattr(hashed_baseline, "MANY", int(demo_data.train.sequences.offsets[-1]) - 1)
    assert hashed_baseline.is_large(demo_data.train)
