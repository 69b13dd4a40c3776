"""Dropout whose rate is a variable, so that networks that differ in it share one compiled step."""

from typing import Any

import keras
from keras import ops

Tensor = Any


class TunableDropout(keras.layers.Layer):
    """Drops features in training and scales the others up; `keras.layers.Dropout` with a rate that can be set.

    Srivastava et al. (2014), JMLR; whole channels of a sequence: Tompson et al. (2015), CVPR (`SpatialDropout1D`).
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
        kept = keras.random.uniform(shape, seed=self.seed_generator) >= self.rate
        return features * ops.cast(kept, features.dtype) / (1 - self.rate)
