"""The layers of a trained network in NumPy, each with its chain rule. Sequences are time first: `[time, reviews, features]`.

Reviews come sorted, the longest first: at each time step those that have a word there are the first `counts[t]` rows, so that
no padding is ever computed and nothing needs a mask.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine import arrays
from engine.arrays import Array
from models.cells import Cell, States


@dataclass(frozen=True)
class Lengths:
    """How long each review of a batch is, in tokens; descending."""

    of_reviews: np.ndarray  # <int64>[reviews]

    @property
    def counts(self) -> list[int]:
        """Reviews that have a word at each time step, `[time]`."""
        steps = np.arange(self.of_reviews[0])
        return (len(self.of_reviews) - np.searchsorted(self.of_reviews[::-1], steps, side="right")).tolist()

    @property
    def is_word(self) -> np.ndarray:
        """`<bool>[time, reviews, 1]`."""
        return (np.arange(self.of_reviews[0])[:, None] < self.of_reviews)[..., None]


class Layer(Protocol):
    """From sequences to sequences of the same length, or to one vector a review; or from vectors to vectors."""

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """What the layer gives for `<float32>[time, reviews, features]`, or for `<float32>[reviews, features]`."""
        ...

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """The gradient with respect to `x`, from that with respect to what the layer gives."""
        ...


def apply(layers: Sequence[Layer], x: Array, lengths: Lengths) -> Array:
    """What the last of these layers gives, each reading what the one before it gives."""
    for layer in layers:
        x = layer(x, lengths)
    return x


def pull_back(layers: Sequence[Layer], x: Array, lengths: Lengths, dy: Array) -> Array:
    """The gradient with respect to `x`, from that with respect to what `apply` gives."""
    inputs = [x]
    for layer in layers[:-1]:
        inputs.append(layer(inputs[-1], lengths))
    for layer, x in zip(reversed(layers), reversed(inputs), strict=False):  # no layer at all has an input too
        dy = layer.pullback(x, lengths, dy)
    return dy


@dataclass(frozen=True)
class Recurrent:
    """One direction of a recurrent layer: the equations of a cell, step by step. Beyond a review's end it gives zeros."""

    cell: type[Cell]
    kernel: Array  # W, <float32>[features, gates * units]
    recurrent_kernel: Array  # U, <float32>[units, gates * units]
    bias: Array  # b, and c where the recurrent sums have their own, <float32>[biases, gates * units]
    is_reversed: bool = False

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """The output after every word, `<float32>[time, reviews, units]`."""
        outputs = np.zeros((*x.shape[:2], len(self.recurrent_kernel)), np.float32)
        for t, _, (output, *_), _ in self.steps(x, lengths):
            outputs[t, : len(output)] = output
        return outputs

    def steps(self, x: Array, lengths: Lengths) -> Iterator[tuple[int, States, States, States]]:
        """Step by step in reading order: the time, the states before and after it, and what the cell saves (a GRU: its gates)."""
        cell, x_sums, counts = self.cell, x @ self.kernel + self.bias[0], lengths.counts
        order = range(len(x))[:: -1 if self.is_reversed else 1]
        states: States = (np.zeros((counts[order[0]], len(self.recurrent_kernel)), np.float32),) * cell.states
        for t in order:
            n = counts[t]
            before = states if len(states[0]) == n else tuple(_rows(state, n) for state in states)
            h_sums = before[0].dot(self.recurrent_kernel)
            if cell.biases == 2:
                h_sums += self.bias[1]
            states, saved = cell.step(arrays, x_sums[t, :n], h_sums, before)
            yield t, before, states, saved

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """Back-propagation through time (Werbos 1990, Proc. IEEE); see `Layer`."""
        d_x_sums = np.zeros((*x.shape[:2], self.kernel.shape[1]), np.float32)
        d_states = tuple(np.zeros((x.shape[1], len(self.recurrent_kernel)), np.float32) for _ in range(self.cell.states))
        transposed = np.ascontiguousarray(self.recurrent_kernel.T)
        for t, before, after, saved in reversed(list(self.steps(x, lengths))):
            n = len(after[0])
            d_after = (d_states[0][:n] + dy[t, :n], *(d[:n] for d in d_states[1:]))
            d_x_sums[t, :n], d_h_sums, d_before = self.cell.gradient(arrays, before, after, saved, d_after)
            for state, d in zip(d_states, (d_before[0] + d_h_sums @ transposed, *d_before[1:]), strict=True):
                state[:n] = d
        return d_x_sums @ self.kernel.T


def _rows(state: Array, n: int) -> Array:
    """The first `n` reviews' states: some have ended, or, where the reading goes backwards, some begin, from zeros."""
    if n <= len(state):
        return state[:n]
    return np.concatenate([state, np.zeros((n - len(state), state.shape[1]), state.dtype)])


@dataclass(frozen=True)
class Bidirectional:
    """Two readings side by side: from the first word on, and from the last."""

    forward: Recurrent
    backward: Recurrent

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        return np.concatenate([self.forward(x, lengths), self.backward(x, lengths)], axis=-1)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        there, back = np.split(dy, 2, axis=-1)
        return self.forward.pullback(x, lengths, there) + self.backward.pullback(x, lengths, back)


