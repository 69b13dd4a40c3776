"""The texts that a run has learned from and was tested on, as digests that stay in its folder when the reviews have gone."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.types import Dataset
from saver import atomic

_BYTES = 8  # of a digest: of a million texts, two share one by chance with a probability of 3 in 100 million


@dataclass(frozen=True)
class KnownTexts:
    """Digests of token ids, ascending, `<uint64>[texts]`; two texts with the same ids are the same to a run."""

    learned: np.ndarray  # of the training and the validation part
    tested: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset) -> "KnownTexts":
        """Those of a prepared dataset."""
        train, validation, test = (digests(part.sequences) for part in (dataset.train, dataset.validation, dataset.test))
        return cls(np.union1d(train, validation), np.unique(test))

    def write(self, path: Path) -> None:
        """Write them atomically."""
        with atomic(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, learned=self.learned, tested=self.tested)

    @classmethod
    def read(cls, path: Path) -> "KnownTexts":
        """What `write` wrote.

        Raises:
            OSError, ValueError, KeyError: there is no such file, or it is none of these.
        """
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return cls(file["learned"], file["tested"])


def digests(reviews: Iterable[np.ndarray]) -> np.ndarray:
    """A digest of the ids of each review, `<uint64>[reviews]`."""
    each = (hashlib.blake2b(np.asarray(ids, dtype=np.int32).tobytes(), digest_size=_BYTES).digest() for ids in reviews)
    return np.frombuffer(b"".join(each), dtype="<u8").astype(np.uint64)
