"""Laws of the from-scratch layers: the equations as written, and Keras's own layers to float32 rounding.

Runs on whichever backend KERAS_BACKEND names; CI runs it on TensorFlow and on JAX.
"""

import doctest
import re
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from engine import arrays
from models import recurrent
from models.cells import GRUCell
from models.recurrent import CustomGRU, CustomLSTM, CustomSimpleRNN

BATCH, TIME, FEATURES, UNITS = 4, 9, 5, 6
Array = np.ndarray
BUILT_IN = {CustomSimpleRNN: keras.layers.SimpleRNN, CustomLSTM: keras.layers.LSTM, CustomGRU: keras.layers.GRU}
GATES = {CustomSimpleRNN: ("",), CustomLSTM: ("_i", "_f", "_c", "_o"), CustomGRU: ("_z", "_r", "_h")}  # as they are packed
every_layer = pytest.mark.parametrize("kind", GATES)
every_layer_that_keras_has = pytest.mark.parametrize("kind", BUILT_IN)


@pytest.fixture
def inputs(rng: np.random.Generator) -> Array:
    return rng.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32)


@pytest.fixture
def mask() -> Array:
    return np.arange(TIME) < np.array([7, 5, 1, 6])[:, None]  # nobody has the last two steps


@pytest.fixture
def holes() -> Array:
    return np.random.default_rng(4).random((BATCH, TIME)) < 0.6


def a_layer(kind: Any, **options: Any) -> Any:
    """Our layer with random weights (biases included)."""
    layer, rng = kind(UNITS, **options), np.random.default_rng(3)
    layer.build((None, TIME, FEATURES))
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
    return layer


def pair(kind: Any, **options: Any) -> tuple[Any, Any]:
    """Our layer and Keras's with the same, random, weights."""
    ours, theirs = a_layer(kind, **options), BUILT_IN[kind](UNITS, **options)
    theirs.build((None, TIME, FEATURES))
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


# -- the equations of the docstrings, run as they are written ----------------------------------------------------------


def by_docstring(kind: Any, x: Array, h: Array, c: Array, w: Array, u: Array, b: Array) -> dict[str, Array]:
    """Every name that the equations give a value to, in NumPy."""
    names: dict[str, Any] = {"sigmoid": sigmoid, "tanh": np.tanh}
    for letter, packed in (("W", w), ("U", u), ("b", b[0]), ("c", b[-1])):
        parts = np.split(packed, len(GATES[kind]), axis=-1)
        names |= {letter + gate: part for gate, part in zip(GATES[kind], parts, strict=True)}
    names |= {"x": x, "h": h, "c": c}
    equations = re.findall(r"^ {8}(\w+ = .+?)(?:   .*)?$", kind.__doc__, re.MULTILINE)
    assert len(equations) == len(re.findall(r"^ {8}\S", kind.__doc__, re.MULTILINE)) > 0
    for equation in equations:
        exec(equation, {}, names)  # noqa: S102 - our own docstring
    return names


def sums(cell: Any, x: Any, h: Any, w: Any, u: Any, b: Any) -> tuple[Any, Any]:
    """What a loop hands to the step."""
    return x @ w + b[0], h @ u + (b[1] if cell.biases == 2 else 0)


@every_layer
def test_one_step_is_the_equations_of_the_docstring(kind: Any, rng: np.random.Generator) -> None:
    cell = kind.cell
    x, h, c = rng.normal(size=(BATCH, FEATURES)), rng.normal(size=(BATCH, UNITS)), rng.normal(size=(BATCH, UNITS))
    w, u = rng.normal(size=(FEATURES, cell.gates * UNITS)), rng.normal(size=(UNITS, cell.gates * UNITS))
    b = rng.normal(size=(cell.biases, cell.gates * UNITS))
    found, given = by_docstring(kind, x, h, c, w, u, b), [a.astype(np.float32) for a in (x, h, c, w, u, b)]
    for xp, into in ((ops, ops.convert_to_tensor), (arrays, np.asarray)):  # in training, and in the engine
        x_, h_, c_, w_, u_, b_ = (into(a) for a in given)
        states, saved = cell.step(xp, *sums(cell, x_, h_, w_, u_, b_), (h_, c_)[: cell.states])
        assert len(saved) == cell.saved
        for mine, expected in zip(states, (found["h"], found["c"]), strict=False):
            np.testing.assert_allclose(ops.convert_to_numpy(mine), expected, atol=2e-6)


