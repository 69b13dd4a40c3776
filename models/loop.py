"""The loop over time of the recurrent layers written from scratch, both ways.

The forward loop applies the step; the backward loop is back-propagation through time as in a textbook (Werbos 1990,
Backpropagation through time, Proc. IEEE): from the last step to the first it turns the gradient of a step's result into
the gradient of what the step read, and adds to the gradients of the weights. Written by hand, because automatic
differentiation of a loop keeps every intermediate value of every step.

Both loops run only as far as the longest review of the batch, whatever the batch is padded to: one compiled program
serves all lengths.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from models.cells import Cell, States, Tensor


def read_sequences(  # long: `custom_gradient` takes the gradient as a function inside the function
    cell: type[Cell], sequences: Tensor, mask: Tensor | None, initial: States, weights: States, *, reverse: bool
) -> tuple[Tensor, States]:
    """Carry the states through time. Differentiable, by hand.

    Where the mask is False the states pass through unchanged. After the last step that any review has, nothing is computed.

    Args:
        cell: the step and its gradient.
        sequences: `<float32>[batch, time, features]`.
        mask: `<bool>[batch, time]` or None.
        initial: states before the first step.
        weights: kernel `[features, gates * units]`, recurrent kernel `[units, gates * units]`, bias `[biases, gates * units]`.
        reverse: read from the last time step to the first.

    Returns:
        The output after every step in the order of the input's time, `<float32>[batch, time, units]`, and the final states.
    """
    steps = ops.convert_to_tensor(ops.shape(sequences)[1], "int32") if mask is None else _steps(mask)
    loop = _Loop(cell, mask, steps, reverse)

    @ops.custom_gradient
    def run(sequences: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor, *initial: Tensor) -> Any:
        weights = (kernel, recurrent_kernel, bias)
        histories, kept, final = loop.forward(sequences, initial, weights)
        beyond = initial[0] if reverse else final[0]  # passes through the steps that nobody has
        is_read = ops.expand_dims(ops.arange(ops.shape(sequences)[1], dtype="int32") < steps, -1)  # [time, 1]
        outputs = ops.where(is_read, loop.outputs(histories), ops.expand_dims(beyond, 1))

        def gradient(*upstream: Any, variables: Any = None) -> Any:
            d_outputs, *d_final = keras.tree.flatten(upstream)
            d_beyond = ops.sum(ops.where(is_read, 0.0, d_outputs), axis=1)
            if not reverse:
                d_final[0] = d_final[0] + d_beyond
            d_initial, *d_others = loop.backward(sequences, weights, histories, kept, d_outputs, tuple(d_final))
            if reverse:
                d_initial = (d_initial[0] + d_beyond, *d_initial[1:])
            return *d_others, *d_initial

        return (outputs, *final), gradient

    outputs, *final = run(sequences, *weights, *initial)
    return outputs, tuple(final)


class _Loop:
    """The loop over time, forward and backward.

    Every step's states are kept, the initial ones too, in arrays with one slot more than there are steps: the outputs as
    `[batch, 1 + time, units]`, other states and the saved values time first, so that a step writes them in one piece. Each
    saved value has an array of its own: XLA puts several values into one row by slow, branching code.
    """

    def __init__(self, cell: type[Cell], mask: Tensor | None, steps: Tensor, reverse: bool) -> None:
        self._cell, self._mask, self._steps, self._reverse = cell, mask, steps, reverse
        self._before, self._after = (1, 0) if reverse else (0, 1)  # slots of step t's states, counted from t

    def forward(self, sequences: Tensor, states: States, weights: States) -> tuple[States, States, States]:
        """Histories of all states, histories of the saved values, each `[time, batch, units]`, and the final states."""
        kernel, recurrent_kernel, bias = weights
        batch, time, _ = ops.shape(sequences)
        units = states[0].shape[-1]

        def body(t: Tensor, states: States, histories: States, kept: States) -> Any:
            x_sums = ops.matmul(_read(sequences, t, axis=1), kernel) + bias[0]
            h_sums = ops.matmul(states[0], recurrent_kernel)
            if self._cell.biases == 2:
                h_sums = h_sums + bias[1]
            after, saved = self._cell.step(ops, x_sums, h_sums, states)
            after = self._where_read(t, after, states)
            kept = tuple(_write(history, value, t, axis=0) for history, value in zip(kept, saved, strict=True))
            return after, _write_states(histories, after, t + self._after), kept

        empty = tuple(ops.zeros((batch, time + 1, units) if i == 0 else (time + 1, batch, units)) for i in range(len(states)))
        histories = _write_states(empty, states, self._steps if self._reverse else 0)
        kept = tuple(ops.zeros((time, batch, units)) for _ in range(self._cell.saved))
        final, histories, kept = self._walk(body, (states, histories, kept), to_the_end=not self._reverse)
        return histories, kept, final

    def backward(
        self, sequences: Tensor, weights: States, histories: States, kept: States, d_outputs: Tensor, d_final: States
    ) -> tuple[Any, ...]:
        """Gradients of the initial states, the sequences, the kernel, the recurrent kernel and the bias."""
        kernel, recurrent_kernel, bias = weights
        cell = self._cell

        transposed, recurrent_transposed = ops.transpose(kernel), ops.transpose(recurrent_kernel)

        def body(t: Tensor, d_states: States, d_sequences: Tensor, d_kernel: Tensor, d_recurrent: Tensor, d_bias: States) -> Any:
            d_states = (d_states[0] + _read(d_outputs, t, axis=1), *d_states[1:])
            nothing = tuple(ops.zeros_like(d) for d in d_states)
            before, after = _read_states(histories, t + self._before), _read_states(histories, t + self._after)
            saved = tuple(_read(history, t, axis=0) for history in kept)
            d_after = self._where_read(t, d_states, nothing)
            d_x_sums, d_h_sums, d_before = cell.gradient(ops, before, after, saved, d_after)
            d_before = (d_before[0] + ops.matmul(d_h_sums, recurrent_transposed), *d_before[1:])
            return (
                self._where_read(t, d_before, d_states),
                _write(d_sequences, ops.matmul(d_x_sums, transposed), t, axis=1),
                d_kernel + ops.matmul(ops.transpose(_read(sequences, t, axis=1)), d_x_sums),
                d_recurrent + ops.matmul(ops.transpose(before[0]), d_h_sums),
                tuple(d + ops.sum(d_sums, axis=0) for d, d_sums in zip(d_bias, (d_x_sums, d_h_sums), strict=False)),
            )

        zeros = [ops.zeros_like(array) for array in (sequences, kernel, recurrent_kernel)]
        d_bias = tuple(ops.zeros_like(bias[0]) for _ in range(cell.biases))
        begin = (d_final, *zeros, d_bias)
        d_initial, d_sequences, d_kernel, d_recurrent, d_bias = self._walk(body, begin, to_the_end=self._reverse)
        return d_initial, d_sequences, d_kernel, d_recurrent, ops.stack(d_bias)

    def outputs(self, histories: States) -> Tensor:
        """The first state after every step, `[batch, time, units]`."""
        return histories[0][:, 1:] if self._after else histories[0][:, :-1]

    def _walk(self, body: Callable[..., Any], begin: tuple[Any, ...], *, to_the_end: bool) -> Any:
        """Apply the body to every step, first to last or last to first.

        The step is carried along, not computed from a count and the number of steps: else TensorFlow takes that number, and
        with it the token ids, for constants, and compiles anew for each batch.
        """
        first, stride = (0, 1) if to_the_end else (self._steps - 1, -1)
        _, *end = ops.while_loop(
            lambda t, *_: t < self._steps if to_the_end else t >= 0,
            lambda t, *carried: (t + stride, *body(t, *carried)),
            (ops.convert_to_tensor(first, "int32"), *begin),
        )
        return end

    def _where_read(self, t: Tensor, if_read: States, if_padding: States) -> States:
        """By row: whether it has a word at step t."""
        if self._mask is None:
            return if_read
        is_read = _read(ops.expand_dims(self._mask, -1), t, axis=1)  # [batch, 1]
        return tuple(ops.where(is_read, a, b) for a, b in zip(if_read, if_padding, strict=True))


def _steps(mask: Tensor) -> Tensor:
    """One more than the last time step that any row has, `<int32>[]`."""
    return ops.max(ops.where(ops.any(mask, axis=0), ops.arange(ops.shape(mask)[1], dtype="int32") + 1, 0))


def _read(array: Tensor, index: Tensor, *, axis: int) -> Tensor:
    """The slice of a three-dimensional array at this index, without the axis."""
    shape, start = list(ops.shape(array)), [0, 0, 0]
    shape[axis], start[axis] = 1, index
    return ops.squeeze(ops.slice(array, start, shape), axis)


def _write(array: Tensor, value: Tensor, index: Tensor, *, axis: int) -> Tensor:
    """The array with this slice replaced; XLA does it in place."""
    start = [0, 0, 0]
    start[axis] = index
    return ops.slice_update(array, start, ops.expand_dims(value, axis))


def _read_states(histories: States, slot: Tensor) -> States:
    return (_read(histories[0], slot, axis=1), *(_read(history, slot, axis=0) for history in histories[1:]))


def _write_states(histories: States, states: States, slot: Tensor) -> States:
    outputs, *others = (_write(h, s, slot, axis=min(i, 1) ^ 1) for i, (h, s) in enumerate(zip(histories, states, strict=True)))
    return outputs, *others
