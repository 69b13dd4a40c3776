"""The gradient of the logit against differences of it."""

import numpy as np
import pytest
from keras import ops

from tests.networks import a_network, fit_plan


@pytest.mark.parametrize(("architecture", "pooling"), [("gru", "last"), ("simple_rnn", "mean"), ("transformer", "mean")])
@pytest.mark.parametrize(("engine", "bigrams"), [("custom", 0), ("custom", 40), ("keras", 40)])
def test_influence_is_the_gradient_with_respect_to_a_words_vector(
    architecture: str, pooling: str, engine: str, bigrams: int, rng: np.random.Generator
) -> None:
    network = a_network(architecture=architecture, pooling=pooling, engine=engine, bigrams=bigrams)
    network.start(fit_plan())
    rows = [rng.integers(4, 30, length).astype(np.int32) for length in (10, 6)]
    network.predict(rows)  # traced before, as in a study
    found = network.influence(rows)
    assert [len(one) for one in found] == [10, 6]
    layer = network.model.get_layer("perturbation")
    assert layer.offset is None
    features = np.arange(layer.features)
    for row, expected in zip(rows, found, strict=True):
        ids = np.tile(row, (len(features), 1))  # a copy of the review for each feature of one word that is moved
        sizes = []
        for step in (0, len(row) - 1):
            logits = []
            for distance in (0.02, -0.02):
                offset = np.zeros((*ids.shape, len(features)), np.float32)
                offset[features, step, features] = distance
                layer.offset = ops.convert_to_tensor(offset)
                logits.append(ops.convert_to_numpy(network.model(ids, training=False))[:, 0])
                layer.offset = None
            sizes.append(np.linalg.norm(logits[0] - logits[1]))
        assert sizes[1] / sizes[0] == pytest.approx(expected[-1] / expected[0], rel=0.05)
