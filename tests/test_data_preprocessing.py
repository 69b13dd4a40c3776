"""Laws of splitting, buckets and leaks."""

import csv
import re
from collections.abc import Callable, Iterable
from itertools import combinations
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


def test_a_class_that_the_subsample_leaves_nothing_of_is_refused(tmp_path: Path) -> None:
    rows = [("good", 400), ("bad", 400), ("rare", 16)]
    lines = [f"w{i} film,{label}" for label, n in rows for i in range(n)]
    (tmp_path / "r.csv").write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    settings = [f"data.source={tmp_path / 'r.csv'}", "compare.scope=all", "compare.bucket_edges=()"]
    config = with_overrides(PROFILES["smoke"].config, settings)
    assert len(dp.prepare(config.changed("data.max_train_per_bucket", 300)).classes) == 3
    with pytest.raises(DataError, match=r"no training review is left of the class rare; .* --set data.max_train_per_bucket=0"):
        dp.prepare(config.changed("data.max_train_per_bucket", 20))


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


# -- tables ------------------------------------------------------------------------------------------------------------


def a_table(tmp_path: Path, names: str, rows: Iterable[Iterable[object]]) -> str:
    """The setting that reads a CSV of these columns and rows."""
    path = tmp_path / "r.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names.split(), *rows])
    return f"data.source={path}"


def texts(n: int, rng: np.random.Generator, shortest: int = 3, longest: int = 20) -> list[str]:
    words = np.array(["good", "bad", "film", "plot", "fine", "slow", "dull"])
    return [" ".join(rng.choice(words, rng.integers(shortest, longest))) + f" number{number}" for number in range(n)]


def prepared(*settings: str) -> Dataset:
    return dp.prepare(with_overrides(PROFILES["smoke"].config, ["compare.bucket_edges=auto", *settings]))


def rows_of(dataset: Dataset) -> list[set[int]]:
    return [set(part.rows.tolist()) for part in (dataset.train, dataset.validation, dataset.test)]


