"""One time step of each recurrent network, written as in a textbook, and the chain rule through it.

Neither Keras nor NumPy is imported: a step is given the few functions that it needs, those of `keras.ops` when a network is
trained (`models/loop.py`) and those of `engine/arrays.py` when a finished run answers (`engine/layers.py`). These two own
the loops over time and do every matrix product; a cell works on the sums that come out of the products.
"""

from collections.abc import Sequence
from typing import Any, Protocol

Tensor = Any  # an array of NumPy, or a tensor of whichever backend Keras runs on
States = tuple[Tensor, ...]  # each <float32>[batch, units]; the first is the output


class Arithmetic(Protocol):
    """The functions that a cell computes with, as `keras.ops` names them."""

    def tanh(self, x: Tensor) -> Tensor:
        """The hyperbolic tangent of each element."""
        ...

    def sigmoid(self, x: Tensor) -> Tensor:
        """`1 / (1 + exp(-x))` of each element."""
        ...

    def split(self, x: Tensor, parts: int, axis: int) -> Sequence[Tensor]:
        """This many parts of one width along the last axis, `axis=-1`."""
        ...

    def concatenate(self, arrays: Sequence[Tensor], axis: int) -> Tensor:
        """The arrays one after another along an axis."""
        ...

    def zeros_like(self, x: Tensor) -> Tensor:
        """Zeros in the shape of `x`."""
        ...


class Cell(Protocol):
    """One time step of a recurrent network, and its gradient."""

    gates: int  # column blocks of the kernels, each `units` wide
    states: int  # carried from step to step
    biases: int  # 1: only the input sums have a bias; 2: the recurrent sums have one of their own
    saved: int  # values of a step, each `<float32>[batch, units]`, that its gradient needs beside the states

    @staticmethod
    def step(xp: Arithmetic, x_sums: Tensor, h_sums: Tensor, states: States) -> tuple[States, States]:
        """The equations.

        Args:
            xp: the functions to compute with.
            x_sums: `x @ W + b` of what this step reads, `<float32>[batch, gates * units]`.
            h_sums: `h @ U` of the first state, `+ c` where the recurrent sums have their own bias, in the same shape.
            states: before the step.

        Returns:
            The states after the step, and the values to save for `gradient`.
        """
        ...

    @staticmethod
    def gradient(xp: Arithmetic, before: States, after: States, saved: States, d_after: States) -> tuple[Tensor, Tensor, States]:
        """The chain rule through `step`; the loop continues it through the products.

        Args:
            xp: the functions to compute with.
            before: states before the step.
            after: states after it.
            saved: what `step` saved.
            d_after: the loss's gradient with respect to `after`.

        Returns:
            The loss's gradient with respect to `x_sums`, to `h_sums` (each `<float32>[batch, gates * units]`), and to `before`
            apart from its way through `h @ U`.
        """
        ...


class SimpleRNNCell:
    """An Elman network's step."""

    gates, states, biases, saved = 1, 1, 1, 0

    @staticmethod
    def step(xp: Arithmetic, x_sums: Tensor, h_sums: Tensor, states: States) -> tuple[States, States]:
        """See `Cell`."""
        return (xp.tanh(x_sums + h_sums),), ()

    @staticmethod
    def gradient(xp: Arithmetic, before: States, after: States, saved: States, d_after: States) -> tuple[Tensor, Tensor, States]:
        """See `Cell`."""
        (h,), (dh,) = after, d_after
        d_sums = dh * (1 - h * h)
        return d_sums, d_sums, (xp.zeros_like(dh),)


class LSTMCell:
    """A long short-term memory's step."""

    gates, states, biases, saved = 4, 2, 1, 4

    @staticmethod
    def step(xp: Arithmetic, x_sums: Tensor, h_sums: Tensor, states: States) -> tuple[States, States]:
        """See `Cell`."""
        _, c = states
        s_i, s_f, s_g, s_o = xp.split(x_sums + h_sums, 4, axis=-1)
        i, f, o = xp.sigmoid(s_i), xp.sigmoid(s_f), xp.sigmoid(s_o)
        candidate = xp.tanh(s_g)
        c = f * c + i * candidate
        return (o * xp.tanh(c), c), (i, f, candidate, o)

    @staticmethod
    def gradient(xp: Arithmetic, before: States, after: States, saved: States, d_after: States) -> tuple[Tensor, Tensor, States]:
        """See `Cell`."""
        (_, c_before), (_, c), (i, f, candidate, o), (dh, dc) = before, after, saved, d_after
        squashed = xp.tanh(c)
        dc = dc + dh * o * (1 - squashed * squashed)
        d_i = dc * candidate * i * (1 - i)
        d_f = dc * c_before * f * (1 - f)
        d_g = dc * i * (1 - candidate * candidate)
        d_o = dh * squashed * o * (1 - o)
        d_sums = xp.concatenate([d_i, d_f, d_g, d_o], axis=-1)
        return d_sums, d_sums, (xp.zeros_like(dh), dc * f)


class GRUCell:
    """A gated recurrent unit's step, reset after the product."""

    gates, states, biases, saved = 3, 1, 2, 4

    @staticmethod
    def step(xp: Arithmetic, x_sums: Tensor, h_sums: Tensor, states: States) -> tuple[States, States]:
        """See `Cell`."""
        (h,) = states
        x_z, x_r, x_h = xp.split(x_sums, 3, axis=-1)
        h_z, h_r, h_h = xp.split(h_sums, 3, axis=-1)
        z = xp.sigmoid(x_z + h_z)
        r = xp.sigmoid(x_r + h_r)
        candidate = xp.tanh(x_h + r * h_h)
        h = z * h + (1 - z) * candidate
        return (h,), (z, r, candidate, h_h)

    @staticmethod
    def gradient(xp: Arithmetic, before: States, after: States, saved: States, d_after: States) -> tuple[Tensor, Tensor, States]:
        """See `Cell`."""
        (h,), (z, r, candidate, h_h), (dh,) = before, saved, d_after
        d_z = dh * (h - candidate) * z * (1 - z)
        d_h = dh * (1 - z) * (1 - candidate * candidate)
        d_r = d_h * h_h * r * (1 - r)
        d_x_sums, d_h_sums = (xp.concatenate([d_z, d_r, d_candidate], axis=-1) for d_candidate in (d_h, d_h * r))
        return d_x_sums, d_h_sums, (dh * z,)


CELLS: dict[str, type[Cell]] = {"SimpleRNN": SimpleRNNCell, "LSTM": LSTMCell, "GRU": GRUCell}  # by the name of Keras's layer
