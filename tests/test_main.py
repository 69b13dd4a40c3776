"""Laws of the command line: what it prints, its exit codes, and one clear sentence for every kind of bad input."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import main as command_line
from analysis.tables import OF_EACH_CLASS, SCORE_COLUMNS, SPENT, TIME_COLUMNS
from config import PROFILES
from data.sources import demo
from data.types import PARTS
from models.registry import ARCHITECTURES
from tests.conftest import ROOT, Finished, SmokeRun, main

COLUMNS = [
    "contender",
    "architecture",
    "scope",
    "bucket",
    "repeat",
    "n_train",
    "n_test",
    "test_accuracy",
    "test_accuracy_low",
    "test_accuracy_high",
    "test_loss",
    "macro_f1",
    "roc_auc",
    "val_accuracy",
    "train_accuracy",
    "parameters",
    "epochs",
    "train_seconds",
    "search_seconds",
    "status",
]


def test_help_answers_at_once_for_it_waits_for_no_library() -> None:
    done = main("--help")
    assert done.code == 0 and "PROFILE" in done.out
    program = (
        "import sys, main; print([name for name in ('numpy', 'pandas', 'scipy', 'sklearn', 'keras') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_list_shows_architectures_profiles_and_buckets() -> None:
    done = main("--list")
    assert done.code == 0
    assert all(name in done.out for name in (*ARCHITECTURES, *PROFILES, "0-129", "598-end"))


def test_a_dry_run_says_what_would_run_and_writes_nothing(tmp_path: Path) -> None:
    done = main("smoke", "--dry-run", "--artifacts", str(tmp_path / "a"))
    assert done.code == 0 and not (tmp_path / "a").exists()
    assert "custom_gru/" in done.out and "8 trials" in done.out and "workers" in done.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["quik"], "no profile is named 'quik'; did you mean quick?"),
        (["compare"], "compare is reserved for a later command; profiles: quick, ladder"),
        (
            ["smoke", "--set", "search.max_trials=0", "run.device=tpu"],
            "run.device: expected one of auto, cpu, gpu, got 'tpu'",
        ),
        (["smoke", "--set", "serch.max_trials=1"], "did you mean search.max_trials?"),
        (["smoke", "--set", "compare.architectures=('grru',)"], "no architecture is named 'grru'; did you mean gru?"),
        (["smoke", "--only", "gru/1-2"], "--only: gru/1-2 matches no study of this profile; contenders: "),
        (["smoke", "--only", "lstm"], "--only: lstm matches no study"),
        (["smoke", "--workers", "0"], "--workers: expected a positive integer, got 0"),
        (["smoke", "--set", "data.source=/nowhere/at/all"], "there is no such file or folder"),
        (["smoke", "--set", "compare.bucket_edges=(12,150)"], "bucket 0-12 is too small to train on"),
        (["smoke", "--artifacts", "/dev/null/artifacts"], "choose another --artifacts folder"),
        (["smoke", "--set", "run.device=gpu"], "no NVIDIA GPU answers nvidia-smi"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    in_process: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "run.device=gpu" in arguments:
        monkeypatch.setenv("PATH", "/nowhere")
    where = [] if "--artifacts" in arguments else ["--artifacts", str(tmp_path)]
    done = in_process(command_line.main, *arguments, *where)
    assert done.code == 2
    assert sentence in done.err and "Traceback" not in done.err


def test_the_program_ends_with_that_exit_code(tmp_path: Path) -> None:
    done = main("quik", "--artifacts", str(tmp_path))
    assert done.code == 2 and "did you mean quick?" in done.err and "Traceback" not in done.err


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="Linux's /sys is what even root may not write to")
def test_an_artifacts_folder_without_permission_is_one_sentence(in_process: Callable[..., Finished]) -> None:
    done = in_process(command_line.main, "smoke", "--artifacts", "/sys/kernel/lengthwise")
    assert done.code == 2
    assert "cannot be used" in done.err and "choose another --artifacts folder" in done.err
    assert "Traceback" not in done.err


def test_a_run_ends_with_a_table_and_the_reports_path(smoke_run: SmokeRun) -> None:
    out = smoke_run.finished.out
    assert "GRU from scratch" in out and "TF-IDF linear model" in out and "Naive-Bayes linear model" in out
    assert out.rstrip().split("\n")[-2] == f"report: {smoke_run.folder / 'report.html'}"
    assert smoke_run.finished.err == ""


def test_results_csv_holds_a_row_per_study_with_every_column(smoke_run: SmokeRun) -> None:
    with (smoke_run.folder / "final_stats" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert set(COLUMNS) <= set(rows[0])
    assert len(rows) == (3 + 2) * 2
    for row in rows:
        assert row["status"] == "completed"
        assert 0 <= float(row["precision_positive"]) <= 1 and float(row["recall_negative"]) <= 1
        assert float(row["test_accuracy_low"]) <= float(row["test_accuracy"]) <= float(row["test_accuracy_high"])


def test_confusion_csv_adds_up_to_the_accuracies(smoke_run: SmokeRun) -> None:
    results, confusion = (pd.read_csv(smoke_run.folder / "final_stats" / f"{name}.csv") for name in ("results", "confusion"))
    keys = ["contender", "scope", "bucket", "repeat"]
    right = confusion[confusion["class"] == confusion["said"]].groupby(keys)["n_test"].sum()
    whole = confusion.groupby(keys)["n_test"].sum()
    np.testing.assert_allclose((right / whole).to_numpy(), results.set_index(keys)["test_accuracy"].sort_index().to_numpy())


def test_nothing_but_the_final_scores_knows_the_test_labels(tmp_path: Path) -> None:
    """The same texts twice, the second time with the test part's labels turned round: everything else stays the same."""
    corpus = demo.generate(600, 1)
    runs = []
    for name, turn in (("as they are", False), ("turned", True)):
        path = tmp_path / name / "reviews.csv"
        path.parent.mkdir()
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["split", "label", "text"])
            for text, label, part in zip(corpus.texts, corpus.labels, corpus.parts, strict=True):  # type: ignore[arg-type]
                table.writerow([PARTS[part], 1 - label if PARTS[part] == "test" and turn else label, text])
        options = ["compare.bucket_edges=()", "training.repeats=2", f"data.source={path}", "vectors.source=learned"]
        options += ["vectors.frozen_epochs=9", "model.bigrams=500", "model.bigram_dim=8"]  # pairs are learned and frozen too
        done = main(
            "smoke", "--set", "compare.architectures=('gru', 'simple_rnn')", *options, "--artifacts", str(tmp_path / name)
        )
        assert done.code == 0, done.out + done.err
        runs.append((tmp_path / name / "latest").resolve())
        assert "NumPy engine" not in (runs[-1] / "logs" / "run.log").read_text()  # it reads them, and differs by rounding alone

    first, second = (pd.read_csv(run / "final_stats" / "results.csv") for run in runs)
    tested = [*SCORE_COLUMNS.values(), "train_test_gap", *TIME_COLUMNS]
    of_classes = tuple(f"{measure}_{name}" for measure in OF_EACH_CLASS for name in ("negative", "positive"))
    known = [column for column in first.columns if column not in (*tested, *of_classes, "roc_auc")] + ["temperature", "n_test"]
    pd.testing.assert_frame_equal(first[known], second[known])
    assert (first["test_accuracy"] + second["test_accuracy"]).to_numpy() == pytest.approx(1.0)  # the labels did change
    trials = [pd.read_csv(run / "final_stats" / "trials.csv").drop(columns=["seconds", *SPENT]) for run in runs]
    pd.testing.assert_frame_equal(*trials)
    said = [pd.read_csv(run / "final_stats" / "predictions.csv.gz").drop(columns="label") for run in runs]
    pd.testing.assert_frame_equal(*said)
    leaders = [json.loads((run / "final_stats" / "results.json").read_text())["verdicts"][0]["leader"] for run in runs]
    assert leaders[0] == leaders[1]


