"""The gradient of the logit against differences of it."""

from typing import Any

import numpy as np
import pytest
from keras import ops

from data.types import Reviews, Sequences
from experiment.network import Examples
from models.evidence import Informed, inputs_of
from tests.made_up_evidence import an_evidence
from tests.networks import a_network, fit_plan


@pytest.mark.parametrize(("architecture", "pooling"), [("gru", "last"), ("simple_rnn", "mean"), ("transformer", "mean")])
@pytest.mark.parametrize(("engine", "bigrams", "order"), [("custom", 0, 3), ("custom", 40, 0), ("keras", 40, 2)])
def test_influence_is_the_gradient_with_respect_to_a_words_vector(
    architecture: str, pooling: str, engine: str, bigrams: int, order: int, rng: np.random.Generator
) -> None:
    shape: dict[str, Any] = {"engine": engine, "bigrams": bigrams, "evidence": order, "evidence_width": order}
    network = a_network(architecture=architecture, pooling=pooling, **shape)
    network.start(fit_plan())
    rows = [rng.integers(4, 30, length).astype(np.int32) for length in (10, 6)]
    reviews = Reviews(Sequences.from_lists(rows), np.zeros(2, np.int8), np.arange(2))
    examples = Examples(rows, reviews.labels, Informed(reviews, 50, "tail", (an_evidence(30),)))
    network.predict(examples)  # traced before, as in a study
    found = network.influence(examples, np.arange(2))
    assert [len(one) for one in found] == [10, 6]
    layer = network.model.get_layer("perturbation")
    assert layer.offset is None
    features = np.arange(layer.features)
    for reading, expected in zip(examples.read(range(2), order), found, strict=True):
        row, copies = reading.ids, [reading] * len(features)  # for each feature of one word that is moved
        ids = np.tile(row, (len(copies), 1))
        given = inputs_of(copies, ids) if order else ids
        sizes = []
        for step in (0, len(row) - 1):
            logits = []
            for distance in (0.02, -0.02):
                offset = np.zeros((*ids.shape, len(features)), np.float32)
                offset[features, step, features] = distance
                layer.offset = ops.convert_to_tensor(offset)
                logits.append(ops.convert_to_numpy(network.model(given, training=False))[:, 0])
                layer.offset = None
            sizes.append(np.linalg.norm(logits[0] - logits[1]))
        assert sizes[1] / sizes[0] == pytest.approx(expected[-1] / expected[0], rel=0.05)
