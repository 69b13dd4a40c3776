"""Laws of the buckets: they hold every length once, fit the reviews under `auto`, and are refused or merged where too small."""

import numpy as np
import pytest

from config import Compare
from data.buckets import IMDB_EDGES, cut
from records.errors import DataError


def test_buckets_cover_every_length_once() -> None:
    buckets = cut(Compare(), np.arange(1, 2500), IMDB_EDGES)
    assert [b.name for b in buckets] == ["0-129", "130-175", "176-284", "285-597", "598-end"]
    held = sum(b.holds(np.arange(0, 5000)).astype(int) for b in buckets)
    assert set(np.unique(held)) == {1}


def test_quantile_buckets_hold_equal_shares_of_the_training_part(rng: np.random.Generator) -> None:
    lengths = rng.integers(10, 1000, 4000)
    buckets = cut(Compare(bucket_quantiles=4), lengths, ())
    shares = [b.holds(lengths).mean() for b in buckets]
    np.testing.assert_allclose(shares, 0.25, atol=0.01)
    with pytest.raises(DataError, match="coincide"):
        cut(Compare(bucket_quantiles=4), np.full(100, 7), ())