def test_the_run_folder_is_complete(smoke_run: SmokeRun) -> None:
    folder = smoke_run.folder
    bucket = next((folder / "checkpoints" / "gru").iterdir()).name
    for name in (
        "config.json", "environment.json", "report.html", "logs/run.log", f"logs/gru/{bucket}.log", f"history/gru/{bucket}/0.csv",
        f"checkpoints/gru/{bucket}/0.keras", "plots/plotly.min.js", "final_stats/results.json", "final_stats/trials.csv",
        "final_stats/predictions.csv.gz", "final_stats/data.json", "final_stats/influence.csv",
        f"studies/gru/{bucket}.json", f"tuning/custom_gru/{bucket}/trials/1.json",
    ):  # fmt: skip
        assert (folder / name).is_file(), name
    about = json.loads((folder / "environment.json").read_text())
    assert about["status"] == "done" and about["seed"] == 1 and about["tensorflow"]
    assert (smoke_run.artifacts / "index.html").is_file()
    assert not list(folder.rglob("*.h5"))  # weights of trials are not kept
    log = (folder / "logs" / "run.log").read_text()
    assert "done after" in log and f"gru/{bucket} completed" in log


def test_predictions_are_kept_per_review_and_add_up_to_the_accuracy(smoke_run: SmokeRun) -> None:
    import pandas as pd

    stats = smoke_run.folder / "final_stats"
    predictions = pd.read_csv(stats / "predictions.csv.gz")
    results = pd.read_csv(stats / "results.csv")
    for _, row in results.iterrows():
        mine = predictions[predictions["study"] == f"{row['architecture']}/{row['bucket']}"]
        assert len(mine) == row["n_test"]
        assert ((mine["probability_positive"] >= 0.5) == (mine["label"] == "positive")).mean() == pytest.approx(
            row["test_accuracy"]
        )


