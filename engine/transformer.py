"""The Transformer encoder of `models/transformer.py` in plain NumPy, with its chain rule."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from engine.cells import Array
from engine.layers import Lengths

_EPSILON = 1e-3  # Keras's, of layer normalisation


@dataclass(frozen=True)
class Normalisation:
    """Each token's features at mean 0 and variance 1, then scaled and moved (Ba et al. 2016, Layer normalization)."""

    gamma: Array  # <float32>[features]
    beta: Array  # <float32>[features]

    def __call__(self, x: Array) -> Array:
        """`<float32>[..., features]` to the same shape."""
        return self._normal(x) * self.gamma + self.beta

    def pullback(self, x: Array, dy: Array) -> Array:
        """The gradient with respect to `x`."""
        normal, d = self._normal(x), dy * self.gamma
        centred = d - d.mean(axis=-1, keepdims=True) - normal * (d * normal).mean(axis=-1, keepdims=True)
        return centred / np.sqrt(x.var(axis=-1, keepdims=True) + _EPSILON)

    @staticmethod
    def _normal(x: Array) -> Array:
        return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + _EPSILON)


@dataclass(frozen=True)
class Dense:
    """`x @ kernel + bias`."""

    kernel: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """`<float32>[..., features]` to `[..., units]`."""
        return x @ self.kernel + self.bias


@dataclass(frozen=True)
class LocalAttention:
    """Multi-head attention of each token to those at most `window` away, in blocks of that length."""

    window: int
    query: tuple[Array, Array]  # kernel <float32>[features, heads, size], bias [heads, size]; key and value likewise
    key: tuple[Array, Array]
    value: tuple[Array, Array]
    output: tuple[Array, Array]  # kernel <float32>[heads, size, features], bias [features]

    def __call__(self, x: Array, is_word: Array) -> Array:
        """`<float32>[reviews, time, features]` to the same shape; `is_word` is `<bool>[reviews, time]`."""
        _, _, v, shares = self._attend(x, is_word)
        heard = np.einsum("nhqk,nkhd->nqhd", shares, v)
        out = np.einsum("nqhd,hdf->nqf", heard, self.output[0]) + self.output[1]
        return out.reshape(len(x), -1, x.shape[-1])[:, : x.shape[1]]

    def pullback(self, x: Array, is_word: Array, dy: Array) -> Array:
        """The gradient with respect to `x`."""
        q, k, v, shares = self._attend(x, is_word)
        own, _ = self._blocks(dy)
        d_heard = np.einsum("nqf,hdf->nqhd", own, self.output[0])
        d_shares = np.einsum("nqhd,nkhd->nhqk", d_heard, v)
        d_scores = shares * (d_shares - (shares * d_shares).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
        d_own = np.einsum("nhqk,nkhd,fhd->nqf", d_scores, k, self.query[0], optimize=True)
        d_around = np.einsum("nhqk,nqhd,fhd->nkf", d_scores, q, self.key[0], optimize=True)
        d_around += np.einsum("nhqk,nqhd,fhd->nkf", shares, d_heard, self.value[0], optimize=True)
        return self._unblocked(d_own, d_around, x.shape)

    def _attend(self, x: Array, is_word: Array) -> tuple[Array, Array, Array, Array]:
        """Queries, keys, values `[blocks, tokens, heads, size]`, and each query's shares `[blocks, heads, queries, keys]`."""
        own, around = self._blocks(x)
        _, seen = self._blocks(is_word[..., None])
        q = np.einsum("nqf,fhd->nqhd", own, self.query[0]) + self.query[1]
        k, v = (np.einsum("nkf,fhd->nkhd", around, kernel) + bias for kernel, bias in (self.key, self.value))
        distance = np.arange(3 * self.window) - self.window - np.arange(self.window)[:, None]
        may_see = (np.abs(distance) <= self.window) & seen.swapaxes(1, 2)  # [blocks, queries, keys]
        scores = np.where(may_see[:, None], np.einsum("nqhd,nkhd->nhqk", q, k) / np.sqrt(q.shape[-1]), np.float32(-1e9))
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
        """The sum of what blocks say of each token: `_blocks` turned round."""
        reviews, time, n = shape
        count = -(-time // self.window)
        own, around = d_own.reshape(reviews, count, self.window, n), d_around.reshape(reviews, count, 3, self.window, n)
        total = np.zeros((reviews, count + 2, self.window, n), np.float32)
        total[:, 1:-1] += own
        for place in range(3):
            total[:, place : place + count] += around[:, :, place]
        return total.reshape(reviews, -1, n)[:, self.window : self.window + time]


@dataclass(frozen=True)
class Encoder:
    """One block of attention and feed-forward layer."""

    tokens: Dense
    normal_tokens: Normalisation
    before_attention: Normalisation
    attention: LocalAttention
    before_hidden: Normalisation
    hidden: Dense
    after_hidden: Dense
    normal_encoded: Normalisation

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """`<float32>[time, reviews, features]` to `[time, reviews, units]`."""
        _, stream, heard, sums = self._run(x, lengths)
        return self.normal_encoded(stream + heard + self.after_hidden(_gelu(sums))).swapaxes(0, 1)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """The gradient with respect to `x`, from that with respect to the output."""
        raw, stream, heard, sums = self._run(x, lengths)
        middle = stream + heard
        d_encoded = self.normal_encoded.pullback(middle + self.after_hidden(_gelu(sums)), dy.swapaxes(0, 1))
        d_sums = (d_encoded @ self.after_hidden.kernel.T) * _gelu_slope(sums)
        d_middle = d_encoded + self.before_hidden.pullback(middle, d_sums @ self.hidden.kernel.T)
        d_normal = self.attention.pullback(self.before_attention(stream), _is_word(lengths), d_middle)
        d_stream = d_middle + self.before_attention.pullback(stream, d_normal)
        return (self.normal_tokens.pullback(raw, d_stream) @ self.tokens.kernel.T).swapaxes(0, 1).astype(np.float32)

    def _run(self, x: Array, lengths: Lengths) -> tuple[Array, Array, Array, Array]:
        """Reviews first: tokens as they come, the stream before attention, what attention adds, the sums of the hidden layer."""
        raw = self.tokens(x.swapaxes(0, 1))
        stream = self.normal_tokens(raw)
        stream = stream + _positions(*stream.shape[1:])
        heard = self.attention(self.before_attention(stream), _is_word(lengths))
        return raw, stream, heard, self.hidden(self.before_hidden(stream + heard))


def _is_word(lengths: Lengths) -> Array:
    return lengths.is_word[..., 0].T


def _positions(time: int, features: int) -> Array:
    frequencies = np.exp(np.arange(features // 2) * (-np.log(10_000.0) / (features // 2)))
    angles = np.arange(time)[:, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1).astype(np.float32)


def _gelu(x: Array) -> Array:
    """Hendrycks and Gimpel (2016), Gaussian error linear units."""
    return x * _normal_share(x)


def _gelu_slope(x: Array) -> Array:
    return _normal_share(x) + x * np.exp(-x * x / 2) / np.float32(np.sqrt(2 * np.pi))


def _normal_share(x: Array) -> Array:
    return 0.5 * (1 + erf(x / np.float32(np.sqrt(2))))
