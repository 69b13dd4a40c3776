"""The words, pairs and triples of texts, numbered, and which reviews hold them. NumPy only.

An n-gram is known by the number of all of its words but the last and by the id of the last, so that every vocabulary fits, and
so that a triple is looked for only where its first pair is known: no n-gram is held by more reviews than a part of it is
(Agrawal and Srikant 1994, Fast algorithms for mining association rules, VLDB).

    ngrams, held = collect(dataset.train.sequences, order=3, fewest=2)
    ngrams.find(dataset.test.sequences[0])  # <int32>[time, 3], -1 where an n-gram is not known
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from data.types import IdArray, Sequences
from data.vocabulary import START

UNKNOWN = -1  # the number of an n-gram that is not known
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio: Knuth, The art of computer programming, 6.4


@dataclass(frozen=True)
class NGrams:
    """N-grams of words, numbered: single words in the order of their ids first, then pairs, then triples."""

    words: IdArray  # <int32>[words], ascending ids
    keys: tuple[np.ndarray, ...]  # of pairs, of triples, ...: <uint64>[n-grams], ascending, see `_keys`

    def __len__(self) -> int:
        return sum(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """How many words, pairs, triples, ... there are."""
        return [len(self.words), *map(len, self.keys)]

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return 1 + len(self.keys)

    def find(self, ids: IdArray, order: int | None = None) -> np.ndarray:
        """The number of the word, pair, triple, ... that ends at each token, `<int32>[tokens, order]`, or `UNKNOWN`.

        Args:
            ids: of whole reviews, one after the other, each beginning with the start token: n-grams do not reach over it.
            order: words of the longest n-grams to look for; None for all.
        """
        found = np.full((len(ids), order or self.order), UNKNOWN, np.int32)
        found[:, 0] = self._number_of_word[np.minimum(ids, len(self._number_of_word) - 1)]
        known = len(self.words)
        for level in range(1, found.shape[1]):
            shorter = found[:-1, level - 1]
            at = np.flatnonzero((shorter >= 0) & (found[1:, 0] >= 0))
            places = self._places(level - 1, _keys(shorter[at], ids[at + 1]))
            found[at + 1, level] = np.where(places >= 0, places + known, UNKNOWN)
            known += len(self.keys[level - 1])
        return found

    def save(self, folder: Path) -> None:
        """Write each array as a file of its own, which is mapped into memory when it is read."""
        np.save(folder / "words.npy", self.words, allow_pickle=False)
        for words, keys in enumerate(self.keys, start=2):
            np.save(folder / f"keys-{words}.npy", keys, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The n-grams that `save` wrote.

        Raises:
            OSError, ValueError: a file is missing or damaged.
        """
        longer = sorted(folder.glob("keys-*.npy"))
        words, *keys = (np.load(path, mmap_mode="r", allow_pickle=False) for path in (folder / "words.npy", *longer))
        return cls(np.array(words), tuple(keys))

    @cached_property
    def _number_of_word(self) -> np.ndarray:
        """`<int32>[highest id + 2]`; the last one stands for every id above the highest."""
        numbers = np.full(int(self.words[-1]) + 2 if len(self.words) else 1, UNKNOWN, np.int32)
        numbers[self.words] = np.arange(len(self.words), dtype=np.int32)
        return numbers

    @cached_property
    def _starts(self) -> list[np.ndarray]:
        """For each array of keys, the place of the first key from which on its first bits are this number or a higher one."""
        return [np.searchsorted(keys, np.arange(1 << _bits(keys), dtype=np.uint64) << _shift(keys)) for keys in self.keys]

    def _places(self, level: int, keys: np.ndarray) -> np.ndarray:
        """The place of each key among those of a level, `<int64>[n]`, or `UNKNOWN`.

        The keys are spread evenly, so that their first bits say where to look: a few thousand are found in a fifth of the time
        of a binary search.
        """
        known, places = self.keys[level], np.full(len(keys), UNKNOWN)
        waiting, at = np.arange(len(keys)), self._starts[level][keys >> _shift(known)]
        while len(waiting):
            within = at < len(known)
            waiting, at = waiting[within], at[within]
            there, wanted = known[at], keys[waiting]
            places[waiting[there == wanted]] = at[there == wanted]
            waiting, at = waiting[there < wanted], at[there < wanted] + 1
        return places


