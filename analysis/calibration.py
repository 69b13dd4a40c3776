"""Whether probabilities mean what they say: 80 % should be right four times in five. NumPy and SciPy in, numbers out.

Labels are 0/1, probabilities of the positive class.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from analysis.evaluation import log_loss

BINS = 15  # of equal width, of the confidence from a half to one
_COLDEST, _HOTTEST = 0.05, 20.0  # temperatures that are looked at


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean distance between confidence and accuracy, each bin of confidences with the share of its reviews.

    Confidence is the probability of the class that is predicted.

    Args:
        labels: `<int>[reviews]`.
        probabilities: `<float>[..., reviews]`; all of them are taken together.

    Source: Guo et al. (2017), On calibration of modern neural networks, ICML.
    """
    confidence = np.maximum(probabilities, 1 - probabilities).ravel().astype(np.float64)
    right = ((probabilities >= 0.5) == labels).ravel()
    numbers = np.minimum(((confidence - 0.5) * 2 * BINS).astype(int), BINS - 1)
    gaps = np.bincount(numbers, confidence - right, minlength=BINS)  # of each bin: its reviews times its gap
    return float(np.abs(gaps).sum() / len(confidence))


def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance between probability and label (Brier 1950, Monthly Weather Review), over several models too."""
    return float(np.mean((probabilities.astype(np.float64) - labels) ** 2))


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The number to divide logits by so that the log loss is least; above 1 for a model that is too sure. Guo et al. (2017).

    Args:
        labels: `<int>[reviews]`, of validation reviews.
        probabilities: `<float>[reviews]`, of one trained model.
    """
    found = minimize_scalar(
        lambda log_t: log_loss(labels, with_temperature(probabilities, float(np.exp(log_t)))),
        bounds=(np.log(_COLDEST), np.log(_HOTTEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


def with_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities after their logits are divided by the temperature; the side of a half stays."""
    tiny = np.finfo(np.float64).eps
    return expit(logit(np.clip(probabilities.astype(np.float64), tiny, 1 - tiny)) / temperature)


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> list[tuple[float, float, int]]:
    """For each bin of equal width that holds reviews: mean probability, share of positive reviews, how many reviews.

    Args:
        labels: `<int>[reviews]`.
        probabilities: `<float>[..., reviews]`; all of them are taken together.
        bins: how many.

    Scikit-learn's `calibration_curve` leaves out how many reviews a bin holds.

    Source: DeGroot and Fienberg (1983), The comparison and evaluation of forecasters, The Statistician.
    """
    flat, positive = probabilities.ravel(), np.broadcast_to(labels, probabilities.shape).ravel()
    numbers = np.minimum((flat * bins).astype(int), bins - 1)
    held = [np.flatnonzero(numbers == number) for number in range(bins)]
    return [(float(flat[i].mean()), float(positive[i].mean()), len(i)) for i in held if len(i)]
