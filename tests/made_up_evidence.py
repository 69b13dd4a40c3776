"""Made-up counts of n-grams, for tests of what reads evidence."""

import numpy as np

from data.ngrams import collect
from data.types import Sequences
from data.vocabulary import START
from models.evidence import Counts, Evidence


def an_evidence(highest: int, order: int = 3, sources: int = 1, *, reviews: int = 60) -> Evidence:
    """Of random reviews of ids up to the highest, frequent ones more often.

    Each source counts the labels of reviews of its own, so that many n-grams are known whose ratios are 0.
    """
    rng = np.random.default_rng(11)
    ids = (4 + (highest - 4) * rng.random((reviews, 40)) ** 3).astype(np.int32)
    ngrams, held = collect(Sequences.from_lists([[START, *review] for review in ids]), order, fewest=2)
    counts = []
    for source in range(sources):
        is_counted = np.arange(reviews) % (sources + 1) == source
        columns = [held.counts(np.where(is_counted & (rng.random(reviews) < 0.6), 1, 0), len(ngrams), 2)[:, 1] for _ in range(2)]
        counts.append(Counts(np.stack(columns, axis=1), np.array([is_counted.sum(), is_counted.sum()]) + source))
    return Evidence(ngrams, tuple(counts))
