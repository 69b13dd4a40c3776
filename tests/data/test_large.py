"""Laws of size: what is large lies in files and is read by several processes, and nothing else differs."""

import copy
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import made_up_table
from config import PROFILES, Config
from data import encoding, growing, passes, store, texts, types
from data.passes import Numbering
from data.sources import locate
from data.texts import Texts
from data.tokenizer import Tokenizer
from data.types import Dataset, Selection, Sequences
from data.vocabulary import Vocabulary
from data_preprocessing import load_or_prepare, prepare
from experiment.options import with_overrides

ODD = ["", "plain", "Ünïcode 😀", "half \ud83d of a character", "line\nend", "电影好看"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "r.csv"
    made_up_table.write(600, path)
    return path


def config_of(table: Path, *changes: str) -> Config:
    settings = [f"data.source={table}", "compare.bucket_edges=auto", *changes]
    return with_overrides(PROFILES["smoke"].config, settings)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Takes everything for large that has more than some hundred tokens or characters."""

    def shrink() -> None:
        for module, name, value in (
            *((texts, "IN_MEMORY", 1 << 10), (growing, "IN_MEMORY", 1 << 10), (store, "LARGE", 100)),
            *((types, "COPIED", 100), (types, "AT_ONCE", 1_000), (growing, "AT_ONCE", 1_000)),
            *((passes, "CHUNK", 50), (passes, "MANY", 0), (passes, "_cores", lambda: 2)),
        ):
            monkeypatch.setattr(module, name, value)

    return shrink


@pytest.mark.parametrize("limit", [1, 1 << 20], ids=["in a file", "in memory"])
def test_texts_are_given_back_as_they_were(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "IN_MEMORY", limit)
    kept = Texts(ODD)
    assert list(kept) == ODD and kept[-1] == ODD[-1] and kept[1:4] == ODD[1:4] and len(kept) == len(ODD)
    kept.append("one more")  # behind the others, though they have been read
    assert list(kept.take(np.array([6, 0, 2]))) == ["one more", "", ODD[2]]
    with pytest.raises(IndexError):
        kept[7]


def test_an_array_that_grows_is_the_same_in_memory_and_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [np.arange(n, dtype=np.int32) for n in (3, 0, 500, 7)]
    for limit in (1, 1 << 20):
        monkeypatch.setattr(growing, "IN_MEMORY", limit)
        grown = growing.Growing(np.int32)
        for piece in pieces:
            grown.append(piece)
        whole = grown.whole()
        np.testing.assert_array_equal(whole, np.concatenate(pieces))
        whole[:] = 1  # it may be changed in its place


def test_reviews_that_are_looked_up_are_those_that_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    reviews = Sequences.from_lists([rng.integers(0, 9, n) for n in rng.integers(1, 30, 200)])
    places, again = rng.permutation(200)[:90], rng.permutation(90)[:40]
    copied = reviews.take(places)
    monkeypatch.setattr(types, "COPIED", 0)
    monkeypatch.setattr(types, "AT_ONCE", 100)
    chosen = reviews.take(places)
    assert isinstance(chosen, Selection)
    for mine, theirs in ((chosen, copied), (chosen.take(again), copied.take(again))):
        np.testing.assert_array_equal(mine.values, theirs.values)
        np.testing.assert_array_equal(mine.offsets, theirs.offsets)
        for ids, expected in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(ids, expected)
    np.testing.assert_array_equal(np.concatenate([block.values for block in chosen.blocks()]), copied.values)
    assert sum(len(block) for block in chosen.blocks()) == 90
    sent = copy.copy(chosen)  # as another process is given them: without all that they are chosen from
    np.testing.assert_array_equal(sent.values, copied.values)
    assert not isinstance(sent, Selection)


@pytest.mark.parametrize("changes", [(), ("data.drop_leaked=True", "data.min_frequency=3", "data.max_train_per_bucket=100")])
def test_a_large_table_is_prepared_as_a_small_one_to_the_bit(
    changes: tuple[str, ...], table: Path, tmp_path: Path, small_limits: Callable[[], None]
) -> None:
    config = config_of(table, *changes)
    small = prepare(config)
    small_limits()
    large, path = load_or_prepare(config, tmp_path)
    assert large.fingerprint == small.fingerprint and large.vocabulary == small.vocabulary and large.origin == small.origin
    assert path.is_file() and isinstance(mapped(large.train.sequences.values), np.memmap)


def mapped(array: np.ndarray) -> object:
    """The array that this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def test_several_processes_number_tokens_as_one_does(table: Path, small_limits: Callable[[], None]) -> None:
    source, tokenizer = locate.load(config_of(table).data, seed=0), Tokenizer("words")
    assert source.texts is not None
    alone = Numbering(tokenizer)
    expected = alone.number(source.texts)
    small_limits()
    together = Numbering(tokenizer)
    found = together.number(source.texts)
    assert together.tokens == alone.tokens
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(found.offsets, expected.offsets)


def test_texts_are_numbered_as_the_vocabulary_encodes_them(table: Path) -> None:
    config = config_of(table)
    source = locate.load(config.data, seed=0)
    encoded = encoding.encode(source, np.arange(len(source.labels)) % 3 == 0, config.data)
    for ids, text in zip(encoded.labelled, source.texts or (), strict=True):
        np.testing.assert_array_equal(ids, encoded.vocabulary.encode(text))


def test_words_that_an_index_lacks_are_dropped_as_the_vocabulary_drops_them() -> None:
    numbering = Numbering(Tokenizer("imdb"))
    numbered = numbering.number(["a film b", "", "b b", "c"])
    vocabulary = Vocabulary(("film", "a"), drops_unknown=True)
    ids = np.concatenate([[1], vocabulary.ids(numbering.tokens)]).astype(np.int32)
    found = encoding._renumbered(numbered, ids, drops_unknown=True)
    assert [each.tolist() for each in found] == [vocabulary.encode(text).tolist() for text in ("a film b", "", "b b", "c")]


def test_a_process_that_ends_is_made_up_for(small_limits: Callable[[], None]) -> None:
    small_limits()
    assert list(passes.over_chunks(ends_elsewhere, ["a"] * 120)) == [50, 50, 20]


def test_fewer_texts_are_read_at_a_time_where_they_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "LONGEST_CHUNK", 1_000)
    lengths = [10] * 50 + [400, 400, 400, 5_000, 10, 400]
    assert list(passes.over_chunks(lambda some: [len(text) for text in some], ["a" * n for n in lengths])) == [
        lengths[:52],
        [400, 5_000],
        [10, 400],
    ]


