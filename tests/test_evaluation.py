"""Laws of the numbers: metrics by hand, intervals that cover, verdicts that follow from them."""

import numpy as np
import pytest

from evaluation import accuracy_interval, difference_interval, judge, score
from results import YARDSTICK, Study


def test_metrics_are_those_of_the_definitions() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    probabilities = np.array([0.9, 0.8, 0.3, 0.2, 0.6, 0.1, 0.4, 0.5])
    s = score("b", labels, probabilities)
    assert (s.true_negative, s.false_positive, s.false_negative, s.true_positive) == (3, 1, 1, 3)
    assert (s.accuracy, s.precision, s.recall, s.f1) == (0.75, 0.75, 0.75, 0.75)
    assert s.loss == pytest.approx(-np.mean(np.log([0.9, 0.8, 0.3, 0.8, 0.4, 0.9, 0.6, 0.5])))
    assert s.roc_auc == pytest.approx(13 / 16)
    assert s.n_test == 8 and s.accuracy_low <= 0.75 <= s.accuracy_high


def test_a_bucket_of_one_class_has_no_roc_auc() -> None:
    assert score("b", np.ones(5, int), np.full(5, 0.7)).roc_auc is None


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


def probabilities(labels: np.ndarray, right: int, repeats: int = 2) -> np.ndarray:
    """Right on the first `right` reviews, wrong on the others."""
    p = np.where(labels == 1, 0.9, 0.1)
    p[right:] = 1 - p[right:]
    return np.tile(p, (repeats, 1))


def test_verdicts_name_leader_ties_chance_and_yardstick() -> None:
    labels = np.arange(1000) % 2
    lstm, gru, rnn = (Study(a, "0-9") for a in ("lstm", "gru", "simple_rnn"))
    verdict = judge(
        "0-9",
        labels,
        {
            lstm: probabilities(labels, 900),
            gru: probabilities(labels, 899),
            rnn: probabilities(labels, 510),
            Study(YARDSTICK, "0-9"): probabilities(labels, 800, repeats=1),
        },
    )
    by_study = {s.study: s for s in verdict.standings}
    assert verdict.leader == lstm and verdict.chance == 0.5
    assert by_study[lstm].tied_with_leader and by_study[gru].tied_with_leader and not by_study[rnn].tied_with_leader
    assert [by_study[s].like_chance for s in (lstm, gru, rnn)] == [False, False, True]
    assert [by_study[s].against_linear for s in (lstm, rnn)] == ["beats", "loses to"]
    assert by_study[Study(YARDSTICK, "0-9")].against_linear is None


def test_the_yardstick_never_leads() -> None:
    labels = np.arange(100) % 2
    verdict = judge("b", labels, {Study(YARDSTICK, "b"): probabilities(labels, 99)})
    assert verdict.leader is None
