"""Laws of fitting: history as measured, best weights back, a loss that is not finite named, batches as promised."""

import keras
import numpy as np
import pytest
from keras import ops

from models.classifier import build_classifier
from models.registry import resolve
from results import Epoch
from training import Examples, FitSettings, MonitoredAdam, NonFiniteLossError, PaddedBatches, fit, predict


def examples(n: int, seed: int) -> Examples:
    """Reviews whose label is whether token 7 stands in them."""
    rng = np.random.default_rng(seed)
    rows = [np.array([1, *rng.integers(8, 30, rng.integers(3, 25))], np.int32) for _ in range(n)]
    labels = rng.integers(0, 2, n).astype(np.int8)
    for row, label in zip(rows, labels, strict=True):
        if label:
            row[rng.integers(1, len(row))] = 7
    return Examples(rows, labels)


def model(units: int = 8) -> keras.Model:
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    return build_classifier(
        resolve("gru"), vocab_size=30, embedding_dim=8, units=units, dropout=0.1, spatial_dropout=0.0, pooling="max"
    )


SETTINGS = FitSettings(
    epochs=12,
    patience=3,
    reduce_patience=1,
    reduce_factor=0.5,
    clip_norm=1.0,
    learning_rate=0.02,
    batch_size=16,
    padding_rungs=3,
    seed=1,
)


def with_(**changes: object) -> FitSettings:
    return FitSettings(**(SETTINGS.__dict__ | changes))  # type: ignore[arg-type]


def test_training_learns_repeats_and_gives_the_best_weights_back() -> None:
    train, validation = examples(200, 1), examples(80, 2)
    seen: list[Epoch] = []
    network = model()
    history = fit(network, train, validation, SETTINGS, seen.append)
    assert tuple(seen) == history and [e.epoch for e in history] == list(range(1, len(history) + 1))
    assert history[-1].loss < history[0].loss and max(e.val_accuracy for e in history) > 0.9
    assert all(e.gradient_norm > 0 and e.seconds > 0 for e in history)
    probabilities = predict(network, validation.rows, 3)
    loss = -np.mean(np.log(np.where(validation.labels == 1, probabilities, 1 - probabilities)))
    assert loss == pytest.approx(min(e.val_loss for e in history), abs=1e-5)

    again = fit(model(), train, validation, SETTINGS, lambda _: None)
    timeless = [(e.loss, e.val_loss, e.gradient_norm, e.learning_rate) for e in history]
    assert [(e.loss, e.val_loss, e.gradient_norm, e.learning_rate) for e in again] == timeless  # bit for bit


def test_the_learning_rate_falls_on_a_plateau_and_training_stops_early() -> None:
    train, validation = examples(60, 1), examples(40, 9)
    validation = Examples(validation.rows, 1 - validation.labels)  # learning can only hurt here
    history = fit(model(), train, validation, with_(epochs=40, learning_rate=0.05), lambda _: None)
    rates = [e.learning_rate for e in history]
    assert rates[0] == pytest.approx(0.05) and rates[-1] < rates[0]
    assert len(history) < 40


def test_a_loss_that_is_not_finite_is_named_with_epoch_and_step() -> None:
    network = model()
    weights = network.get_weights()
    weights[-1][:] = np.nan
    network.set_weights(weights)
    with pytest.raises(NonFiniteLossError, match=r"training loss became nan in epoch 1, step 1 \(learning rate 0.02\)"):
        fit(network, examples(40, 1), examples(20, 2), SETTINGS, lambda _: None)


def test_predictions_come_back_in_the_order_asked_and_do_not_depend_on_the_batch() -> None:
    network, some = model(), examples(70, 4)
    together = predict(network, some.rows, 4)
    alone = np.array([predict(network, [row], 1)[0] for row in some.rows])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_the_gradient_norm_is_the_global_norm_before_clipping() -> None:
    optimizer = MonitoredAdam(0.1, global_clipnorm=0.5)
    variables = [keras.Variable(np.zeros(2, np.float32)), keras.Variable(np.zeros(1, np.float32))]
    optimizer.build(variables)
    optimizer.apply([ops.array([3.0, 0.0]), ops.array([4.0])], variables)
    optimizer.apply([ops.array([0.0, 0.0]), ops.array([1.0])], variables)
    assert float(ops.convert_to_numpy(optimizer.norm_sum)) == pytest.approx(6.0)


def test_every_epoch_shuffles_and_holds_every_review_once() -> None:
    some = examples(50, 5)
    batches = PaddedBatches(some, rungs=3, batch_size=8, seed=1)
    first = batches.order
    batches.on_epoch_end()
    assert sorted(first) == sorted(batches.order) == list(range(50))
    assert list(first) != list(batches.order)
    again = PaddedBatches(some, rungs=3, batch_size=8, seed=1)
    np.testing.assert_array_equal(again.order, first)


def test_the_first_two_batches_differ_in_length_where_any_do() -> None:
    for seed in range(20):
        batches = PaddedBatches(examples(40, 6), rungs=3, batch_size=8, seed=seed)
        lengths = [batches[i][0].shape[1] for i in range(len(batches))]
        assert len(set(lengths)) == 1 or lengths[0] != lengths[1]


def test_the_training_step_is_one_traced_graph_not_op_by_op() -> None:
    network = model()
    fit(network, examples(40, 1), examples(20, 2), with_(epochs=1), lambda _: None)
    assert not network.run_eagerly
    if keras.backend.backend() == "tensorflow":
        assert network.jit_compile is False
