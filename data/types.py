"""Reviews as data: token ids, parts, buckets, and the dataset that a run reads. NumPy only, so that importing it costs little."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np

from data.growing import AT_ONCE
from data.left_out import LeftOut
from data.vocabulary import Vocabulary
from records.classes import SENTIMENT, Classes
from records.codec import Record
from records.errors import DataError
from records.study import ALL

IdArray = np.ndarray[tuple[int], np.dtype[np.int32]]
COPIED = 1 << 23  # tokens that are copied when reviews are taken from others; more are looked up where they are
PARTS = ("train", "validation", "test")  # the fields of a Dataset that hold labelled reviews


@dataclass(frozen=True)
class Sequences:
    """Token ids of many reviews in one flat array, so that they are saved without pickle and cut without copies."""

    values: IdArray  # <int32>[tokens]
    offsets: np.ndarray  # <int64>[reviews + 1]

    @classmethod
    def from_lists(cls, lists: Iterable[Iterable[int]]) -> Self:
        """Flatten an iterable of id lists."""
        arrays = [np.asarray(ids, dtype=np.int32) for ids in lists]
        offsets = np.zeros(len(arrays) + 1, dtype=np.int64)
        np.cumsum([len(a) for a in arrays], out=offsets[1:])
        return cls(np.concatenate([*arrays, np.zeros(0, np.int32)]).astype(np.int32), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[IdArray]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> IdArray:
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each review, the start token included, `<int64>[reviews]`."""
        return np.diff(self.offsets)

    def take(self, indices: np.ndarray) -> "Sequences":
        """The reviews at these positions, in this order; a copy unless they are large."""
        starts = self.offsets[indices]
        lengths = self.offsets[indices + 1] - starts
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        if offsets[-1] > COPIED:
            return Selection(self, indices, offsets)
        places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Sequences(self.values[places], offsets)

    def blocks(self) -> Iterator["Sequences"]:
        """The reviews in blocks of about `AT_ONCE` tokens, which is how to go through many; none is cut."""
        first = 0
        while first < len(self):
            end = int(np.searchsorted(self.offsets, self.offsets[first] + AT_ONCE, side="right")) - 1
            yield self._block(first, max(end, first + 1))
            first = max(end, first + 1)

    def _block(self, first: int, end: int) -> "Sequences":
        start = self.offsets[first]
        return Sequences(self.values[start : self.offsets[end]], self.offsets[first : end + 1] - start)


class Selection(Sequences):
    """Reviews that stay where they are, among others; their ids are copied only for whoever asks for all of them at once."""

    _source: Sequences
    _places: np.ndarray

    def __init__(self, source: Sequences, places: np.ndarray, offsets: np.ndarray) -> None:
        """The reviews of a source at these places, `<int64>[reviews]`, and the offsets that a copy has."""
        self.__dict__.update(_source=source, _places=places, offsets=offsets)  # the class is frozen

    @cached_property
    def values(self) -> IdArray:  # type: ignore[override]  # made when it is first asked for
        """The ids of all reviews."""
        return self._copy()

    def _copy(self) -> IdArray:
        return np.concatenate([np.zeros(0, np.int32), *(block.values for block in self.blocks())])

    def __reduce__(self) -> tuple[type[Sequences], tuple[np.ndarray, np.ndarray]]:
        """Another process is given these reviews, and not all that they were chosen from."""
        return Sequences, (self._copy(), self.offsets)

    def __getitem__(self, index: int) -> IdArray:
        ids: IdArray = self._source[int(self._places[index])]
        return ids

    def take(self, indices: np.ndarray) -> Sequences:
        """The reviews at these positions, in this order."""
        return self._source.take(self._places[indices])

    def _block(self, first: int, end: int) -> Sequences:
        ids = [self._source[place] for place in self._places[first:end].tolist()]
        return Sequences(np.concatenate(ids), self.offsets[first : end + 1] - self.offsets[first])


