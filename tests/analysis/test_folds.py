"""Laws of cross-validation: its interval is Nadeau and Bengio's, and it is right about as often as it says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import main as command_line
from analysis.folds import chances, corrected_interval, differences, scores
from commands.folds import configs
from config import PROFILES
from data.sources import demo
from data.splits import fold
from data.types import SourceReviews
from data_preprocessing import prepare
from experiment.options import with_overrides
from records.errors import DataError
from records.folds import Folded, FoldedScore
from records.links import followed
from report.runs import list_runs
from tests.conftest import Finished
from tests.made_up import ROSTER, a_summary


def test_the_interval_is_students_with_the_variance_of_folds_that_share_reviews() -> None:
    values = [0.81, 0.84, 0.79, 0.83, 0.85]
    low, high, p = corrected_interval(values)
    plain = stats.t.interval(0.95, 4, np.mean(values), np.std(values, ddof=1) / np.sqrt(5))
    assert (high - low) / (plain[1] - plain[0]) == pytest.approx(np.sqrt(1 + 5 / 4))  # (1/5 + 1/4) instead of 1/5
    assert (low + high) / 2 == pytest.approx(np.mean(values)) and p < 1e-4
    assert corrected_interval([0.5, 0.5]) == (0.5, 0.5, 0.0) and corrected_interval([0.0, 0.0]) == (0.0, 0.0, 1.0)
    assert corrected_interval([0.05, 0.05], 1 / 20)[2] > 0.5 and corrected_interval([0.5] * 5, 1 / 20)[2] < 0.001


def test_the_p_value_is_small_as_often_as_the_interval_leaves_out_nothing(rng: np.random.Generator) -> None:
    for values in rng.normal(0.01, 0.02, (200, 5)).tolist():
        low, high, p = corrected_interval(values)
        assert (p < 0.05) == (low > 0 or high < 0)


def results(accuracies: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """A results.csv with two buckets, the second of three times as many reviews, and two equal repeats."""
    return pd.DataFrame(
        {"contender": name, "scope": "bucket", "bucket": bucket, "repeat": repeat, "status": "completed", "n_test": n,
         "test_accuracy": accuracy, "macro_f1": accuracy - 0.1}
        for name, pair in accuracies.items()
        for bucket, accuracy, n in zip(("0-9", "10-end"), pair, (100, 300), strict=True)
        for repeat in range(2)
    )  # fmt: skip


def test_all_lengths_count_each_bucket_by_its_reviews_and_every_review_is_tested_once() -> None:
    found = scores([results({"gru": (0.8, 0.9)}), results({"gru": (0.6, 0.9)})])
    by_bucket = {score.bucket: score for score in found}
    assert [score.bucket for score in found] == ["0-9", "10-end", "all"]
    assert by_bucket["0-9"].accuracies == (0.8, 0.6) and by_bucket["0-9"].n_tested == 200
    assert by_bucket["all"].accuracies == pytest.approx((0.875, 0.825)) and by_bucket["all"].n_tested == 800
    assert by_bucket["all"].mean_macro_f1 == pytest.approx(0.75)


def test_an_interval_of_accuracies_stays_between_nothing_and_all() -> None:
    found = scores([results({"gru": (0.95, 0.02)}), results({"gru": (1.0, 0.2)})])
    assert all(0 <= score.low <= score.mean <= score.high <= 1 for score in found)


def test_a_contender_that_a_fold_has_no_result_of_is_not_scored() -> None:
    assert {
        score.contender for score in scores([results({"gru": (0.8, 0.9), "lstm": (0.8, 0.9)}), results({"gru": (0.8, 0.9)})])
    } == {"gru"}


def test_a_contender_that_failed_on_a_bucket_has_no_number_for_all_lengths() -> None:
    fold = results({"gru": (0.8, 0.9), "linear": (0.7, 0.7)})
    fold.loc[(fold["contender"] == "gru") & (fold["bucket"] == "10-end"), "status"] = "failed"
    assert {(each.contender, each.bucket) for each in scores([fold, results({"gru": (0.8, 0.9), "linear": (0.7, 0.7)})])} == {
        ("gru", "0-9"),
        *(("linear", bucket) for bucket in ("0-9", "10-end", "all")),
    }


def test_chance_is_the_largest_class_of_what_all_folds_test_together() -> None:
    first, second = a_summary(), replace(a_summary(), class_counts={"test": (300, 100)})
    one, other = second.buckets
    second = replace(second, buckets=(replace(one, n_test=300, class_shares_test=(1.0, 0.0)), other))
    assert chances([first, second]) == {"all": 400 / 600, "0-129": 350 / 400, "130-end": 0.5}


def test_the_buckets_of_all_folds_are_the_same_and_every_fold_can_train_on_them(tmp_path: Path) -> None:
    """Of a table whose rare class is just frequent enough for the first fold's buckets, and too rare for them in the others."""
    rng, path = np.random.default_rng(4), tmp_path / "small.csv"
    n = 400
    texts = [" ".join(["word"] * length) for length in rng.integers(1, 60, n)]
    pd.DataFrame({"text": texts, "label": np.where(np.arange(n) % 9 == 0, "bad", "good")}).to_csv(path, index=False)
    config = with_overrides(PROFILES["smoke"].config, [f"data.source={path}", "data.folds=5", "compare.bucket_edges=auto"])
    each = configs(config)
    (edges,) = {one.compare.bucket_edges for one in each}
    assert [one.data.fold for one in each] == [1, 2, 3, 4, 5]
    for one in each:
        assert [bucket.high for bucket in prepare(one).buckets] == [*edges, None]


