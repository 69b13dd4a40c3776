"""Recurrent layers written from scratch: one pure step per cell, one loop over time."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any  # a tensor of whichever backend Keras runs on
_SATURATED = 1e9  # its sigmoid is exactly 1 whatever finite number is added, and the gradient exactly 0


def gru_step(state: Tensor, projected: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """One time step of a gated recurrent unit: the equations of `CustomGRU`, packed z, r, h.

    Args:
        state: `<float32>[batch, units]`, the previous hidden state.
        projected: `<float32>[batch, 3 * units]`, the input's part of the three sums.
        kernel: `<float32>[units, 3 * units]`, the recurrent kernel.
        bias: `<float32>[3 * units]`, the recurrent bias.

    Returns:
        `<float32>[batch, units]`, the next hidden state.
    """
    x_z, x_r, x_h = ops.split(projected, 3, axis=-1)
    h_z, h_r, h_h = ops.split(ops.matmul(state, kernel) + bias, 3, axis=-1)
    z = ops.sigmoid(x_z + h_z)
    r = ops.sigmoid(x_r + h_r)
    candidate = ops.tanh(x_h + r * h_h)
    return z * state + (1 - z) * candidate


def scan_time(
    step: Callable[[Tensor, Tensor], Tensor], inputs: Tensor, initial_state: Tensor, *, reverse: bool
) -> tuple[Tensor, Tensor]:
    """Carry a state through time.

    Args:
        step: `(state, inputs of one time step) -> next state`.
        inputs: `<float32>[batch, time, features]`, one tensor: on TensorFlow, `keras.ops.scan` over several of them
            fails where the number of time steps is not known when the graph is traced.
        initial_state: `<float32>[batch, units]`.
        reverse: read from the last time step to the first.

    Returns:
        The states in the order of the input's time, `<float32>[batch, time, units]`, and the final state.
    """

    def both(state: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        after = step(state, now)
        return after, after

    final, states = ops.scan(both, initial_state, ops.swapaxes(inputs, 0, 1), reverse=reverse)
    return ops.swapaxes(states, 0, 1), final


@keras.saving.register_keras_serializable(package="lengthwise")
class CustomGRU(keras.layers.Layer):
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

    Padding is a mask `<bool>[batch, time]`: the state passes through unchanged where it is False.

    It differs from `keras.layers.GRU` in one thing: the input products of all time steps are one product before the
    loop. There are no options for other activations, dropout, unrolling or carried-over state.

    Papers: Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, EMNLP; the reset after the
    product is the variant of cuDNN.
    """

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
            return_sequences: give every state rather than the last; with `go_backwards`, in reading order.
            return_state: give the final state as a second output.
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

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs of this shape, `(batch, time, features)`."""
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: input_shape[-1]})
        self.kernel = self.add_weight((input_shape[-1], 3 * self.units), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, 3 * self.units), "orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight((2, 3 * self.units), "zeros", name="bias")

    def call(self, sequences: Tensor, initial_state: Tensor | None = None, mask: Tensor | None = None) -> Any:
        """Read the sequences.

        Args:
            sequences: `<float32>[batch, time, features]`.
            initial_state: `<float32>[batch, units]`, zeros when None; a list of that one tensor is fine.
            mask: `<bool>[batch, time]`, False on padding.

        Returns:
            The output as the class says, and the final state `<float32>[batch, units]` if `return_state`.
        """
        if isinstance(initial_state, list | tuple):
            (initial_state,) = initial_state
        projected = ops.matmul(sequences, self.kernel) + self.bias[0]  # [batch, time, 3 * units]
        if mask is not None:
            projected = self._keep_state_on_padding(projected, mask)
        if initial_state is None:
            initial_state = ops.zeros_like(projected[:, 0, : self.units])
        kernel, bias = ops.convert_to_tensor(self.recurrent_kernel), ops.convert_to_tensor(self.bias[1])
        states, final = scan_time(
            lambda state, now: gru_step(state, now, kernel, bias), projected, initial_state, reverse=self.go_backwards
        )
        output = final
        if self.return_sequences:
            output = ops.flip(states, axis=1) if self.go_backwards else states
        return (output, final) if self.return_state else output

    def _keep_state_on_padding(self, projected: Tensor, mask: Tensor) -> Tensor:
        """Make the update gate exactly 1 where the mask is False: h = 1 * h + 0 * candidate, at no cost in the loop."""
        is_update_gate = ops.arange(3 * self.units) < self.units  # [3 * units]
        padded = ops.logical_and(ops.expand_dims(ops.logical_not(mask), -1), is_update_gate)  # [batch, time, 3 * units]
        return ops.where(padded, _SATURATED, projected)

    def compute_mask(self, _: Any, mask: Tensor | None = None) -> Any:
        """The mask goes on with a sequence and ends with a vector, as in Keras's recurrent layers."""
        output_mask = mask if self.return_sequences else None
        return [output_mask, None] if self.return_state else output_mask

    def compute_output_shape(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> Any:
        """Shape of what `call` returns."""
        state = (sequences_shape[0], self.units)
        output = (*sequences_shape[:2], self.units) if self.return_sequences else state
        return (output, state) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, for saving and for `Bidirectional`'s clone."""
        return {
            **super().get_config(),
            "units": self.units,
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
        }
