"""The gradient of the logit against differences of it."""

import numpy as np
import pytest
from keras import ops

from tests.networks import a_network, fit_settings


@pytest.mark.parametrize(("architecture", "pooling"), [("gru", "last"), ("simple_rnn", "mean"), ("transformer", "mean")])
@pytest.mark.parametrize(("engine", "bigrams"), [("custom", 0), ("custom", 40), ("keras", 40)])
def test_influence_is_the_gradient_with_respect_to_a_words_vector(
    architecture: str, pooling: str, engine: str, bigrams: int, rng: np.random.Generator
) -> None:
    network = a_network(architecture=architecture, pooling=pooling, engine=engine, bigrams=bigrams)
    network.start(fit_settings())
    rows = [rng.integers(4, 30, length).astype(np.int32) for length in (10, 6)]
    network.predict(rows)  # traced before, as in a study
    found = network.influence(rows)
    assert [len(one) for one in found] == [10, 6]
    layer = network.model.get_layer("perturbation")
    for row, expected in zip(rows, found, strict=True):
        ids = row[None]

        def logit(offset: np.ndarray) -> float:
            layer.offset = ops.convert_to_tensor(offset)
            value = float(ops.convert_to_numpy(network.model(ids, training=False))[0, 0])  # noqa: B023
            layer.offset = None
            return value

        sizes = np.zeros(len(row))
        for step in (0, len(row) - 1):
            differences = []
            for feature in range(layer.features):
                offset = np.zeros((1, len(row), layer.features), np.float32)
                offset[0, step, feature] = 0.02
                differences.append((logit(offset) - logit(-offset)) / 0.04)
            sizes[step] = np.linalg.norm(differences)
        assert sizes[-1] / sizes[0] == pytest.approx(expected[-1] / expected[0], rel=0.05)
    assert network.model.get_layer("perturbation").offset is None
