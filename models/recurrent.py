"""Recurrent layers written from scratch: the steps of `cells.py` in one loop over time, both ways.

The forward loop applies the step; the backward loop is back-propagation through time as in a textbook (Werbos 1990,
Backpropagation through time, Proc. IEEE): from the last step to the first it turns the gradient of a step's result into
the gradient of what the step read, and adds to the gradients of the weights. Written by hand, because automatic
differentiation of a loop keeps every intermediate value of every step.

Both loops run only as far as the longest review of the batch, whatever the batch is padded to: one compiled program
serves all lengths. They are always compiled by XLA, also inside a step that is not. Everything else that was
measured is in LOG.md; `python -m benchmarks.recurrent` measures it again.
"""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from models.cells import Cell, GRUCell, LSTMCell, SimpleRNNCell, States, Tensor

# -- the loop over time ------------------------------------------------------------------------------------------------


def read_sequences(
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


# -- the layers --------------------------------------------------------------------------------------------------------


class _Recurrent(keras.layers.Layer):
    """What the three layers share: weights, masks, outputs. A subclass names its cell."""

    cell: ClassVar[type[Cell]]

    def __init__(
        self,
        units: int,
        *,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        **kwargs: Any,
    ) -> None:
        """Configure the layer; weights are made when the number of features is known.

        Args:
            units: width of the state.
            return_sequences: give every output rather than the last; with `go_backwards`, in reading order.
            return_state: give the final states as further outputs.
            go_backwards: read from the last time step to the first.
            kwargs: name, dtype, trainable.

        Raises:
            ValueError: `units` is not a positive integer.
        """
        super().__init__(**kwargs)
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"units: expected a positive integer, got {units!r}")
        self.units = units
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = False  # Bidirectional asks
        self.supports_masking = True
        self._run = _compiled(functools.partial(read_sequences, self.cell, reverse=go_backwards))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of this shape, `(batch, time, features)`."""
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: input_shape[-1]})
        width = self.cell.gates * self.units
        self.kernel = self.add_weight((input_shape[-1], width), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, width), "orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight(self._bias_shape(), self._initial_bias, name="bias")

    def _bias_shape(self) -> tuple[int, ...]:
        width = self.cell.gates * self.units
        return (width,) if self.cell.biases == 1 else (self.cell.biases, width)

    def _initial_bias(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return ops.zeros(shape, dtype)

    def call(self, sequences: Tensor, initial_state: Any = None, mask: Tensor | None = None) -> Any:
        """Read the sequences.

        Args:
            sequences: `<float32>[batch, time, features]`.
            initial_state: states `<float32>[batch, units]`, one or a list; zeros when None.
            mask: `<bool>[batch, time]`, False on padding.

        Returns:
            The output as the class says, and the final states `<float32>[batch, units]` if `return_state`.
        """
        if initial_state is None:
            initial_state = [ops.zeros((ops.shape(sequences)[0], self.units), sequences.dtype)] * self.cell.states
        width = self.cell.gates * self.units  # reshape gives tensors, also while Keras only asks for shapes
        shaped = ((self.kernel, (-1, width)), (self.recurrent_kernel, (-1, width)), (self.bias, (self.cell.biases, width)))
        weights = tuple(ops.reshape(variable, shape) for variable, shape in shaped)
        outputs, final = self._run(sequences, mask, tuple(keras.tree.flatten(initial_state)), weights)
        output = final[0]
        if self.return_sequences:
            output = ops.flip(outputs, axis=1) if self.go_backwards else outputs
        return (output, *final) if self.return_state else output

    def compute_mask(self, _: Any, mask: Tensor | None = None) -> Any:
        """The mask goes on with a sequence and ends with a vector, as in Keras's recurrent layers."""
        output_mask = mask if self.return_sequences else None
        return [output_mask] + [None] * self.cell.states if self.return_state else output_mask

    def compute_output_shape(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> Any:
        """Shape of what `call` returns."""
        state = (sequences_shape[0], self.units)
        output = (*sequences_shape[:2], self.units) if self.return_sequences else state
        return (output, *[state] * self.cell.states) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, for saving and for `Bidirectional`'s clone."""
        return {
            **super().get_config(),
            "units": self.units,
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
        }


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a compiled program, whether what calls it is compiled, a graph, or eager."""
    if keras.backend.backend() != "tensorflow":
        return function  # a loop of JAX is one compiled program wherever it stands
    import tensorflow

    return tensorflow.function(function, jit_compile=True, autograph=False)


@keras.saving.register_keras_serializable(package="lengthwise")
class CustomSimpleRNN(_Recurrent):
    """A simple (Elman) recurrent network written from scratch.

    For each time step, with x the input and h the state (`@` a matrix product)::

        h = tanh(x @ W + b + h @ U)

    Inputs are `<float32>[batch, time, features]`; the output is the last state `<float32>[batch, units]`, or every
    state `<float32>[batch, time, units]`. Weights as in `keras.layers.SimpleRNN`, so `set_weights(get_weights())`
    moves them both ways: kernel W `[features, units]`, recurrent kernel U `[units, units]`, bias `[units]`.
    Where a mask `<bool>[batch, time]` is False, the state passes through unchanged.

    It differs from `keras.layers.SimpleRNN` as `CustomGRU` differs from `keras.layers.GRU`.

    >>> sequences = keras.Input((None, 8))
    >>> CustomSimpleRNN(16)(sequences).shape
    (None, 16)
    >>> keras.layers.Bidirectional(CustomSimpleRNN(16, return_sequences=True))(sequences).shape
    (None, None, 32)

    Paper: Elman (1990), Finding structure in time, Cognitive Science.
    """

    cell = SimpleRNNCell


@keras.saving.register_keras_serializable(package="lengthwise")
class CustomLSTM(_Recurrent):
    """A long short-term memory written from scratch.

    For each time step, with x the input, h the output and c the cell state (`*` is element-wise, `@` a matrix product)::

        i = sigmoid(x @ W_i + h @ U_i + b_i)                          input gate
        f = sigmoid(x @ W_f + h @ U_f + b_f)                          forget gate
        candidate = tanh(x @ W_c + h @ U_c + b_c)
        o = sigmoid(x @ W_o + h @ U_o + b_o)                          output gate
        c = f * c + i * candidate
        h = o * tanh(c)

    Inputs are `<float32>[batch, time, features]`; the output is the last h `<float32>[batch, units]`, or every h
    `<float32>[batch, time, units]`; the states are h and c. Weights are packed i, f, candidate, o as in
    `keras.layers.LSTM`, so `set_weights(get_weights())` moves them both ways: kernel W `[features, 4 * units]`, recurrent
    kernel U `[units, 4 * units]`, bias `[4 * units]`, which starts at 1 for the forget gate and at 0 elsewhere.
    Where a mask `<bool>[batch, time]` is False, both states pass through unchanged.

    It differs from `keras.layers.LSTM` as `CustomGRU` differs from `keras.layers.GRU`.

    >>> sequences = keras.Input((None, 8))
    >>> CustomLSTM(16)(sequences).shape
    (None, 16)
    >>> keras.layers.Bidirectional(CustomLSTM(16, return_sequences=True))(sequences).shape
    (None, None, 32)

    Papers: Hochreiter and Schmidhuber (1997), Long short-term memory,
    Neural Computation; Gers et al. (2000), Learning to forget, for the forget gate; Jozefowicz et al. (2015), ICML, for its bias.
    """

    cell = LSTMCell

    def _initial_bias(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        is_forget_gate = ops.arange(shape[0]) // self.units == 1
        return ops.cast(is_forget_gate, dtype or "float32")


@keras.saving.register_keras_serializable(package="lengthwise")
class CustomGRU(_Recurrent):
    """A gated recurrent unit written from scratch.

    For each time step, with x the input and h the state (`*` is element-wise, `@` a matrix product)::

        z = sigmoid(x @ W_z + b_z + h @ U_z + c_z)                    update gate
        r = sigmoid(x @ W_r + b_r + h @ U_r + c_r)                    reset gate
        candidate = tanh(x @ W_h + b_h + r * (h @ U_h + c_h))         reset after the product
        h = z * h + (1 - z) * candidate

    Inputs are `<float32>[batch, time, features]`; the output is the last state `<float32>[batch, units]`, or every
    state `<float32>[batch, time, units]`. Weights are packed z, r, h as in `keras.layers.GRU(reset_after=True)`, so
    `set_weights(get_weights())` moves them both ways: kernel W `[features, 3 * units]`, recurrent kernel U
    `[units, 3 * units]`, bias `[2, 3 * units]` (b, then c).
    Where a mask `<bool>[batch, time]` is False, the state passes through unchanged.

    It differs from `keras.layers.GRU` in three ways: its gradient is written by hand, it is always compiled, and steps
    that no review of the batch has are not computed. It has no options for other activations, dropout, unrolling or
    carried-over state.

    >>> sequences = keras.Input((None, 8))
    >>> CustomGRU(16)(sequences).shape
    (None, 16)
    >>> keras.layers.Bidirectional(CustomGRU(16, return_sequences=True))(sequences).shape
    (None, None, 32)

    Papers: Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, EMNLP; the reset after the
    product is the variant of cuDNN.
    """

    cell = GRUCell
