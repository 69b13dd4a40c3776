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
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import numpy as np

from data.batches import truncated
from data.ngrams import UNKNOWN, NGrams
from data.types import IdArray, Reviews, Sequences
from records.study import Study
from saver import RunFolder

KEPT = 1 << 26  # bytes: three numbers at each of 200 words of 28,000 reviews


def evidence_for(counts: np.ndarray, reviews: np.ndarray) -> np.ndarray:
    """The evidence for each class, `<float32>[..., classes]`; of two classes for the second alone, `[..., 1]`.

    Args:
        counts: reviews of each class that hold an n-gram, `<int>[..., classes]`; where none does the evidence is 0.
        reviews: of each class, `<int>[classes]`.
    """
    mine, all_mine = counts[..., 1:], reviews[1:]
    theirs, all_theirs = counts[..., :1], reviews[:1]
    if len(reviews) > 2:
        mine, all_mine = counts, reviews
        theirs, all_theirs = counts.sum(axis=-1, keepdims=True) - counts, reviews.sum() - reviews
    logs = _logs_of_next(int(reviews.sum()))  # looked up: a logarithm of every count would take twice as long
    ratios = logs.take(mine, mode="clip") - logs.take(theirs, mode="clip")
    ratios += np.log((all_theirs + 2) / (all_mine + 2)).astype(np.float32)
    ratios *= (mine > 0) | (theirs > 0)
    return ratios


@lru_cache(maxsize=8)
def _logs_of_next(largest: int) -> np.ndarray:
    """The logarithm of one more than each number up to the largest, `<float32>[numbers]`."""
    return np.log(np.arange(1, largest + 2)).astype(np.float32)


