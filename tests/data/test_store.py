"""Laws of the prepared data on disk."""

import os
from pathlib import Path

import numpy as np
import pytest

from config import PROFILES, Config
from data import store as data_cache
from data_preprocessing import Dataset
from experiment.options import with_overrides


def test_a_prepared_dataset_round_trips_through_its_file(demo_data: Dataset, tmp_path: Path) -> None:
    data_cache.save(demo_data, tmp_path / "data.npz")
    back = data_cache.load_prepared(tmp_path / "data.npz")
    assert back.summary == demo_data.summary and back.buckets == demo_data.buckets
    assert back.vocabulary.words == demo_data.vocabulary.words
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(back, part).sequences.values, getattr(demo_data, part).sequences.values)
        np.testing.assert_array_equal(getattr(back, part).rows, getattr(demo_data, part).rows)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [f"{'good' if i % 2 else 'bad'} " * (3 + i % 7) + f",{i % 2}" for i in range(200)]
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    return path


def config_of(table: Path, *changes: str) -> Config:
    return with_overrides(PROFILES["smoke"].config, [f"data.source={table}", "compare.bucket_edges=(6,)", *changes])


def kept(config: Config, folder: Path) -> tuple[Dataset, Path]:
    dataset, path = data_cache.fetch(config, folder)
    data_cache.keep(dataset, path)
    return dataset, path


def test_data_prepared_once_are_read_and_not_prepared_again(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(table)
    _, path = kept(config, tmp_path / "cache")
    monkeypatch.setattr(data_cache, "prepare", lambda _: pytest.fail("prepared again"))
    assert data_cache.fetch(config, tmp_path / "cache")[0].fingerprint == data_cache.load_prepared(path).fingerprint


def test_another_config_or_a_touched_file_is_prepared_anew(table: Path, tmp_path: Path) -> None:
    paths = set()
    for change in ("run.seed=1", "run.seed=2", "data.vocab_size=12"):
        config = config_of(table, change)
        paths.add(kept(config, tmp_path)[1])
    os.utime(table, (1, 1))
    paths.add(kept(config, tmp_path)[1])
    assert len(paths) == 4


def test_a_cached_file_that_was_cut_short_is_made_again(table: Path, tmp_path: Path) -> None:
    config = config_of(table)
    whole, path = kept(config, tmp_path)
    path.write_bytes(path.read_bytes()[:500])
    assert data_cache.fetch(config, tmp_path)[0].fingerprint == whole.fingerprint
    data_cache.keep(whole, path)
    assert data_cache.load_prepared(path).fingerprint == whole.fingerprint
