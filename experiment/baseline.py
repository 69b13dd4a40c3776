"""The linear models that networks are measured against: how each is fitted, and which form of it suits some reviews best.

- `linear`: TF-IDF of words and pairs, and logistic regression.
- `nb_linear`: whether a review holds a word, pair or triple, times what naive Bayes says of it, and logistic regression.

Of more than two classes the first is multinomial, and the second reads one class against the rest, each with its own ratios.
They have no use for a validation part, so they train on training and validation together: every label the networks see for
learning or choosing. They read all words of whole reviews, not only the networks' vocabulary. Where there are very many reviews,
`experiment/hashed_baseline.py` fits models of the same kind.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from analysis.evaluation import is_right
from data.ngrams import NGrams, Numbered, Tally, class_counts, collect, log_count_ratios
from data.types import Reviews, Sequences
from engine.arrays import class_probabilities
from engine.linear import LinearModel, tf_idf
from records.errors import DataError
from records.study import CrossValidated, LinearForm

FOLDS = 3  # of the cross-validation
# Of equally good forms the first is taken. N-grams of a single review never helped: docs/log/2026-11-27.md, strongest-yardstick.
FORMS: dict[str, tuple[LinearForm, ...]] = {
    "linear": (LinearForm(n=2, min_df=2, C=10.0),),
    "nb_linear": tuple(
        LinearForm(n=n, min_df=min_df, C=strength) for n in (2, 3) for min_df in (2, 3) for strength in (0.1, 0.3, 1.0)
    ),
}
# Where liblinear stops: half the time of scikit-learn's 1e-4, and no accuracy differed by more than 0.02 points.
TOLERANCE = 1e-2
_ONE_AT_A_TIME = threading.Lock()  # liblinear has one source of random numbers a process, which threads would take turns at


@dataclass(frozen=True)
class Counted:
    """Reviews to learn from, their n-grams counted."""

    ngrams: NGrams
    tally: Tally
    labels: np.ndarray  # <int>[reviews]
    n_classes: int
    weigh_classes_alike: bool = False  # a review of a rare class counts for more

    def of_reviews(self, chosen: np.ndarray) -> "Counted":
        """Some of the reviews, `<bool>[reviews]`."""
        return replace(self, tally=self.tally.of_reviews(chosen), labels=self.labels[chosen])

    @property
    def class_weight(self) -> str | None:
        """As scikit-learn asks for it."""
        return "balanced" if self.weigh_classes_alike else None


def count(parts: Sequence[Reviews], forms: Iterable[LinearForm], n_classes: int, *, weigh_classes_alike: bool = False) -> Counted:
    """The reviews of all parts together, with the n-grams that these forms need.

    Raises:
        DataError: no n-gram stands in enough reviews.
    """
    rows = [part.sequences[i] for part in parts for i in range(len(part))]
    order, fewest = max(form.n for form in forms), min(form.min_df for form in forms)
    ngrams, _ = collect(Sequences.from_lists(rows), order, fewest)
    if not len(ngrams):
        raise DataError(f"a linear model needs a word that stands in {fewest} reviews, and there is none in {len(rows)} reviews")
    labels = np.concatenate([part.labels for part in parts]).astype(np.int64)
    return Counted(ngrams, ngrams.tally(rows), labels, n_classes, weigh_classes_alike)


def predict(model: LinearModel, reviews: Reviews) -> np.ndarray:
    """The logits of each review, `<float64>[reviews, classes - 1]`."""
    blocks = [model.logits(list(block)) for block in reviews.sequences.blocks()]
    return np.concatenate([np.zeros((0, len(model.intercepts))), *blocks])


def cross_validate(kind: str, counted: Counted, seed: int) -> tuple[CrossValidated, ...]:
    """How well each form does on reviews that it has not learned from; nothing where a class has a single review.

    Whatever is counted is counted on the reviews of a fold that are learned from, reviews that hold an n-gram included.

    Args:
        kind: a key of `FORMS`.
        counted: all reviews to learn from.
        seed: of the folds.
    """
    labels, forms = counted.labels, FORMS[kind]
    folds = min(FOLDS, int(np.bincount(labels, minlength=counted.n_classes).min()))
    if folds < 2:
        return ()
    right = np.zeros(len(forms))
    for _, held in StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels):
        is_held = np.isin(np.arange(len(labels)), held)
        learned, others = counted.of_reviews(~is_held), counted.tally.of_reviews(is_held)
        for number, model in enumerate(fitted(kind, learned, forms, seed)):
            right[number] += is_right(labels[is_held], class_probabilities(model.logits_of(others))).sum()
    return tuple(CrossValidated(form, float(each)) for form, each in zip(forms, right / len(labels), strict=True))


def fitted(kind: str, counted: Counted, forms: Sequence[LinearForm], seed: int) -> Iterator[LinearModel]:
    """A model of each form, in their order.

    Args:
        kind: a key of `FORMS`.
        counted: the reviews to learn from.
        forms: of the models.
        seed: of the order in which liblinear takes the reviews.
    """
    for (n, min_df), group in groupby(forms, key=lambda form: (form.n, form.min_df)):
        holders = np.bincount(counted.tally.numbers, minlength=len(counted.ngrams))
        is_read = (holders >= min_df) & (counted.ngrams.lengths <= n)
        yield from _KINDS[kind](counted, is_read, [form.C for form in group], seed)


def _tf_idf(counted: Counted, is_read: np.ndarray, strengths: Sequence[float], seed: int) -> Iterator[LinearModel]:
    """TF-IDF and logistic regression, as scikit-learn's `TfidfVectorizer` and `LogisticRegression` have them.

    An n-gram that is not read has an `idf` of 0.
    """
    tally, labels = counted.tally, counted.labels
    holders = np.bincount(tally.numbers, minlength=len(counted.ngrams))
    idf = np.where(is_read, np.log((1 + tally.n_reviews) / (1 + holders)) + 1, 0.0)
    matrix = sparse_features(tally, tf_idf(tally, idf), len(idf))
    for strength in strengths:
        regression = LogisticRegression(C=strength, max_iter=200, class_weight=counted.class_weight).fit(matrix, labels)
        yield linear_model(counted.ngrams, regression.coef_, regression.intercept_, idf)


def _naive_bayes(counted: Counted, is_read: np.ndarray, strengths: Sequence[float], seed: int) -> Iterator[LinearModel]:
    """Presence times log-count ratio, and logistic regression.

    Source: Wang and Manning (2012), Baselines and Bigrams: simple, good sentiment and topic classification, ACL. Logistic
    regression stands in the place of their support vector machine; it is fitted in its dual form: Fan et al. (2008), LIBLINEAR: a
    library for large linear classification, Journal of Machine Learning Research.
    """
    tally, labels = counted.tally.of_ngrams(is_read), counted.labels
    counts = class_counts(tally.numbers, labels[tally.reviews], len(is_read), counted.n_classes)
    every = log_count_ratios(counts, counts.sum(axis=0), outcomes=float(is_read.sum())) * is_read[:, None]
    asked = range(counted.n_classes) if counted.n_classes > 2 else (1,)  # of two classes one is enough
    for strength in strengths:
        weights, intercepts = [], []
        for label in asked:  # a matrix at a time: those of fifty classes would take fifty times the memory
            matrix = sparse_features(tally, every[tally.numbers, label], len(every))
            regression = LogisticRegression(
                **{"solver": "liblinear", "dual": True, "C": strength, "tol": TOLERANCE, "max_iter": 1000},
                random_state=seed,
                class_weight=counted.class_weight,
            )
            with _ONE_AT_A_TIME:
                regression.fit(matrix, labels == label)
            weights.append(regression.coef_[0] * every[:, label])
            intercepts.append(regression.intercept_[0])
        yield linear_model(counted.ngrams, np.stack(weights), np.array(intercepts))


def linear_model(ngrams: Numbered, weights: np.ndarray, intercepts: np.ndarray, idf: np.ndarray | None = None) -> LinearModel:
    """The model with these rows of weights, one a class, or of two classes one for the second; the first class's become 0."""
    if len(weights) > 1:
        weights, intercepts = weights[1:] - weights[0], intercepts[1:] - intercepts[0]
    return LinearModel(ngrams, np.ascontiguousarray(weights.T), intercepts, idf)


def sparse_features(tally: Tally, values: np.ndarray, n_ngrams: int) -> sparse.csr_matrix:
    """The values of a tally's pairs as `<float64>[reviews, n-grams]`."""
    starts = np.searchsorted(tally.reviews, np.arange(tally.n_reviews + 1))
    return sparse.csr_matrix((values, tally.numbers, starts), shape=(tally.n_reviews, n_ngrams))


_KINDS: dict[str, Callable[[Counted, np.ndarray, Sequence[float], int], Iterator[LinearModel]]] = {
    "linear": _tf_idf,
    "nb_linear": _naive_bayes,
}
