"""The linear yardstick of a finished run (TF-IDF of 1-2-grams, logistic regression) from the arrays of `baseline.save`."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.types import IdArray
from data.vocabulary import START
from engine.arrays import Array
from records.errors import TRAIN_AGAIN, CheckpointError


@dataclass(frozen=True)
class LinearModel:
    """Terms are known by one number each: a word's id, and the id of the word before it in the upper half."""

    terms: np.ndarray  # <int64>[terms], ascending
    idf: Array  # <float64>[terms]
    weights: Array  # <float64>[terms]
    intercept: float

    def logits(self, rows: Sequence[IdArray]) -> Array:
        """The logit of each review, `<float64>[reviews]`, of whole reviews: no word is outside its vocabulary."""
        return np.array([self._logit(row) for row in rows])

    def contributions(self, row: IdArray) -> Array:
        """What each token adds to the logit, `<float64>[time]`; a pair's part is shared by its two words.

        The rest of the logit is the intercept.
        """
        keys, singles = _keys(row)
        found, counts, places = self._found(keys)
        values = self._values(found, counts)
        each = np.zeros(len(keys))
        for place, index in places.items():
            each[place] = self.weights[found[index]] * values[index] / counts[index]
        shares = np.zeros(len(row))
        words = np.flatnonzero(row != START)
        shares[words] += each[:singles]
        shares[words[1:]] += each[singles:] / 2
        shares[words[:-1]] += each[singles:] / 2
        return shares

    def _logit(self, row: IdArray) -> float:
        found, counts, _ = self._found(_keys(row)[0])
        return float(self.weights[found] @ self._values(found, counts)) + self.intercept

    def _found(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[int, int]]:
        """Known terms of a review, how often each stands there, and which of them stands at each place."""
        unique, where, counts = np.unique(keys, return_inverse=True, return_counts=True)
        at = np.searchsorted(self.terms, unique).clip(max=len(self.terms) - 1)
        known = self.terms[at] == unique
        index = np.cumsum(known) - 1
        places = {place: int(index[key]) for place, key in enumerate(where) if known[key]}
        return at[known], counts[known], places

    def _values(self, found: np.ndarray, counts: np.ndarray) -> Array:
        """TF-IDF as scikit-learn computes it with `sublinear_tf`: of length 1."""
        values = (1 + np.log(counts)) * self.idf[found]
        norm = np.sqrt(values @ values)
        return values / norm if norm else values


def load(path: Path) -> LinearModel:
    """The model in a file of `baseline.save`; nothing pickled is read.

    Raises:
        CheckpointError: the file is missing, damaged or was changed.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            terms, idf, weights, intercept = (file[name] for name in ("terms", "idf", "weights", "intercept"))
        keys = _pairs(terms[:, 0], terms[:, 1])
        order = np.argsort(keys)
        if not len(keys) == len(idf) == len(weights) or not np.isfinite(weights).all():
            raise ValueError("its arrays do not belong together")
        return LinearModel(keys[order], idf[order], weights[order], float(intercept[0]))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: {TRAIN_AGAIN}; or choose another --study") from error
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is damaged or was changed ({error}); {TRAIN_AGAIN}") from error


def _keys(row: IdArray) -> tuple[np.ndarray, int]:
    """Numbers of a review's words and then of its pairs; and how many words there are."""
    words = row[row != START]
    nothing = np.zeros_like(words)
    return np.concatenate([_pairs(words, nothing), _pairs(words[1:], words[:-1])]), len(words)


def _pairs(words: np.ndarray, before: np.ndarray) -> np.ndarray:
    return words.astype(np.int64) | before.astype(np.int64) << 32