def test_the_examples_of_the_docstrings_run() -> None:
    failed, attempted = doctest.testmod(recurrent)
    assert not failed and attempted == 3 * len(GATES)


# -- the plain step, one after another, under automatic differentiation ------------------------------------------------


class Plain(keras.layers.Layer):
    """The specification: the step in a Python loop, with nothing clever, differentiated automatically."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer, self.supports_masking, self.built = layer, True, True

    def call(self, x: Any, mask: Any = None) -> Any:
        layer, cell = self.layer, self.layer.cell
        states: Any = tuple(ops.zeros((BATCH, UNITS)) for _ in range(cell.states))
        bias = ops.reshape(layer.bias, (cell.biases, -1))
        outputs = []
        for t in range(TIME):
            both = sums(cell, x[:, t], states[0], layer.kernel, layer.recurrent_kernel, bias)
            after, _ = cell.step(ops, *both, states)
            states = tuple(ops.where(mask[:, t, None], new, old) for new, old in zip(after, states, strict=True))
            outputs.append(states[0])
        return ops.stack(outputs, axis=1)


@every_layer
def test_fast_loop_and_its_handwritten_gradient_equal_the_plain_step(kind: Any, inputs: Array, holes: Array) -> None:
    ours = a_layer(kind, return_sequences=True)
    weight = np.random.default_rng(0).normal(size=(BATCH, TIME, UNITS)).astype(np.float32)
    fast, plain = _results(ours, inputs, holes, weight), _results(Plain(ours), inputs, holes, weight)
    for mine, reference in zip(fast, plain, strict=True):
        np.testing.assert_allclose(mine, reference, atol=2e-5)


# -- Keras's own layers ------------------------------------------------------------------------------------------------


@every_layer_that_keras_has
@pytest.mark.parametrize("masked", ["nothing", "mask", "holes"])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_outputs_and_states_equal_keras(
    kind: Any, inputs: Array, masked: str, go_backwards: bool, request: pytest.FixtureRequest
) -> None:
    ours, theirs = pair(kind, return_sequences=True, return_state=True, go_backwards=go_backwards)
    given = None if masked == "nothing" else ops.convert_to_tensor(request.getfixturevalue(masked))
    mine, reference = ours(inputs, mask=given), theirs(inputs, mask=given)
    for a, b in zip(mine, reference, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), atol=3e-6)


@every_layer_that_keras_has
@pytest.mark.parametrize(("masked", "go_backwards"), [("nothing", False), ("mask", False), ("mask", True), ("holes", True)])
def test_gradients_equal_keras(kind: Any, inputs: Array, masked: str, go_backwards: bool, request: pytest.FixtureRequest) -> None:
    ours, theirs = pair(kind, return_sequences=True, go_backwards=go_backwards)
    weight = np.random.default_rng(0).normal(size=(BATCH, TIME, UNITS)).astype(np.float32)
    given = None if masked == "nothing" else request.getfixturevalue(masked)
    both = zip(_results(ours, inputs, given, weight), _results(theirs, inputs, given, weight), strict=True)
    for mine, reference in both:
        np.testing.assert_allclose(mine, reference, atol=3e-5)


@every_layer_that_keras_has
def test_gradients_of_the_last_state_equal_keras(kind: Any, inputs: Array, mask: Array) -> None:
    ours, theirs = pair(kind)
    weight = np.random.default_rng(0).normal(size=(BATCH, UNITS)).astype(np.float32)
    for mine, reference in zip(_results(ours, inputs, mask, weight), _results(theirs, inputs, mask, weight), strict=True):
        np.testing.assert_allclose(mine, reference, atol=3e-5)


def _results(layer: Any, inputs: Array, mask: Array | None, weight: Array) -> list[Array]:
    """Output, and gradients of sum(weight * output) for the inputs and every weight of the layer, on either backend."""
    given = None if mask is None else ops.convert_to_tensor(mask)
    if keras.backend.backend() == "jax":
        import jax

        fixed = [v.value for v in layer.non_trainable_variables]

        def loss(trainable: Any, x: Any) -> Any:
            output, _ = layer.stateless_call(trainable, fixed, x, mask=given)
            return (output * weight).sum(), output

        arguments = ([v.value for v in layer.trainable_variables], ops.convert_to_tensor(inputs))
        (_, output), (weights, x) = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(*arguments)
        return [np.asarray(array) for array in (output, x, *weights)]
    import tensorflow as tf

    x = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = layer(x, mask=given)
        total = tf.reduce_sum(output * weight)
    return [g.numpy() for g in (output, *tape.gradient(total, [x, *(v.value for v in layer.trainable_variables)]))]


@every_layer_that_keras_has
def test_an_initial_state_is_carried_on(kind: Any, inputs: Array) -> None:
    ours, theirs = pair(kind)
    start = [ops.ones((BATCH, UNITS)) * 0.3] * ours.cell.states
    np.testing.assert_allclose(
        ops.convert_to_numpy(ours(inputs, initial_state=start)),
        ops.convert_to_numpy(theirs(inputs, initial_state=start)),
        atol=3e-6,
    )


@every_layer_that_keras_has
@pytest.mark.parametrize("return_sequences", [False, True])
def test_bidirectional_and_stacked_equal_keras(kind: Any, inputs: Array, mask: Array, return_sequences: bool) -> None:
    def two_layers(layer: Any) -> keras.Model:
        x, m = keras.Input((TIME, FEATURES)), keras.Input((TIME,), dtype="bool")
        first = keras.layers.Bidirectional(layer(UNITS, return_sequences=True))(x, mask=m)
        second = keras.layers.Bidirectional(layer(UNITS, return_sequences=return_sequences))(first, mask=m)
        return keras.Model([x, m], second)

    ours, theirs = two_layers(kind), two_layers(BUILT_IN[kind])
    theirs.set_weights(ours.get_weights())
    mine, reference = (ops.convert_to_numpy(model([inputs, mask])) for model in (ours, theirs))
    if return_sequences:  # Keras's Bidirectional makes its own layers write zeros on padding
        mine, reference = mine[mask], reference[mask]
    np.testing.assert_allclose(mine, reference, atol=3e-6)


# -- invariances, saving, refusing -------------------------------------------------------------------------------------


@every_layer
def test_the_state_passes_through_padding_unchanged(kind: Any, inputs: Array) -> None:
    layer = a_layer(kind, return_sequences=True)
    mask = np.array([[True] * 3 + [False] * 6] * (BATCH - 1) + [[True] * 5 + [False] * 4])
    states = ops.convert_to_numpy(layer(inputs, mask=ops.convert_to_tensor(mask)))
    for t in range(3, TIME):
        np.testing.assert_array_equal(states[:-1, t], states[:-1, 2])  # bit for bit


@every_layer
def test_more_padding_changes_nothing(kind: Any, inputs: Array) -> None:
    layer = a_layer(kind)
    longer = np.concatenate([inputs, np.full((BATCH, 7, FEATURES), 3.0, np.float32)], axis=1)
    mask = ops.convert_to_tensor(np.arange(TIME + 7) < np.full((BATCH, 1), TIME))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(longer, mask=mask)), ops.convert_to_numpy(layer(inputs)), atol=1e-6)


def test_steps_that_no_review_has_are_not_computed(inputs: Array) -> None:
    """What stands there may even be infinite."""
    layer = a_layer(CustomGRU, return_sequences=True)
    inputs[:, 4:] = np.inf
    mask = ops.convert_to_tensor(np.arange(TIME) < np.full((BATCH, 1), 4))
    assert np.isfinite(ops.convert_to_numpy(layer(inputs, mask=mask))).all()


@every_layer
def test_it_is_saved_and_loaded(kind: Any, inputs: Array, tmp_path: Path) -> None:
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, keras.layers.Bidirectional(kind(UNITS))(x))
    model.save(tmp_path / "model.keras")
    back = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(model(inputs)), ops.convert_to_numpy(back(inputs)))


@pytest.mark.parametrize("kind", [CustomLSTM, CustomGRU])
def test_fresh_weights_are_drawn_as_keras_draws_them(kind: Any) -> None:
    def fresh(kind: Any) -> list[Array]:
        keras.utils.set_random_seed(5)
        layer = kind(UNITS)
        layer.build((None, TIME, FEATURES))
        return layer.get_weights()

    for mine, reference in zip(fresh(kind), fresh(BUILT_IN[kind]), strict=True):
        np.testing.assert_array_equal(mine, reference)


@every_layer
def test_shapes_are_known_before_anything_runs(kind: Any) -> None:
    x = keras.Input((None, FEATURES))
    assert kind(UNITS)(x).shape == (None, UNITS)
    sequences, *states = kind(UNITS, return_sequences=True, return_state=True)(x)
    assert sequences.shape == (None, None, UNITS)
    assert [state.shape for state in states] == [(None, UNITS)] * kind.cell.states


@pytest.mark.parametrize("units", [0, -1, 2.5, "8"])
def test_bad_units_are_named(units: Any) -> None:
    with pytest.raises(ValueError, match="units: expected a positive integer"):
        CustomGRU(units)


# -- the compiled path is the one that runs ----------------------------------------------------------------------------


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's side of the law")
def test_on_tensorflow_the_layer_itself_is_compiled(inputs: Array) -> None:
    """Called eagerly, a step with an operation that XLA does not know is refused; run operation by operation, it would work."""
    import tensorflow as tf

    class CallsPython(GRUCell):
        @staticmethod
        def step(xp: Any, x_sums: Any, h_sums: Any, states: Any) -> Any:
            (h,), saved = GRUCell.step(xp, x_sums, h_sums, states)
            return (tf.ensure_shape(tf.py_function(lambda value: value, [h], tf.float32), h.shape),), saved

    layer = type("Layer", (CustomGRU,), {"cell": CallsPython})(UNITS)
    with pytest.raises(tf.errors.InvalidArgumentError, match="unsupported operations"):
        layer(inputs)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX's side of the law")
def test_on_jax_every_step_runs_inside_one_compiled_loop(inputs: Array) -> None:
    import jax

    layer = a_layer(CustomGRU)
    program = jax.make_jaxpr(layer.__call__)(inputs)
    outside = str(program).split("while[")[0]
    assert str(program).count("while[") == 1
    assert "tanh" not in outside and "dot_general" not in outside


@pytest.mark.parametrize("bidirectional", [False, True])
def test_another_batch_is_not_another_program(bidirectional: bool) -> None:
    """Compiling takes a hundred times a step's time: no step after the first may take a tenth of the first one's."""
    ids, layer = keras.Input((40,), dtype="int32"), CustomGRU(UNITS, return_sequences=True)
    embedded = keras.layers.Embedding(20, FEATURES, mask_zero=True)(ids)
    states = keras.layers.Bidirectional(layer)(embedded) if bidirectional else layer(embedded)
    model = keras.Model(ids, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(states)))
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=True)
    seconds = []
    for length in (40, 31, 22, 13):
        batch = np.where(np.arange(40) < length, np.random.default_rng(length).integers(1, 20, (BATCH, 40)), 0)
        started = time.perf_counter()
        model.train_on_batch(batch, np.ones((BATCH, 1)))
        seconds.append(time.perf_counter() - started)
    assert max(seconds[1:]) < seconds[0] / 10


def test_it_learns_to_remember_the_first_token() -> None:
    """Converges on a toy task that needs a state carried over eight steps."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(512, 8, 3)).astype(np.float32)
    y = (x[:, 0, 0] > 0).astype(np.float32)
    model = keras.Sequential([CustomGRU(16), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=True)
    model.optimizer.learning_rate = 0.02
    model.fit(x, y, epochs=15, batch_size=64, verbose=0)
    assert np.mean((model.predict(x, verbose=0)[:, 0] > 0) == y) > 0.95