class Lengths(Sequences):
    """Reviews of which only the lengths are known."""

    @classmethod
    def of(cls, lengths: np.ndarray) -> "Lengths":
        """Reviews with so many tokens, `<int64>[reviews]`."""
        return cls(np.zeros(0, np.int32), np.concatenate([[0], np.cumsum(lengths)]))

    def take(self, indices: np.ndarray) -> "Lengths":
        """The lengths at these positions, in this order."""
        return Lengths.of(self.lengths[indices])


@dataclass(frozen=True)
class SourceReviews:
    """Reviews as a source has them: texts, or ids already in Keras IMDB's numbering."""

    title: str  # for people: what data this is
    labels: np.ndarray  # <int8>[reviews], positions in `classes`
    parts: np.ndarray | None  # <int8>[reviews], positions in PARTS; None when the source has no split of its own
    texts: Sequence[str] | None = None
    sequences: Sequences | None = None
    unlabelled: Sequence[str] = ()  # further texts, without a label, of neither part
    words: tuple[str, ...] | None = None  # the source's word index, most frequent first
    is_demo: bool = False
    is_imdb: bool = False  # whether its texts are IMDB's, or stand in for them: IMDB's rule makes their tokens
    notes: tuple[str, ...] = ()
    classes: Classes = SENTIMENT
    groups: np.ndarray | None = None  # <int64>[reviews]; reviews of one group are drawn into one part
    times: np.ndarray | None = None  # <float64>[reviews]; the latest are the test part
    rows: np.ndarray | None = None  # <int64>[reviews], what the source's place of each is called by
    left_out: LeftOut = field(default_factory=LeftOut)  # rows that do not fit
    bucket_edges: tuple[int, ...] = ()  # those that fit its lengths, where it is known well


@dataclass(frozen=True)
class Bucket:
    """A range of sequence lengths, both edges inclusive; lengths count the start token."""

    low: int
    high: int | None  # None: open

    @property
    def name(self) -> str:
        """`0-129`, ..., `598-end`."""
        return f"{self.low}-{'end' if self.high is None else self.high}"

    def holds(self, lengths: np.ndarray) -> np.ndarray:
        """`<bool>[reviews]`: whether each length falls in this bucket."""
        return (lengths >= self.low) & (lengths <= (self.high if self.high is not None else np.inf))


def bucket_numbers(buckets: tuple[Bucket, ...], lengths: np.ndarray) -> np.ndarray:
    """The position of the bucket that holds each length, `<int64>[reviews]`; the buckets ascend and leave no gap."""
    return np.searchsorted([b.high for b in buckets[:-1] if b.high is not None], lengths)


@dataclass(frozen=True)
class Reviews:
    """Labelled reviews of one part with the ids of their source; batches cut them to the vocabulary of a network."""

    sequences: Sequences
    labels: np.ndarray  # <int8>[reviews], positions in the dataset's classes
    rows: np.ndarray  # <int64>[reviews], position in the source

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Reviews":
        """The reviews at these positions, in this order."""
        return Reviews(self.sequences.take(indices), self.labels[indices], self.rows[indices])

    def within(self, bucket: Bucket) -> "Reviews":
        """The reviews whose length falls in the bucket."""
        return self.take(np.flatnonzero(bucket.holds(self.sequences.lengths)))

    def first(self, share: float, buckets: tuple[Bucket, ...], n_classes: int) -> "Reviews":
        """This share of each class, drawn evenly from every bucket, and at least one review of each class.

        A larger share of the same reviews holds every review of a smaller one.
        """
        rng, numbers = np.random.default_rng(len(self)), bucket_numbers(buckets, self.sequences.lengths)
        chosen = []
        for label in range(n_classes):
            members, place = np.flatnonzero(self.labels == label), np.empty(len(self))
            for number in range(len(buckets)):
                inside = rng.permutation(members[numbers[members] == number])
                place[inside] = (np.arange(len(inside)) + rng.uniform()) / max(1, len(inside))
            chosen.append(members[np.argsort(place[members], kind="stable")][: max(1, round(share * len(members)))])
        return self.take(np.sort(np.concatenate(chosen)))


