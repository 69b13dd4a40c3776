"""Laws of the yardstick in NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import linear
from records.errors import CheckpointError


def test_the_plain_yardstick_is_the_fitted_one_and_its_parts_add_up(tmp_path: Path, demo_data: Any) -> None:
    from experiment import baseline

    pipeline = baseline.fit([demo_data.train])
    baseline.save(pipeline, tmp_path / "linear.npz")
    model = linear.load(tmp_path / "linear.npz")
    reviews = demo_data.test.take(np.arange(60))
    logits = model.logits([reviews.sequences[i] for i in range(60)])
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), baseline.predict(pipeline, reviews), atol=1e-12)
    parts = model.contributions(reviews.sequences[0])
    assert parts.sum() + model.intercept == pytest.approx(logits[0], abs=1e-9)
    nothing = np.array([1, 2_000_000], np.int32)
    assert model.logits([nothing])[0] == pytest.approx(model.intercept)


def test_a_pickled_or_cut_yardstick_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "linear.npz"
    np.savez(path, terms=np.array([{"a": 1}], dtype=object))
    with pytest.raises(CheckpointError, match="damaged or was changed"):
        linear.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(CheckpointError, match="damaged or was changed"):
        linear.load(path)
