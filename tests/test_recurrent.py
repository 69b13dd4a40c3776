"""Laws of the from-scratch layer: the equations as written, and Keras's own layer to float32 rounding.

Runs on whichever backend KERAS_BACKEND names; CI runs it on TensorFlow and on JAX.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from models.recurrent import CustomGRU, gru_step

BATCH, TIME, FEATURES, UNITS = 4, 9, 5, 6
Array = np.ndarray


@pytest.fixture
def inputs(rng: np.random.Generator) -> Array:
    return rng.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32)


@pytest.fixture
def mask() -> Array:
    return np.arange(TIME) < np.array([9, 5, 1, 7])[:, None]


def pair(**options: Any) -> tuple[CustomGRU, keras.layers.GRU]:
    """Our layer and Keras's with the same, random, weights (biases included)."""
    ours, theirs = CustomGRU(UNITS, **options), keras.layers.GRU(UNITS, **options)
    ours.build((None, TIME, FEATURES))
    theirs.build((None, TIME, FEATURES))
    rng = np.random.default_rng(3)
    ours.set_weights([rng.normal(scale=0.5, size=w.shape) for w in ours.get_weights()])
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def test_one_step_is_the_equations_of_the_docstring(rng: np.random.Generator) -> None:
    x, h = rng.normal(size=(BATCH, FEATURES)), rng.normal(size=(BATCH, UNITS))
    w, u = rng.normal(size=(FEATURES, 3 * UNITS)), rng.normal(size=(UNITS, 3 * UNITS))
    b, c = rng.normal(size=3 * UNITS), rng.normal(size=3 * UNITS)
    (w_z, w_r, w_h), (u_z, u_r, u_h) = np.split(w, 3, 1), np.split(u, 3, 1)
    (b_z, b_r, b_h), (c_z, c_r, c_h) = np.split(b, 3), np.split(c, 3)
    z = sigmoid(x @ w_z + b_z + h @ u_z + c_z)
    r = sigmoid(x @ w_r + b_r + h @ u_r + c_r)
    candidate = np.tanh(x @ w_h + b_h + r * (h @ u_h + c_h))
    expected = z * h + (1 - z) * candidate
    as_float32 = [ops.convert_to_tensor(a.astype(np.float32)) for a in (h, x @ w + b, u, c)]
    np.testing.assert_allclose(ops.convert_to_numpy(gru_step(*as_float32)), expected, atol=1e-6)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_outputs_equal_keras(inputs: Array, mask: Array, masked: bool, go_backwards: bool, return_sequences: bool) -> None:
    ours, theirs = pair(return_sequences=return_sequences, return_state=True, go_backwards=go_backwards)
    given = ops.convert_to_tensor(mask) if masked else None
    outputs = zip(ours(inputs, mask=given), theirs(inputs, mask=given), strict=True)
    for mine, reference in (map(ops.convert_to_numpy, both) for both in outputs):
        if masked and mine.ndim == 3:  # what stands on padding is never read
            kept = mask[:, ::-1] if go_backwards else mask
            np.testing.assert_allclose(mine[kept], reference[kept], atol=2e-6)
        else:
            np.testing.assert_allclose(mine, reference, atol=2e-6)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_gradients_equal_keras(inputs: Array, mask: Array, masked: bool, go_backwards: bool) -> None:
    ours, theirs = pair(return_sequences=True, go_backwards=go_backwards)
    kept = mask[:, ::-1] if go_backwards else mask
    weight = np.random.default_rng(0).normal(size=(BATCH, TIME, UNITS)).astype(np.float32)
    if masked:
        weight = weight * kept[..., None]

    def gradients(layer: Any) -> list[Array]:
        x = keras.Input((TIME, FEATURES))
        m = keras.Input((TIME,), dtype="bool")
        model = keras.Model([x, m], layer(x, mask=m if masked else None))
        return _gradients(model, [inputs, mask], weight)

    for mine, reference in zip(gradients(ours), gradients(theirs), strict=True):
        np.testing.assert_allclose(mine, reference, atol=2e-5)


