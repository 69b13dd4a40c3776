"""Whether probabilities mean what they say: 80 % should be right four times in five. NumPy and SciPy in, numbers out.

Labels are numbers of classes; probabilities are `<float>[..., reviews, classes]`, logits all but the first class's.
"""

import numpy as np
from scipy.optimize import minimize_scalar

from analysis.evaluation import is_right, log_loss
from engine.arrays import class_probabilities

BINS = 15  # of equal width, of the confidence from that of a guess to one
_COLDEST, _HOTTEST = 0.05, 20.0  # temperatures that are looked at


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean distance between confidence and accuracy, each bin of confidences with the share of its reviews.

    Confidence is the probability of the class that is predicted.

    Args:
        labels: `<int>[reviews]`.
        probabilities: `<float>[..., reviews, classes]`; all of them are taken together.

    Source: Guo et al. (2017), On calibration of modern neural networks, ICML.
    """
    confidence, guess = probabilities.max(axis=-1).ravel().astype(np.float64), 1 / probabilities.shape[-1]
    right = is_right(labels, probabilities).ravel()
    numbers = np.minimum(((confidence - guess) / (1 - guess) * BINS).astype(int), BINS - 1)
    gaps = np.bincount(numbers, confidence - right, minlength=BINS)  # of each bin: its reviews times its gap
    return float(np.abs(gaps).sum() / len(confidence))


def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Half the mean squared distance between probabilities and label (Brier 1950, Monthly Weather Review), of several models too.

    Of two classes that is the squared distance of the second one's probability from 0 or 1.
    """
    labelled = np.eye(probabilities.shape[-1])[labels]
    return float(((probabilities - labelled) ** 2).sum(axis=-1).mean() / 2)


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The number to divide logits by so that the log loss is least; above 1 for a model that is too sure. Guo et al. (2017).

    Args:
        labels: `<int>[reviews]`, of validation reviews.
        logits: `<float>[reviews, classes - 1]`, of one trained model.
    """
    found = minimize_scalar(
        lambda log_t: log_loss(labels, class_probabilities(logits / np.exp(log_t))),
        bounds=(np.log(_COLDEST), np.log(_HOTTEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


def reliability(happened: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> list[tuple[float, float, int]]:
    """For each bin of equal width that holds reviews: mean probability, share in which it happened, how many reviews.

    Args:
        happened: whether that came true which the probability was of, `<bool>[reviews]`.
        probabilities: `<float>[reviews]`.
        bins: how many.

    Scikit-learn's `calibration_curve` leaves out how many reviews a bin holds.

    Source: DeGroot and Fienberg (1983), The comparison and evaluation of forecasters, The Statistician.
    """
    numbers = np.minimum((probabilities * bins).astype(int), bins - 1)
    held = [np.flatnonzero(numbers == number) for number in range(bins)]
    return [(float(probabilities[i].mean()), float(happened[i].mean()), len(i)) for i in held if len(i)]


def foretold(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a reliability diagram asks of some reviews: whether something happened, and the probability of it.

    Of two classes that is the second one; of more it is that the predicted class is right.
    """
    if probabilities.shape[-1] == 2:
        return labels == 1, probabilities[:, 1]
    return is_right(labels, probabilities), probabilities.max(axis=-1)
