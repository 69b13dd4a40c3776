"""Laws of the summary: every number is what it was when the records below were made, and none comes from elsewhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config import PROFILES
from data import store
from data.summary import summarise
from data.types import Dataset
from data_preprocessing import prepare
from experiment.options import with_overrides
from records.classes import SENTIMENT
from records.summary import BucketSummary, DataSummary


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Reviews of which one stands in training twice, one in both parts, and one in the test part and without a label."""
    rng, words = np.random.default_rng(7), ["good", "bad", "film", "plot", "fine", "slow"]
    texts = [" ".join(rng.choice(words, rng.integers(5, 90))) + f" number{i}" for i in range(300)]
    rows = [("train", i % 2, t) for i, t in enumerate(texts[:180])] + [("test", i % 2, t) for i, t in enumerate(texts[180:])]
    rows += [("train", 0, texts[0]), ("train", 1, texts[250]), ("test", 1, texts[250])]
    rows += [("unsup", -1, "zyzzyva zyzzyva film"), ("unsup", -1, texts[260]), ("unsup", -1, "slow slow quagga")]
    path = tmp_path / "r.csv"
    path.write_text("split,label,text\n" + "".join(f"{s},{y},{t}\n" for s, y, t in rows))
    return path


DEMO = DataSummary(
    title="demo corpus (generated, not IMDB)",
    fingerprint="c7ea03d70ee4dcb7f5c0639a784a8c9ba6ca105f1108b3665a85d282744f6c2a",
    is_demo=True,
    classes=SENTIMENT,
    class_counts={"train": (86, 94), "validation": (10, 10), "test": (217, 183)},
    buckets=(
        BucketSummary(
            name="0-150",
            low=0,
            high=150,
            n_train=90,
            n_validation=10,
            n_test=171,
            class_shares_test=(1 - 0.4619883040935672, 0.4619883040935672),
            truncated_share=0.4666666666666667,
        ),
        BucketSummary(
            name="151-end",
            low=151,
            high=None,
            n_train=90,
            n_validation=10,
            n_test=229,
            class_shares_test=(1 - 0.45414847161572053, 0.45414847161572053),
            truncated_share=1.0,
        ),
    ),
    n_train=180,
    n_validation=20,
    n_test=400,
    n_unused=600,
    n_unlabelled=0,
    unlabelled_dropped=0,
    vocabulary=108,
    words_in_source=104,
    oov_share=0.0,
    validation_known_share=1.0,
    duplicates_train=0,
    duplicates_test=0,
    leaked=0,
    leaked_dropped=0,
    length_quantiles={"0%": 25, "5%": 56, "25%": 103, "50%": 163, "75%": 262, "95%": 497, "100%": 829},
    histogram_edges=(
        0,
        25,
        50,
        75,
        100,
        125,
        150,
        175,
        200,
        225,
        250,
        275,
        300,
        325,
        350,
        375,
        400,
        425,
        450,
        475,
        500,
        525,
        550,
        575,
        600,
        625,
        650,
        675,
        700,
        725,
        750,
        775,
        800,
        830,
    ),
    histograms=(
        (
            0,
            15,
            34,
            45,
            36,
            38,
            41,
            27,
            17,
            28,
            20,
            17,
            9,
            3,
            12,
            4,
            5,
            3,
            3,
            3,
            2,
            3,
            2,
            0,
            2,
            2,
            2,
            1,
            0,
            1,
            1,
            0,
            7,
        ),
        (
            0,
            14,
            33,
            48,
            46,
            49,
            34,
            28,
            24,
            18,
            31,
            18,
            11,
            9,
            8,
            11,
            7,
            5,
            3,
            3,
            4,
            0,
            2,
            2,
            0,
            2,
            2,
            1,
            1,
            0,
            1,
            0,
            2,
        ),
    ),
    notes=(
        "600 of 800 reviews of the training part train nobody, as a bucket takes at most 100; --set data.max_train_per_bucket=0 "
        "takes all",
    ),
)