def _gradients(model: keras.Model, inputs: list[Array], weight: Array) -> list[Array]:
    """Gradients of sum(weight * output) for every weight of the model, on either backend."""
    if keras.backend.backend() == "jax":
        import jax

        fixed = [v.value for v in model.non_trainable_variables]

        def loss(trainable: Any) -> Any:
            output, _ = model.stateless_call(trainable, fixed, inputs)
            return (output * weight).sum()

        return [np.asarray(g) for g in jax.grad(loss)([v.value for v in model.trainable_variables])]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(inputs) * weight)
    return [g.numpy() for g in tape.gradient(total, [v.value for v in model.trainable_variables])]


def test_an_initial_state_is_carried_on(inputs: Array) -> None:
    ours, theirs = pair()
    start = ops.ones((BATCH, UNITS)) * 0.3
    np.testing.assert_allclose(
        ops.convert_to_numpy(ours(inputs, initial_state=start)),
        ops.convert_to_numpy(theirs(inputs, initial_state=start)),
        atol=2e-6,
    )


@pytest.mark.parametrize("return_sequences", [False, True])
def test_bidirectional_equals_keras(inputs: Array, mask: Array, return_sequences: bool) -> None:
    ours = keras.layers.Bidirectional(CustomGRU(UNITS, return_sequences=return_sequences))
    theirs = keras.layers.Bidirectional(keras.layers.GRU(UNITS, return_sequences=return_sequences))
    ours.build((None, TIME, FEATURES))
    theirs.build((None, TIME, FEATURES))
    theirs.set_weights(ours.get_weights())
    given = ops.convert_to_tensor(mask)
    mine, reference = (ops.convert_to_numpy(layer(inputs, mask=given)) for layer in (ours, theirs))
    if return_sequences:
        mine, reference = mine[mask], reference[mask]
    np.testing.assert_allclose(mine, reference, atol=2e-6)


def test_the_state_passes_through_padding_unchanged(inputs: Array) -> None:
    layer, _ = pair(return_sequences=True)
    mask = np.array([[True] * 3 + [False] * 6] * BATCH)
    states = ops.convert_to_numpy(layer(inputs, mask=ops.convert_to_tensor(mask)))
    for t in range(3, TIME):
        np.testing.assert_array_equal(states[:, t], states[:, 2])  # bit for bit


def test_more_padding_changes_nothing(inputs: Array) -> None:
    layer, _ = pair()
    longer = np.concatenate([inputs, np.full((BATCH, 7, FEATURES), 3.0, np.float32)], axis=1)
    mask = ops.convert_to_tensor(np.arange(TIME + 7) < np.full((BATCH, 1), TIME))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(longer, mask=mask)), ops.convert_to_numpy(layer(inputs)), atol=1e-6)


def test_it_is_saved_and_loaded(inputs: Array, tmp_path: Path) -> None:
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, keras.layers.Bidirectional(CustomGRU(UNITS))(x))
    model.save(tmp_path / "model.keras")
    back = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(model(inputs)), ops.convert_to_numpy(back(inputs)))


def test_shapes_are_known_before_anything_runs() -> None:
    x = keras.Input((None, FEATURES))
    assert CustomGRU(UNITS)(x).shape == (None, UNITS)
    sequences, state = CustomGRU(UNITS, return_sequences=True, return_state=True)(x)
    assert (sequences.shape, state.shape) == ((None, None, UNITS), (None, UNITS))


@pytest.mark.parametrize("units", [0, -1, 2.5, "8"])
def test_bad_units_are_named(units: Any) -> None:
    with pytest.raises(ValueError, match="units: expected a positive integer"):
        CustomGRU(units)


def test_it_learns_to_remember_the_first_token() -> None:
    """Converges on a toy task that needs a state carried over eight steps."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(512, 8, 3)).astype(np.float32)
    y = (x[:, 0, 0] > 0).astype(np.float32)
    model = keras.Sequential([CustomGRU(16), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=keras.backend.backend() == "jax")
    model.optimizer.learning_rate = 0.02
    model.fit(x, y, epochs=15, batch_size=64, verbose=0)
    assert np.mean((model.predict(x, verbose=0)[:, 0] > 0) == y) > 0.95
