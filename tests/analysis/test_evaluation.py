"""Laws of the intervals: they cover, they repeat, they see what is paired."""

import numpy as np
import pytest
from scipy.stats import norm

from analysis.evaluation import accuracy_interval, by_distance, difference_interval, over_length


def test_the_interval_is_that_of_a_binomial_for_one_repeat() -> None:
    correct = np.arange(1000) < 800
    low, high = accuracy_interval(correct[None])
    width = 1.96 * np.sqrt(0.8 * 0.2 / 1000)
    assert low == pytest.approx(0.8 - width, abs=0.003) and high == pytest.approx(0.8 + width, abs=0.003)


def test_the_interval_covers_the_truth_about_95_times_in_100(rng: np.random.Generator) -> None:
    covered = 0
    for _ in range(300):
        low, high = accuracy_interval(rng.random((1, 400)) < 0.85)
        covered += low <= 0.85 <= high
    assert 0.90 < covered / 300 < 0.99


def test_disagreeing_repeats_widen_the_interval() -> None:
    alike = np.tile(np.arange(1000) < 800, (3, 1))
    apart = np.stack([np.arange(1000) < n for n in (700, 800, 900)])
    narrow, wide = (np.subtract(*accuracy_interval(c)[::-1]) for c in (alike, apart))
    assert wide > 1.5 * narrow


@pytest.mark.parametrize("repeats", [2, 3, 5])
def test_the_interval_covers_other_seeds_too(repeats: int, rng: np.random.Generator) -> None:
    covered = 0
    for _ in range(200):
        seeds = rng.normal(0.8, 0.02, (repeats, 1))  # of each training, its accuracy on endless reviews
        ease = rng.normal(size=(1, 2000))  # of each review, for all trainings alike
        low, high = accuracy_interval(0.7 * ease + rng.normal(size=(repeats, 2000)) * np.sqrt(0.51) < norm.ppf(seeds))
        covered += low <= 0.8 <= high
    assert covered / 200 > 0.93


def test_without_a_mistake_a_model_is_not_perfect() -> None:
    low, high = accuracy_interval(np.ones((1, 200), bool))
    assert 0.97 < low < 0.99 and high == 1.0


def test_repeats_of_the_same_seeds_are_compared_one_by_one() -> None:
    first = np.stack([np.arange(1000) < n for n in (800, 720, 770)])
    second = np.stack([np.arange(1000) < n for n in (790, 710, 760)])  # a point behind at every seed
    assert difference_interval(first, second)[0] < 0 < difference_interval(first, second, same_seeds=True)[0]


def test_the_paired_interval_sees_what_unpaired_ones_cannot() -> None:
    first = np.arange(1000) < 800
    second = first.copy()
    second[:25] = False  # the same but for 25 reviews
    low, high = difference_interval(first[None], second[None])
    assert 0 < low < 0.025 < high
    assert accuracy_interval(first[None])[0] < accuracy_interval(second[None])[1]
    assert difference_interval(first[None], first[None]) == (0.0, 0.0)


def test_intervals_repeat() -> None:
    correct = np.arange(200)[None] % 3 > 0
    assert accuracy_interval(correct) == accuracy_interval(correct)


def test_accuracy_over_length_follows_a_slope_and_its_band_holds_it(rng: np.random.Generator) -> None:
    lengths = np.exp(rng.uniform(np.log(50), np.log(1000), 20_000))
    truth = 0.95 - 0.1 * np.log(lengths / 50) / np.log(20)
    points, mean, low, high = over_length(lengths, (rng.random(20_000) < truth).astype(float))
    assert (np.diff(points) > 0).all() and points[0] > 49 and points[-1] < 1001
    expected = 0.95 - 0.1 * np.log(points / 50) / np.log(20)
    inner = slice(4, -4)  # at the ends a mean over neighbours leans inwards
    np.testing.assert_allclose(mean[inner], expected[inner], atol=0.02)
    assert ((low <= expected) & (expected <= high))[inner].mean() > 0.8
    assert (low < mean).all() and (mean < high).all()


def test_influence_is_counted_from_the_last_word_in_means_of_each_review() -> None:
    fading = 0.5 ** np.arange(12)[::-1]  # the last word matters most
    found = dict(by_distance([fading, 7 * fading, fading[-4:]]))
    assert list(found) == [0, 1, 2, 3, 4, 6, 8, 11]
    mean = fading.mean()
    assert found[0] == pytest.approx(1 / mean)
    assert found[4] == pytest.approx(np.mean([0.5**4, 0.5**5]) / mean)  # the short review has no such word
    assert found[11] == pytest.approx(0.5**11 / mean)
    assert set(dict(by_distance([np.full(9, 3.0)])).values()) == {1.0}
    assert by_distance([np.array([2.0])]) == ((0, 1.0),)
