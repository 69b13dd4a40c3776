"""A small Transformer encoder, the row that is not recurrent: what attention alone reads, under the same protocol.

Vaswani et al. (2017), Attention is all you need, NeurIPS: one block of attention and feed-forward layer, normalised before
each as in Xiong et al. (2020), ICML. Every token attends to its neighbours within a window, as in Beltagy et al. (2020),
Longformer: time and memory grow with a review's length, not with its square.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any
HEADS = 4
WINDOW = 32  # tokens on either side of one that it attends to


def encode(sequences: Tensor, is_word: Tensor, units: int, dropout: Callable[[str], Any]) -> Tensor:
    """One encoder block.

    Args:
        sequences: `<float32>[batch, time, features]`.
        is_word: `<bool>[batch, time]`, False on padding.
        units: width of what comes out, divisible by `HEADS`.
        dropout: makes a dropout layer of that name.

    Returns:
        `<float32>[batch, time, units]`.

    Raises:
        ValueError: the units cannot be shared among the heads.
    """
    if units % HEADS:
        raise ValueError(f"units: a transformer's are shared among {HEADS} heads; expected a multiple of {HEADS}, got {units}")
    layers = keras.layers
    tokens = layers.LayerNormalization(name="normal_tokens")(layers.Dense(units, name="tokens")(sequences))
    stream = PositionalEncoding(name="positions")(tokens)
    normal = layers.LayerNormalization(name="before_attention")(stream)
    heard = LocalAttention(HEADS, WINDOW, name="attention")(normal, mask=is_word)
    stream = layers.Add(name="after_attention")([stream, dropout("dropout_after_attention")(heard)])
    hidden = layers.Dense(4 * units, "gelu", name="hidden")(layers.LayerNormalization(name="before_hidden")(stream))
    thought = layers.Dense(units, name="after_hidden")(hidden)
    stream = layers.Add(name="encoded")([stream, dropout("dropout_after_hidden")(thought)])
    return layers.LayerNormalization(name="normal_encoded")(stream)


@keras.saving.register_keras_serializable(package="lengthwise")
class PositionalEncoding(keras.layers.Layer):
    """Adds sines and cosines of each token's position, with wavelengths from 2 pi to 20,000 pi (Vaswani et al. 2017)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, sequences: Tensor) -> Tensor:
        """`<float32>[batch, time, features]` with its positions; an even number of features."""
        half = sequences.shape[-1] // 2
        frequencies = ops.exp(ops.arange(half, dtype="float32") * (-ops.log(10_000.0) / half))
        angles = ops.expand_dims(ops.arange(ops.shape(sequences)[1], dtype="float32"), -1) * frequencies
        return sequences + ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


@keras.saving.register_keras_serializable(package="lengthwise")
class LocalAttention(keras.layers.Layer):
    """Multi-head self-attention of every token to those at most `window` before or after it.

    The sequence is cut into blocks of that length; a block's tokens look at it and at the two beside it.
    """

    def __init__(self, heads: int, window: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.window, self.supports_masking = heads, window, True

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().get_config() | {"heads": self.heads, "window": self.window}

    def build(self, shape: tuple[Any, ...]) -> None:
        """Make the attention layer, which is Keras's own."""
        features = shape[-1]
        self.attention = keras.layers.MultiHeadAttention(self.heads, features // self.heads, name="attention")
        self.attention.build((None, self.window, features), (None, 3 * self.window, features))

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Tensor:
        """`<float32>[batch, time, features]` to the same shape; nothing attends to a token whose mask is False."""
        _, time, features = ops.shape(sequences)
        is_token = ops.ones_like(sequences[..., 0], "bool") if mask is None else mask
        own, around = self._blocks(sequences)
        _, may_see = self._blocks(ops.expand_dims(ops.cast(is_token, "int32"), -1))
        distance = ops.arange(3 * self.window) - self.window - ops.expand_dims(ops.arange(self.window), -1)
        is_near = ops.abs(distance) <= self.window  # [window, 3 * window]
        heard = self.attention(own, around, attention_mask=ops.logical_and(is_near, ops.swapaxes(may_see, 1, 2) > 0))
        return ops.reshape(heard, (ops.shape(sequences)[0], -1, features))[:, :time]

    def _blocks(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch, time, n]` as blocks `[batch * blocks, window, n]`, and with those beside them `[.., 3 * window, n]`."""
        batch, time, n = ops.shape(values)
        count = (time + self.window - 1) // self.window
        padded = ops.pad(values, ((0, 0), (self.window, count * self.window - time + self.window), (0, 0)))
        blocks = ops.reshape(padded, (batch, count + 2, self.window, n))
        around = ops.concatenate([blocks[:, :-2], blocks[:, 1:-1], blocks[:, 2:]], axis=2)
        return ops.reshape(blocks[:, 1:-1], (-1, self.window, n)), ops.reshape(around, (-1, 3 * self.window, n))
