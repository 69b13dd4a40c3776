"""N-grams known by their hashes alone, so that no list of them is needed, however many texts there are. NumPy only.

Every n-gram has one of a fixed number of buckets, which it may share with others: Weinberger et al. (2009), Feature hashing for
large scale multitask learning, ICML.
"""

import math
from dataclasses import dataclass

import numpy as np

from data.ngrams import UNKNOWN, Numbered
from data.types import IdArray
from data.vocabulary import START

MANY = 10_000_000  # tokens to learn from, beyond which linear models know n-grams so: exact ones take 135 bytes for each
_BITS, _FEW_CLASSES = 22, 8  # 20 bits cost 0.3 points on IMDB
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # Steele et al. (2014), SplitMix, OOPSLA
_THIRTY, _TWENTY_SEVEN = np.uint64(30), np.uint64(27)


@dataclass(frozen=True)
class HashedNGrams(Numbered):
    """The n-grams of up to so many words, numbered by `1 << bits` buckets."""

    longest: int
    bits: int

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return self.longest

    def __len__(self) -> int:
        return 1 << self.bits

    def find(self, ids: IdArray, order: int | None = None) -> np.ndarray:
        """The bucket of the word, pair, triple, ... that ends at each token, `<int32>[tokens, order]`, or `UNKNOWN`.

        Args:
            ids: of whole reviews, one after the other, each beginning with the start token: n-grams do not reach over it.
            order: words of the longest n-grams to look for; None for all.
        """
        found = np.full((len(ids), order or self.order), UNKNOWN, np.int32)
        words, shift = ids.astype(np.uint64), np.uint64(64 - self.bits)
        is_word = ids != START
        there, hashes = is_word, _spread(words)
        for level in range(found.shape[1]):
            if level:
                there = np.concatenate([[False], there[:-1]]) & is_word
                hashes = np.concatenate([hashes[:1], _spread(hashes[:-1] + words[1:])])
            found[there, level] = (hashes >> shift)[there]
        return found


def hash_bits(n_classes: int) -> int:
    """Bits of the hashes that linear models read: fewer for very many classes, each of which has weights of its own."""
    return _BITS - max(0, math.ceil(math.log2(n_classes / _FEW_CLASSES)))


def _spread(numbers: np.ndarray) -> np.ndarray:
    """`<uint64>`: each bit depends on all bits of a number."""
    mixed = (numbers ^ (numbers >> _THIRTY)) * _FIRST
    mixed = (mixed ^ (mixed >> _TWENTY_SEVEN)) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
