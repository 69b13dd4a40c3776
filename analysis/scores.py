"""Everything that is said about one trained model on one bucket's test reviews."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import metrics

from analysis.calibration import brier_score, expected_calibration_error
from analysis.evaluation import accuracy, accuracy_interval, is_right, log_loss, macro_f1
from engine.arrays import class_probabilities, predicted
from records.classes import Classes
from records.study import Score


def score(
    bucket: str, classes: Classes, labels: np.ndarray, logits: np.ndarray, leaked: np.ndarray, temperature: float | None
) -> Score:
    """The record of one model on one bucket.

    Args:
        bucket: the name that stands in the record.
        classes: that the labels are of.
        labels: `<int>[reviews]`, at least one.
        logits: `<float>[reviews, classes - 1]`.
        leaked: `<bool>[reviews]`, whether the review's text stands in the training part too.
        temperature: fitted on validation reviews; None where there are none.
    """
    probabilities = class_probabilities(logits)
    said, right = predicted(probabilities), is_right(labels, probabilities)
    low, high = accuracy_interval(right[None])
    cooled = None if temperature is None else class_probabilities(logits / temperature)
    return Score(
        bucket=bucket,
        n_test=len(labels),
        accuracy=accuracy(labels, probabilities),
        accuracy_low=low,
        accuracy_high=high,
        accuracy_without_leaked=without_leaked(right, leaked),
        loss=log_loss(labels, probabilities),
        brier=brier_score(labels, probabilities),
        calibration_error=expected_calibration_error(labels, probabilities),
        temperature=temperature,
        loss_at_temperature=None if cooled is None else log_loss(labels, cooled),
        brier_at_temperature=None if cooled is None else brier_score(labels, cooled),
        calibration_error_at_temperature=None if cooled is None else expected_calibration_error(labels, cooled),
        confusion=tuple(map(tuple, metrics.confusion_matrix(labels, said, labels=range(len(classes))).tolist())),
        **_of_each_class(labels, said, probabilities),
        **_distances(classes, labels, said),
    )


def _of_each_class(labels: np.ndarray, said: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """What there is a number of for every class, and macro-F1."""
    numbers = range(probabilities.shape[-1])
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(labels, said, labels=numbers, zero_division=0)
    roc_auc, average_precision = (
        tuple(_against_the_rest(measure, labels == number, probabilities[:, number]) for number in numbers)
        for measure in (metrics.roc_auc_score, metrics.average_precision_score)
    )
    return {
        "macro_f1": macro_f1(labels, probabilities),
        "precision": tuple(precision.tolist()),
        "recall": tuple(recall.tolist()),
        "f1": tuple(f1.tolist()),
        "roc_auc": roc_auc,
        "average_precision": average_precision,
    }


def _against_the_rest(measure: Callable[..., float], is_mine: np.ndarray, probabilities: np.ndarray) -> float | None:
    """A measure of how well the probabilities of a class tell its reviews from all others; None where there are only such."""
    return None if is_mine.all() or not is_mine.any() else float(measure(is_mine, probabilities))


def _distances(classes: Classes, labels: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    """How far from the truth verdicts on ordered classes are."""
    if not classes.are_ordered:
        return {"mean_absolute_error": None, "within_one": None}
    values = np.array(classes.values)
    return {
        "mean_absolute_error": float(np.abs(values[said] - values[labels]).mean()),
        "within_one": float((np.abs(said - labels) <= 1).mean()),
    }


def without_leaked(right: np.ndarray, leaked: np.ndarray) -> float:
    """Accuracy over the reviews that stand in the test part only; over all where each stands in both.

    Args:
        right: `<bool>[..., reviews]`.
        leaked: `<bool>[reviews]`.
    """
    return float((right if leaked.all() else right[..., ~leaked]).mean())
