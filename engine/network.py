"""A trained network in NumPy: token ids in, logits out, and the gradient on the way back. `engine/checkpoint.py` reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.types import IdArray
from engine import arrays
from engine.arrays import Array, sigmoid
from engine.layers import Attention, Layer, Lengths, apply, pull_back
from models.bigrams import bigram_rows

CELLS_OF_A_BATCH = 16_000  # words read together


@dataclass(frozen=True)
class NumpyNetwork:
    """Token ids in, logits out; and the gradient on the way back, to the vectors of the words."""

    embedding: Array  # <float32>[ids, width]
    bigrams: Array | None  # <float32>[rows, width], of pairs of neighbouring words
    body: tuple[Layer, ...]  # from word vectors to one vector a review; one of them pools
    kernel: Array  # of the logit, <float32>[features, 1]
    bias: Array  # <float32>[1]

    def logits(self, rows: Sequence[IdArray]) -> Array:
        """The logit of each review, `<float64>[reviews]`; neighbours in length are read together, without any padding.

        Args:
            rows: token ids, each `<int32>[time]`, the start token included.
        """
        logits, order, start = np.empty(len(rows)), np.argsort([-len(row) for row in rows], kind="stable"), 0
        while start < len(rows):
            size = max(1, CELLS_OF_A_BATCH // len(rows[order[start]]))
            batch = order[start : start + size]
            vectors, lengths = self.embed([rows[i] for i in batch])
            logits[batch] = self.read(vectors, lengths)
            start += size
        return logits

    def embed(self, rows: Sequence[IdArray]) -> tuple[Array, Lengths]:
        """The vectors of the words, `<float32>[time, reviews, width]`, of reviews that come the longest first."""
        lengths = Lengths(np.array([len(row) for row in rows]))
        ids = np.zeros((len(rows[0]), len(rows)), np.int32)
        for number, row in enumerate(rows):
            ids[: len(row), number] = row
        vectors = self.embedding[ids]
        if self.bigrams is not None:
            of_pairs = self.bigrams[bigram_rows(arrays, ids.T, len(self.bigrams)).T]
            vectors = np.concatenate([vectors, of_pairs], axis=-1)
        return vectors, lengths

    def read(self, vectors: Array, lengths: Lengths) -> Array:
        """Logits `<float32>[reviews]` of word vectors."""
        return (apply(self.body, vectors, lengths) @ self.kernel + self.bias)[:, 0]

    def gradient(self, vectors: Array, lengths: Lengths) -> Array:
        """The gradient of each review's logit with respect to its word vectors, in their shape."""
        return pull_back(self.body, vectors, lengths, np.repeat(self.kernel.T, vectors.shape[1], axis=0))

    def attention(self, row: IdArray) -> Array | None:
        """The share that each word of one review has in the verdict, `<float32>[time]`; None without attention pooling."""
        for number, layer in enumerate(self.body):
            if isinstance(layer, Attention):
                vectors, lengths = self.embed([row])
                return layer.weights(apply(self.body[:number], vectors, lengths), lengths)[:, 0, 0]
        return None


def largest_difference(network: NumpyNetwork, rows: Sequence[IdArray], expected: Array) -> float:
    """How far the network's probabilities, at temperature 1, are at most from those that the trained network gives.

    Args:
        network: as it was read from the checkpoint.
        rows: token ids, each `<int32>[time]`, the start token included.
        expected: probabilities of the trained network, `<float>[reviews]`.
    """
    return float(np.abs(sigmoid(network.logits(rows)) - expected).max())


def spaced_by_length(lengths: np.ndarray, count: int = 64) -> np.ndarray:
    """Reviews evenly spaced by the rank of their length, `<int64>[min(count, reviews)]`; a longest one is the last.

    Args:
        lengths: of every review, `<int>[reviews]`.
        count: how many to choose.
    """
    ranks = np.linspace(0, len(lengths) - 1, min(count, len(lengths))).round().astype(int)
    return np.argsort(lengths, kind="stable")[ranks]
