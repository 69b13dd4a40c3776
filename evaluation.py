"""Metrics and intervals: NumPy and scikit-learn in, numbers out. Labels are 0/1, probabilities of the positive class."""

from typing import Literal

import numpy as np
from sklearn import metrics

from results import YARDSTICK, BucketVerdict, Score, Standing, Study

RESAMPLES = 4_000
LEVEL = 0.95
SEED = 20_240_229  # of every bootstrap: intervals are part of a result, so they repeat


def score(bucket: str, labels: np.ndarray, probabilities: np.ndarray) -> Score:
    """Everything the report says about one model on one bucket's test reviews.

    Args:
        bucket: the name that stands in the record.
        labels: `<int>[reviews]`, at least one.
        probabilities: `<float>[reviews]` in [0, 1]; 0.5 and above is positive.
    """
    predicted = probabilities >= 0.5
    low, high = accuracy_interval(is_right(labels, probabilities)[None])
    tn, fp, fn, tp = metrics.confusion_matrix(labels, predicted, labels=[0, 1]).ravel().tolist()
    both_classes = len(np.unique(labels)) == 2
    return Score(
        bucket=bucket,
        n_test=len(labels),
        accuracy=accuracy(labels, probabilities),
        accuracy_low=low,
        accuracy_high=high,
        loss=log_loss(labels, probabilities),
        precision=float(metrics.precision_score(labels, predicted, zero_division=0)),
        recall=float(metrics.recall_score(labels, predicted, zero_division=0)),
        f1=float(metrics.f1_score(labels, predicted, zero_division=0)),
        roc_auc=float(metrics.roc_auc_score(labels, probabilities)) if both_classes else None,
        true_negative=tn,
        false_positive=fp,
        false_negative=fn,
        true_positive=tp,
    )


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of the reviews that are put on their label's side."""
    return float(is_right(labels, probabilities).mean())


def is_right(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Which reviews are put on their label's side, `<bool>[..., reviews]` for `<float>[..., reviews]`; 0.5 is positive."""
    return (probabilities >= 0.5) == labels


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean binary cross-entropy, in nats; not a number where a probability is not.

    Args:
        labels: `<int>[reviews]`.
        probabilities: `<float>[..., reviews]`; kept away from 0 and 1 by a float64's rounding.
    """
    tiny = np.finfo(np.float64).eps
    positive = np.clip(probabilities.astype(np.float64), tiny, 1 - tiny)
    return float(-np.mean(np.log(np.where(labels == 1, positive, 1 - positive))))


def accuracy_interval(correct: np.ndarray) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean accuracy over repeats, resampling reviews and repeats.

    Args:
        correct: `<bool>[repeats, reviews]`, the same reviews in every row.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 and 8 (two levels).
    """
    return _interval(correct.astype(np.float64))


def difference_interval(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """95 % paired bootstrap interval of the difference in accuracy, first minus second.

    Args:
        first: `<bool>[repeats, reviews]`, which reviews one model gets right.
        second: the same of the other model, on the same reviews; the number of repeats may differ.
    """
    return _interval(first.astype(np.float64), second.astype(np.float64))


def judge(bucket: str, labels: np.ndarray, probabilities: dict[Study, np.ndarray]) -> BucketVerdict:
    """Who leads on a bucket, who cannot be told apart from the leader, from chance, and from the linear yardstick.

    Args:
        bucket: the name that stands in the record.
        labels: `<int>[reviews]` of the bucket's test reviews.
        probabilities: for each study that scored these reviews, `<float>[repeats, reviews]` in the same order.
    """
    correct = {study: is_right(labels, p) for study, p in probabilities.items()}
    networks = [study for study in correct if study.architecture != YARDSTICK]
    leader = max(networks, key=lambda study: correct[study].mean(), default=None)
    chance = max(labels.mean(), 1 - labels.mean())
    standings = []
    for study, right in correct.items():
        low, high = accuracy_interval(right)
        yardstick = correct.get(Study(YARDSTICK, study.bucket)) if study.architecture != YARDSTICK else None
        standings.append(
            Standing(
                study=study,
                accuracy=float(right.mean()),
                low=low,
                high=high,
                loss=log_loss(labels, probabilities[study]),
                tied_with_leader=leader is not None and _sign(correct[leader], right) <= 0,
                like_chance=bool(low <= chance),
                against_linear=None if yardstick is None else _AGAINST[_sign(right, yardstick)],
            )
        )
    return BucketVerdict(bucket, len(labels), float(chance), leader, tuple(standings))


_AGAINST: dict[int, Literal["beats", "loses to", "cannot be told from"]] = {
    1: "beats",
    -1: "loses to",
    0: "cannot be told from",
}


def _sign(first: np.ndarray, second: np.ndarray) -> int:
    """1 when the first is better, -1 when it is worse, 0 when the paired interval of the difference holds 0."""
    low, high = difference_interval(first, second)
    return int(low > 0) - int(high < 0)


def _interval(*contenders: np.ndarray) -> tuple[float, float]:
    """Percentiles of the bootstrapped mean of the first contender, minus that of the second if there are two.

    Reviews on which all models behave alike are interchangeable, so a resample of reviews is a multinomial draw of how
    many of each such kind it holds: the same distribution, at a cost that does not grow with the number of reviews.
    """
    rng = np.random.default_rng(SEED)
    kinds, counts = np.unique(np.concatenate(contenders), axis=1, return_counts=True)  # [models, kinds], [kinds]
    n = counts.sum()
    drawn = rng.multinomial(n, counts / n, RESAMPLES) / n  # [resamples, kinds]
    means, first_row = [], 0
    for repeats in map(len, contenders):
        weights = rng.multinomial(repeats, np.full(repeats, 1 / repeats), RESAMPLES) / repeats  # [resamples, repeats]
        accuracies = drawn @ kinds[first_row : first_row + repeats].T  # [resamples, repeats]
        means.append((weights * accuracies).sum(axis=1))
        first_row += repeats
    return percentile_interval(means[0] - (means[1] if len(means) == 2 else 0))


def percentile_interval(resampled: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of a bootstrapped number, `<float>[resamples]`."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)
