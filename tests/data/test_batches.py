"""Laws of padding, truncation and batches."""

from itertools import combinations

import numpy as np
import pytest

from data.batches import ladder, network_ids, pad, plan_batches
from data.types import Sequences


def test_truncation_keeps_the_side_that_was_asked_for() -> None:
    sequences = Sequences.from_lists([[1, 4, 5, 6, 7, 8], [1, 99]])
    rows = {side: [r.tolist() for r in network_ids(sequences, 50, 4, side)] for side in ("head", "tail", "both")}
    assert rows["head"] == [[1, 4, 5, 6], [1, 2]]
    assert rows["tail"] == [[5, 6, 7, 8], [1, 2]]
    assert rows["both"] == [[1, 4, 7, 8], [1, 2]]


def test_batches_hold_every_review_once_and_pad_little(rng: np.random.Generator) -> None:
    lengths = np.clip(rng.lognormal(5.2, 0.65, 2000), 11, 2000).astype(int)
    batches = plan_batches(lengths, 32, rng)
    assert sorted(np.concatenate(batches)) == list(range(2000))
    assert {len(batch) for batch in batches} <= {31, 32}
    assert 1 - lengths.sum() / sum(len(batch) * lengths[batch].max() for batch in batches) < 0.1
    assert [b.tolist() for b in batches] != [b.tolist() for b in plan_batches(lengths, 32, rng)]
    assert len(plan_batches(lengths[:5], 32, rng)) == 1


def test_the_ladder_costs_least_of_all_ladders(rng: np.random.Generator) -> None:
    lengths = rng.integers(1, 12, 60)
    values = np.unique(lengths).tolist()
    ladders = [[*chosen, values[-1]] for n in range(len(values)) for chosen in combinations(values[:-1], n)]

    def cost(rungs: np.ndarray, of_rung: float) -> float:
        return float(rungs[np.searchsorted(rungs, lengths)].sum() + len(rungs) * of_rung)

    for of_rung in (0.0, 5.0, 20.0, 60.0, 1e6):
        found = ladder(lengths, of_rung)
        assert cost(found, of_rung) == min(cost(np.array(candidate), of_rung) for candidate in ladders)
    assert ladder(lengths, 1e6).tolist() == [lengths.max()]
    assert len(ladder(np.full(9, 5), 1.0)) == 1


def test_padding_is_zeros_on_the_right() -> None:
    rows = [np.array([1, 5], np.int32), np.array([1, 6, 7], np.int32)]
    np.testing.assert_array_equal(pad(rows, 5), [[1, 5, 0, 0, 0], [1, 6, 7, 0, 0]])


def test_a_review_of_length_zero_is_an_error_message() -> None:
    with pytest.raises(ValueError, match="no tokens at all"):
        pad([np.array([], np.int32)], 4)
