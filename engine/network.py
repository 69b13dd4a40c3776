"""A trained network in NumPy: readings in, logits out, and the gradient on the way back. `engine/checkpoint.py` reads it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.bigrams import NUMPY, bigram_rows
from engine.arrays import Array, class_probabilities, margins
from engine.layers import Attention, Layer, Lengths, apply, pull_back
from models.evidence import Reading

CELLS_OF_A_BATCH = 16_000  # words read together


@dataclass(frozen=True)
class Inputs:
    """What a network computes with, of some reviews that come the longest first."""

    vectors: Array  # of the words, and beside them their evidence, <float32>[time, reviews, width]
    lengths: Lengths
    sums: Array  # of the evidence, <float32>[reviews, numbers]; of no numbers where there is none


@dataclass(frozen=True)
class NumpyNetwork:
    """Readings in, logits out; and the gradient on the way back, to the vectors of the words."""

    embedding: Array  # <float32>[ids, width]
    bigrams: Array | None  # <float32>[rows, width], of pairs of neighbouring words
    body: tuple[Layer, ...]  # from word vectors to one vector a review; one of them pools
    kernel: Array  # of the logits, <float32>[features + evidence, classes - 1]
    bias: Array  # <float32>[classes - 1]
    evidence: int = 0  # numbers beside each word's vector, and as many sums beside the features

    def logits(self, readings: Sequence[Reading]) -> Array:
        """The logits of each review, `<float64>[reviews, classes - 1]`; neighbours in length are read together."""
        order, start = np.argsort([-len(each) for each in readings], kind="stable"), 0
        logits = np.empty((len(readings), len(self.bias)))
        while start < len(readings):
            size = max(1, CELLS_OF_A_BATCH // len(readings[order[start]]))
            batch = order[start : start + size]
            logits[batch] = self.read(self.embed([readings[i] for i in batch]))
            start += size
        return logits

    def embed(self, readings: Sequence[Reading]) -> Inputs:
        """What the network computes with, of reviews that come the longest first."""
        lengths = Lengths(np.array([len(each) for each in readings]))
        ids = np.zeros((len(readings[0]), len(readings)), np.int32)
        evidence, sums = np.zeros((*ids.shape, self.evidence), np.float32), np.zeros((len(readings), self.evidence), np.float32)
        for number, each in enumerate(readings):
            ids[: len(each), number] = each.ids
            if self.evidence:
                evidence[: len(each), number], sums[number] = each.evidence, each.sums
        parts = [self.embedding[ids]]
        if self.bigrams is not None:
            parts.append(self.bigrams[bigram_rows(NUMPY, ids.T, len(self.bigrams)).T])
        parts += [evidence] if self.evidence else []
        return Inputs(np.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0], lengths, sums)

    def read(self, inputs: Inputs) -> Array:
        """Logits `<float32>[reviews, classes - 1]`."""
        features = apply(self.body, inputs.vectors, inputs.lengths)
        return np.concatenate([features, inputs.sums], axis=-1) @ self.kernel + self.bias

    def towards(self, label: int) -> "NumpyNetwork":
        """The same network with one logit: how far this class's is above the mean of the others', see `engine.arrays.margins`."""
        kernel, bias = (margins(each, label)[..., None] for each in (self.kernel, self.bias))
        return replace(self, kernel=kernel, bias=bias)

    def gradient(self, inputs: Inputs) -> Array:
        """The gradient of each review's one logit with respect to its vectors, in their shape; that for the sums is `of_sums`."""
        of_features = self.kernel[: len(self.kernel) - self.evidence]
        return pull_back(self.body, inputs.vectors, inputs.lengths, np.repeat(of_features.T, inputs.vectors.shape[1], axis=0))

    @property
    def of_sums(self) -> Array:
        """What a unit of each sum adds to the one logit, `<float32>[numbers]`."""
        return self.kernel[len(self.kernel) - self.evidence :, 0]

    def attention(self, reading: Reading) -> Array | None:
        """The share that each word of one review has in the verdict, `<float32>[time]`; None without attention pooling."""
        for number, layer in enumerate(self.body):
            if isinstance(layer, Attention):
                inputs = self.embed([reading])
                return layer.weights(apply(self.body[:number], inputs.vectors, inputs.lengths), inputs.lengths)[:, 0, 0]
        return None


def largest_difference(network: NumpyNetwork, readings: Sequence[Reading], expected: Array) -> float:
    """How far the network's probabilities, at temperature 1, are at most from those that the trained network gives.

    Args:
        network: as it was read from the checkpoint.
        readings: of the reviews.
        expected: logits of the trained network, `<float>[reviews, classes - 1]`.
    """
    return float(np.abs(class_probabilities(network.logits(readings)) - class_probabilities(expected)).max())


def spaced_by_length(lengths: np.ndarray, count: int = 64) -> np.ndarray:
    """Reviews evenly spaced by the rank of their length, `<int64>[min(count, reviews)]`; a longest one is the last.

    Args:
        lengths: of every review, `<int>[reviews]`.
        count: how many to choose.
    """
    ranks = np.linspace(0, len(lengths) - 1, min(count, len(lengths))).round().astype(int)
    return np.argsort(lengths, kind="stable")[ranks]
