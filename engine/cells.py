"""One time step of each recurrent network in plain NumPy, and the chain rule through it: `models/cells.py` without a framework.

Written a second time so that a finished run answers without TensorFlow, at once. A test shows that both are equal.
"""

from typing import Protocol

import numpy as np

Array = np.ndarray
States = tuple[Array, ...]  # each <float32>[batch, units]; the first is the output


class Cell(Protocol):
    """One time step, and its gradient."""

    states: int  # carried from step to step

    @staticmethod
    def step(sums: Array, states: States, recurrent_kernel: Array, bias: Array) -> tuple[States, States]:
        """The equations of `models/cells.py`.

        Args:
            sums: `x @ W + b` of this step, `<float32>[batch, gates * units]`.
            states: before the step.
            recurrent_kernel: U, `<float32>[units, gates * units]`.
            bias: of the recurrent sums, `<float32>[gates * units]`, where the cell has one of its own.

        Returns:
            The states after the step, and what `gradient` needs beside them.
        """
        ...

    @staticmethod
    def gradient(before: States, after: States, saved: States, d_after: States) -> tuple[Array, Array, States]:
        """The gradient with respect to `sums`, to `h @ U + bias`, and to `before` apart from its way through `h @ U`."""
        ...


def sigmoid(x: Array) -> Array:
    """`1 / (1 + exp(-x))`, without overflow."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


class SimpleRNNCell:
    """An Elman network's step."""

    states = 1

    @staticmethod
    def step(sums: Array, states: States, recurrent_kernel: Array, bias: Array) -> tuple[States, States]:
        """See `Cell`."""
        (h,) = states
        return (np.tanh(sums + h @ recurrent_kernel),), ()

    @staticmethod
    def gradient(before: States, after: States, saved: States, d_after: States) -> tuple[Array, Array, States]:
        """See `Cell`."""
        (h,), (dh,) = after, d_after
        d = dh * (1 - h * h)
        return d, d, (np.zeros_like(dh),)


class LSTMCell:
    """A long short-term memory's step."""

    states = 2

    @staticmethod
    def step(sums: Array, states: States, recurrent_kernel: Array, bias: Array) -> tuple[States, States]:
        """See `Cell`."""
        h, c = states
        s_i, s_f, s_g, s_o = np.split(sums + h @ recurrent_kernel, 4, axis=-1)
        i, f, o = sigmoid(s_i), sigmoid(s_f), sigmoid(s_o)
        candidate = np.tanh(s_g)
        c = f * c + i * candidate
        return (o * np.tanh(c), c), (i, f, candidate, o)

    @staticmethod
    def gradient(before: States, after: States, saved: States, d_after: States) -> tuple[Array, Array, States]:
        """See `Cell`."""
        (_, c_before), (_, c), (i, f, candidate, o), (dh, dc) = before, after, saved, d_after
        squashed = np.tanh(c)
        dc = dc + dh * o * (1 - squashed * squashed)
        d_i = dc * candidate * i * (1 - i)
        d_f = dc * c_before * f * (1 - f)
        d_g = dc * i * (1 - candidate * candidate)
        d_o = dh * squashed * o * (1 - o)
        d_sums = np.concatenate([d_i, d_f, d_g, d_o], axis=-1)
        return d_sums, d_sums, (np.zeros_like(dh), dc * f)


class GRUCell:
    """A gated recurrent unit's step, reset after the product."""

    states = 1

    @staticmethod
    def step(sums: Array, states: States, recurrent_kernel: Array, bias: Array) -> tuple[States, States]:
        """See `Cell`."""
        (h,) = states
        units = h.shape[-1]
        recurrent = h @ recurrent_kernel + bias
        gates = sigmoid(sums[:, : 2 * units] + recurrent[:, : 2 * units])
        z, r, h_h = gates[:, :units], gates[:, units:], recurrent[:, 2 * units :]
        candidate = np.tanh(sums[:, 2 * units :] + r * h_h)
        return (candidate + z * (h - candidate),), (z, r, candidate, h_h)

    @staticmethod
    def gradient(before: States, after: States, saved: States, d_after: States) -> tuple[Array, Array, States]:
        """See `Cell`."""
        (h,), (z, r, candidate, h_h), (dh,) = before, saved, d_after
        d_z = dh * (h - candidate) * z * (1 - z)
        d_h = dh * (1 - z) * (1 - candidate * candidate)
        d_r = d_h * h_h * r * (1 - r)
        d_gates = [d_z, d_r]
        return np.concatenate([*d_gates, d_h], axis=-1), np.concatenate([*d_gates, d_h * r], axis=-1), (dh * z,)
