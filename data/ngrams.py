"""The words, pairs and triples of texts, numbered, and which reviews hold them. NumPy only.

An n-gram is known by the number of all of its words but the last and by the id of the last, so that every vocabulary fits, and
so that a triple is looked for only where its first pair is known: no n-gram is held by more reviews than a part of it is
(Agrawal and Srikant 1994, Fast algorithms for mining association rules, VLDB).

    ngrams, held = collect(dataset.train.sequences, order=3, fewest=2)
    ngrams.find(dataset.test.sequences[0])  # <int32>[time, 3], -1 where an n-gram is not known
    ngrams.tally([dataset.test.sequences[0]])  # which n-grams the review holds, and how often
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from data.types import IdArray, Sequences
from data.vocabulary import START

UNKNOWN = -1  # the number of an n-gram that is not known
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio: Knuth, The art of computer programming, 6.4
_TOKENS_AT_ONCE = 1 << 20  # of a tally: more reviews at once would only take more memory
_INVERSE = np.uint64(pow(int(_MULTIPLIER), -1, 1 << 64))  # modulo 2^64


class Numbered:
    """N-grams that have numbers from 0, by whatever rule."""

    def __len__(self) -> int:
        raise NotImplementedError

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        raise NotImplementedError

    def find(self, ids: IdArray, order: int | None = None) -> np.ndarray:
        """The number of the word, pair, triple, ... that ends at each token, `<int32>[tokens, order]`, or `UNKNOWN`."""
        raise NotImplementedError

    def tally(self, reviews: Sequence[IdArray], order: int | None = None) -> "Tally":
        """Which n-grams each review holds, and how often.

        Args:
            reviews: whole reviews, each beginning with the start token.
            order: words of the longest n-grams to look for; None for all.
        """
        ends = np.cumsum([len(ids) for ids in reviews])
        cuts = np.searchsorted(ends, np.arange(0, ends[-1] if len(ends) else 0, _TOKENS_AT_ONCE)[1:])
        parts, first = list[np.ndarray](), 0
        for some in (reviews[a:b] for a, b in zip([0, *cuts], [*cuts, len(reviews)], strict=True)):
            found = self.find(np.concatenate([np.zeros(0, np.int32), *some]).astype(np.int32), order)
            review = np.repeat(np.arange(first, first + len(some)), [len(ids) for ids in some])
            keys = (review[:, None] * max(1, len(self)) + found)[found >= 0]
            parts.append(np.stack(np.unique(keys, return_counts=True)))
            first += len(some)
        keys, times = np.concatenate(parts, axis=1)
        reviews_of, numbers = np.divmod(keys, max(1, len(self)))
        return Tally(len(reviews), reviews_of.astype(np.int32), numbers.astype(np.int32), times.astype(np.int32))


@dataclass(frozen=True)
class NGrams(Numbered):
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

    def parts(self, words: int) -> tuple[np.ndarray, np.ndarray]:
        """Of the n-grams of so many words: the number of all words but the last, and the id of the last, `<int64>[n-grams]` each.

        The number is 0 for single words, which have none before the last.
        """
        if words == 1:
            return np.zeros(len(self.words), np.int64), self.words.astype(np.int64)
        undone = self.keys[words - 2] * _INVERSE
        return (undone >> np.uint64(32)).astype(np.int64), (undone & np.uint64(0xFFFFFFFF)).astype(np.int64)

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
        maps = (np.load(path, mmap_mode="r", allow_pickle=False) for path in (folder / "words.npy", *longer))
        words, *keys = map(np.asarray, maps)  # plain views of them: indexing a memmap costs more
        are_ids = words.dtype == np.int32 and words.ndim == 1 and words.min(initial=0) >= 0
        if not are_ids or (words[1:] <= words[:-1]).any():
            raise ValueError("words.npy does not hold ascending ids")
        if any(each.dtype != np.uint64 or each.ndim != 1 for each in keys):
            raise ValueError("a file of keys does not hold keys")
        return cls(np.array(words), tuple(keys))

    @property
    def lengths(self) -> np.ndarray:
        """How many words each n-gram has, `<int8>[n-grams]`."""
        return np.repeat(np.arange(1, self.order + 1, dtype=np.int8), self.sizes)

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
        waiting, at = np.arange(len(keys)), self._starts[level].take(keys >> _shift(known))
        while len(waiting):
            within = at < len(known)
            waiting, at = waiting[within], at[within]
            there, wanted = known.take(at), keys.take(waiting)
            places[waiting[there == wanted]] = at[there == wanted]
            waiting, at = waiting[there < wanted], at[there < wanted] + 1
        return places


@dataclass(frozen=True)
class Tally:
    """How often each review holds each of its n-grams: pairs, ordered by review and then by n-gram."""

    n_reviews: int
    reviews: np.ndarray  # <int32>[pairs]
    numbers: np.ndarray  # <int32>[pairs]
    times: np.ndarray  # <int32>[pairs], at least 1

    def of_reviews(self, chosen: np.ndarray) -> "Tally":
        """The tally of some of the reviews, `<bool>[reviews]`, numbered anew in the same order."""
        place, stays = np.cumsum(chosen, dtype=np.int32) - 1, chosen[self.reviews]
        return Tally(int(chosen.sum()), place[self.reviews[stays]], self.numbers[stays], self.times[stays])

    def of_ngrams(self, chosen: np.ndarray) -> "Tally":
        """The tally of some of the n-grams, `<bool>[n-grams]`, which keep their numbers."""
        stays = chosen[self.numbers]
        return Tally(self.n_reviews, self.reviews[stays], self.numbers[stays], self.times[stays])


@dataclass(frozen=True)
class Holdings:
    """Which review holds which n-gram, each pair once, however often the n-gram stands in the review."""

    reviews: np.ndarray  # <int32>[pairs]
    numbers: np.ndarray  # <int32>[pairs], ascending

    def counts(self, labels: np.ndarray, n_ngrams: int, n_classes: int) -> np.ndarray:
        """Reviews of each class that hold each n-gram, `<int32>[n-grams, classes]`; the labels are those of all reviews."""
        return class_counts(self.numbers, labels[self.reviews], n_ngrams, n_classes)


def class_counts(numbers: np.ndarray, labels: np.ndarray, n_ngrams: int, n_classes: int) -> np.ndarray:
    """How often each n-gram stands with each class in these pairs, `<int32>[n-grams, classes]`.

    Args:
        numbers: of an n-gram, `<int>[pairs]`.
        labels: of the review that holds it, `<int>[pairs]`.
        n_ngrams: that there are.
        n_classes: that there are.
    """
    flat = np.bincount(numbers.astype(np.int64) * n_classes + labels, minlength=n_ngrams * n_classes)
    return flat.reshape(n_ngrams, n_classes).astype(np.int32)


def log_count_ratios(counts: np.ndarray, totals: np.ndarray, outcomes: float = 2.0) -> np.ndarray:
    """What counts say for each class and against all others together, `<float64>[..., classes]`; 0: nothing.

        r = log((c + 1) / (C + outcomes)) - log((d + 1) / (D + outcomes))

    with c, C the count and the total of the class, and d, D the sums of those of all other classes. Of two classes one has the
    negative of the other. The counts are smoothed by Laplace's rule: one more of each outcome.

    Reviews that hold an n-gram, of all reviews of the class, have two outcomes: it is there or not. N-grams, of all n-grams that
    reviews of the class hold, have as many outcomes as there are n-grams. Both are naive Bayes: McCallum and Nigam (1998), A
    comparison of event models for naive Bayes text classification, AAAI workshop. As weights of a linear model: Wang and Manning
    (2012), Baselines and Bigrams, ACL, who count the second way.

    Args:
        counts: `<int>[..., classes]`.
        totals: that the counts are parts of, `<int>[classes]`.
        outcomes: how many there are.
    """
    others, all_others = counts.sum(axis=-1, keepdims=True) - counts, totals.sum() - totals
    return np.log((counts + 1) / (totals + outcomes)) - np.log((others + 1) / (all_others + outcomes))


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
