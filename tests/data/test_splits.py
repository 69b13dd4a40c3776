"""Laws of parts: groups stay whole, nothing that is trained on is later than what is tested, classes keep their shares."""

import tracemalloc

import numpy as np

from data.splits import draw, draw_groups, latest


def test_drawn_groups_are_whole_and_hold_about_the_fraction_of_every_class(rng: np.random.Generator) -> None:
    groups, labels = rng.integers(0, 300, 6_000), rng.choice(3, 6_000, p=[0.6, 0.3, 0.1])
    drawn = draw_groups(groups, labels, 0.2, rng)
    assert not set(groups[drawn]) & set(groups[~drawn])
    for label in range(3):
        assert abs(drawn[labels == label].mean() - 0.2) < 0.02


def test_some_group_is_drawn_however_large_the_groups_are(rng: np.random.Generator) -> None:
    groups = np.repeat([0, 1, 2], [500, 300, 200])
    drawn = draw_groups(groups, np.zeros(1_000, int), 0.05, rng)
    assert set(groups[drawn]) == {2}


def test_drawing_groups_takes_no_memory_for_all_pairs_of_a_group_and_a_stratum(rng: np.random.Generator) -> None:
    groups, strata = np.arange(20_000), rng.integers(0, 250, 20_000)
    tracemalloc.start()
    drawn = draw_groups(groups, strata, 0.2, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20 and abs(drawn.mean() - 0.2) < 0.02  # a number for each pair would take 40 MB


def test_the_latest_are_later_than_all_others() -> None:
    times = np.repeat(np.arange(10.0), 10)[np.random.default_rng(1).permutation(100)]
    chosen = latest(times, 0.25)
    assert times[chosen].min() > times[~chosen].max() and chosen.sum() == 30
    assert latest(np.array([1.0, 1.0, 1.0, 2.0]), 0.9).tolist() == [False, False, False, True]


def test_a_draw_takes_its_fraction_of_each_stratum_and_at_least_one(rng: np.random.Generator) -> None:
    strata = np.repeat([0, 1, 2], [100, 50, 2])
    drawn = draw(strata, 0.1, rng)
    assert [int(drawn[strata == each].sum()) for each in range(3)] == [10, 5, 1]
