"""Texts to token ids and back, in Keras IMDB's numbering: 0 padding, 1 start, 2 out of vocabulary, 3 unused, 4... words."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sources.records import IdArray

PADDING, START, OOV = 0, 1, 2
FIRST_WORD = 4  # the id of the most frequent word
_FILTERED = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # keras.preprocessing.text's filter: the apostrophe stays
_TABLE = {ord(c): " " for c in _FILTERED} | {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}


def tokenize(text: str) -> list[str]:
    """Words as in Keras IMDB: ASCII letters lower-cased, punctuation to spaces, split on spaces only.

    Other white space (U+0085, no-break space) stays inside words, as it did when the published ids were made.
    """
    return [word for word in text.translate(_TABLE).split(" ") if word]


@dataclass(frozen=True)
class Vocabulary:
    """Words by frequency rank; the word of rank r has the id r + 3."""

    words: tuple[str, ...]  # most frequent first
    drops_unknown: bool  # Keras IMDB drops words outside its index; otherwise they become out-of-vocabulary

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: rank + FIRST_WORD for rank, word in enumerate(self.words)}

    def encode(self, text: str) -> IdArray:
        """The ids of a text, `<int32>[time]`, the start token first."""
        ids = [self._ids.get(word, OOV) for word in tokenize(text)]
        return np.array([START, *(i for i in ids if i != OOV or not self.drops_unknown)], dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The words of ids, `?` for out-of-vocabulary; padding and start leave nothing."""
        return " ".join(self._word(int(i)) for i in ids if i not in (PADDING, START))

    def _word(self, token_id: int) -> str:
        rank = token_id - FIRST_WORD
        return self.words[rank] if 0 <= rank < len(self.words) else "?"


def learn_vocabulary(texts: Iterable[str], min_frequency: int) -> Vocabulary:
    """The words of the training part that stand there at least `min_frequency` times; ties in alphabetical order."""
    counts = Counter(word for text in texts for word in tokenize(text))
    frequent = [word for word, count in counts.items() if count >= min_frequency]
    return Vocabulary(tuple(sorted(frequent, key=lambda word: (-counts[word], word))), drops_unknown=False)