def ends_elsewhere(some: Sequence[str]) -> int:
    import multiprocessing
    import os

    if multiprocessing.parent_process() is not None:
        os._exit(1)
    return len(some)


def test_ids_whose_file_was_cut_or_exchanged_are_made_again(table: Path, tmp_path: Path) -> None:
    dataset, path = prepare(config_of(table)), tmp_path / "data-1.npz"
    ids = path.with_suffix(".npy")
    for damage in (lambda: ids.write_bytes(ids.read_bytes()[:-4]), lambda: np.save(ids, np.zeros(3, np.int32)), ids.unlink):
        store.keep(dataset, path)
        assert store.load(path).fingerprint == dataset.fingerprint
        damage()
        assert store.load_if_whole(path) is None and not path.exists() and not ids.exists()


def test_reading_a_table_takes_no_memory_for_its_texts(tmp_path: Path, small_limits: Callable[[], None]) -> None:
    small_limits()
    peaks, sizes = [], []
    for number in (3_000, 3_000, 9_000):  # the first time counts what is imported
        path = tmp_path / f"{number}.csv"
        made_up_table.write(number, path)
        tracemalloc.start()
        source = locate.load(config_of(path).data, seed=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(path.stat().st_size)
        assert len(source.texts or ()) == number
    assert peaks[2] - peaks[1] < 0.1 * (sizes[2] - sizes[1])  # 8.6 MB; a row has 50 bytes of numbers, and 1,400 of text


def test_of_very_many_texts_that_nobody_is_trained_on_some_are_read(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(table, "data.max_train_per_bucket=60")
    whole: Dataset = prepare(config)
    monkeypatch.setattr("data_preprocessing.MOST_UNUSED", whole.unused.offsets[-1] // 3)
    part = prepare(config)
    assert replace(part, unused=whole.unused, origin=whole.origin).fingerprint == whole.fingerprint
    assert 0 < part.unused.offsets[-1] <= whole.unused.offsets[-1] // 3 + 500
    assert any("beyond data.max_train_per_bucket" in note for note in part.origin.notes)


def test_a_run_says_that_linear_models_of_so_many_reviews_are_hashed(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "linear models of more than"
    assert not any(said in note for note in prepare(config_of(table)).origin.notes)
    monkeypatch.setattr("data_preprocessing.MANY", 10_000)
    assert any(said in note for note in prepare(config_of(table)).origin.notes)
