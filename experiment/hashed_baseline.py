"""The linear models of more reviews than the exact ones of `experiment/baseline.py` have memory for.

They read the reviews some thousand at a time, again and again, know n-grams by the buckets of their hashes, and are fitted by
averaged stochastic gradient descent (Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging, SIAM
Journal on Control and Optimization), which is scikit-learn's. Each has one form, which a tenth of the reviews judges.

- `linear`: TF-IDF of words and pairs, and logistic regression.
- `nb_linear`: the same, times what naive Bayes says of an n-gram's bucket.

Of more than two classes both read one class against the rest. On IMDB's 25,000 reviews they are right on as many test reviews as
the exact ones, to within half a point: docs/log/2026-11-28.md, hashed-yardsticks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import SGDClassifier

from analysis.evaluation import is_right
from data.hashed import MANY, HashedNGrams, hash_bits
from data.ngrams import class_counts, log_count_ratios
from data.types import IdArray, Reviews
from engine.arrays import class_probabilities
from engine.linear import LinearModel, tf_idf
from experiment.baseline import linear_model, sparse_features
from records.study import CrossValidated, LinearForm

EPOCHS = 2  # a third did not help on IMDB
HELD_SHARE, MOST_HELD = 0.1, 100_000  # reviews that judge the form
AT_ONCE = 4_000  # reviews


@dataclass(frozen=True)
class Stream:
    """Reviews to learn from, read some at a time."""

    parts: tuple[Reviews, ...]
    n_classes: int
    weigh_classes_alike: bool = False  # a review of a rare class counts for more

    @property
    def labels(self) -> np.ndarray:
        """Of all reviews, `<int64>[reviews]`."""
        return np.concatenate([part.labels for part in self.parts]).astype(np.int64)

    def batches(self, positions: np.ndarray) -> Iterator[tuple[list[IdArray], np.ndarray]]:
        """The reviews at these positions, in this order, and their labels, some thousand at a time."""
        ends, labels = np.cumsum([len(part) for part in self.parts]), self.labels
        for start in range(0, len(positions), AT_ONCE):
            some = positions[start : start + AT_ONCE]
            places = zip(np.searchsorted(ends, some, side="right").tolist(), some.tolist(), strict=True)
            rows = [self.parts[part].sequences[place - int(ends[part]) + len(self.parts[part])] for part, place in places]
            yield rows, labels[some]


def form_of(n_classes: int) -> LinearForm:
    """The form of both linear models."""
    return LinearForm(n=2, min_df=2, C=10.0, hash_bits=hash_bits(n_classes))


def is_large(*parts: Reviews) -> bool:
    """Whether there are too many reviews for an exact model."""
    return sum(int(part.sequences.offsets[-1]) for part in parts) > MANY


def validate(kind: str, stream: Stream, seed: int) -> tuple[CrossValidated, ...]:
    """How well the form does on reviews that it has not learned from, in one pass over the others.

    Args:
        kind: a yardstick.
        stream: all reviews to learn from.
        seed: of what is drawn.
    """
    form, n = form_of(stream.n_classes), len(stream.labels)
    shuffled = np.random.default_rng(seed).permutation(n)
    n_held, right = min(MOST_HELD, max(1, int(HELD_SHARE * n))), 0
    model = _fitted(_Learning(kind, form, stream, np.sort(shuffled[n_held:]), seed), epochs=1)
    for rows, labels in stream.batches(np.sort(shuffled[:n_held])):
        right += int(is_right(labels, class_probabilities(model.logits(rows))).sum())
    return (CrossValidated(form, right / n_held),)


def fit(kind: str, form: LinearForm, stream: Stream, seed: int) -> LinearModel:
    """The model of a form that learns from all reviews."""
    return _fitted(_Learning(kind, form, stream, np.arange(len(stream.labels)), seed), EPOCHS)


@dataclass(frozen=True)
class _Learning:
    """One model to be fitted."""

    kind: str
    form: LinearForm
    stream: Stream
    positions: np.ndarray  # <int64>[n], of the reviews to learn from
    seed: int

    @property
    def ngrams(self) -> HashedNGrams:
        return HashedNGrams(self.form.n, self.form.hash_bits)

    def class_weight(self, is_of_class: np.ndarray) -> tuple[float, float]:
        """What a review of the others and one of the class count; the same where a few held-out reviews were all of the class."""
        share = float(is_of_class.mean())
        if not self.stream.weigh_classes_alike or share in (0.0, 1.0):
            return 1.0, 1.0
        return 0.5 / (1 - share), 0.5 / share


def _fitted(learning: _Learning, epochs: int) -> LinearModel:
    ngrams, n_classes, n = learning.ngrams, learning.stream.n_classes, len(learning.positions)
    counts = np.zeros((len(ngrams), n_classes), np.int32)
    for rows, labels in learning.stream.batches(learning.positions):
        tally = ngrams.tally(rows)
        counts += class_counts(tally.numbers, labels[tally.reviews], len(ngrams), n_classes)
    holders = counts.sum(axis=1)
    is_read = holders >= learning.form.min_df
    idf = np.where(is_read, np.log((1 + n) / (1 + holders)) + 1, 0.0)
    asked = range(n_classes) if n_classes > 2 else (1,)  # of two classes one is enough
    scales = np.ones((len(ngrams), 1))
    if learning.kind == "nb_linear":
        scales = log_count_ratios(counts, counts.sum(axis=0), outcomes=float(is_read.sum()))[:, list(asked)]
    regressions = _regressions(learning, idf, scales, epochs)
    weights = np.stack([each.coef_[0] for each in regressions]) * scales.T * is_read
    return linear_model(ngrams, weights, np.array([each.intercept_[0] for each in regressions]), idf)


def _regressions(learning: _Learning, idf: np.ndarray, scales: np.ndarray, epochs: int) -> list[SGDClassifier]:
    """A logistic regression of each class against the rest, of two classes that of the second, whose features are scaled."""
    stream, positions, n_classes = learning.stream, learning.positions, learning.stream.n_classes
    asked = range(n_classes) if n_classes > 2 else (1,)
    alpha, rng = 1 / (learning.form.C * len(positions)), np.random.default_rng(learning.seed)
    regressions = [SGDClassifier(loss="log_loss", alpha=alpha, average=True, random_state=learning.seed) for _ in asked]
    labels_of_all = stream.labels[positions]
    class_weights = [learning.class_weight(labels_of_all == label) for label in asked]
    for _ in range(epochs):
        for rows, labels in stream.batches(rng.permutation(positions)):
            tally = learning.ngrams.tally(rows)
            values = tf_idf(tally, idf)
            for place, (label, regression) in enumerate(zip(asked, regressions, strict=True)):
                scale = scales[:, min(place, scales.shape[1] - 1)]
                features = sparse_features(tally, values * scale[tally.numbers], len(scale))
                is_of_class = labels == label
                weight = np.where(is_of_class, *reversed(class_weights[place]))
                regression.partial_fit(features, is_of_class, classes=[False, True], sample_weight=weight)
    return regressions