def test_the_same_command_again_trains_nothing_and_redraws(own_smoke_run: SmokeRun) -> None:
    before = (own_smoke_run.folder / "final_stats" / "results.csv").read_bytes()  # with the seconds that each training took
    (own_smoke_run.folder / "report.html").unlink()
    done = main("smoke", "--artifacts", str(own_smoke_run.artifacts))
    assert done.code == 0
    assert (own_smoke_run.folder / "final_stats" / "results.csv").read_bytes() == before
    assert (own_smoke_run.folder / "report.html").is_file()


def test_a_second_sweep_in_the_same_folder_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "main.py"), "smoke", "--artifacts", str(tmp_path), "--workers", "1"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not list(tmp_path.glob("smoke-*/logs/*/*.log")):  # a study has begun
            assert first.poll() is None
            time.sleep(0.1)
        done = main("smoke", "--artifacts", str(tmp_path))
        assert done.code == 2 and "another sweep is running in this folder" in done.err
        first.terminate()
        assert first.wait(60) == 130
    finally:
        first.kill()
    about = json.loads(next(tmp_path.glob("smoke-*/environment.json")).read_text())
    assert about["status"] == "interrupted"
    assert "This run was interrupted" in next(tmp_path.glob("smoke-*/report.html")).read_text()


def test_failed_studies_end_in_exit_code_1_and_are_shown_in_the_report(tmp_path: Path) -> None:
    done = main(
        "smoke", "--artifacts", str(tmp_path), "--set", "compare.architectures=('gru',)", "compare.bucket_edges=()",
        "space.learning_rate=Choice(1e38, 2e38)",
    )  # fmt: skip
    assert done.code == 1, done.err
    assert "gru/0-end FAILED: SearchError: no trial completed" in done.out
    page = (tmp_path / "latest" / "report.html").read_text()
    assert "1 of the studies failed" in page and "became nan" in page
    assert "nb_linear" in (tmp_path / "latest" / "final_stats" / "results.csv").read_text()
