"""Small networks and settings, for tests that train."""

from dataclasses import replace
from typing import Any

import numpy as np

from experiment.network import FitSettings, Network, Networks
from models.classifier import NetworkShape

SHAPE = NetworkShape(architecture="gru", engine="custom", vocab_size=30, embedding_dim=8, units=8, pooling="max")
SETTINGS = FitSettings(
    epochs=12,
    patience=3,
    keep="best",
    schedule="plateau",
    reduce_patience=1,
    reduce_factor=0.5,
    learning_rate=0.02,
    is_fine_tuning=False,
    dropout=0.1,
    spatial_dropout=0.0,
    adversarial=0.0,
    frozen_epochs=0,
    seed=1,
)


def a_network(padded_lengths: tuple[int, ...] = (10, 25), batch_size: int = 16, **shape: Any) -> Network:
    """A network of a new process, so to speak: nothing compiled yet."""
    return Networks(np.array(padded_lengths), 1.0).get(replace(SHAPE, **shape), batch_size)


def fit_settings(**changes: Any) -> FitSettings:
    """Settings that learn the tests' tasks in seconds."""
    return replace(SETTINGS, **changes)