@dataclass(frozen=True)
class Holdings:
    """Which review holds which n-gram, each pair once, however often the n-gram stands in the review."""

    reviews: np.ndarray  # <int32>[pairs]
    numbers: np.ndarray  # <int32>[pairs], ascending

    def counts(self, labels: np.ndarray, n_ngrams: int, n_classes: int) -> np.ndarray:
        """Reviews of each class that hold each n-gram, `<int32>[n-grams, classes]`; the labels are those of all reviews."""
        flat = np.bincount(self.numbers.astype(np.int64) * n_classes + labels[self.reviews], minlength=n_ngrams * n_classes)
        return flat.reshape(n_ngrams, n_classes).astype(np.int32)


def collect(sequences: Sequences, order: int, fewest: int) -> tuple[NGrams, Holdings]:
    """The n-grams that enough reviews hold, and which reviews hold them.

    Args:
        sequences: whole reviews, each beginning with the start token, which is part of no n-gram.
        order: words of the longest n-grams, at least 1.
        fewest: reviews that must hold an n-gram.
    """
    ids = sequences.values
    review = np.repeat(np.arange(len(sequences), dtype=np.int32), sequences.lengths)
    at = np.flatnonzero(ids != START)  # where an n-gram of the present length ends
    words, shorter, held = _frequent(ids[at].astype(np.int64), review[at], fewest)
    keys, reviews, numbers, known = list[np.ndarray](), [held[0]], [held[1]], len(words)
    number_at = np.full(len(ids), UNKNOWN, np.int32)
    number_at[at] = shorter
    is_word = number_at >= 0
    for _ in range(1, order):
        at = 1 + np.flatnonzero((number_at[:-1] >= 0) & is_word[1:])
        found, longer, held = _frequent(_keys(number_at[at - 1], ids[at]), review[at], fewest)
        keys.append(found)
        reviews.append(held[0])
        numbers.append(held[1] + known)
        number_at = np.full(len(ids), UNKNOWN, np.int32)
        number_at[at] = np.where(longer >= 0, longer + known, UNKNOWN)
        known += len(found)
    return NGrams(words.astype(np.int32), tuple(keys)), Holdings(np.concatenate(reviews), np.concatenate(numbers))


def _keys(shorter: np.ndarray, last: np.ndarray) -> np.ndarray:
    """`<uint64>`: the number of an n-gram without its last word beside the id of that word, multiplied so that it is spread.

    No two n-grams have the same key: multiplying by an odd number modulo 2^64 can be undone.
    """
    return (shorter.astype(np.uint64) << np.uint64(32) | last.astype(np.uint64)) * _MULTIPLIER


def _bits(keys: np.ndarray) -> int:
    """How many first bits tell the keys apart, more or less."""
    return max(1, len(keys).bit_length())


def _shift(keys: np.ndarray) -> np.uint64:
    return np.uint64(64 - _bits(keys))


def _frequent(keys: np.ndarray, review: np.ndarray, fewest: int) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The keys that enough reviews hold, ascending; the place of each given key among them, or `UNKNOWN`; reviews and places.

    Args:
        keys: one for each place where an n-gram stands, in the order of the reviews.
        review: that it stands in.
        fewest: reviews that must hold a key.
    """
    order = np.argsort(keys, kind="stable")
    keys, review = keys[order], review[order]
    is_new_key = np.ones(len(keys), bool)
    is_new_key[1:] = keys[1:] != keys[:-1]
    is_new = is_new_key | (np.diff(review, prepend=-1) != 0)
    group = np.cumsum(is_new_key) - 1
    is_frequent = np.bincount(group, is_new) >= fewest
    place = np.where(is_frequent, np.cumsum(is_frequent) - 1, UNKNOWN).astype(np.int32)
    sorted_places = place[group]
    places = np.empty(len(keys), np.int32)
    places[order] = sorted_places
    is_held = is_new & (sorted_places >= 0)
    return keys[is_new_key][is_frequent], places, (review[is_held], sorted_places[is_held])
