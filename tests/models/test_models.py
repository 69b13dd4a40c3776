"""A conformance suite over the registry: an architecture added there is tested by these for free."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from models.classifier import NetworkShape, build_classifier, layer_sizes
from models.pooling import attention_weights, pool
from models.registry import ARCHITECTURES, colour, resolve, title
from records.study import YARDSTICKS
from tests.conftest import ROOT

POOLINGS = ("last", "mean", "max", "mean_max", "attention")
EVERY_ONE = [*((name, "last") for name in ARCHITECTURES), *(("gru", pooling) for pooling in POOLINGS[1:])]
WITH_BIGRAMS = [("lstm", "last"), ("bidirectional_gru", "mean_max"), ("transformer", "mean")]


def network(name: str, pooling: str, engine: str = "custom", bigrams: int = 0) -> keras.Model:
    keras.utils.set_random_seed(4)
    engine = resolve(name).engine or engine
    pooling = resolve(name).pooling or pooling
    shape = NetworkShape(
        architecture=name, engine=engine, vocab_size=50, embedding_dim=8, units=8, pooling=pooling, bigrams=bigrams
    )
    return build_classifier(shape, dropout=0.3, spatial_dropout=0.2)


@pytest.fixture
def ids(rng: np.random.Generator) -> np.ndarray:
    tokens = rng.integers(4, 50, (5, 12)).astype(np.int32)
    tokens[:, 0] = 1
    for row, length in zip(tokens, (12, 7, 1, 3, 10), strict=True):
        row[length:] = 0
    return tokens


@pytest.mark.parametrize(
    ("name", "pooling", "engine", "bigrams"),
    [
        *((*pair, "custom", 0) for pair in EVERY_ONE),
        *((*pair, engine, 90) for pair in WITH_BIGRAMS for engine in ("custom", "keras")),
    ],
)
def test_the_output_does_not_depend_on_padding_or_on_the_batch(
    name: str, pooling: str, engine: str, bigrams: int, ids: np.ndarray
) -> None:
    model = network(name, pooling, engine, bigrams)
    padded = np.concatenate([ids, np.zeros((5, 9), np.int32)], axis=1)
    together = ops.convert_to_numpy(model(padded))
    assert together.shape == (5, 1)
    np.testing.assert_allclose(ops.convert_to_numpy(model(ids)), together, atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(model(ids[::-1]))[::-1], together, atol=1e-6)
    alone = np.concatenate([ops.convert_to_numpy(model(row[None, : np.count_nonzero(row)])) for row in ids])
    np.testing.assert_allclose(alone, together, atol=1e-6)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_weight_moves_in_training(name: str, ids: np.ndarray) -> None:
    model = network(name, "mean")
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    before = [w.copy() for w in model.get_weights()]
    model.fit(ids, np.array([0, 1, 0, 1, 1]), epochs=2, verbose=0)
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert not np.array_equal(old, new), weight.path


@pytest.mark.parametrize(("name", "pooling"), EVERY_ONE)
def test_a_checkpoint_gives_the_same_logits(name: str, pooling: str, ids: np.ndarray, tmp_path: Path) -> None:
    model = network(name, pooling)
    model.save(tmp_path / "model.keras")
    back = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(ids)), ops.convert_to_numpy(back(ids)))


def test_a_stock_checkpoint_loads_without_this_project(ids: np.ndarray, tmp_path: Path) -> None:
    network("stacked_bidirectional_lstm", "max", "keras").save(tmp_path / "model.keras")
    code = "import keras, sys; print(keras.saving.load_model(sys.argv[1]).count_params())"
    command = [sys.executable, "-P", "-c", code, str(tmp_path / "model.keras")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) == network("stacked_bidirectional_lstm", "max").count_params()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_breakdown_adds_up_to_the_parameters(name: str) -> None:
    model = network(name, "mean")
    assert sum(layer.parameters for layer in layer_sizes(model)) == model.count_params()


def test_custom_gru_and_gru_have_the_same_parameters() -> None:
    assert network("custom_gru", "mean").count_params() == network("gru", "mean").count_params()


def test_pooling_counts_no_padding() -> None:
    sequences = ops.convert_to_tensor(np.array([[[1.0, -5.0], [3.0, -7.0], [100.0, 100.0]]], np.float32))
    mask = ops.convert_to_tensor(np.array([[True, True, False]]))
    np.testing.assert_allclose(ops.convert_to_numpy(pool(sequences, mask, "mean")), [[2.0, -6.0]])
    np.testing.assert_allclose(ops.convert_to_numpy(pool(sequences, mask, "max")), [[3.0, -5.0]])
    np.testing.assert_allclose(ops.convert_to_numpy(pool(sequences, mask, "mean_max")), [[2.0, -6.0, 3.0, -5.0]])
    with pytest.raises(ValueError, match="expected last, mean, max, mean_max or attention, got 'min'"):
        pool(sequences, mask, "min")


@pytest.mark.parametrize("is_adversarial", [False, True])
def test_pairs_of_words_have_vectors_and_order_counts(is_adversarial: bool, ids: np.ndarray, tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    shape = NetworkShape(
        architecture="gru", engine="keras", vocab_size=50, embedding_dim=8, units=6, pooling="mean", bigrams=1000, bigram_dim=4,
        is_adversarial=is_adversarial,
    )  # fmt: skip
    model = build_classifier(shape, dropout=0.1, spatial_dropout=0.0)
    rows = ops.convert_to_numpy(keras.Model(model.input, model.get_layer("bigram_embedding").input)(ids))
    pairs = {(int(a), int(b)): int(c) for i, r in zip(ids, rows, strict=True) for a, b, c in zip([0, *i], i, r, strict=False)}
    assert all(pairs[int(a), int(b)] == c for i, r in zip(ids, rows, strict=True) for a, b, c in zip([0, *i], i, r, strict=False))
    assert rows[ids != 0].min() > 0 and rows.max() < 1000 and (rows[ids == 0] == 0).all()
    words = {pair: row for pair, row in pairs.items() if pair[1]}
    assert len(set(words.values())) > 0.95 * len(words)
    padded = np.concatenate([ids, np.zeros((5, 9), np.int32)], axis=1)
    np.testing.assert_allclose(ops.convert_to_numpy(model(padded)), ops.convert_to_numpy(model(ids)), atol=1e-6)
    model.save(tmp_path / "model.keras")
    back = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(ids)), ops.convert_to_numpy(back(ids)))


def test_attention_weights_are_shares_of_the_tokens_and_give_the_pooled_vector(ids: np.ndarray) -> None:
    model = network("attention_gru", "mean")
    weights = ops.convert_to_numpy(attention_weights(model)(ids))
    assert weights.shape == (5, 12, 1)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-5)
    assert (weights[ids == 0] == 0).all() and (weights[ids != 0] > 0).all()
    states = keras.Model(model.input, next(layer for layer in model.layers if layer.name.startswith("custom_gru")).output)(ids)
    vector = (weights * ops.convert_to_numpy(states)).sum(axis=1)
    kernel, bias = model.get_layer("logit").get_weights()
    np.testing.assert_allclose(vector @ kernel + bias, ops.convert_to_numpy(model(ids)), atol=1e-6)
    with pytest.raises(ValueError, match="no attention weights"):
        attention_weights(network("gru", "mean"))


def test_unknown_names_say_which_exist_and_the_closest() -> None:
    with pytest.raises(ValueError, match=r"no architecture is named 'lsmt'; did you mean lstm\? Known: simple_rnn, "):
        resolve("lsmt")


def test_every_architecture_has_a_colour_and_a_title_of_its_own() -> None:
    names = [*ARCHITECTURES, *YARDSTICKS]
    assert len({colour(name) for name in names}) == len({title(name) for name in names}) == len(names)


def test_names_and_colours_need_no_keras() -> None:
    code = "import sys, models.registry; print('keras' in sys.modules or 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"
