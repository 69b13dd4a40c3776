"""What every source hands over."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

IdArray = np.ndarray[tuple[int], np.dtype[np.int32]]


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

    def __getitem__(self, index: int) -> IdArray:
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each review, the start token included, `<int64>[reviews]`."""
        return np.diff(self.offsets)

    def take(self, indices: np.ndarray) -> Self:
        """The reviews at these positions, in this order."""
        return type(self).from_lists(self[i] for i in indices)


@dataclass(frozen=True)
class SourceReviews:
    """Reviews as a source has them: texts, or ids already in Keras IMDB's numbering."""

    title: str  # for people: what data this is
    labels: np.ndarray  # <int8>[reviews], 1 = positive
    is_test: np.ndarray | None  # <bool>[reviews]; None when the source has no split of its own
    texts: list[str] | None = None
    sequences: Sequences | None = None
    unlabelled: tuple[str, ...] = ()  # further texts, without a label, of neither part
    words: tuple[str, ...] | None = None  # the source's word index, most frequent first
    is_demo: bool = False
    notes: tuple[str, ...] = ()
