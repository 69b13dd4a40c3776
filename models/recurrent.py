"""Recurrent layers written from scratch: each is a step of `cells.py` in the loop over time of `loop.py`.

The loops are always compiled by XLA, also inside a step that is not. Everything else that was measured is in LOG.md;
`python -m benchmarks.recurrent` measures it again.
"""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from models.cells import Cell, GRUCell, LSTMCell, SimpleRNNCell, Tensor
from models.loop import read_sequences


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
