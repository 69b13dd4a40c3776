"""What training labels say about the words, pairs and triples of a review: numbers that a network reads beside the words.

For an n-gram that p of P positive and q of N negative training reviews hold, the evidence is the naive-Bayes log-count ratio

    r = log((p + 1) / (P + 2)) - log((q + 1) / (N + 2)),

of Wang and Manning (2012), Baselines and bigrams, ACL, where it weights the features of a linear model; Li et al. (2016),
Weighted neural bag-of-n-grams model, COLING, give it to a network. With more than two classes there is one such number a class,
of that class against all others; of two classes the positive one's is enough, since the other's is its negative.

A training review never reads its own label: its numbers come from the counts without it, and without the other members of its
group, as copies of it are. Prokhorenkova et al. (2018), CatBoost, NeurIPS, say why numbers made from labels leak otherwise, and
that leaving out a single example can leak too: P and N stay as they are, since lowering them would shift every number of a review
by its class, and an n-gram that no other review holds reads exactly 0. Neither Keras nor NumPy's random numbers are used here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from data.batches import truncated
from data.ngrams import UNKNOWN, NGrams
from data.types import IdArray, Reviews, Sequences
from records.study import Study
from saver import RunFolder


def log_count_ratios(counts: np.ndarray, reviews: np.ndarray) -> np.ndarray:
    """The evidence for each class, `<float32>[..., classes]`; of two classes for the second alone, `[..., 1]`.

    Args:
        counts: reviews of each class that hold an n-gram, `<int>[..., classes]`; where none does the evidence is 0.
        reviews: of each class, `<int>[classes]`.
    """
    here, all_here = counts.astype(np.float32), reviews.astype(np.float32)
    total = here.sum(axis=-1, keepdims=True)
    for_class = np.log((here + 1) / (all_here + 2))
    for_others = np.log((total - here + 1) / (all_here.sum() - all_here + 2))
    ratios = np.where(total > 0, for_class - for_others, np.float32(0))
    return ratios[..., 1:] if len(reviews) == 2 else ratios


@dataclass(frozen=True)
class Counts:
    """How many reviews of each class hold each n-gram."""

    held: np.ndarray  # <int>[n-grams, classes]
    reviews: np.ndarray  # <int64>[classes], all of them

    def save(self, path: Path) -> None:
        """Write the counts, and in a last row the reviews of each class, as one array `<int32>[n-grams + 1, classes]`."""
        with path.open("wb") as file:
            np.save(file, np.concatenate([self.held, self.reviews[None]]).astype(np.int32), allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The counts that `save` wrote; they stay on the disk until they are read.

        Raises:
            OSError, ValueError: the file is missing or damaged.
        """
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
        return cls(rows[:-1], np.array(rows[-1], np.int64))

    @property
    def numbers(self) -> int:
        """Numbers that an n-gram's evidence has."""
        return 1 if len(self.reviews) == 2 else len(self.reviews)


@dataclass(frozen=True)
class Reading:
    """What a network reads of one review."""

    ids: IdArray  # <int32>[time], in its vocabulary, and cut to its longest length
    evidence: np.ndarray | None = None  # <float32>[time, numbers], of the n-grams that end at each word
    sums: np.ndarray | None = None  # <float32>[numbers], over all words of the review, divided by the root of their number

    def __len__(self) -> int:
        return len(self.ids)


def inputs_of(readings: Sequence[Reading], ids: np.ndarray) -> list[np.ndarray]:
    """What a network with evidence is given: the ids, the evidence beside them, and its sums; 0 beside padding.

    Args:
        readings: with evidence, the first ones of the batch.
        ids: of the same reviews and perhaps of rows of padding after them, `<int32>[batch, time]`.
    """
    width = len(readings[0].sums)  # type: ignore[arg-type]
    evidence, sums = np.zeros((*ids.shape, width), np.float32), np.zeros((len(ids), width), np.float32)
    for row, reading in enumerate(readings):
        evidence[row, : len(reading)], sums[row] = reading.evidence, reading.sums
    return [ids, evidence, sums]