@dataclass(frozen=True)
class Origin(Record):
    """Where the reviews of a dataset come from, and what was counted and left out when they were prepared."""

    title: str  # for people: what data this is
    is_demo: bool  # whether the reviews were generated
    notes: tuple[str, ...]  # what a person should know about them, a sentence each
    duplicates_train: int  # training reviews whose ids another training review has too
    duplicates_test: int
    leaked: int  # distinct training texts that also stand in the test part
    leaked_dropped: int  # training reviews that were left out for that reason
    unlabelled_dropped: int  # unlabelled reviews that were left out because their text stands in the test part


@dataclass(frozen=True)
class Dataset:
    """Everything that studies read.

    `data_preprocessing.prepare` makes it, `data.summary.summarise` describes it, and `data.store` keeps it on the disk:

        dataset = prepare(PROFILES["smoke"])
        longest = dataset.scope(dataset.buckets[-1].name)
        len(longest.train), len(longest.test)
    """

    train: Reviews
    validation: Reviews
    test: Reviews
    buckets: tuple[Bucket, ...]
    classes: Classes
    vocabulary: Vocabulary
    vocab_size: int  # ids a network knows: 0 ... vocab_size - 1
    max_length: int  # tokens a network reads of a longer review
    unused: Sequences  # training reviews that a subsample left out, without their labels, none of them in the test part
    unlabelled: Sequences  # further reviews, without a label, none of them in the test part
    leaked: np.ndarray  # <int64>[n], positions in the source of the test reviews whose text stands in the training part too
    whole_lengths: np.ndarray  # <int64>[n], of the whole training part: with validation, and before a subsample was drawn
    whole_labels: np.ndarray  # <int8>[n], of the same reviews
    origin: Origin

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the ids, labels and source positions of every part, of the classes, the buckets and the vocabulary's size."""
        about = [[b.name for b in self.buckets], self.vocab_size, self.classes.names]
        digest = hashlib.sha256(json.dumps(about).encode())
        parts = (self.train, self.validation, self.test)
        for part in parts:
            _update(digest, part.sequences, part.labels, part.rows)
        for texts in (self.unused, self.unlabelled):
            _update(digest, texts)
        return digest.hexdigest()

    @property
    def n_tokens(self) -> int:
        """Tokens of all reviews."""
        labelled = (getattr(self, part).sequences for part in PARTS)
        return int(sum(texts.offsets[-1] for texts in (*labelled, self.unused, self.unlabelled)))

    @property
    def n_labelled(self) -> int:
        """Reviews that may be learned from: those of the training and of the validation part."""
        return len(self.train) + len(self.validation)

    def scope(self, bucket: str) -> "Dataset":
        """The dataset with its parts cut to one bucket, or the dataset itself for `all`.

        Raises:
            DataError: no bucket has this name.
        """
        if bucket == ALL:
            return self
        for candidate in self.buckets:
            if candidate.name == bucket:
                return replace(self, buckets=(candidate,), **{part: getattr(self, part).within(candidate) for part in PARTS})
        raise DataError(f"no bucket is named {bucket!r}; buckets: {', '.join(b.name for b in self.buckets)}")

    def first(self, n_reviews: int) -> "Dataset":
        """The dataset with so many of its training and validation reviews together, and with all of its test reviews.

        Classes and buckets keep their shares, and a larger number holds every review of a smaller one. The dataset itself is
        returned where it has no more reviews than that.
        """
        share = n_reviews / self.n_labelled
        if share >= 1:
            return self
        train, validation = (part.first(share, self.buckets, len(self.classes)) for part in (self.train, self.validation))
        return replace(self, train=train, validation=validation)


def _update(digest: "hashlib._Hash", texts: Sequences, *others: np.ndarray) -> None:
    """Add the ids and offsets of some texts, and other arrays, to a digest."""
    for block in texts.blocks():
        digest.update(np.ascontiguousarray(block.values).data)
    for array in (texts.offsets, *others):
        digest.update(np.ascontiguousarray(array).data)
