"""Which reviews go to a part: drawn by class, drawn in whole groups, or the latest."""

import numpy as np

from data.sources.times import date
from data.types import PARTS, SourceReviews
from records.errors import DataError


def split_off(
    source: SourceReviews, positions: np.ndarray, strata: np.ndarray, fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Which of these reviews become a part of their own: the latest, or whole groups, where the source tells; else drawn ones.

    Args:
        source: of the reviews.
        positions: of the reviews in the source, `<int64>[n]`.
        strata: `<int64>[n]`, each of which is to keep its share.
        fraction: of the reviews.
        rng: what is drawn comes from it.

    Returns:
        `<bool>[n]`.
    """
    if source.times is not None:
        return latest(source.times[positions], fraction)
    if source.groups is not None:
        return draw_groups(source.groups[positions], strata, fraction, rng)
    return draw(strata, fraction, rng)


def fold(source: SourceReviews, number: int, folds: int, seed: int) -> np.ndarray:
    """Which reviews one fold of a cross-validation tests on, `<bool>[reviews]`; every review is in one fold.

    Classes keep their shares, as far as whole groups allow.

    Args:
        source: of the reviews.
        number: of the fold, from 1.
        folds: how many there are.
        seed: the same for all folds.

    Raises:
        DataError: a class has fewer reviews than there are folds, or there are fewer groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # here: it costs a second

    smallest = min(np.bincount(source.labels, minlength=len(source.classes)).tolist())
    groups = len(np.unique(source.groups)) if source.groups is not None else smallest
    if min(smallest, groups) < folds:
        what = f"the rarest class has {smallest:,} reviews" if smallest < folds else f"there are {groups} groups"
        raise DataError(f"data.folds: {folds} folds need as many reviews of each class, and as many groups; {what}")
    kind = StratifiedKFold if source.groups is None else StratifiedGroupKFold
    split = kind(folds, shuffle=True, random_state=seed).split(source.labels, source.labels, source.groups)
    tested = next(test for n, (_, test) in enumerate(split, start=1) if n == number)
    return np.isin(np.arange(len(source.labels)), tested)


def draw(strata: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """`<bool>[n]`, True for the drawn fraction of every stratum (rounded, at least one)."""
    drawn = np.zeros(len(strata), dtype=bool)
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        drawn[members[: max(1, round(len(members) * fraction))]] = True
    return drawn


def draw_groups(groups: np.ndarray, strata: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """`<bool>[n]`, True for drawn groups, which together have about this fraction of every stratum.

    Groups come in a random order, the larger before the smaller, and one is taken where that brings the numbers closer to what
    is wanted. (scikit-learn's StratifiedGroupKFold does the same for the fractions 1/2, 1/3, ... only.)
    """
    names, members = np.unique(groups, return_inverse=True)
    kinds, of = np.unique(strata, return_inverse=True)
    pairs, counts = np.unique(members * len(kinds) + of, return_counts=True)  # a table of all pairs would be too large
    stratum, starts = pairs % len(kinds), np.searchsorted(pairs, np.arange(len(names) + 1) * len(kinds))
    missing, is_taken = np.bincount(of) * fraction, np.zeros(len(names), dtype=bool)
    order = rng.permutation(len(names))
    for group in order[np.argsort(-np.bincount(members)[order], kind="stable")]:
        held, its = stratum[starts[group] : starts[group + 1]], counts[starts[group] : starts[group + 1]]
        if its @ (its - 2 * missing[held]) < 0:  # the squares of what is missing become less
            is_taken[group] = True
            missing[held] -= its
    if not is_taken.any():
        is_taken[np.argmin(np.add.reduceat(counts * (counts - 2 * missing[stratum]), starts[:-1]))] = True
    return is_taken[members]


def latest(times: np.ndarray, fraction: float) -> np.ndarray:
    """`<bool>[n]`, True for about this fraction of the points in time, none of them before or at the others' last."""
    ordered = np.sort(times)
    first = ordered[len(times) - max(1, round(len(times) * fraction))]
    return times >= first if first > ordered[0] else times > first


def subsample(labels: np.ndarray, numbers: np.ndarray, limit: int, rng: np.random.Generator) -> np.ndarray:
    """`<bool>[reviews]`, True for at most `limit` reviews of every bucket, keeping the share of each class; for all with 0.

    Args:
        labels: `<int8>[reviews]`.
        numbers: of the bucket of each review, `<int64>[reviews]`.
        limit: reviews a bucket.
        rng: the reviews that are taken are drawn from it.
    """
    if not limit:
        return np.ones(len(labels), dtype=bool)
    chosen = np.zeros(len(labels), dtype=bool)
    for number in np.unique(numbers):
        members = np.flatnonzero(numbers == number)
        if len(members) > limit:
            by_class = [rng.permutation(members[labels[members] == label]) for label in np.unique(labels)[::-1]]
            ends = [round(limit * n / len(members)) for n in np.cumsum([len(each) for each in by_class])]
            members = np.concatenate([each[:n] for each, n in zip(by_class, np.diff(ends, prepend=0), strict=True)])
        chosen[members] = True
    return chosen


def notes(source: SourceReviews, roles: np.ndarray, group_column: str) -> tuple[str, ...]:
    """What a person should know of groups and times, once every review has its part.

    Args:
        source: of the reviews.
        roles: `<int8>[reviews of the source]`, positions in `data.types.PARTS`; other numbers for reviews of no part.
        group_column: the name of the column that tells groups.
    """
    found = list[str]()
    used = roles >= 0
    if source.groups is not None:
        pairs = np.unique(np.column_stack([source.groups[used], roles[used]]), axis=0)
        names, parts = np.unique(pairs[:, 0], return_counts=True)
        n = int((parts > 1).sum())
        said = f"{n:,} of them stand in more than one, because the split column says so" if n else "each is in one part only"
        found.append(f"the reviews are of {len(names):,} groups ({group_column}): {said}")
    if source.times is not None:
        spans = [source.times[roles == part] for part in range(len(PARTS))]
        told = [f"{part} {date(span.min())} to {date(span.max())}" for part, span in zip(PARTS, spans, strict=True) if len(span)]
        found.append(f"parts by time: {', '.join(told)}")
    return tuple(found)