@dataclass(frozen=True)
class Evidence:
    """The counts that evidence is read from; of a training review without its own part of them."""

    ngrams: NGrams
    counts: tuple[Counts, ...]  # of the training labels; then, if asked for, of pseudo-labels, see `experiment/evidence.py`

    def width(self, order: int) -> int:
        """Numbers that stand beside each word."""
        return order * sum(counts.numbers for counts in self.counts)

    def lengths(self, order: int) -> np.ndarray:
        """Words of the n-gram that each of these numbers is of, `<int64>[width]`."""
        return np.concatenate([np.repeat(np.arange(1, order + 1), counts.numbers) for counts in self.counts])

    def read(self, reviews: Sequences, order: int, own: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The evidence at each token, `<float32>[tokens, width]`, and its sums over each review, `<float32>[reviews, width]`.

        Args:
            reviews: whole reviews.
            order: words of the longest n-grams.
            own: what to leave out of the training labels' counts, `<int>[tokens, order, classes]`; None: nothing.
        """
        numbers = self.ngrams.find(reviews.values, order)
        is_known = (numbers != UNKNOWN)[..., None]
        columns = []
        for number, counts in enumerate(self.counts):
            held = counts.held[numbers.clip(0)]  # of an unknown n-gram those of another one, which are not used
            left = held if own is None or number else held - own
            ratios = np.where(is_known, log_count_ratios(left, counts.reviews), np.float32(0))
            columns.append(ratios.reshape(len(numbers), -1))
        evidence = np.concatenate(columns, axis=1)
        sums = np.add.reduceat(evidence, reviews.offsets[:-1], axis=0)
        return evidence, sums / np.sqrt(reviews.lengths, dtype=np.float32)[:, None]


def shared_out(parts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """What each word has of the parts that n-grams have in something, each part divided equally among its words, `[tokens]`.

    Args:
        parts: of the n-grams that end at each token of a review, `<float>[tokens, width]`; 0 where no n-gram is known.
        lengths: words of the n-gram that each column is of, `<int>[width]`.
    """
    words = np.zeros(len(parts))
    for column, length in zip(parts.T, lengths, strict=True):
        for back in range(length):
            words[: len(words) - back] += column[back:] / length
    return words


@dataclass(frozen=True)
class Informed:
    """Whole reviews, and what the network that reads a part of them is told beside it, a batch at a time."""

    evidence: Evidence
    reviews: Reviews
    max_length: int  # tokens that the network reads of a longer review
    truncate: str  # which ones, see `data.batches.truncated`
    are_counted: bool = False  # the reviews are those of the training labels' counts: none of them reads its own label

    def read(self, positions: np.ndarray, order: int) -> tuple[list[np.ndarray], np.ndarray]:
        """The evidence at the tokens that a network reads of each of these reviews, and its sums over the whole reviews.

        Args:
            positions: of the reviews, `<int>[n]`.
            order: words of the longest n-grams.

        Returns:
            n arrays `<float32>[time, width]`, and `<float32>[n, width]`.
        """
        whole = self.reviews.sequences.take(positions)
        own = self._own(whole, positions, order) if self.are_counted else None
        evidence, sums = self.evidence.read(whole, order, own)
        parts = np.split(evidence, whole.offsets[1:-1])
        return [truncated(part, self.max_length, self.truncate) for part in parts], sums

    def _own(self, whole: Sequences, positions: np.ndarray, order: int) -> np.ndarray:
        """What the reviews and the others of their groups add to the counts of their n-grams, `<int>[tokens, order, classes]`."""
        classes, labels = len(self.evidence.counts[0].reviews), self.reviews.labels
        of_review = np.eye(classes, dtype=np.int32)[labels[positions]]
        own = np.repeat(of_review, whole.lengths, axis=0)[:, None].repeat(order, axis=1)
        for place, position in enumerate(positions):
            for other in self._others.get(int(position), ()):
                start, end = whole.offsets[place], whole.offsets[place + 1]
                mine = self.evidence.ngrams.find(whole.values[start:end], order)
                theirs = self.evidence.ngrams.find(self.reviews.sequences[other], order)
                own[start:end, :, labels[other]] += np.isin(mine, theirs)
        return own

    @cached_property
    def _others(self) -> dict[int, list[int]]:
        """The positions of the other members of each review's group; only reviews that are not alone in theirs are in it."""
        groups = dict[bytes, list[int]]()
        for position in range(len(self.reviews)):
            groups.setdefault(self.reviews.sequences[position].tobytes(), []).append(position)
        return {
            position: [other for other in members if other != position]
            for members in groups.values()
            if len(members) > 1
            for position in members
        }


def load(folder: RunFolder, study: Study, *, with_pseudo_labels: bool) -> Evidence:
    """The evidence that a study of a run reads, as `experiment/evidence.py` has counted it.

    Raises:
        OSError, ValueError: a file is missing or damaged.
    """
    paths = [folder.evidence(study)]
    if with_pseudo_labels and folder.pseudo_evidence(study).is_file():
        paths.append(folder.pseudo_evidence(study))
    return Evidence(NGrams.load(folder.ngrams), tuple(map(Counts.load, paths)))
