"""The linear models of a finished run, which are its yardsticks: what they say of a review, and the file they are kept in.

Both read words, pairs and triples of a whole review: one how often they stand there (TF-IDF), the other whether they do.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data.hashed import HashedNGrams
from data.ngrams import NGrams, Numbered, Tally, shared_out
from data.types import IdArray
from engine.arrays import Array, margins
from records.errors import TRAIN_AGAIN, CheckpointError


@dataclass(frozen=True)
class LinearModel:
    """Logits that are sums of a review's n-grams, each with its weights."""

    ngrams: Numbered
    weights: Array  # <float64>[n-grams, classes - 1]
    intercepts: Array  # <float64>[classes - 1]
    idf: Array | None = None  # <float64>[n-grams] of TF-IDF; None: an n-gram counts 1, however often it stands there

    def logits(self, rows: Sequence[IdArray]) -> Array:
        """The logits of each review, `<float64>[reviews, classes - 1]`, of whole reviews: no word is outside its vocabulary."""
        return self.logits_of(self.ngrams.tally(rows))

    def logits_of(self, tally: Tally) -> Array:
        """The logits of each review that has been tallied, `<float64>[reviews, classes - 1]`."""
        values = self.values(tally)
        sums = [np.bincount(tally.reviews, of_class[tally.numbers] * values, tally.n_reviews) for of_class in self.weights.T]
        return np.stack(sums, axis=-1) + self.intercepts

    def towards(self, label: int) -> "LinearModel":
        """The same model with one logit: how far this class's is above the mean of the others', see `engine.arrays.margins`."""
        weights, intercepts = (margins(each, label)[..., None] for each in (self.weights, self.intercepts))
        return replace(self, weights=weights, intercepts=intercepts)

    def values(self, tally: Tally) -> Array:
        """What each pair of a review and an n-gram that it holds counts, `<float64>[pairs]`."""
        return np.ones(len(tally.numbers)) if self.idf is None else tf_idf(tally, self.idf)

    def contributions(self, row: IdArray) -> Array:
        """What each token adds to the one logit, `<float64>[time]`; an n-gram's part is shared by its words and its places.

        The rest of the logit is the intercept.
        """
        tally, found = self.ngrams.tally([row]), self.ngrams.find(row)
        each = np.zeros(len(self.ngrams) + 1)  # the last one is of every n-gram that is not known, whose number is -1
        each[tally.numbers] = self.weights[tally.numbers, 0] * self.values(tally) / tally.times
        return shared_out(each[found], np.arange(1, self.ngrams.order + 1))


def tf_idf(tally: Tally, idf: Array) -> Array:
    """The value of each pair of a review and an n-gram, `<float64>[pairs]`: `(1 + log(times)) * idf`, of length 1 in each review.

    So scikit-learn's `TfidfVectorizer` computes with `sublinear_tf=True`.
    """
    values = (1 + np.log(tally.times)) * idf[tally.numbers]
    squares = np.bincount(tally.reviews, values**2, tally.n_reviews)
    return values / np.sqrt(np.where(squares > 0, squares, 1.0))[tally.reviews]


def save(model: LinearModel, path: Path) -> None:
    """Write a model as flat arrays, so that reading it runs nothing.

    `words <int32>[words]` and for pairs, triples, ... `keys2 <uint64>[pairs]`, ... as in `NGrams`, or `hashed <int64>[2]`, the
    two numbers of `HashedNGrams`; of the logits `weights <float64>[n-grams, classes - 1]` and
    `intercepts <float64>[classes - 1]`, and of TF-IDF `idf <float64>[n-grams]`.
    """
    arrays = _arrays(model.ngrams)
    arrays |= {} if model.idf is None else {"idf": model.idf}
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            weights=model.weights,
            intercepts=model.intercepts,
            allow_pickle=False,
            **arrays,
        )


def _arrays(ngrams: Numbered) -> dict[str, Array]:
    if isinstance(ngrams, HashedNGrams):
        return {"hashed": np.array([ngrams.longest, ngrams.bits])}
    if not isinstance(ngrams, NGrams):
        raise TypeError(f"n-grams of a kind that no file keeps: {type(ngrams).__name__}")
    return {"words": ngrams.words} | {f"keys{length}": keys for length, keys in enumerate(ngrams.keys, start=2)}


def load(path: Path) -> LinearModel:
    """The model in a file of `save`; nothing pickled is read.

    Raises:
        CheckpointError: the file is missing, damaged or was changed.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _checked(arrays)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: {TRAIN_AGAIN}; or choose another --study") from error
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is damaged or was changed ({error}); {TRAIN_AGAIN}") from error


def _checked(arrays: dict[str, Array]) -> LinearModel:
    """The model of a file's arrays.

    Raises:
        KeyError, ValueError: an array is missing, or they do not belong together.
    """
    weights, intercepts, idf, ngrams = arrays["weights"], arrays["intercepts"], arrays.get("idf"), _checked_ngrams(arrays)
    numbers = [weights, intercepts, *([] if idf is None else [idf])]
    if not (
        all(each.dtype == np.float64 and np.isfinite(each).all() for each in numbers)
        and weights.shape == (len(ngrams), *intercepts.shape)
        and intercepts.ndim == 1
        and (idf is None or idf.shape == (len(ngrams),))
    ):
        raise ValueError("its arrays do not belong together")
    return LinearModel(ngrams, weights, intercepts, idf)


def _checked_ngrams(arrays: dict[str, Array]) -> Numbered:
    """The n-grams of a file's arrays.

    Raises:
        KeyError, ValueError: an array is missing, or they do not belong together.
    """
    if "hashed" in arrays:
        hashed = arrays["hashed"]
        if hashed.shape != (2,) or hashed.dtype != np.int64 or not (0 < hashed[0] < 10 and 0 < hashed[1] < 32):
            raise ValueError("no n-grams have such hashes")
        return HashedNGrams(*hashed.tolist())
    words = arrays["words"]
    keys = tuple(arrays[f"keys{length}"] for length in range(2, 2 + sum(name.startswith("keys") for name in arrays)))
    if not (
        words.dtype == np.int32
        and all(each.dtype == np.uint64 for each in keys)
        and all(each.ndim == 1 and (each[:1] >= 0).all() and (each[1:] > each[:-1]).all() for each in (words, *keys))
    ):
        raise ValueError("its arrays do not belong together")
    return NGrams(words, keys)
