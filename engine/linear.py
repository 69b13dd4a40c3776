"""The linear models of a finished run, which are its yardsticks: what they say of a review, and the file they are kept in.

Both read words, pairs and triples of a whole review: one how often they stand there (TF-IDF), the other whether they do.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.ngrams import NGrams, Tally, shared_out
from data.types import IdArray
from engine.arrays import Array
from records.errors import TRAIN_AGAIN, CheckpointError


@dataclass(frozen=True)
class LinearModel:
    """A logit that is the sum of a review's n-grams, each with its weight."""

    ngrams: NGrams
    weights: Array  # <float64>[n-grams]
    intercept: float
    idf: Array | None = None  # <float64>[n-grams] of TF-IDF; None: an n-gram counts 1, however often it stands there

    def logits(self, rows: Sequence[IdArray]) -> Array:
        """The logit of each review, `<float64>[reviews]`, of whole reviews: no word is outside its vocabulary."""
        return self.logits_of(self.ngrams.tally(rows))

    def logits_of(self, tally: Tally) -> Array:
        """The logit of each review that has been tallied, `<float64>[reviews]`."""
        parts = self.weights[tally.numbers] * self.values(tally)
        return np.bincount(tally.reviews, parts, tally.n_reviews) + self.intercept

    def values(self, tally: Tally) -> Array:
        """What each pair of a review and an n-gram that it holds counts, `<float64>[pairs]`."""
        return np.ones(len(tally.numbers)) if self.idf is None else tf_idf(tally, self.idf)

    def contributions(self, row: IdArray) -> Array:
        """What each token adds to the logit, `<float64>[time]`; an n-gram's part is shared equally by its words and its places.

        The rest of the logit is the intercept.
        """
        tally, found = self.ngrams.tally([row]), self.ngrams.find(row)
        each = np.zeros(len(self.ngrams) + 1)  # the last one is of every n-gram that is not known, whose number is -1
        each[tally.numbers] = self.weights[tally.numbers] * self.values(tally) / tally.times
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

    `words <int32>[words]` and for pairs, triples, ... `keys2 <uint64>[pairs]`, ... as in `NGrams`; `weights <float64>[n-grams]`,
    `intercept <float64>[1]`, and of TF-IDF `idf <float64>[n-grams]`.
    """
    arrays = {f"keys{length}": keys for length, keys in enumerate(model.ngrams.keys, start=2)}
    arrays |= {} if model.idf is None else {"idf": model.idf}
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            words=model.ngrams.words,
            weights=model.weights,
            intercept=np.array([model.intercept]),
            allow_pickle=False,
            **arrays,
        )


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
    words, weights, intercept, idf = arrays["words"], arrays["weights"], arrays["intercept"], arrays.get("idf")
    keys = tuple(arrays[f"keys{length}"] for length in range(2, 2 + sum(name.startswith("keys") for name in arrays)))
    ngrams = NGrams(words, keys)
    numbers = [weights, intercept, *([] if idf is None else [idf])]
    if not (
        words.dtype == np.int32
        and all(each.dtype == np.uint64 for each in keys)
        and all(each.ndim == 1 and (each[:1] >= 0).all() and (each[1:] > each[:-1]).all() for each in (words, *keys))
        and all(each.dtype == np.float64 and np.isfinite(each).all() for each in numbers)
        and all(each.shape == (len(ngrams),) for each in numbers if each is not intercept)
        and intercept.shape == (1,)
    ):
        raise ValueError("its arrays do not belong together")
    return LinearModel(ngrams, weights, float(intercept[0]), idf)
