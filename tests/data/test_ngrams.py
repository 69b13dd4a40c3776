"""Laws of n-grams: which are known, which reviews hold them, and what counts of them say."""

from collections import Counter

import numpy as np
import pytest

from data.ngrams import collect, log_count_ratios
from data.types import Sequences


def reviews(rng: np.random.Generator, n: int = 40) -> list[list[int]]:
    return [[1, *rng.integers(4, 12, rng.integers(1, 30))] for _ in range(n)]


def spelled(review: list[int], order: int) -> list[tuple[int, ...]]:
    """Every n-gram of a review, as often as it stands there."""
    words = [int(each) for each in review[1:]]
    return [tuple(words[i : i + n]) for n in range(1, order + 1) for i in range(len(words) - n + 1)]


@pytest.mark.parametrize(("order", "fewest"), [(1, 1), (2, 2), (3, 2), (3, 5)])
def test_ngrams_are_those_that_enough_reviews_hold_and_are_found_where_they_stand(
    order: int, fewest: int, rng: np.random.Generator
) -> None:
    rows = reviews(rng)
    holders = Counter(ngram for row in rows for ngram in set(spelled(row, order)))
    ngrams, held = collect(Sequences.from_lists(rows), order, fewest)
    known = {ngram for ngram, n in holders.items() if n >= fewest}
    assert len(ngrams) == len(known) and Counter(ngrams.lengths.tolist()) == Counter(map(len, known))
    arrays = [np.array(row, np.int32) for row in rows]
    number_of = {
        tuple(row[i - n + 1 : i + 1]): found[i, n - 1]
        for row, found in ((row, ngrams.find(array)) for row, array in zip(rows, arrays, strict=True))
        for n in range(1, order + 1)
        for i in range(n, len(row))
        if found[i, n - 1] >= 0
    }
    assert set(number_of) == known and len(set(number_of.values())) == len(known)
    tally = ngrams.tally(arrays)
    pairs = dict(zip(zip(tally.reviews.tolist(), tally.numbers.tolist(), strict=True), tally.times.tolist(), strict=True))
    expected = {
        (review, number_of[ngram]): times
        for review, row in enumerate(rows)
        for ngram, times in Counter(spelled(row, order)).items()
        if ngram in known
    }
    assert pairs == expected and list(pairs) == sorted(pairs)
    assert set(pairs) == set(zip(held.reviews.tolist(), held.numbers.tolist(), strict=True))


def test_a_tally_of_many_tokens_is_put_together_from_parts(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [np.array(row, np.int32) for row in reviews(rng)]
    ngrams, _ = collect(Sequences.from_lists(rows), 3, 2)
    whole = ngrams.tally(rows)
    monkeypatch.setattr("data.ngrams._TOKENS_AT_ONCE", 50)
    parts = ngrams.tally(rows)
    for name in ("n_reviews", "reviews", "numbers", "times"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_some_reviews_and_some_ngrams_of_a_tally(rng: np.random.Generator) -> None:
    rows = [np.array(row, np.int32) for row in reviews(rng)]
    ngrams, _ = collect(Sequences.from_lists(rows), 2, 2)
    tally, chosen = ngrams.tally(rows), np.arange(len(rows)) % 3 == 0
    some, alone = tally.of_reviews(chosen), ngrams.tally(rows[::3])
    for name in ("n_reviews", "reviews", "numbers", "times"):
        np.testing.assert_array_equal(getattr(some, name), getattr(alone, name))
    words = tally.of_ngrams(ngrams.lengths == 1)
    assert words.n_reviews == len(rows) and set(words.numbers) <= set(range(len(ngrams.words)))


def test_ratios_of_counts_are_those_of_the_formula_one_class_against_the_rest() -> None:
    p, q = np.array([3, 0, 7]), np.array([1, 0, 9])
    ratios = log_count_ratios(np.stack([q, p], axis=-1), np.array([20, 10]))
    np.testing.assert_allclose(ratios[:, 1], np.log((p + 1) / 12) - np.log((q + 1) / 22))
    np.testing.assert_allclose(ratios[:, 0], -ratios[:, 1])
    three = log_count_ratios(np.array([[1, 2, 3]]), np.array([10, 10, 10]), outcomes=5.0)
    assert three[0, 2] == pytest.approx(np.log(4 / 15) - np.log(4 / 25))
    assert log_count_ratios(np.zeros((4, 3)), np.array([9, 9, 9]))[0, 0] == pytest.approx(np.log(20 / 11))