TABLE = DataSummary(
    title="r.csv",
    fingerprint="de850955128cfb81ed13300b1853d1e722a07bf55e380f915b8e0fd15ef29584",
    is_demo=False,
    classes=SENTIMENT,
    class_counts={"train": (63, 63), "validation": (7, 7), "test": (60, 61)},
    buckets=(
        BucketSummary(
            name="0-40",
            low=0,
            high=40,
            n_train=63,
            n_validation=7,
            n_test=48,
            class_shares_test=(0.5416666666666666, 0.4583333333333333),
            truncated_share=0.0,
        ),
        BucketSummary(
            name="41-end",
            low=41,
            high=None,
            n_train=63,
            n_validation=7,
            n_test=73,
            class_shares_test=(0.4657534246575342, 0.5342465753424658),
            truncated_share=0.6031746031746031,
        ),
    ),
    n_train=126,
    n_validation=14,
    n_test=121,
    n_unused=41,
    n_unlabelled=2,
    unlabelled_dropped=1,
    vocabulary=9,
    words_in_source=8,
    oov_share=0.17380003465603883,
    validation_known_share=0.7980613893376414,
    duplicates_train=1,
    duplicates_test=1,
    leaked=1,
    leaked_dropped=1,
    length_quantiles={"0%": 7, "5%": 12, "25%": 29, "50%": 52, "75%": 71, "95%": 89, "100%": 91},
    histogram_edges=(0, 25, 50, 75, 100),
    histograms=(
        (15, 28, 26, 22),
        (21, 22, 35, 12),
    ),
    notes=(
        "only 79 % of the words of the validation reviews are known to the networks: raise data.vocab_size (5 of 8 words have a "
        "vector), or choose --set data.tokens=subwords (characters, for a script without spaces), or check the encoding of the "
        "texts",
    ),
)


def prepared_table(table: Path, *changes: str) -> Dataset:
    return prepare(with_overrides(PROFILES["smoke"].config, [f"data.source={table}", "compare.bucket_edges=(40,)", *changes]))


def test_a_summary_of_the_demo_corpus_is_the_recorded_one() -> None:
    dataset = prepare(with_overrides(PROFILES["smoke"].config, ["data.demo_reviews=1200", "data.max_train_per_bucket=100"]))
    assert summarise(dataset) == DEMO


def test_a_summary_counts_what_was_left_out(table: Path) -> None:
    left_out = ("data.unlabelled=True", "data.drop_leaked=True", "data.min_frequency=2", "data.vocab_size=9")
    dataset = prepared_table(table, *left_out, "data.max_length=60", "data.max_train_per_bucket=70")
    found = summarise(dataset)
    assert replace(found, notes=found.notes[-1:]) == TABLE
    assert dataset.leaked.tolist() == [250, 302]
    about, *others = summarise(prepared_table(table)).notes
    assert about.startswith("r.csv: CSV, ")
    assert about.endswith("; texts from 'text', labels from 'label', split from 'split'")
    *others, conflict = others
    assert conflict.startswith("1 text stands in the data with more than one label, such as 'fine slow film")
    assert others == [
        "classes: negative is the label 0, positive is the label 1",
        "3 rows marked unsup carry no label and were left out (data.unlabelled=True reads them)",
    ]


def test_the_lengths_of_short_reviews_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text("text,label\n" + "".join(f"{'so good ' * (1 + n % 12)}number{n},{n % 2}\n" for n in range(400)))
    summary = summarise(prepare(with_overrides(PROFILES["smoke"].config, [f"data.source={path}", "compare.bucket_edges=auto"])))
    assert len(summary.histogram_edges) > 10 and np.sum(summary.histograms) == 320
    assert sum(sum(counts) for counts in summary.class_counts.values()) == 400


def test_a_dataset_from_the_disk_has_the_same_summary(table: Path, tmp_path: Path) -> None:
    dataset = prepared_table(table, "data.unlabelled=True", "data.max_train_per_bucket=70")
    store.keep(dataset, tmp_path / "data.npz")
    assert summarise(store.load(tmp_path / "data.npz")) == summarise(dataset)
