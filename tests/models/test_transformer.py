"""Windows of attention against every pair of tokens written out."""

import keras
import numpy as np
import pytest
from keras import ops

from models.registry import selectable
from models.transformer import HEADS, LocalAttention, PositionalEncoding, encode


@pytest.mark.parametrize("time", [3, 5, 10, 23])
def test_tokens_attend_to_those_within_the_window_and_to_no_others(time: int, rng: np.random.Generator) -> None:
    keras.utils.set_random_seed(3)
    layer = LocalAttention(heads=2, window=5)
    sequences = rng.normal(size=(3, time, 8)).astype(np.float32)
    mask = np.arange(time) < np.array([[time], [max(1, time - 2)], [1]])
    found = ops.convert_to_numpy(layer(sequences, mask=ops.convert_to_tensor(mask)))
    positions = np.arange(time)
    is_near = np.abs(positions[:, None] - positions) <= 5
    whole = layer.attention(sequences, sequences, attention_mask=ops.convert_to_tensor(is_near & mask[:, None]))
    np.testing.assert_allclose(found[mask], ops.convert_to_numpy(whole)[mask], atol=1e-5)


def test_the_same_words_in_another_order_are_another_review(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(1, 7, 4)).astype(np.float32)
    encoded = ops.convert_to_numpy(PositionalEncoding()(vectors))
    np.testing.assert_allclose((encoded - vectors)[0, 0], [0, 0, 1, 1], atol=1e-6)
    backwards = ops.convert_to_numpy(PositionalEncoding()(vectors[:, ::-1]))[:, ::-1]
    assert np.abs(encoded - backwards).max() > 0.1


def test_units_that_the_heads_cannot_share_are_named() -> None:
    assert selectable()["transformer"] == HEADS
    with pytest.raises(ValueError, match="expected a multiple of 4, got 30"):
        encode(keras.Input((None, 8)), keras.Input((None,), dtype="bool"), 30, lambda name: keras.layers.Dropout(0.1, name=name))
