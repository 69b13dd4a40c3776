"""One time step of each recurrent network, written as in a textbook, and the chain rule through it.

The loop over time, which does the matrix products of the backward pass, is in `recurrent.py`.
"""

from typing import Any, Protocol

from keras import ops

Tensor = Any  # a tensor of whichever backend Keras runs on
States = tuple[Tensor, ...]  # each <float32>[batch, units]; the first is the output


class Cell(Protocol):
    """One time step of a recurrent network, and its gradient."""

    gates: int  # column blocks of the kernels, each `units` wide
    states: int  # carried from step to step
    biases: int  # 1: the sums share one; 2: input and recurrent part have their own
    saved: int  # values of a step, each `<float32>[batch, units]`, that its gradient needs beside the states

    @staticmethod
    def step(x: Tensor, states: States, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> tuple[States, States]:
        """The equations.

        Args:
            x: `<float32>[batch, features]`, what this step reads.
            states: before the step.
            kernel: W, `<float32>[features, gates * units]`.
            recurrent_kernel: U, `<float32>[units, gates * units]`.
            bias: `<float32>[biases, gates * units]`.

        Returns:
            The states after the step, and the values to save for `gradient`.
        """
        ...

    @staticmethod
    def gradient(before: States, after: States, saved: States, d_after: States) -> tuple[States, States, States]:
        """The chain rule through the element-wise part of one step; the loop does the products.

        Args:
            before: states before the step.
            after: states after it.
            saved: what `step` saved.
            d_after: the loss's gradient with respect to `after`.

        Returns:
            The loss's gradient with respect to the input sums `x @ W + b`, to the recurrent sums `h @ U + c` (each one
            array per gate), and to `before` apart from its way through `h @ U`.
        """
        ...


class SimpleRNNCell:
    """An Elman network's step."""

    gates, states, biases, saved = 1, 1, 1, 0

    @staticmethod
    def step(x: Tensor, states: States, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> tuple[States, States]:
        """See `Cell`."""
        (h,) = states
        h = ops.tanh(ops.matmul(x, kernel) + bias[0] + ops.matmul(h, recurrent_kernel))
        return (h,), ()

    @staticmethod
    def gradient(before: States, after: States, saved: States, d_after: States) -> tuple[States, States, States]:
        """See `Cell`."""
        (h,), (dh,) = after, d_after
        d = dh * (1 - h * h)
        return (d,), (d,), (ops.zeros_like(dh),)


class LSTMCell:
    """A long short-term memory's step."""

    gates, states, biases, saved = 4, 2, 1, 4

    @staticmethod
    def step(x: Tensor, states: States, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> tuple[States, States]:
        """See `Cell`."""
        h, c = states
        sums = ops.matmul(x, kernel) + bias[0] + ops.matmul(h, recurrent_kernel)
        s_i, s_f, s_g, s_o = ops.split(sums, 4, axis=-1)
        i, f, o = ops.sigmoid(s_i), ops.sigmoid(s_f), ops.sigmoid(s_o)
        candidate = ops.tanh(s_g)
        c = f * c + i * candidate
        return (o * ops.tanh(c), c), (i, f, candidate, o)

    @staticmethod
    def gradient(before: States, after: States, saved: States, d_after: States) -> tuple[States, States, States]:
        """See `Cell`."""
        (_, c_before), (_, c), (i, f, candidate, o), (dh, dc) = before, after, saved, d_after
        squashed = ops.tanh(c)
        dc = dc + dh * o * (1 - squashed * squashed)
        d_i = dc * candidate * i * (1 - i)
        d_f = dc * c_before * f * (1 - f)
        d_g = dc * i * (1 - candidate * candidate)
        d_o = dh * squashed * o * (1 - o)
        d_sums = (d_i, d_f, d_g, d_o)
        return d_sums, d_sums, (ops.zeros_like(dh), dc * f)


class GRUCell:
    """A gated recurrent unit's step, reset after the product."""

    gates, states, biases, saved = 3, 1, 2, 4

    @staticmethod
    def step(x: Tensor, states: States, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> tuple[States, States]:
        """See `Cell`."""
        (h,) = states
        x_z, x_r, x_h = ops.split(ops.matmul(x, kernel) + bias[0], 3, axis=-1)
        h_z, h_r, h_h = ops.split(ops.matmul(h, recurrent_kernel) + bias[1], 3, axis=-1)
        z = ops.sigmoid(x_z + h_z)
        r = ops.sigmoid(x_r + h_r)
        candidate = ops.tanh(x_h + r * h_h)
        h = z * h + (1 - z) * candidate
        return (h,), (z, r, candidate, h_h)

    @staticmethod
    def gradient(before: States, after: States, saved: States, d_after: States) -> tuple[States, States, States]:
        """See `Cell`."""
        (h,), (z, r, candidate, h_h), (dh,) = before, saved, d_after
        d_z = dh * (h - candidate) * z * (1 - z)
        d_h = dh * (1 - z) * (1 - candidate * candidate)
        d_r = d_h * h_h * r * (1 - r)
        return (d_z, d_r, d_h), (d_z, d_r, d_h * r), (dh * z,)
