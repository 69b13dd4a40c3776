"""Laws of the buckets: they hold every length once, fit the reviews under `auto`, and are refused or merged where too small."""

import numpy as np
import pytest

from config import Compare
from data.buckets import IMDB_EDGES, Counts, cut, merged, of_edges
from data.types import Bucket
from records.errors import DataError

AUTO = Compare(bucket_edges="auto")


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


def test_a_table_gets_up_to_five_buckets_of_about_equal_size(rng: np.random.Generator) -> None:
    tweets = rng.integers(2, 40, 2_000)
    buckets = cut(AUTO, tweets, ())
    assert len(buckets) == 5 and buckets[0].low == 0 and buckets[-1].high is None
    np.testing.assert_allclose([bucket.holds(tweets).mean() for bucket in buckets], 0.2, atol=0.03)
    assert len(cut(AUTO, tweets[:250], ())) == 2  # a hundred reviews each, at least
    assert cut(AUTO, np.full(1_000, 7), ()) == (Bucket(0, None),)


def test_lengths_like_imdbs_get_imdbs_buckets_and_a_known_source_its_own(rng: np.random.Generator) -> None:
    films = np.exp(rng.normal(np.log(178), 0.65, 5_000)).astype(int)
    assert cut(AUTO, films, ()) == of_edges(IMDB_EDGES)
    assert cut(AUTO, films // 8, ()) != of_edges(IMDB_EDGES)
    assert cut(AUTO, films // 8, (3, 9)) == of_edges((3, 9))


def test_explicit_edges_and_quantiles_stay_as_they_are_asked_for(rng: np.random.Generator) -> None:
    lengths = rng.integers(2, 40, 500)
    assert cut(Compare(bucket_edges=(3, 100)), lengths, IMDB_EDGES) == of_edges((3, 100))
    assert cut(Compare(bucket_edges=()), lengths, IMDB_EDGES) == (Bucket(0, None),)
    assert len(cut(Compare(bucket_quantiles=3), lengths, IMDB_EDGES)) == 3


def test_a_bucket_goes_to_its_smaller_neighbour_and_no_length_is_lost() -> None:
    buckets = of_edges((10, 20, 30))
    counts = Counts(*(np.array([[50, 50], [3, 3], [20, 20], [90, 90]]) for _ in range(3)))
    assert counts.too_small(are_trained=True) == [1] and counts.too_small(are_trained=False) == []
    assert merged(buckets, 1, counts) == of_edges((10, 30))
    assert merged(buckets, 0, counts) == of_edges((20, 30)) and merged(buckets, 3, counts) == of_edges((10, 20))
