"""Small networks and plans, for tests that train."""

import functools
from dataclasses import fields, replace
from typing import Any

import numpy as np

from config import Training
from experiment.network import FitPlan, ModelCache, TrainableNetwork
from models.classifier import NetworkShape
from records.study import Setting

SHAPE = NetworkShape(architecture="gru", engine="custom", vocab_size=30, embedding_dim=8, units=8, pooling="max")
SETTING = Setting(
    units=8, embedding_dim=8, dropout=0.1, spatial_dropout=0.0, adversarial=0.0, learning_rate=0.02, batch_size=16, evidence=0
)
PLAN = FitPlan(training=Training(reduce_patience=1), setting=SETTING, epochs=12, patience=3, seed=1)


def a_network(padded_lengths: tuple[int, ...] = (10, 25), batch_size: int = 16, **shape: Any) -> TrainableNetwork:
    """A network of a new process, so to speak: nothing compiled yet."""
    return ModelCache(np.array(padded_lengths)).get(replace(SHAPE, **shape), batch_size, 1.0)


@functools.cache
def shared_network(padded_lengths: tuple[int, ...] = (10, 25), batch_size: int = 16, **shape: Any) -> TrainableNetwork:
    """The network of this shape that the tests of a process share: `start` it, and nothing of its last training is left.

    To build and compile one takes seconds; `test_a_network_used_before_gives_the_same_numbers_as_a_new_one` is the law.
    """
    return a_network(padded_lengths, batch_size, **shape)


def fit_plan(**changes: Any) -> FitPlan:
    """A plan that learns the tests' tasks in seconds; changes are fields of it, of its setting or of its training."""
    own, of_setting = ({item.name for item in fields(record)} for record in (FitPlan, Setting))
    setting = {name: value for name, value in changes.items() if name in of_setting}
    training = {name: value for name, value in changes.items() if name not in own | of_setting}
    return replace(
        PLAN,
        setting=replace(SETTING, **setting),
        training=replace(PLAN.training, **training),
        **{name: value for name, value in changes.items() if name in own},
    )
