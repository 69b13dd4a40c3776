"""Dropout whose rate is a variable, so that networks that differ in it share one compiled step."""

import math
from typing import Any

import keras
from keras import ops

Tensor = Any


class TunableDropout(keras.layers.Layer):
    """Drops features in training and scales the others up; `keras.layers.Dropout` with a rate that can be set.

    Srivastava et al. (2014), JMLR; whole channels of a sequence: Tompson et al. (2015), CVPR (`SpatialDropout1D`).
    The masks are a hash of seed, step and position, so they are the same on every backend, compiled or not; and they are
    cheap enough for XLA to compute them again wherever they are read, as it does with a backend's own random numbers too.
    """

    def __init__(self, *, whole_channels: bool = False, **kwargs: Any) -> None:
        """`whole_channels` drops a feature at every time step of a review, or at none."""
        super().__init__(**kwargs)
        self.whole_channels, self.supports_masking = whole_channels, True
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, _: tuple[int | None, ...]) -> None:
        """Make the rate, a share in [0, 1), 0 at first."""
        self.rate = self.add_weight((), "zeros", trainable=False, name="rate")

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        """The features `<float32>[batch, (time,) features]`, some of them 0 in training."""
        if not training:
            return features
        shape = list(ops.shape(features))
        if self.whole_channels:
            shape[1] = 1
        kept = uniform(shape, self.seed_generator.next()) >= self.rate
        return features * ops.cast(kept, features.dtype) / (1 - self.rate)


def uniform(shape: list[Any], seed: Tensor) -> Tensor:
    """Numbers in [0, 1), `<float32>` of this shape, from integer arithmetic only.

    Args:
        shape: of the result.
        seed: `<int>[2]`, cut to 32 bits; every pair of numbers gives others.

    Source: a counter-based generator (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3) with the finaliser of
    MurmurHash3 (Appleby 2011) as its mixing function. Good enough for masks, not for cryptography.
    """
    first, second = ops.split(ops.cast(seed, "uint32"), 2)
    position = ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32")
    mixed = _mix(_mix(position + _mix(first)) + second)
    return ops.reshape(ops.cast(ops.right_shift(mixed, 8), "float32") / 2**24, shape)


def _mix(x: Tensor) -> Tensor:
    """Every bit of the result depends on every bit of x, `<uint32>`."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ops.bitwise_xor(x, ops.right_shift(x, shift)) * ops.cast(factor, "uint32")
    return ops.bitwise_xor(x, ops.right_shift(x, 16))
