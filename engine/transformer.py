"""The layers of `models/transformer.py` in NumPy, each with its chain rule. Arrays are as in `engine/layers.py`."""

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.layers import Lengths


class PositionalEncoding:
    """Adds sines and cosines of each token's position."""

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        half = x.shape[-1] // 2
        frequencies = np.exp(np.arange(half) * (-np.log(10_000.0) / half))
        angles = np.arange(len(x))[:, None, None] * frequencies
        return x + np.concatenate([np.sin(angles), np.cos(angles)], axis=-1).astype(np.float32)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        return dy


@dataclass(frozen=True)
class LocalAttention:
    """Multi-head attention of each token to those at most `window` away, in blocks of that length.

    Inside, reviews come first: `[reviews, time, features]`.
    """

    window: int
    query: tuple[Array, Array]  # kernel <float32>[features, heads, size], bias [heads, size]; key and value likewise
    key: tuple[Array, Array]
    value: tuple[Array, Array]
    output: tuple[Array, Array]  # kernel <float32>[heads, size, features], bias [features]

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        time, reviews, features = x.shape
        _, _, v, shares = self._attend(x.swapaxes(0, 1), lengths)
        heard = np.einsum("nhqk,nkhd->nqhd", shares, v)
        out = np.einsum("nqhd,hdf->nqf", heard, self.output[0]) + self.output[1]
        return out.reshape(reviews, -1, features)[:, :time].swapaxes(0, 1)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        x = x.swapaxes(0, 1)
        q, k, v, shares = self._attend(x, lengths)
        own, _ = self._blocks(dy.swapaxes(0, 1))
        d_heard = np.einsum("nqf,hdf->nqhd", own, self.output[0])
        d_shares = np.einsum("nqhd,nkhd->nhqk", d_heard, v)
        d_scores = shares * (d_shares - (shares * d_shares).sum(axis=-1, keepdims=True)) / _root(q.shape[-1])
        d_own = np.einsum("nhqk,nkhd,fhd->nqf", d_scores, k, self.query[0], optimize=True)
        d_around = np.einsum("nhqk,nqhd,fhd->nkf", d_scores, q, self.key[0], optimize=True)
        d_around += np.einsum("nhqk,nqhd,fhd->nkf", shares, d_heard, self.value[0], optimize=True)
        return self._unblocked(d_own, d_around, x.shape).swapaxes(0, 1)

    def _attend(self, x: Array, lengths: Lengths) -> tuple[Array, Array, Array, Array]:
        """Queries, keys, values `[blocks, tokens, heads, size]`, and each query's shares `[blocks, heads, queries, keys]`."""
        own, around = self._blocks(x)
        _, seen = self._blocks(lengths.is_word.swapaxes(0, 1))
        q = np.einsum("nqf,fhd->nqhd", own, self.query[0]) + self.query[1]
        k, v = (np.einsum("nkf,fhd->nkhd", around, kernel) + bias for kernel, bias in (self.key, self.value))
        distance = np.arange(3 * self.window) - self.window - np.arange(self.window)[:, None]
        may_see = (np.abs(distance) <= self.window) & seen.swapaxes(1, 2)  # [blocks, queries, keys]
        scores = np.where(may_see[:, None], np.einsum("nqhd,nkhd->nhqk", q, k) / _root(q.shape[-1]), np.float32(-1e9))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return q, k, v, shares / shares.sum(axis=-1, keepdims=True)

    def _blocks(self, x: Array) -> tuple[Array, Array]:
        """`[reviews, time, n]` as blocks `[reviews * blocks, window, n]`, and with those beside them `[..., 3 * window, n]`."""
        reviews, time, n = x.shape
        count = -(-time // self.window)
        padded = np.pad(x, ((0, 0), (self.window, count * self.window - time + self.window), (0, 0)))
        blocks = padded.reshape(reviews, count + 2, self.window, n)
        around = np.concatenate([blocks[:, :-2], blocks[:, 1:-1], blocks[:, 2:]], axis=2)
        return blocks[:, 1:-1].reshape(-1, self.window, n), around.reshape(-1, 3 * self.window, n)

    def _unblocked(self, d_own: Array, d_around: Array, shape: tuple[int, ...]) -> Array:
        """The sum over the blocks that a token is in, of the gradients with respect to it there."""
        reviews, time, n = shape
        count = -(-time // self.window)
        own, around = d_own.reshape(reviews, count, self.window, n), d_around.reshape(reviews, count, 3, self.window, n)
        total = np.zeros((reviews, count + 2, self.window, n), np.float32)
        total[:, 1:-1] += own
        for place in range(3):
            total[:, place : place + count] += around[:, :, place]
        return total.reshape(reviews, -1, n)[:, self.window : self.window + time]


def _root(size: int) -> np.float32:
    return np.float32(np.sqrt(size))
