"""Laws of adversarial training. Runs on whichever backend KERAS_BACKEND names; CI runs it on TensorFlow and on JAX."""

import keras
import numpy as np
import pytest
from keras import ops

from experiment.network import TrainableNetwork
from tests.experiment.test_network import examples
from tests.networks import SETTING, SHAPE, fit_plan, shared_network

ROWS = 6


@pytest.fixture
def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    ids = rng.integers(4, SHAPE.vocab_size, (ROWS, 10)).astype(np.int32)
    ids[0, 4:] = 0
    return ids, np.array([[0], [1], [0], [1], [1], [0]], np.float32)


def started(engine: str = "custom", **changes: float) -> TrainableNetwork:
    network = shared_network(engine=engine, is_adversarial=True)
    network.start(fit_plan(dropout=0.0, spatial_dropout=0.0, **changes))
    return network


def loss(model: keras.Model, ids: np.ndarray, labels: np.ndarray, offset: np.ndarray | None = None) -> float:
    """Mean loss by hand, with the word vectors moved."""
    model.perturbation.offset = None if offset is None else ops.convert_to_tensor(offset)
    logits = ops.convert_to_numpy(model(ids)).astype(np.float64)
    model.perturbation.offset = None
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


def rounds(network: TrainableNetwork, ids: np.ndarray, labels: np.ndarray, steps: int) -> list[np.ndarray]:
    network.model.optimizer.embedding_rate.assign(1.0)
    network.model.optimizer.learning_rate.assign(0.02)
    for _ in range(steps):
        network.model.train_on_batch(ids, labels, sample_weight=np.ones(len(ids), np.float32))
    return network.weights


@pytest.mark.parametrize("engine", ["custom", "keras"])
def test_at_distance_zero_it_is_ordinary_training(engine: str, batch: tuple[np.ndarray, np.ndarray]) -> None:
    ordinary = shared_network(engine=engine)
    ordinary.start(fit_plan(dropout=0.0))
    for mine, theirs in zip(rounds(started(engine), *batch, 3), rounds(ordinary, *batch, 3), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-5)


def gradient_by_differences(model: keras.Model, ids: np.ndarray, labels: np.ndarray, small: float = 1e-2) -> np.ndarray:
    """Of the mean loss with respect to the offset."""
    gradient = np.zeros((*ids.shape, SHAPE.embedding_dim), np.float32)
    for place in np.ndindex(gradient.shape):
        step = np.zeros_like(gradient)
        step[place] = small
        gradient[place] = (loss(model, ids, labels, step) - loss(model, ids, labels, -step)) / (2 * small)
    return gradient


def test_each_step_learns_from_the_reviews_and_from_their_worst_neighbours(batch: tuple[np.ndarray, np.ndarray]) -> None:
    ids, labels = batch[0][:, :5], batch[1]
    network = started(adversarial=0.5)
    model = network.model
    gradient = gradient_by_differences(model, ids, labels)
    assert np.abs(gradient[0, 4:]).max() < 1e-5  # padding
    offset = np.array(ops.convert_to_numpy(model.perturbation.against(ops.convert_to_tensor(gradient))))
    np.testing.assert_allclose(np.sqrt((offset**2).sum(axis=(1, 2))), 0.5, rtol=1e-5)
    assert loss(model, ids, labels, offset) > loss(model, ids, labels) > loss(model, ids, labels, -offset)

    def bias_gradient(offset: np.ndarray | None) -> float:
        model.perturbation.offset = None if offset is None else ops.convert_to_tensor(offset)
        logits = ops.convert_to_numpy(model(ids)).astype(np.float64)
        model.perturbation.offset = None
        return float(np.mean(1 / (1 + np.exp(-logits)) - labels))

    expected = (bias_gradient(None) + bias_gradient(offset)) / 2
    rounds(network, ids, labels, 1)
    momentum = float(ops.convert_to_numpy(model.optimizer._momentums[-1])[0])  # Adam's, after one step: a tenth of the gradient
    norm = max(1.0, float(ops.convert_to_numpy(model.optimizer.norm_sum)))
    assert momentum == pytest.approx(0.1 * expected / norm, rel=1e-3)


def test_it_learns_and_repeats() -> None:
    plan = fit_plan(adversarial=1.0, epochs=6)
    train, validation = examples(200, 1), examples(80, 2)

    def run() -> list[tuple[float, float, float]]:
        network = shared_network(is_adversarial=True)
        network.start(plan)
        history = network.fit(train, validation, plan, lambda _: False)
        return [(epoch.loss, epoch.val_loss, epoch.val_accuracy) for epoch in history]

    history = run()
    assert history == run() and max(accuracy for *_, accuracy in history) > 0.85


def test_a_checkpoint_has_nothing_of_it(batch: tuple[np.ndarray, np.ndarray]) -> None:
    network = started(adversarial=1.0)
    rounds(network, *batch, 2)
    stock = network.stock(SETTING)
    assert type(stock).__module__.startswith("keras.") and "perturbation" not in {layer.name for layer in stock.layers}
    np.testing.assert_allclose(ops.convert_to_numpy(stock(batch[0])), ops.convert_to_numpy(network.model(batch[0])), atol=1e-6)