def test_only_a_difference_that_every_fold_shows_is_sure() -> None:
    steady = np.array([0.80, 0.81, 0.79, 0.80, 0.82])
    said = {
        "gru": steady,
        "linear": steady - 0.05 + 0.001 * np.arange(5),
        "lstm": steady + np.array([0.1, -0.1, 0.05, -0.06, 0.01]),
    }
    found = [
        FoldedScore(name, "bucket", "all", 500, tuple(each), float(each.mean()), 0.0, 1.0, 0.5) for name, each in said.items()
    ]
    verdicts = {(each.first, each.second): each.verdict for each in differences(found, ROSTER)}
    assert verdicts["gru", "linear"] == "better than" and verdicts["gru", "lstm"] == "cannot be told from"


def a_source(groups: np.ndarray | None = None) -> SourceReviews:
    labels = (np.arange(103) % 3 == 0).astype(np.int8)
    return SourceReviews(title="r.csv", labels=labels, parts=None, texts=["x"] * 103, groups=groups)


def test_every_review_is_in_one_fold_classes_keep_their_shares_and_groups_stay_whole() -> None:
    folds = np.stack([fold(a_source(), number, 5, 7) for number in range(1, 6)])
    assert (folds.sum(axis=0) == 1).all()
    assert all(abs(a_source().labels[each].mean() - a_source().labels.mean()) < 0.05 for each in folds)
    groups = np.arange(103) // 4
    for number in range(1, 6):
        tested = fold(a_source(groups), number, 5, 7)
        assert not set(groups[tested]) & set(groups[~tested])


def test_too_few_reviews_for_so_many_folds_are_one_sentence() -> None:
    with pytest.raises(DataError, match="20 folds need as many reviews of each class, and as many groups; there are 2 groups"):
        fold(a_source(np.arange(103) % 2), 1, 20, 7)


def test_the_command_runs_every_fold_and_tells_of_all_together(
    tmp_path: Path, in_process: Callable[..., Finished], demo_table: Path
) -> None:
    settings = [f"data.source={demo_table}", "data.folds=2", "compare.bucket_edges=()", "data.test_fraction=0.5"]
    done = in_process(
        command_line.main,
        "smoke",
        "--artifacts",
        str(tmp_path),
        "--only",
        "linear",
        "nb_linear",
        "--workers",
        "1",
        "--set",
        *settings,
    )
    assert done.code == 0, done.err
    (parent,) = tmp_path.glob("smoke-*-folds")
    folded = Folded.from_json((parent / "folds.json").read_text())
    assert Folded.from_json(folded.to_json()) == folded and len(folded.runs) == 2
    assert {(score.contender, score.bucket, score.n_tested) for score in folded.scores} == {
        ("linear", "0-end", 240),
        ("nb_linear", "0-end", 240),
    }
    assert followed(tmp_path / "latest") == parent / folded.runs[-1]
    rows = [pd.read_csv(parent / run / "final_stats" / "predictions.csv.gz") for run in folded.runs]
    tested = pd.concat(rows).query("study == 'linear/0-end'")["row"]
    assert sorted(tested) == list(range(240))  # each once
    table = pd.read_csv(parent / "folds.csv")
    np.testing.assert_allclose(table["mean"], table[["fold_1", "fold_2"]].mean(axis=1))
    assert "every text is tested once" in (parent / "report.html").read_text() and "Mean accuracy (%) over 2 folds" in done.out
    (listed,) = list_runs(tmp_path)
    assert (listed.folder, listed.status, listed.has_report) == (parent.name, "done", True) and listed.minutes > 0
    assert f"{parent.name}/report.html" in (tmp_path / "index.html").read_text()


@pytest.fixture
def demo_table(tmp_path: Path) -> Path:
    made = demo.generate(240, 5)
    path = tmp_path / "reviews.csv"
    pd.DataFrame({"text": made.texts, "label": made.labels}).to_csv(path, index=False)
    return path