@dataclass(frozen=True)
class Last:
    """What a recurrent layer gives at the end of its reading: the last word, and the first one of the reading backwards."""

    is_bidirectional: bool

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        last = x[lengths.of_reviews - 1, np.arange(x.shape[1])]
        half = x.shape[-1] // 2
        return np.concatenate([last[:, :half], x[0, :, half:]], axis=-1) if self.is_bidirectional else last

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        dx, half = np.zeros_like(x), x.shape[-1] // 2 if self.is_bidirectional else x.shape[-1]
        dx[lengths.of_reviews - 1, np.arange(x.shape[1]), :half] = dy[:, :half]
        dx[0, :, half:] += dy[:, half:]
        return dx


class Mean:
    """The mean over a review's words."""

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        return np.where(lengths.is_word, x, 0).sum(axis=0) / lengths.of_reviews[:, None].astype(np.float32)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        return np.where(lengths.is_word, dy / lengths.of_reviews[:, None].astype(np.float32), 0).astype(np.float32)


class Max:
    """The maximum over a review's words, of each feature by itself."""

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        return np.where(lengths.is_word, x, -np.inf).max(axis=0).astype(np.float32)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`. Words that share a maximum share its gradient, as in Keras."""
        is_largest = lengths.is_word & (x == self(x, lengths))
        return np.where(is_largest, dy / is_largest.sum(axis=0), 0).astype(np.float32)


@dataclass(frozen=True)
class SideBySide:
    """Several poolings of the same sequences, concatenated."""

    parts: tuple[Layer, ...]

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        return np.concatenate([part(x, lengths) for part in self.parts], axis=-1)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        each = zip(self.parts, np.split(dy, len(self.parts), axis=-1), strict=True)
        return np.add.reduce([part.pullback(x, lengths, d) for part, d in each])


@dataclass(frozen=True)
class Attention:
    """A weighted mean over a review's words; see `models/pooling.py`."""

    kernel: Array  # W, <float32>[features, features]
    bias: Array  # <float32>[features]
    query: Array  # v, <float32>[features, 1]

    def weights(self, x: Array, lengths: Lengths) -> Array:
        """The share of each word, `<float32>[time, reviews, 1]`."""
        scores = np.where(lengths.is_word, np.tanh(x @ self.kernel + self.bias) @ self.query, -np.inf)
        shares = np.exp(scores - scores.max(axis=0))
        return (shares / shares.sum(axis=0)).astype(np.float32)

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        return (self.weights(x, lengths) * np.where(lengths.is_word, x, 0)).sum(axis=0)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        x, shares, hidden = np.where(lengths.is_word, x, 0), self.weights(x, lengths), np.tanh(x @ self.kernel + self.bias)
        d_shares = (x * dy).sum(axis=-1, keepdims=True)
        d_scores = shares * (d_shares - (shares * d_shares).sum(axis=0))
        return shares * dy + ((d_scores * self.query[:, 0]) * (1 - hidden * hidden)) @ self.kernel.T


@dataclass(frozen=True)
class Dense:
    """`activation(x @ kernel + bias)`, of every word by itself or of one vector a review."""

    kernel: Array  # <float32>[features, units]
    bias: Array  # <float32>[units]
    activation: str = "linear"  # or "gelu"

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        sums = x @ self.kernel + self.bias
        return sums if self.activation == "linear" else sums * _normal_share(sums)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        if self.activation != "linear":
            sums = x @ self.kernel + self.bias
            density = np.exp(-sums * sums / 2) / np.float32(np.sqrt(2 * np.pi))
            dy = dy * (_normal_share(sums) + sums * density)
        return dy @ self.kernel.T


def _normal_share(x: Array) -> Array:
    """The share of a normal distribution below x: Hendrycks and Gimpel (2016), Gaussian error linear units, multiply by it."""
    from scipy.special import erf  # here, so that a network without it answers sooner

    return 0.5 * (1 + erf(x / np.float32(np.sqrt(2))))


@dataclass(frozen=True)
class Normalisation:
    """Features at mean 0 and variance 1, then scaled and moved (Ba et al. 2016, Layer normalization)."""

    gamma: Array  # <float32>[features]
    beta: Array  # <float32>[features]
    epsilon: float  # added to the variance

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        return self._normal(x) * self.gamma + self.beta

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        normal, d = self._normal(x), dy * self.gamma
        centred = d - d.mean(axis=-1, keepdims=True) - normal * (d * normal).mean(axis=-1, keepdims=True)
        return centred / self._deviation(x)

    def _normal(self, x: Array) -> Array:
        return (x - x.mean(axis=-1, keepdims=True)) / self._deviation(x)

    def _deviation(self, x: Array) -> Array:
        return np.sqrt(x.var(axis=-1, keepdims=True) + np.float32(self.epsilon))


@dataclass(frozen=True)
class Residual:
    """What some layers make of their input, added to it."""

    inner: tuple[Layer, ...]

    def __call__(self, x: Array, lengths: Lengths) -> Array:
        """See `Layer`."""
        return x + apply(self.inner, x, lengths)

    def pullback(self, x: Array, lengths: Lengths, dy: Array) -> Array:
        """See `Layer`."""
        return dy + pull_back(self.inner, x, lengths, dy)
