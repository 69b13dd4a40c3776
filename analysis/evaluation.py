"""Accuracy, loss and intervals: NumPy in, numbers out. Labels are numbers of classes, probabilities those of every class."""

import math
from itertools import pairwise

import numpy as np
from scipy.stats import t

from engine.arrays import predicted

RESAMPLES = 4_000
LEVEL = 0.95
LENGTH_POINTS, LENGTH_BANDWIDTH = 40, 0.12  # of the curve over lengths; the bandwidth is a logarithm's: 12 % of a length
SEED = 20_240_229  # of every bootstrap: intervals are part of a result, so they repeat


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of the reviews that are put into their class."""
    return float(is_right(labels, probabilities).mean())


def is_right(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Which reviews are put into their class, `<bool>[..., reviews]` for `<float>[..., reviews, classes]`."""
    return predicted(probabilities) == labels


def macro_f1(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean over the classes of F1, the harmonic mean of precision and recall; 0 for a class that is never rightly found.

    A class that no review is of and none was put into has no part in it, as in scikit-learn: a verdict without a mistake has 1.

    Args:
        labels: `<int>[reviews]`.
        probabilities: `<float>[reviews, classes]`.
    """
    n_classes, said = probabilities.shape[-1], predicted(probabilities)
    found = np.bincount(labels[said == labels], minlength=n_classes)
    either = np.bincount(labels, minlength=n_classes) + np.bincount(said, minlength=n_classes)
    return float((2 * found[either > 0] / either[either > 0]).mean())


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean cross-entropy, in nats; not a number where a probability is not.

    Scikit-learn's refuses what is not a number, which here says that a training diverged, and takes one model at a time.

    Args:
        labels: `<int>[reviews]`.
        probabilities: `<float>[..., reviews, classes]`; kept away from 0 and 1 by a float64's rounding.
    """
    tiny = np.finfo(np.float64).eps
    of_label = probabilities[..., np.arange(len(labels)), labels]
    return float(-np.mean(np.log(np.clip(of_label, tiny, 1 - tiny))))


def accuracy_interval(correct: np.ndarray) -> tuple[float, float]:
    """95 % interval of the accuracy: for other test reviews and, where there are several repeats, for other seeds.

    Two imaginary reviews are right and two are wrong, so that a model without a mistake is not taken for a perfect one (Agresti
    and Coull 1998, Approximate is better than "exact" for interval estimation of binomial proportions, American Statistician).

    Args:
        correct: `<bool>[repeats, reviews]`, the same reviews in every row.
    """
    imaginary = np.tile([0.0, 0.0, 1.0, 1.0], (len(correct), 1))
    low, high = _interval(np.concatenate([correct, imaginary], axis=1))
    return max(0.0, low), min(1.0, high)


def difference_interval(first: np.ndarray, second: np.ndarray, *, same_seeds: bool = False) -> tuple[float, float]:
    """95 % interval of the difference in accuracy, first minus second, paired over reviews: for other reviews and other seeds.

    Args:
        first: `<bool>[repeats, reviews]`, which reviews one model gets right.
        second: the same of the other model, on the same reviews; the number of repeats may differ.
        same_seeds: each repeat of one has the seed of the other's, so that they are paired too.
    """
    if same_seeds:
        return _interval(first.astype(np.float64) - second)
    return _interval(first.astype(np.float64), -second.astype(np.float64))


def over_length(lengths: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Accuracy as a smooth function of length: the mean over neighbours, weighted by a Gaussian of the logarithm's distance.

    Nadaraya (1964) and Watson (1964). The band is that of a binomial with the weights' effective number of reviews (Kish 1965).

    Args:
        lengths: tokens, `<int>[reviews]`.
        right: mean over repeats, `<float>[reviews]`.

    Returns:
        Lengths, spread evenly in their logarithm between the 0.5 % and the 99.5 % quantile, accuracy, and the lower and upper
        end of its 95 % band, each `<float>[points]`.
    """
    logs = np.log(lengths)
    first, last = np.quantile(logs, [0.005, 0.995])
    points = np.linspace(first, last, LENGTH_POINTS)
    weights = np.exp(-0.5 * ((points[:, None] - logs) / LENGTH_BANDWIDTH) ** 2)  # [points, reviews]
    total = weights.sum(axis=1)
    mean = weights @ right / total
    error = 1.96 * np.sqrt((mean * (1 - mean)).clip(min=0) * (weights**2).sum(axis=1)) / total  # rounding: a mean of 1 + 1e-16
    return np.exp(points), mean, mean - error, mean + error


def _interval(*samples: np.ndarray) -> tuple[float, float]:
    """The interval of the sum of some means, each over repeats and reviews, `<float>[repeats, reviews]` of the same reviews.

    Two parts, added in squares. For other reviews: percentiles of the bootstrap over reviews (Efron and Tibshirani 1993, An
    introduction to the bootstrap, chapter 13); reviews of the same value are interchangeable, so that a resample is a
    multinomial draw of how many of each value it holds. For other seeds: Student's t over each sample's repeats. To resample
    three repeats would not do: that leaves out a third of their variance, and covers 80 % where it says 95.
    """
    values, counts = np.unique(sum(sample.mean(axis=0) for sample in samples).round(12), return_counts=True)
    n = counts.sum()
    mean = float(counts @ values / n)
    drawn = np.random.default_rng(SEED).multinomial(n, counts / n, RESAMPLES) @ values / n
    low, high = percentile_interval(drawn)
    of_seeds = [
        t.ppf((1 + LEVEL) / 2, len(s) - 1) * s.mean(axis=1).std(ddof=1) / math.sqrt(len(s)) for s in samples if len(s) > 1
    ]
    return mean - math.hypot(mean - low, *of_seeds), mean + math.hypot(high - mean, *of_seeds)


def percentile_interval(resampled: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of a bootstrapped number, `<float>[resamples]`."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def by_distance(norms: list[np.ndarray]) -> tuple[tuple[int, float], ...]:
    """How much a word matters, by its distance from a review's last word: pairs of distance and influence.

    Distances grow by the square root of 2 and stand for all up to the next. An influence is the median over reviews, in
    means over the review's words: at 1, words so far from the end matter as much as any other.

    Args:
        norms: of each review, how strongly its verdict depends on each word, `<float>[time]`.
    """
    last_first = [(norm / max(norm.mean(), 1e-30))[::-1] for norm in norms]
    longest = max(map(len, last_first))
    steps = np.unique(np.round(2 ** (np.arange(2 * np.log2(max(longest, 2)) + 1) / 2)).astype(int))
    edges = [0, *steps[steps < longest].tolist(), longest]
    found = []
    for near, far in pairwise(edges):
        inside = [values[near:far].mean() for values in last_first if len(values) > near]
        found.append((near, float(np.median(inside))))
    return tuple(found)