def test_a_given_validation_part_is_the_validation_part_whatever_is_left_of_training(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    words = ("train", "train", "train", "dev", "test")
    table = a_table(tmp_path, "text label split", [(t, n % 2, words[n % 5]) for n, t in enumerate(texts(500, rng))])
    whole, limited = prepared(table), prepared(table, "data.max_train_per_bucket=30")
    for dataset in (whole, limited):
        assert rows_of(dataset)[1:] == [set(range(3, 500, 5)), set(range(4, 500, 5))]
    assert len(whole.train) == 300 and len(limited.train) == 30 * len(limited.buckets)


def test_without_a_test_part_one_is_drawn_from_training_alone(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = [(text, n % 2, "val" if n % 5 == 0 else "train") for n, text in enumerate(texts(500, rng))]
    train, validation, test = rows_of(prepared(a_table(tmp_path, "text label split", rows)))
    assert validation == set(range(0, 500, 5)) and len(test) == 80 and len(train) == 320 and not test & validation


def test_all_reviews_of_a_group_are_in_one_part(tmp_path: Path, rng: np.random.Generator) -> None:
    films = rng.integers(0, 60, 900)
    table = a_table(tmp_path, "text label film", [(t, n % 2, f"film {films[n]}") for n, t in enumerate(texts(900, rng))])
    dataset = prepared(table, "data.group_column=film")
    of_parts = [set(films[sorted(rows)]) for rows in rows_of(dataset)]
    assert all(not one & other for one, other in combinations(of_parts, 2)) and sum(map(len, of_parts)) == 60
    assert abs(len(dataset.test) / 900 - 0.2) < 0.03 and abs(len(dataset.validation) / 720 - 0.1) < 0.03
    assert any("60 groups (film): each is in one part only" in note for note in dataset.origin.notes)


def test_the_latest_reviews_are_tested_and_those_before_them_validate(tmp_path: Path, rng: np.random.Generator) -> None:
    days = rng.permutation(600)
    dates = [str(np.datetime64("2019-01-01") + int(day)) for day in days]
    table = a_table(tmp_path, "text label day", [(t, n % 2, dates[n]) for n, t in enumerate(texts(600, rng))])
    dataset = prepared(table, "data.time_column=day")
    train, validation, test = (days[sorted(rows)] for rows in rows_of(dataset))
    assert train.max() < validation.min() <= validation.max() < test.min() and (len(test), len(validation)) == (120, 48)
    assert any(note.startswith("parts by time: train 2019-01-01 to ") for note in dataset.origin.notes)


@pytest.mark.parametrize(
    ("column", "value", "setting", "said"),
    [
        ("when", lambda n: 2015 + (n > 570) + (n > 590), "data.time_column=when", "no review is left for validation"),
        ("split", lambda n: "val" if n % 3 == 2 else "train", "compare.scope=all", "no training review is left of the class c"),
    ],
)
def test_parts_that_leave_nothing_to_learn_or_to_validate_on_are_refused_whatever_the_buckets_are(
    column: str, value: Callable[[int], object], setting: str, said: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    classes = "aba" if column == "when" else "abc"
    table = a_table(tmp_path, f"text label {column}", [(t, classes[n % 3], value(n)) for n, t in enumerate(texts(600, rng))])
    with pytest.raises(DataError, match=f"{said}; other parts are made by --set data.") as error:
        prepared(table, setting, "compare.scope=all")
    way = str(error.value).rpartition("--set ")[2]
    assert len(prepared(table, setting, "compare.scope=all", way).validation)
    cause = "data.time_column" if column == "when" else "the given validation part"
    with pytest.raises(DataError, match=f"bucket 0-end is too small .* It is a matter of {cause}, how rare"):
        prepared(table, setting, "compare.scope=bucket")


def test_texts_without_a_word_are_left_out_and_named_and_too_many_are_an_error(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = [("\u200b" if n in (5, 9) else t, n % 2) for n, t in enumerate(texts(400, rng))]
    rows[5] = rows[9] = ("--- ---", 1)
    dataset = prepared(a_table(tmp_path, "text label", rows), "data.tokens=words")
    assert sum(map(len, rows_of(dataset))) == 398 and min(dataset.whole_lengths) > 1
    assert any("2 of 400 rows were left out: line 7 has no word (like line 11)" in note for note in dataset.origin.notes)
    with pytest.raises(DataError, match=r"2 of 400 rows .* do not fit: line 7 has no word .*--set data.max_bad_rows=0.01"):
        prepared(a_table(tmp_path, "text label", rows), "data.max_bad_rows=0")


def test_three_classes_are_prepared_with_their_shares(tmp_path: Path, rng: np.random.Generator) -> None:
    verdicts = ("negative", "neutral", "positive")
    table = a_table(tmp_path, "text airline_sentiment", [(t, verdicts[n % 3]) for n, t in enumerate(texts(900, rng))])
    summary = summarise(prepared(table))
    assert summary.classes.names == verdicts and summary.class_counts["test"] == (60, 60, 60)
    assert all(abs(share - 1 / 3) < 0.2 for bucket in summary.buckets for share in bucket.class_shares_test)


def test_under_auto_buckets_too_small_to_train_on_are_merged_and_that_is_said(tmp_path: Path, rng: np.random.Generator) -> None:
    short, long = texts(450, rng, 3, 6), texts(450, rng, 15, 40)
    labels = [int(rng.random() < 0.03) for _ in short] + [n % 2 for n in range(450)]  # one class is rare among short texts
    dataset = prepared(a_table(tmp_path, "text label", zip(short + long, labels, strict=True)))
    counts = [np.bincount(dataset.scope(bucket.name).train.labels, minlength=2) for bucket in dataset.buckets]
    assert 1 <= len(dataset.buckets) < 5 and min(map(min, counts)) >= 10
    assert any("too small to train on" in note for note in dataset.origin.notes)


def test_explicit_buckets_too_small_to_train_on_are_refused_with_a_setting_that_works(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    table = a_table(tmp_path, "text label", [(t, n % 2) for n, t in enumerate(texts(400, rng))])
    for settings in (["compare.bucket_edges=(129,175)"], ["compare.bucket_quantiles=40"], ["data.max_train_per_bucket=12"]):
        with pytest.raises(DataError, match=r"too small to train on|coincide") as refused:
            prepared(table, *settings)
        told = re.search(r"--set ((?:\S+=\S+ ?)+)", str(refused.value))
        assert told, refused.value
        assert len(prepared(table, *settings, *told[1].split()).train) > 200


def test_a_rare_class_is_named_with_the_line_that_leaves_it_out(tmp_path: Path, rng: np.random.Generator) -> None:
    verdicts = ["bad" if n % 2 else "good" for n in range(395)] + ["not sure"] * 5
    table = a_table(tmp_path, "text label", zip(texts(400, rng), verdicts, strict=True))
    with pytest.raises(
        DataError, match=r"not sure \(5 in all, 4 in the training part\); leave such rows out with --set '(.*?)', or give them"
    ) as refused:
        prepared(table)
    told = re.search(r"--set '(data.labels=.*)', or", str(refused.value))
    assert told and prepared(table, told[1].replace("'\"'\"'", "'")).classes.names == ("bad", "good")