@dataclass(frozen=True)
class Counts:
    """How many reviews of each class hold each n-gram."""

    held: np.ndarray  # <int>[n-grams, classes]
    reviews: np.ndarray  # <int64>[classes], all of them

    def save(self, path: Path) -> None:
        """Write the counts, and in a last row the reviews of each class, as one array `<uint16 or 32>[n-grams + 1, classes]`."""
        smallest = np.uint16 if self.reviews.max() < 1 << 16 else np.uint32
        with path.open("wb") as file:
            np.save(file, np.concatenate([self.held, self.reviews[None]]).astype(smallest), allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The counts that `save` wrote; they stay on the disk until they are read.

        Raises:
            OSError, ValueError: the file is missing or damaged.
        """
        rows = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))  # a plain view of it: indexing a memmap costs more
        if rows.ndim != 2 or rows.shape[1] < 2 or rows.dtype.kind != "u":
            raise ValueError(
                f"{path.name} holds {rows.dtype} {list(rows.shape)}, and counts are unsigned, of two classes or more"
            )
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

    def read(self, reviews: Sequences, order: int) -> tuple[np.ndarray, np.ndarray]:
        """The evidence at each token, `<float32>[tokens, width]`, and its sums over each review, `<float32>[reviews, width]`.

        Args:
            reviews: whole reviews, none of which is counted.
            order: words of the longest n-grams.
        """
        numbers = self.ngrams.find(reviews.values, order)
        evidence = np.concatenate([_told(numbers, counts) for counts in self.counts], axis=1)
        return evidence, _sums(evidence, reviews)


def _told(numbers: np.ndarray, counts: Counts, own: np.ndarray | None = None) -> np.ndarray:
    """What counts say of n-grams by their numbers, `<int>[tokens, order]`: `<float32>[tokens, width]`.

    Args:
        numbers: `UNKNOWN` for an n-gram that nothing is said of.
        counts: of all n-grams.
        own: what to leave out of them, `<int>[tokens, order or 1, classes]`; None: nothing.
    """
    held = counts.held.take(numbers, axis=0, mode="clip")  # of an unknown n-gram those of another one, which are not used
    evidence = evidence_for(held if own is None else held - own, counts.reviews)
    evidence *= (numbers != UNKNOWN)[..., None]
    return evidence.reshape(len(numbers), -1)


def _sums(evidence: np.ndarray, reviews: Sequences) -> np.ndarray:
    """The sums over each whole review, divided by the root of its length, `<float32>[reviews, width]`."""
    sums = np.add.reduceat(evidence, reviews.offsets[:-1], axis=0)
    return sums / np.sqrt(reviews.lengths, dtype=np.float32)[:, None]


def windows(evidence: np.ndarray, whole: Sequences, max_length: int, truncate: str) -> list[np.ndarray]:
    """The evidence at the tokens that a network reads word by word of each whole review, `<float32>[time, width]` each.

    Args:
        evidence: at each token of the whole reviews, `<float32>[tokens, width]`.
        whole: the reviews.
        max_length: tokens that are read of a longer review.
        truncate: which ones, see `data.batches.truncated`.
    """
    return [truncated(part, max_length, truncate) for part in np.split(evidence, whole.offsets[1:-1])]


@dataclass(frozen=True)
class Informed:
    """Whole reviews, and what the network that reads a part of them is told beside it, a batch at a time.

    What reviews were told is kept for the next epoch where all of it takes no more than `KEPT`; else it is made anew.
    """

    reviews: Reviews
    max_length: int  # tokens that the network reads of a longer review
    truncate: str  # which ones, see `data.batches.truncated`
    evidence: tuple[Evidence, ...]  # what all of them read; or, by its number, what the reviews of each fold read
    folds: np.ndarray | None = None  # <int8>[reviews]; None unless these are the training reviews whose labels are counted

    def read(self, positions: np.ndarray, order: int) -> tuple[list[np.ndarray], np.ndarray]:
        """The evidence at the tokens that a network reads of each of these reviews, and its sums over the whole reviews.

        Args:
            positions: of the reviews, `<int>[n]`.
            order: words of the longest n-grams.

        Returns:
            n arrays `<float32>[time, width]`, and `<float32>[n, width]`.
        """
        if self._tokens_read * self.evidence[0].width(order) * np.float32().nbytes > KEPT:
            return self._read(positions, order)
        known = self._kept.setdefault(order, {})
        new = np.array([position for position in positions.tolist() if position not in known], int)
        if len(new):
            parts, sums = self._read(new, order)
            known |= {position: (part.copy(), each) for position, part, each in zip(new.tolist(), parts, sums, strict=True)}
        told = [known[position] for position in positions.tolist()]
        return [part for part, _ in told], np.stack([each for _, each in told])

    @cached_property
    def _kept(self) -> dict[int, dict[int, tuple[np.ndarray, np.ndarray]]]:
        """What has been read, by order and position."""
        return {}

    @cached_property
    def _tokens_read(self) -> int:
        return int(self.reviews.sequences.lengths.clip(max=self.max_length).sum())

    def _read(self, positions: np.ndarray, order: int) -> tuple[list[np.ndarray], np.ndarray]:
        whole = self.reviews.sequences.take(positions)
        if self.folds is None:
            evidence, sums = self.evidence[0].read(whole, order)
        else:
            evidence = self._told(whole, positions, order, self.folds[positions])
            sums = _sums(evidence, whole)
        return windows(evidence, whole, self.max_length, self.truncate), sums

    def _told(self, whole: Sequences, positions: np.ndarray, order: int, folds: np.ndarray) -> np.ndarray:
        """What training reviews are told: no label of their own, and of their group, and what their fold had no part in."""
        first = self.evidence[0]
        numbers = first.ngrams.find(whole.values, order)
        evidence = np.empty((len(numbers), first.width(order)), np.float32)
        labels = _told(numbers, first.counts[0], self._own(whole, positions, order))
        evidence[:, : labels.shape[1]] = labels
        if len(first.counts) > 1:
            fold_of_token = np.repeat(folds, whole.lengths)
            for fold in np.unique(folds):
                at = fold_of_token == fold
                evidence[at, labels.shape[1] :] = _told(numbers[at], self.evidence[fold].counts[1])
        return evidence

    def _own(self, whole: Sequences, positions: np.ndarray, order: int) -> np.ndarray:
        """What reviews and the others of their groups add to counts of their n-grams, `<int>[tokens, order or 1, classes]`."""
        ngrams, labels = self.evidence[0].ngrams, self.reviews.labels
        classes = len(self.evidence[0].counts[0].reviews)
        own = np.repeat(np.eye(classes, dtype=np.int32)[labels[positions]], whole.lengths, axis=0)[:, None]
        copied = [
            (place, others) for place, position in enumerate(positions) if len(others := self._others.get(int(position), ()))
        ]
        if copied:
            own = own.repeat(order, axis=1)
        for place, others in copied:
            start, end = whole.offsets[place], whole.offsets[place + 1]
            mine = ngrams.find(whole.values[start:end], order)
            for other in others:
                own[start:end, :, labels[other]] += np.isin(mine, ngrams.find(self.reviews.sequences[other], order))
        return own

    @cached_property
    def _others(self) -> dict[int, np.ndarray]:
        """The positions of the other members of each review's group; only reviews that are not alone in theirs are in it."""
        groups, found = groups_of(self.reviews.sequences), dict[int, np.ndarray]()
        sizes = np.bincount(groups)
        for position in np.flatnonzero(sizes[groups] > 1):
            members = np.flatnonzero(groups == groups[position])
            found[int(position)] = members[members != position]
        return found


def groups_of(sequences: Sequences) -> np.ndarray:
    """The number of the group that each review is in, `<int64>[reviews]`: copies of a review are one group."""
    known = dict[bytes, int]()
    return np.array([known.setdefault(sequences[i].tobytes(), len(known)) for i in range(len(sequences))], dtype=np.int64)


def load(folder: RunFolder, study: Study, *, with_pseudo_labels: bool) -> Evidence:
    """The evidence that a study of a run reads on reviews whose labels it does not know.

    Raises:
        OSError, ValueError: a file is missing, damaged or of other n-grams.
    """
    paths = [folder.evidence(study)]
    if with_pseudo_labels and folder.pseudo_evidence(study).is_file():
        paths.append(folder.pseudo_evidence(study))
    ngrams, counts = NGrams.load(folder.ngrams), tuple(map(Counts.load, paths))
    for path, each in zip(paths, counts, strict=True):
        if len(each.held) != len(ngrams):
            raise ValueError(f"{path.name} counts {len(each.held):,} n-grams, and {len(ngrams):,} are there")
    return Evidence(ngrams, counts)


def load_by_fold(
    folder: RunFolder, study: Study, evidence: Evidence, reviews: Reviews
) -> tuple[np.ndarray, tuple[Evidence, ...]]:
    """The fold of some training reviews whose labels are counted, `<int8>[reviews]`, and the evidence that each fold reads.

    Args:
        folder: of the run, while it goes on: the files are deleted at its end.
        study: of the run.
        evidence: that `load` gave; without pseudo-labels there is one fold, which reads this.
        reviews: of the study's training reviews, or of those of the generalist that it goes on with.

    Raises:
        OSError, ValueError: a file is missing or damaged.
    """
    if len(evidence.counts) == 1:
        return np.zeros(len(reviews), np.int8), (evidence,)
    rows, folds = np.load(folder.evidence_folds(study), allow_pickle=False)
    order = np.argsort(rows)
    mine = folds[order[np.searchsorted(rows, reviews.rows, sorter=order)]]
    counts = [Counts.load(folder.pseudo_evidence(study, fold)) for fold in range(folds.max() + 1)]
    return mine.astype(np.int8), tuple(Evidence(evidence.ngrams, (evidence.counts[0], each)) for each in counts)
