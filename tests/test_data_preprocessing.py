"""Laws of splitting, buckets and leaks."""

from pathlib import Path

import numpy as np
import pytest

import data_preprocessing as dp
from config import PROFILES
from data import store
from data.summary import summarise
from data.types import Dataset, Sequences
from experiment.options import with_overrides
from records.errors import DataError


def test_splits_are_disjoint_stratified_and_repeat(demo_data: Dataset, smoke_config: object) -> None:
    rows = [set(part.rows.tolist()) for part in (demo_data.train, demo_data.validation, demo_data.test)]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]
    assert sum(map(len, rows)) == 1200
    again = dp.prepare(smoke_config)  # type: ignore[arg-type]
    assert again.fingerprint == demo_data.fingerprint
    for bucket in demo_data.buckets:
        part = demo_data.scope(bucket.name)
        for label in (0, 1):
            n_train, n_validation = (int((p.labels == label).sum()) for p in (part.train, part.validation))
            assert n_validation == max(1, round(0.1 * (n_train + n_validation)))


def test_another_seed_is_another_dataset(demo_data: Dataset, smoke_config: object) -> None:
    other = dp.prepare(with_overrides(smoke_config, ["run.seed=2"]))  # type: ignore[arg-type]
    assert other.fingerprint != demo_data.fingerprint


def test_a_bucket_too_small_to_train_on_is_named_with_its_count(smoke_config: object) -> None:
    config = with_overrides(smoke_config, ["compare.bucket_edges=(12, 150)"])  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"bucket 0-12 is too small to train on: \d+ negative and \d+ positive"):
        dp.prepare(config)


def test_the_subsample_is_stratified_and_never_larger_than_asked(smoke_config: object, demo_data: Dataset) -> None:
    limited = dp.prepare(with_overrides(smoke_config, ["data.max_train_per_bucket=100"]))  # type: ignore[arg-type]
    for bucket in limited.buckets:
        part = limited.scope(bucket.name)
        whole = demo_data.scope(bucket.name)
        available = len(whole.train) + len(whole.validation)
        assert len(part.train) + len(part.validation) == min(available, 100)
        assert 0.3 < part.train.labels.mean() < 0.7


def test_what_the_subsample_leaves_out_is_kept_as_texts(smoke_config: object, demo_data: Dataset) -> None:
    limited = dp.prepare(with_overrides(smoke_config, ["data.max_train_per_bucket=100"]))  # type: ignore[arg-type]

    def texts(*parts: Sequences) -> list[bytes]:
        return sorted(part[i].tobytes() for part in parts for i in range(len(part)))

    assert len(demo_data.unused) == 0 and len(limited.unused) > 0
    found = texts(limited.train.sequences, limited.validation.sequences, limited.unused)
    tested = set(texts(demo_data.test.sequences))
    expected = texts(demo_data.train.sequences, demo_data.validation.sequences)
    assert [text for text in found if text not in tested] == [text for text in expected if text not in tested]
    assert not tested & set(texts(limited.unused))


def test_what_the_subsample_leaves_out_holds_no_test_text(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = [(f"text {rng.integers(10**9)} number {i}", "train", i % 2) for i in range(100)]
    rows += [(text, "test", label) for text, _, label in rows[:60]]
    path = tmp_path / "r.csv"
    path.write_text("text,split,label\n" + "".join(f"{text},{split},{label}\n" for text, split, label in rows))
    settings = [f"data.source={path}", "compare.bucket_edges=()", "data.max_train_per_bucket=40"]
    data = dp.prepare(with_overrides(PROFILES["smoke"].config, settings))
    drawn = [n for part in (data.train, data.validation) for n in part.rows.tolist()]
    assert len(data.unused) == sum(n not in drawn for n in range(60, 100)) > 0


def test_leaks_and_duplicates_are_counted_and_dropped_on_request(tmp_path: Path, rng: np.random.Generator) -> None:
    words = ["good", "bad", "film", "plot", "fine", "slow"]
    texts = [" ".join(rng.choice(words, 12)) + f" number{i}" for i in range(200)]
    rows = [("train", i % 2, t) for i, t in enumerate(texts[:100])] + [("test", i % 2, t) for i, t in enumerate(texts[100:])]
    rows += [("train", 0, texts[0]), ("train", 1, texts[150]), ("test", 1, texts[150])]
    path = tmp_path / "r.csv"
    path.write_text("split,label,text\n" + "".join(f"{s},{y},{t}\n" for s, y, t in rows))
    base = with_overrides(PROFILES["smoke"].config, [f"data.source={path}", "compare.bucket_edges=()"])
    summary = summarise(dp.prepare(base))
    assert (summary.duplicates_train, summary.duplicates_test, summary.leaked, summary.leaked_dropped) == (1, 1, 1, 0)
    dropped = summarise(dp.prepare(with_overrides(base, ["data.drop_leaked=True"])))
    assert dropped.leaked_dropped == 1
    assert dropped.n_train + dropped.n_validation == summary.n_train + summary.n_validation - 1


def test_the_real_buckets_hold_the_published_numbers(real_data: Path) -> None:
    summary = summarise(dp.prepare(with_overrides(PROFILES["study"].config, [f"data.source={real_data}"])))
    train = [b.n_train + b.n_validation for b in summary.buckets]
    assert train == [6169, 6089, 6306, 5116, 1320]
    assert [b.n_test for b in summary.buckets] == [6564, 6061, 6295, 4895, 1185]
    assert (summary.leaked, summary.length_quantiles["100%"]) == (123, 2494)
    assert all(b.truncated_share == 0 for b in summary.buckets)


def test_subwords_are_learned_on_training_texts_only_and_kept_with_the_data(tmp_path: Path) -> None:
    config = with_overrides(PROFILES["smoke"].config, ["data.tokens=subwords", "data.vocab_size=300", "data.demo_reviews=600"])
    dataset = dp.prepare(config)
    assert dataset.vocab_size <= 300 and dataset.vocabulary.piece_model
    store.keep(dataset, tmp_path / "d.npz")
    back = store.load(tmp_path / "d.npz")
    assert back.vocabulary == dataset.vocabulary and "the" in back.vocabulary.decode(back.test.sequences[0]).split()


def test_subwords_of_a_source_of_ids_are_one_sentence(real_data: Path) -> None:
    with pytest.raises(DataError, match=r"data.tokens: Keras IMDB reviews has ids of words and no texts"):
        dp.prepare(with_overrides(PROFILES["quick"].config, [f"data.source={real_data}", "data.tokens=subwords"]))
