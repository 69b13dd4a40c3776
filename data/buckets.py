"""Length buckets: cut at given edges, or so that they fit the reviews; what is too small to train on is merged or refused."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from config import Compare
from data.types import Bucket, bucket_numbers
from records.classes import Classes
from records.errors import DataError

IMDB_EDGES = (129, 175, 284, 597)
_IMDB_SHARES = np.array([0.247, 0.243, 0.252, 0.205, 0.053])  # of IMDB's training reviews in each bucket of these edges
SMALLEST_CLASS = 10  # training reviews of each class that a bucket needs
MOST, _LEAST = 5, 100  # buckets that are cut where nobody says which; training reviews that each of these begins with
NEED = f"each needs {SMALLEST_CLASS} training reviews of each class, each in validation, and a test review"


def of_edges(edges: Sequence[int]) -> tuple[Bucket, ...]:
    """The buckets between these lengths; together they hold every length."""
    lows = [0, *(edge + 1 for edge in edges)]
    return tuple(Bucket(low, high) for low, high in zip(lows, [*edges, None], strict=True))


def cut(compare: Compare, lengths: np.ndarray, known: tuple[int, ...]) -> tuple[Bucket, ...]:
    """The buckets that are asked for, or those to begin with where they are to fit the reviews.

    Args:
        compare: explicit edges, a number of quantiles, or `auto`.
        lengths: of the whole training part, `<int64>[reviews]`.
        known: edges that fit the source, where it is known; empty otherwise.

    Raises:
        DataError: so many reviews share a length that the quantiles coincide.
    """
    if n := compare.bucket_quantiles:
        edges = _quantiles(lengths, n)
        if len(set(edges)) < len(edges):
            raise DataError(
                f"compare.bucket_quantiles: {n} quantiles of the training lengths coincide ({edges}); ask for fewer, or have "
                "buckets cut that fit with --set compare.bucket_quantiles=0 compare.bucket_edges=auto"
            )
        return of_edges(edges)
    if isinstance(compare.bucket_edges, tuple):
        return of_edges(compare.bucket_edges)
    if known or _are_like_imdbs(lengths):
        return of_edges(known or IMDB_EDGES)
    edges = _quantiles(lengths, min(MOST, max(1, len(lengths) // _LEAST)))
    return of_edges(sorted(edge for edge in set(edges) if edge < lengths.max()))


def _quantiles(lengths: np.ndarray, n: int) -> list[int]:
    return [int(q) for q in np.quantile(lengths, np.arange(1, n) / n, method="lower")]


def _are_like_imdbs(lengths: np.ndarray) -> bool:
    """Whether each of IMDB's buckets holds between half and twice the share that it holds of IMDB."""
    numbers = bucket_numbers(of_edges(IMDB_EDGES), lengths)
    shares = np.bincount(numbers, minlength=len(_IMDB_SHARES)) / max(1, len(lengths))
    return bool(((shares >= _IMDB_SHARES / 2) & (shares <= _IMDB_SHARES * 2)).all())


@dataclass(frozen=True)
class Counts:
    """How many reviews of each class each bucket holds, `<int64>[buckets, classes]` for each part."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, buckets: tuple[Bucket, ...], n_classes: int, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> "Counts":
        """Counts of the lengths and the labels, each `[reviews]`, of the three parts."""
        shape = len(buckets), n_classes
        flat = (bucket_numbers(buckets, lengths) * n_classes + labels for lengths, labels in parts)
        return cls(*(np.bincount(each, minlength=len(buckets) * n_classes).reshape(shape) for each in flat))

    def too_small(self, *, are_trained: bool) -> list[int]:
        """The positions of the buckets that cannot be trained on; where nothing is trained on them, that cannot be tested."""
        is_bad = self.test.sum(1) == 0
        if are_trained:
            is_bad |= (self.train < SMALLEST_CLASS).any(1) | (self.validation == 0).any(1)
        return np.flatnonzero(is_bad).tolist()

    def told(self, number: int, bucket: Bucket, classes: Classes) -> str:
        """What is wrong with a bucket that is too small."""
        counts = [f"{count} {name}" for count, name in zip(self.train[number].tolist(), classes.names, strict=True)]
        each = ", ".join(counts[:-1]) + f" and {counts[-1]}"
        return (
            f"bucket {bucket.name} is too small to train on: {each} training, {self.validation[number].sum()} validation and "
            f"{self.test[number].sum()} test reviews"
        )


def merged(buckets: tuple[Bucket, ...], number: int, counts: Counts) -> tuple[Bucket, ...]:
    """The buckets without one of them, whose lengths the smaller of its neighbours takes over."""
    sizes = counts.train.sum(1) + counts.validation.sum(1)
    neighbours = [each for each in (number - 1, number + 1) if 0 <= each < len(buckets)]
    first = min(number, min(neighbours, key=lambda each: int(sizes[each])))
    whole = Bucket(buckets[first].low, buckets[first + 1].high)
    return (*buckets[:first], whole, *buckets[first + 2 :])
