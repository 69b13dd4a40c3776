"""Laws of the linear models in NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.ngrams import NGrams, collect
from data.types import Dataset, Sequences
from engine import linear
from engine.arrays import margins
from experiment import baseline
from records.errors import CheckpointError
from records.study import YARDSTICKS, LinearForm

FORM = LinearForm(n=3, min_df=2, C=1.0)


@pytest.mark.parametrize("kind", YARDSTICKS)
def test_a_model_that_was_read_back_says_the_same_and_its_parts_add_up(kind: str, tmp_path: Path, demo_data: Dataset) -> None:
    model = next(baseline.fitted(kind, baseline.count([demo_data.train], [FORM], 2), [FORM], 7))
    linear.save(model, tmp_path / "linear.npz")
    read = linear.load(tmp_path / "linear.npz")
    rows = [demo_data.test.sequences[i] for i in range(60)]
    np.testing.assert_array_equal(read.logits(rows), model.logits(rows))
    np.testing.assert_allclose([read.logits([row])[0] for row in rows], read.logits(rows), rtol=1e-12)
    for row, logit in zip(rows[:5], read.logits(rows), strict=False):
        assert read.contributions(row).sum() + read.intercepts[0] == pytest.approx(logit[0], abs=1e-9)
    nothing = np.array([1, 2_000_000], np.int32)
    assert read.logits([nothing])[0] == pytest.approx(read.intercepts)
    assert read.logits([]).shape == (0, 1)


def test_an_ngram_is_shared_equally_by_its_words_and_its_places() -> None:
    ngrams = ngrams_of([[1, 5, 6, 9, 5, 6], [1, 5, 6]])
    assert ngrams.find(np.array([1, 5, 6], np.int32)).tolist() == [[-1, -1], [0, -1], [1, 2]]
    model = linear.LinearModel(ngrams, np.array([[1.0], [10.0], [8.0]]), np.array([0.5]))
    np.testing.assert_allclose(model.contributions(np.array([1, 5, 6, 9, 5, 6], np.int32)), [0, 2.5, 7, 0, 2.5, 7])
    assert model.logits([np.array([1, 5, 6, 9, 5, 6], np.int32)])[0, 0] == 19.5


def test_towards_a_class_the_logit_is_its_margin_over_the_mean_of_the_others(rng: np.random.Generator) -> None:
    ngrams, row = ngrams_of([[1, 5, 6, 9, 5, 6], [1, 5, 6]]), np.array([1, 5, 6, 5, 6], np.int32)
    model = linear.LinearModel(ngrams, rng.normal(size=(3, 2)), rng.normal(size=2))
    logits = model.logits([row])
    for label in range(3):
        alone = model.towards(label)
        assert alone.logits([row])[0, 0] == pytest.approx(margins(logits, label)[0])
        assert alone.contributions(row).sum() + alone.intercepts[0] == pytest.approx(margins(logits, label)[0])


def ngrams_of(rows: list[list[int]]) -> NGrams:
    return collect(Sequences.from_lists(rows), 2, 2)[0]


def write_model(path: Path, **changes: Any) -> None:
    arrays: dict[str, Any] = {
        "words": np.array([5, 6], np.int32),
        "keys2": ngrams_of([[1, 5, 6], [1, 5, 6]]).keys[0],
        "weights": np.array([[1.0], [10.0], [8.0]]),
        "intercepts": np.array([0.5]),
    }
    np.savez(path, **{name: array for name, array in (arrays | changes).items() if array is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": np.array([[1.0], [2.0]])},
        {"weights": np.array([[1.0], [np.nan], [2.0]])},
        {"words": np.array([6, 5], np.int32)},
        {"words": np.array([-1, 5], np.int32)},
        {"keys2": np.array([6.5])},
        {"keys2": np.array([6, 5], np.uint64), "weights": np.ones((4, 1))},
        {"keys2": None},
        {"intercepts": np.zeros(2)},
        {"intercepts": np.array(0.5), "weights": np.ones(3)},
        {"hashed": np.array(2)},
        {"hashed": np.array([2.0, 4.0]), "weights": np.ones((16, 1))},
        {"idf": np.ones(2)},
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    write_model(tmp_path / "good.npz")
    assert linear.load(tmp_path / "good.npz").logits([np.array([1, 5, 6], np.int32)])[0, 0] == 19.5
    write_model(tmp_path / "bad.npz", **changes)
    with pytest.raises(CheckpointError, match="damaged or was changed"):
        linear.load(tmp_path / "bad.npz")


def test_a_pickled_or_cut_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "linear.npz"
    np.savez(path, words=np.array([{"a": 1}], dtype=object))
    with pytest.raises(CheckpointError, match="damaged or was changed"):
        linear.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(CheckpointError, match="damaged or was changed"):
        linear.load(path)
