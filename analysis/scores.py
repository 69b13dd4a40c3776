"""Everything that is said about one trained model on one bucket's test reviews."""

import numpy as np
from sklearn import metrics

from analysis.calibration import brier_score, expected_calibration_error, with_temperature
from analysis.evaluation import accuracy, accuracy_interval, is_right, log_loss
from records.study import Score


def score(bucket: str, labels: np.ndarray, probabilities: np.ndarray, leaked: np.ndarray, temperature: float | None) -> Score:
    """The record of one model on one bucket.

    Args:
        bucket: the name that stands in the record.
        labels: `<int>[reviews]`, 0/1, at least one.
        probabilities: `<float>[reviews]` of the positive class; 0.5 and above is positive.
        leaked: `<bool>[reviews]`, whether the review's text stands in the training part too.
        temperature: fitted on validation reviews; None where there are none.
    """
    predicted = probabilities >= 0.5
    right = is_right(labels, probabilities)
    low, high = accuracy_interval(right[None])
    tn, fp, fn, tp = metrics.confusion_matrix(labels, predicted, labels=[0, 1]).ravel().tolist()
    both_classes = len(np.unique(labels)) == 2
    cooled = None if temperature is None else with_temperature(probabilities, temperature)
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
        precision=float(metrics.precision_score(labels, predicted, zero_division=0)),
        recall=float(metrics.recall_score(labels, predicted, zero_division=0)),
        f1=float(metrics.f1_score(labels, predicted, zero_division=0)),
        roc_auc=float(metrics.roc_auc_score(labels, probabilities)) if both_classes else None,
        true_negative=tn,
        false_positive=fp,
        false_negative=fn,
        true_positive=tp,
    )


def without_leaked(right: np.ndarray, leaked: np.ndarray) -> float:
    """Accuracy over the reviews that stand in the test part only; over all where each stands in both.

    Args:
        right: `<bool>[..., reviews]`.
        leaked: `<bool>[reviews]`.
    """
    return float((right if leaked.all() else right[..., ~leaked]).mean())
