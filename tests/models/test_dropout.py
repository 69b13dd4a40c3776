"""Laws of the dropout masks. Runs on whichever backend KERAS_BACKEND names; CI runs it on TensorFlow and on JAX."""

import keras
import numpy as np
import pytest
from keras import ops

from models.dropout import TunableDropout, uniform

SHAPE = [64, 50, 32]


def draw(*seed: int) -> np.ndarray:
    return np.array(ops.convert_to_numpy(uniform(SHAPE, ops.convert_to_tensor(np.array(seed, np.uint32)))))


def dropping(rate: float, **options: bool) -> TunableDropout:
    layer = TunableDropout(**options)
    layer.build(())
    layer.rate.assign(rate)
    return layer


def test_the_numbers_are_the_same_on_every_backend_and_machine() -> None:
    np.testing.assert_allclose(draw(7, 0)[0, 0, :2], [0.69101596, 0.02148843], rtol=1e-6)


def test_the_numbers_are_the_same_compiled_or_not() -> None:
    if keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(lambda seed: uniform(SHAPE, seed))
    else:
        import tensorflow

        compiled = tensorflow.function(lambda seed: uniform(SHAPE, seed), jit_compile=True)
    seed = ops.convert_to_tensor(np.array([7, 3], np.uint32))
    np.testing.assert_array_equal(ops.convert_to_numpy(compiled(seed)), draw(7, 3))


def test_the_numbers_are_uniform_and_those_of_other_seeds_steps_and_positions_are_unrelated() -> None:
    numbers = draw(7, 3)
    assert numbers.min() >= 0 and numbers.max() < 1
    counts, _ = np.histogram(numbers, 64, (0, 1))
    assert np.abs(counts - numbers.size / 64).max() < 5 * np.sqrt(numbers.size / 64)
    flat = numbers.ravel()
    others = [
        draw(7, 4).ravel(),
        draw(8, 3).ravel(),
        np.roll(flat, 1),
        np.roll(flat, SHAPE[-1]),
        np.roll(flat, SHAPE[1] * SHAPE[2]),
    ]
    for other in others:
        assert abs(np.corrcoef(flat, other)[0, 1]) < 5 / np.sqrt(flat.size)


def test_a_share_is_dropped_the_rest_scaled_up_and_nothing_happens_outside_training() -> None:
    ones, layer = np.ones(SHAPE, np.float32), dropping(0.3)
    dropped = np.array(ops.convert_to_numpy(layer(ones, training=True)))
    assert np.mean(dropped == 0) == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(dropped[dropped != 0], 1 / 0.7, rtol=1e-6)
    assert np.any(dropped != ops.convert_to_numpy(layer(ones, training=True)))  # other masks at the next step
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(ones)), ones)


def test_whole_channels_are_dropped_for_all_time_steps() -> None:
    dropped = ops.convert_to_numpy(dropping(0.5, whole_channels=True)(np.ones(SHAPE, np.float32), training=True))
    assert np.ptp(dropped, axis=1).max() == 0 and 0 < np.mean(dropped == 0) < 1
