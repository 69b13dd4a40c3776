"""Laws of the prepared data on disk."""

import importlib.metadata
import os
from pathlib import Path

import numpy as np
import pytest

import data_preprocessing
from config import PROFILES, Config
from data import store
from data.summary import summarise
from data.types import PARTS, Dataset
from data_preprocessing import load_or_prepare
from experiment.options import with_overrides


def test_a_prepared_dataset_round_trips_through_its_file(demo_data: Dataset, tmp_path: Path) -> None:
    store.keep(demo_data, tmp_path / "data.npz")
    back = store.load(tmp_path / "data.npz")
    assert back.fingerprint == demo_data.fingerprint and back.origin == demo_data.origin
    assert summarise(back) == summarise(demo_data) and back.buckets == demo_data.buckets
    assert back.vocabulary.words == demo_data.vocabulary.words
    for part in PARTS:
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
    dataset, path = load_or_prepare(config, folder)
    store.keep(dataset, path)
    return dataset, path


def test_data_prepared_once_are_read_and_not_prepared_again(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(table)
    _, path = kept(config, tmp_path / "cache")
    monkeypatch.setattr(data_preprocessing, "prepare", lambda _: pytest.fail("prepared again"))
    assert load_or_prepare(config, tmp_path / "cache")[0].fingerprint == store.load(path).fingerprint


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
    assert load_or_prepare(config, tmp_path)[0].fingerprint == whole.fingerprint
    store.keep(whole, path)
    assert store.load(path).fingerprint == whole.fingerprint


def test_generated_reviews_are_kept_by_settings_and_code_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of these reviews that an earlier version left, or other settings, must not be what the workers read."""
    paths = set()
    for change in ("data.max_length=50", "data.max_length=60"):  # the ids are the same: a network cuts them
        paths.add(kept(with_overrides(PROFILES["smoke"].config, ["data.demo_reviews=300", change]), tmp_path)[1])
    monkeypatch.setattr(store, "_code_digest", lambda: "of another version")
    paths.add(kept(with_overrides(PROFILES["smoke"].config, ["data.demo_reviews=300", "data.max_length=60"]), tmp_path)[1])
    assert len(paths) == 3


def test_another_version_of_a_library_that_finds_tokens_is_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, before = PROFILES["smoke"].config, store.path_of(tmp_path, PROFILES["smoke"].config, "reviews")
    assert store.path_of(tmp_path, config, "reviews") == before
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2999.1" if name == "regex" else real(name))
    assert store.path_of(tmp_path, config, "reviews") != before


def test_a_changed_word_index_in_the_home_folder_is_noticed(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    index = tmp_path / "index.json"
    index.write_text('{"good": 1, "bad": 2}')
    config = config_of(table, "data.word_index=~/index.json")
    _, before = load_or_prepare(config, tmp_path)
    index.write_text('{"bad": 1, "good": 2}')
    os.utime(index, (1, 1))
    assert load_or_prepare(config, tmp_path)[1] != before


def test_what_comes_through_a_pipe_is_never_taken_for_what_came_through_one_before(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (str(tmp_path / "pipe"), "-"):
        assert store.source_digest(with_overrides(PROFILES["smoke"].config, [f"data.source={source}"]).data) is None


def test_another_meaning_of_the_same_table_is_prepared_anew(table: Path, tmp_path: Path) -> None:
    changes = (
        "data.labels=1 0",
        "data.text_column=text",
        "data.max_bad_rows=0.5",
        "data.quoting=none",
        "compare.bucket_edges=auto",
    )
    paths = {load_or_prepare(config_of(table, change), tmp_path)[1] for change in changes}
    assert len(paths) == len(changes)


def test_a_changed_file_in_a_folder_and_a_changed_word_index_beside_the_reviews_are_noticed(tmp_path: Path) -> None:
    for name, source in (("folder/test.csv", "folder"), ("imdb_word_index.json", "imdb.npz")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
        (tmp_path / "imdb.npz").write_bytes(b"")
        data = with_overrides(PROFILES["smoke"].config, [f"data.source={tmp_path / source}"]).data
        before = store.source_digest(data)
        (tmp_path / name).write_text("{ }")
        assert store.source_digest(data) != before is not None
