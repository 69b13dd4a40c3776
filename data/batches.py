"""From reviews to the padded batches of ids that a network reads, cut to its vocabulary and to its longest length.

ids = network_ids(reviews.sequences, vocab_size=10_000, max_length=300, truncate="tail")
lengths = np.array([len(each) for each in ids])
batches = [pad([ids[i] for i in batch], lengths[batch].max()) for batch in plan_batches(lengths, 32, rng)]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from data.types import IdArray, Sequences
from data.vocabulary import OOV, PADDING

_CANDIDATES = 64  # quantiles of the review lengths, and as many ratios, that a rung may have
_JITTER = 0.03  # of a length when neighbours are drawn: more mixes reviews better and pads more


@dataclass(frozen=True)
class Read(Sequence[IdArray]):
    """What a network reads of many reviews, made when it is asked for."""

    reviews: Sequences
    vocab_size: int
    max_length: int
    truncate: str

    def __len__(self) -> int:
        return len(self.reviews)

    @overload
    def __getitem__(self, place: int) -> IdArray: ...
    @overload
    def __getitem__(self, place: slice) -> list[IdArray]: ...
    def __getitem__(self, place: int | slice) -> IdArray | list[IdArray]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        ids = truncated(self.reviews[place], self.max_length, self.truncate)
        return np.where(ids < self.vocab_size, ids, np.int32(OOV))

    @property
    def lengths(self) -> np.ndarray:
        """Tokens that are read of each review, `<int64>[reviews]`."""
        return self.reviews.lengths.clip(max=self.max_length)


def network_ids(sequences: Sequences, vocab_size: int, max_length: int, truncate: str) -> Read:
    """What a network reads: ids outside its vocabulary become 2, and at most `max_length` tokens stay.

    Args:
        sequences: whole reviews.
        vocab_size: ids from here on are out of vocabulary.
        max_length: tokens kept of a longer review.
        truncate: keep its `head`, its `tail`, or half of `both`.
    """
    return Read(sequences, vocab_size, max_length, truncate)


def known_ids(sequences: Sequences, vocab_size: int) -> Sequences:
    """Whole reviews with 2, out of vocabulary, for every id from `vocab_size` on."""
    return Sequences(np.where(sequences.values < vocab_size, sequences.values, OOV).astype(np.int32), sequences.offsets)


def truncated(ids: np.ndarray, max_length: int, truncate: str) -> np.ndarray:
    """What a network reads of a longer review's ids, or of what stands beside them: its `head`, its `tail`, or half of `both`."""
    if len(ids) <= max_length:
        return ids
    head = {"head": max_length, "tail": 0, "both": max_length // 2}[truncate]
    return np.concatenate([ids[:head], ids[len(ids) - (max_length - head) :]])


def ladder(lengths: np.ndarray, cost_of_rung: float) -> np.ndarray:
    """The padded lengths that cost least in all, `<int64>[rungs]`, ascending; the last one holds the longest review.

    More lengths mean less padding, and one program more to compile for each. The lengths are chosen by dynamic programming
    from quantiles of the review lengths and from lengths in evenly spaced ratios.

    Args:
        lengths: tokens of each review, `<int64>[reviews]`.
        cost_of_rung: what compiling for one more length costs, in padded cells that one pass over the reviews would save.
    """
    ascending = np.sort(lengths)
    ratios = np.geomspace(ascending[0], ascending[-1], _CANDIDATES).round().clip(max=ascending[-1])
    quantiles = ascending[np.arange(1, _CANDIDATES + 1) * len(ascending) // _CANDIDATES - 1]
    candidates = np.unique([quantiles, ascending[np.searchsorted(ascending, ratios)]])
    held = np.searchsorted(ascending, candidates, side="right")  # reviews that fit under each candidate
    cells = held * candidates  # read when everything up to a candidate is padded to it: one rung
    extra = np.maximum(held[None] - held[:, None], 0) * candidates[None]  # [below, candidate], of one rung more
    best, chosen = [[i] for i in range(len(candidates))], [len(candidates) - 1]
    least = float(cells[-1]) + cost_of_rung
    for rungs in range(2, len(candidates) + 1):
        totals = cells[:, None] + extra  # extra is 0 on the diagonal: a rung need not be used
        below = totals.argmin(axis=0)
        best = [[*best[i], j] for j, i in enumerate(below)]
        cells = totals.min(axis=0)
        if cells[-1] + rungs * cost_of_rung < least:
            least, chosen = float(cells[-1] + rungs * cost_of_rung), best[-1]
    return candidates[sorted(set(chosen))]


def plan_batches(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Positions of each batch's reviews; neighbours in length share a batch, so that little is padded, and batches are shuffled.

    Neighbours are drawn anew at each call: every length counts as up to `_JITTER` longer or shorter than it is.

    Args:
        lengths: tokens of each review, `<int64>[reviews]`.
        batch_size: reviews per batch at most; all batches hold the same number, give or take one.
        rng: draws the jitter and the order of the batches.
    """
    order = np.argsort(lengths * rng.uniform(1 - _JITTER, 1 + _JITTER, len(lengths)), kind="stable")
    batches = np.array_split(order, -(-len(order) // batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def pad(rows: list[IdArray], length: int) -> np.ndarray:
    """Right-pad with 0 to this length, `<int32>[batch, length]`.

    Raises:
        ValueError: a review of length zero, which no network can read.
    """
    if min(len(row) for row in rows) == 0:
        raise ValueError("a review has no tokens at all; encode() always gives at least the start token")
    padded = np.full((len(rows), length), PADDING, dtype=np.int32)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded
