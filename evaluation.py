"""Accuracy, loss and intervals: NumPy in, numbers out. Labels are 0/1, probabilities of the positive class."""

from itertools import pairwise

import numpy as np

RESAMPLES = 4_000
LEVEL = 0.95
LENGTH_POINTS, LENGTH_BANDWIDTH = 40, 0.12  # of the curve over lengths; the bandwidth is a logarithm's: 12 % of a length
SEED = 20_240_229  # of every bootstrap: intervals are part of a result, so they repeat


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
