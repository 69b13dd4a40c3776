"""Laws of fitting: history as measured, best weights back, one compiled step for many settings, batches as promised."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from analysis.evaluation import is_right, log_loss
from config import Config
from data.word_vectors import WordVectors
from engine.arrays import class_probabilities
from experiment.network import Examples, ModelCache, NonFiniteError, TrainableNetwork
from experiment.plan import cost_of_rung
from models import recurrent, registry
from models.classifier import tables
from models.loss import cross_entropy, log_odds, one_hot, share_right
from models.optimizer import MonitoredAdam
from models.registry import ARCHITECTURES
from records.study import Epoch
from tests.networks import SETTING, SHAPE, a_network, fit_plan, shared_network


def examples(n: int, seed: int) -> Examples:
    """Reviews whose label is whether token 7 stands in them."""
    rng = np.random.default_rng(seed)
    rows = [np.array([1, *rng.integers(8, 30, rng.integers(3, 25))], np.int32) for _ in range(n)]
    labels = rng.integers(0, 2, n).astype(np.int8)
    for row, label in zip(rows, labels, strict=True):
        if label:
            row[rng.integers(1, len(row))] = 7
    return Examples(rows, labels)


def trained(network: TrainableNetwork, train: Examples, validation: Examples, **changes: object) -> tuple[Epoch, ...]:
    plan = fit_plan(**changes)
    network.start(plan)
    return network.fit(train, validation, plan, lambda _: False)


def numbers(history: tuple[Epoch, ...]) -> list[tuple[float, ...]]:
    return [(e.loss, e.accuracy, e.val_loss, e.val_accuracy, e.gradient_norm, e.learning_rate) for e in history]


def test_training_learns_and_gives_the_best_weights_back() -> None:
    train, validation = examples(200, 1), examples(80, 2)
    network, plan, seen = shared_network(), fit_plan(), list[Epoch]()
    network.start(plan)

    def on_epoch(epoch: Epoch) -> bool:
        seen.append(epoch)
        return False

    history = network.fit(train, validation, plan, on_epoch)
    assert tuple(seen) == history and [e.epoch for e in history] == list(range(1, len(history) + 1))
    assert history[-1].loss < history[0].loss and max(e.val_accuracy for e in history) > 0.9
    assert all(e.gradient_norm > 0 and e.seconds > 0 for e in history)
    positive = 1 / (1 + np.exp(-network.predict(validation)[:, 0]))
    loss = -np.mean(np.log(np.where(validation.labels == 1, positive, 1 - positive)))
    assert loss == pytest.approx(min(e.val_loss for e in history), abs=1e-5)


@pytest.mark.parametrize("engine", ["custom", "keras"])
def test_a_network_used_before_gives_the_same_numbers_as_a_new_one(engine: str) -> None:
    train, validation = examples(100, 1), examples(40, 2)
    new, used = a_network(engine=engine), a_network(engine=engine)
    trained(used, train, validation, learning_rate=0.1, dropout=0.5, spatial_dropout=0.3, seed=9, epochs=3)
    used.predict(train)
    again = trained(used, train, validation, epochs=4)
    assert numbers(again) == numbers(trained(new, train, validation, epochs=4))  # bit for bit
    np.testing.assert_array_equal(used.predict(train), new.predict(train))


def test_dropout_rate_learning_rate_and_seed_need_no_new_program() -> None:
    train, validation, network = examples(100, 1), examples(40, 2), shared_network()
    first = trained(network, train, validation, epochs=2)
    step = network.model.train_function
    compiled = set(network._seen)
    second = trained(network, train, validation, epochs=2, dropout=0.4, spatial_dropout=0.2, learning_rate=0.01, seed=2)
    assert network.model.train_function is step and network._seen == compiled
    assert numbers(first) != numbers(second)


def test_both_engines_train_the_same_network() -> None:
    train, validation = examples(100, 1), examples(40, 2)
    ours, theirs = (
        trained(shared_network(engine=engine), train, validation, epochs=2, dropout=0.3) for engine in ("custom", "keras")
    )
    np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=2e-4)


def test_a_stopped_training_ends_there() -> None:
    network, plan = shared_network(), fit_plan(epochs=9)
    network.start(plan)
    assert len(network.fit(examples(40, 1), examples(20, 2), plan, lambda epoch: epoch.epoch == 2)) == 2


def test_the_learning_rate_falls_on_a_plateau_and_training_stops_early() -> None:
    train, validation = examples(60, 1), examples(40, 9)
    validation = Examples(validation.rows, 1 - validation.labels)  # learning can only hurt here
    history = trained(shared_network(), train, validation, epochs=40, learning_rate=0.05)
    rates = [e.learning_rate for e in history]
    assert rates[0] == pytest.approx(0.05) and rates[-1] < rates[0]
    assert len(history) < 40


def test_a_loss_that_is_not_finite_is_named_with_epoch_and_step() -> None:
    network, plan = shared_network(), fit_plan()
    network.start(plan)
    network.weights = [np.full_like(weight, np.nan) for weight in network.weights]
    with pytest.raises(NonFiniteError, match=r"training loss in step 1 of epoch 1 \(learning rate 0.02\) became nan"):
        network.fit(examples(40, 1), examples(20, 2), plan, lambda _: False)


def test_gradients_whose_norm_is_not_finite_are_named_with_their_epoch() -> None:
    """The loss of huge weights is finite; the history could not be kept."""
    network, plan = shared_network(), fit_plan()
    network.start(plan)
    *body, kernel, bias = network.weights
    network.weights = [*body, kernel * np.float32(1e25), bias]
    with pytest.raises(NonFiniteError, match=r"mean norm of the gradients in epoch 1 \(learning rate 0.02\) became inf"):
        network.fit(examples(16, 1), examples(20, 2), plan, lambda _: False)


def test_a_weight_that_is_not_finite_is_named_though_no_loss_knows_it() -> None:
    """The vector of a word that stands in no review that training and validation read."""
    network, plan = shared_network(vocab_size=31), fit_plan(epochs=1)
    network.start(plan)
    table, *others = network.weights
    table[30] = np.nan
    network.weights = [table, *others]
    with pytest.raises(NonFiniteError, match=r"the weights embedding\S* after 1 epochs became nan"):
        network.fit(examples(40, 1), examples(20, 2), plan, lambda _: False)


def test_predictions_come_back_in_the_order_asked_and_do_not_depend_on_the_batch() -> None:
    network, some = shared_network(), examples(70, 4)
    network.start(fit_plan())
    together = network.predict(some)
    alone = np.array([network.predict(Examples([row], some.labels[:1]))[0] for row in some.rows])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_loss_and_accuracy_of_an_epoch_are_means_over_its_batches() -> None:
    """With nothing learned and nothing dropped they are what the network says of the training reviews."""
    train, network, plan = examples(64, 1), shared_network(), fit_plan(epochs=1, learning_rate=0.0, dropout=0.0)
    network.start(plan)
    (epoch,) = network.fit(train, examples(20, 2), plan, lambda _: False)
    probabilities = class_probabilities(network.predict(train))
    assert epoch.loss == pytest.approx(log_loss(train.labels, probabilities), rel=1e-5)
    assert epoch.accuracy == pytest.approx(is_right(train.labels, probabilities).mean())


@pytest.mark.parametrize("jit_compile", [False, True])
def test_of_two_classes_loss_and_gradient_are_bit_for_bit_those_of_keras(jit_compile: bool, rng: np.random.Generator) -> None:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow's arithmetic")
    import tensorflow

    logits = tensorflow.constant(5 * rng.normal(size=(999, 1)), "float32")
    labels = tensorflow.constant(rng.integers(0, 2, (999, 1)), "float32")

    def value_and_gradient(loss: Any) -> tuple[np.ndarray, np.ndarray]:
        @tensorflow.function(jit_compile=jit_compile, autograph=False)
        def both() -> Any:
            with tensorflow.GradientTape() as tape:
                tape.watch(logits)
                mean = tensorflow.reduce_mean(loss(labels, logits))
            return mean, tape.gradient(mean, logits)

        value, gradient = both()
        return value.numpy(), gradient.numpy()

    reference = value_and_gradient(keras.losses.BinaryCrossentropy(from_logits=True, reduction=None))
    for mine, theirs in zip(value_and_gradient(cross_entropy), reference, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_of_many_classes_loss_and_accuracy_are_those_of_a_softmax_whose_first_logit_is_0(rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(200, 3)).astype(np.float32), rng.integers(0, 4, 200)
    every = np.concatenate([np.zeros((200, 1), np.float32), logits], axis=1)
    reference = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)(labels, every)
    np.testing.assert_allclose(cross_entropy(one_hot(labels, 4), logits), reference, atol=1e-6)
    np.testing.assert_array_equal(share_right(one_hot(labels, 4), logits), every.argmax(axis=1) == labels)
    p = class_probabilities(logits).max(axis=1)
    np.testing.assert_allclose(log_odds(ops.convert_to_tensor(logits)), np.log(p / (1 - p)), atol=1e-5)


def test_a_network_learns_four_classes_and_every_weight_moves() -> None:
    """The class is the id of the word that stands first: four of them."""
    rng, network = np.random.default_rng(8), shared_network(classes=4)
    rows = [np.concatenate([[1, 4 + i % 4], rng.integers(8, 30, 6)]).astype(np.int32) for i in range(200)]
    some, plan = Examples(rows, (np.arange(200) % 4).astype(np.int8)), fit_plan(epochs=15, patience=15)
    network.start(plan)
    before = network.weights
    history = network.fit(some, some, plan, lambda _: False)
    assert history[-1].val_accuracy > 0.95 and history[-1].val_macro_f1 > 0.95
    assert network.predict(some).shape == (200, 3)
    assert all((new != old).any() for new, old in zip(network.weights, before, strict=True))


def test_balanced_class_weights_make_every_class_count_the_same() -> None:
    labels = np.repeat([0, 1, 3], [60, 30, 10])
    some = Examples([np.array([1], np.int32)] * 100, labels, weigh_classes_alike=True)
    sums = np.bincount(labels, some.weights)
    np.testing.assert_allclose(sums[[0, 1, 3]], 100 / 3, rtol=1e-6)
    assert (Examples(some.rows, labels).weights == 1).all()


def test_rows_that_fill_up_a_batch_weigh_nothing() -> None:
    """Twenty reviews in batches of ten, and in batches of sixteen that hold ten each."""
    train, validation = examples(20, 1), examples(20, 2)
    full, filled = (trained(shared_network(batch_size=size), train, validation, epochs=1) for size in (10, 16))
    np.testing.assert_allclose(numbers(filled), numbers(full), rtol=1e-4)


@pytest.mark.parametrize("engine", ["custom", "keras"])
def test_the_stock_model_gives_the_same_probabilities(engine: str, tmp_path: Path) -> None:
    network, some = shared_network(architecture="stacked_bidirectional_lstm", engine=engine, pooling="last"), examples(20, 4)
    network.start(fit_plan())
    stock = network.stock(SETTING)
    assert all(type(layer).__module__.startswith("keras.") for layer in stock.layers)
    logits = np.array([ops.convert_to_numpy(stock(row[None]))[0] for row in some.rows])
    np.testing.assert_allclose(logits, network.predict(some), atol=4e-6)


def test_the_gradient_norm_is_the_global_norm_before_clipping() -> None:
    variables = [keras.Variable(np.zeros(2, np.float32)), keras.Variable(np.zeros(1, np.float32))]
    optimizer = MonitoredAdam(variables[:1], learning_rate=0.1, global_clipnorm=0.5)
    optimizer.build(variables)
    optimizer.apply([ops.array([3.0, 0.0]), ops.array([4.0])], variables)
    optimizer.apply([ops.array([0.0, 0.0]), ops.array([1.0])], variables)
    assert float(ops.convert_to_numpy(optimizer.norm_sum)) == pytest.approx(6.0)


@pytest.mark.parametrize("engine", ["custom", "keras"])
def test_word_vectors_are_taken_and_stay_as_they_are_for_the_frozen_epochs(engine: str) -> None:
    network, plan = shared_network(engine=engine), fit_plan(epochs=2, patience=9, frozen_epochs=1)
    vectors = np.random.default_rng(3).normal(size=(SHAPE.vocab_size, SHAPE.embedding_dim)).astype(np.float32)
    network.start(plan, WordVectors(vectors, 1.0))
    tables = list[np.ndarray]()

    def on_epoch(_: Epoch) -> bool:
        tables.append(network.weights[0])
        return False

    network.fit(examples(100, 1), examples(40, 2), plan, on_epoch)
    np.testing.assert_array_equal(tables[0], vectors)
    assert np.abs(tables[1] - vectors).max() > 1e-3


@pytest.mark.parametrize(("is_learned", "frozen"), [(True, 1), (True, 2), (False, 1), (False, 2)])
def test_vectors_of_pairs_are_taken_and_stay_with_those_of_words_if_they_were_learned(is_learned: bool, frozen: int) -> None:
    network = shared_network(bigrams=40, bigram_dim=4, pairs_are_learned=is_learned, trains_vectors=frozen < 2)
    plan, rng = fit_plan(epochs=2, patience=9, frozen_epochs=frozen), np.random.default_rng(3)
    words, pairs = (rng.normal(size=shape).astype(np.float32) for shape in ((SHAPE.vocab_size, SHAPE.embedding_dim), (40, 4)))
    network.start(plan, WordVectors(words, 1.0, pairs if is_learned else None))
    given, seen = tables(network.model), list[tuple[np.ndarray, ...]]()
    started = np.array(ops.convert_to_numpy(given[1]))

    def on_epoch(_: Epoch) -> bool:
        seen.append(tuple(np.array(ops.convert_to_numpy(table)) for table in given))
        return False

    network.fit(examples(100, 1), examples(40, 2), plan, on_epoch)
    np.testing.assert_array_equal(seen[0][0], words)
    assert np.array_equal(started, pairs) is is_learned and np.array_equal(seen[0][1], started) is is_learned
    assert np.array_equal(seen[1][1], seen[0][1]) is (is_learned and frozen == 2)
    for mine, stock in zip(given, tables(network.stock(SETTING)), strict=True):  # of the best epoch
        np.testing.assert_array_equal(ops.convert_to_numpy(stock), ops.convert_to_numpy(mine))


def test_a_linear_schedule_ends_at_zero_and_is_recorded() -> None:
    network = shared_network()
    history = trained(network, examples(64, 1), examples(20, 2), epochs=4, patience=9, schedule="linear", learning_rate=0.02)
    assert [epoch.learning_rate for epoch in history] == pytest.approx([0.02, 0.015, 0.01, 0.005])
    last = float(ops.convert_to_numpy(network.model.optimizer.learning_rate))
    assert last == pytest.approx(0.02 / 16, rel=1e-5)  # the last of 4 x 4 steps


def test_the_last_weights_are_kept_without_stopping_before() -> None:
    network, plan = shared_network(), fit_plan(epochs=5, patience=1, keep="last")
    opposed = replace(examples(20, 2), labels=1 - examples(20, 2).labels)  # the more is learned, the worse on these
    network.start(plan)
    history = network.fit(examples(100, 1), opposed, plan, lambda _: False)
    losses = [epoch.val_loss for epoch in history]
    assert len(history) == 5 and min(losses) < losses[-1]
    assert log_loss(opposed.labels, class_probabilities(network.predict(opposed))) == pytest.approx(losses[-1], abs=1e-6)


def test_the_norm_of_a_gradient_adds_up_what_a_word_gets_at_each_of_its_places() -> None:
    """Two places of one word whose gradients cancel: TensorFlow keeps them apart, and they are no gradient at all together."""
    table, bias = keras.Variable(np.ones((5, 1), np.float32), name="table"), keras.Variable(np.zeros(1, np.float32))
    optimizer = MonitoredAdam([table], learning_rate=0.1)
    optimizer.build([table, bias])
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        opposed: object = tensorflow.IndexedSlices(tensorflow.constant([[3.0], [-3.0]]), tensorflow.constant([2, 2]), (5, 1))
    else:
        opposed = ops.zeros((5, 1))
    optimizer.apply([opposed, ops.array([4.0])], [table, bias])
    assert float(ops.convert_to_numpy(optimizer.norm_sum)) == pytest.approx(4.0)


def test_the_training_step_is_one_compiled_program() -> None:
    network = a_network()
    trained(network, examples(40, 1), examples(20, 2), epochs=1)
    assert network.model.jit_compile is True and not network.model.run_eagerly
    if keras.backend.backend() == "tensorflow":
        assert a_network(engine="keras").model.jit_compile is False  # Keras's own default on a CPU


def test_layers_that_read_all_of_the_padding_are_padded_to_lengths_of_their_own(smoke_config: Config) -> None:
    of_rung = [cost_of_rung(smoke_config, stops_early=stops_early) for stops_early in (True, False)]
    assert of_rung[0] > 2 * of_rung[1]  # fewer padded cells pay for it
    cache = ModelCache(np.array([25]), of_keras=np.array([10, 25]))
    shares = [cache.get(replace(SHAPE, engine=engine), 16, 1.0).padding_share(np.full(32, 10)) for engine in ("custom", "keras")]
    assert shares == [0.0, 0.0]
    assert cache.get(replace(SHAPE, engine="keras"), 16, 1.0).padding_share(np.full(32, 20)) == (
        pytest.approx(0.2) if keras.backend.backend() == "jax" else 0.0
    )


def test_a_cell_that_keras_does_not_have_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    class CustomMine(recurrent.CustomGRU):
        pass

    monkeypatch.setattr(recurrent, "CustomMine", CustomMine, raising=False)
    monkeypatch.setitem(ARCHITECTURES, "mine", replace(ARCHITECTURES["custom_gru"], build=registry._single("Mine")))
    network, plan = a_network(architecture="mine"), fit_plan(epochs=1)
    first, again = (trained(network, examples(40, 1), examples(20, 2), epochs=1) for _ in range(2))
    assert numbers(first) == numbers(again)
    assert "CustomMine" in {type(layer).__name__ for layer in network.stock(plan.setting).layers}
