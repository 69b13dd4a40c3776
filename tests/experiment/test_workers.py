"""Laws of the sweep: whatever dies, and however many workers there are, the numbers are the same."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import logger
import saver
from analysis.evaluation import log_loss
from analysis.tables import TIME_COLUMNS
from config import PROFILES
from data import store
from data.types import Dataset
from data_preprocessing import load_or_prepare
from engine.arrays import class_probabilities
from experiment import devices
from experiment.options import with_overrides
from experiment.plan import only
from experiment.plan import studies as planned
from experiment.workers import Sweep, SweepContext
from models.roster import Roster
from records.errors import ConfigError
from records.study import YARDSTICKS, Study, StudyResult
from tests.conftest import ROOT, SmokeRun, lend_programs, main

ONLY_GRU = "compare.architectures=('gru',)"  # beside custom_gru it would be a control


def timeless(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "final_stats" / "results.csv").drop(columns=list(TIME_COLUMNS), errors="ignore")


def start(artifacts: Path, workers: int, *more: str) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        str(ROOT / "main.py"),
        "smoke",
        "--artifacts",
        str(artifacts),
        "--workers",
        str(workers),
        *more,
    ]
    environment = {k: v for k, v in os.environ.items() if k != "LENGTHWISE_DATA"}
    lend_programs(artifacts)
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)


def children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[bytes]", seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the sweep ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def inside_a_trial(artifacts: Path) -> bool:
    """Keras Tuner has begun a trial whose record is not there yet."""
    for begun in artifacts.glob("smoke-*/tuning/*/*/keras_tuner/trial_*"):
        if not (begun.parent.parent / "trials" / f"{int(begun.name.removeprefix('trial_'))}.json").exists():
            return True
    return False


def kill_and_wait(process: "subprocess.Popen[bytes]") -> None:
    """Kill the parent only; its workers must notice by themselves."""
    workers = children(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2] for pid in workers):
        assert time.monotonic() < deadline, "an orphaned worker lives on"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_a_sweep_killed_at_four_moments_ends_like_an_uninterrupted_one(smoke_run: SmokeRun, tmp_path: Path) -> None:
    """Also a test of the number of workers: the killed sweep has another one each time, the uninterrupted one has two."""
    rng = random.Random(20)
    conditions: list[Callable[[], object]] = [
        lambda: inside_a_trial(tmp_path),
        lambda: list(tmp_path.glob("smoke-*/tuning/*/*/trials/1.json")),
        lambda: list(tmp_path.glob("smoke-*/checkpoints/*/*/*.keras")),
        lambda: len(list(tmp_path.glob("smoke-*/studies/*/*.json"))) >= 4,
    ]
    for number, (condition, workers) in enumerate(zip(conditions, (3, 1, 2, 1), strict=True)):
        process = start(tmp_path, workers)
        wait_for(condition, process)
        if number:  # the first one dies inside a trial, at once
            time.sleep(rng.uniform(0, 1))
        kill_and_wait(process)
    assert start(tmp_path, 1).wait(300) == 0
    pd.testing.assert_frame_equal(timeless(tmp_path / "latest"), timeless(smoke_run.folder), check_exact=True)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_a_killed_worker_takes_nothing_along(tmp_path: Path) -> None:
    arguments = ("--only", "custom_gru", "--set", "compare.bucket_edges=()")
    process = start(tmp_path, 1, *arguments)
    wait_for(lambda: inside_a_trial(tmp_path), process)
    workers = [pid for pid in children(process.pid) if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(workers[0], signal.SIGKILL)
    assert process.wait(120) == 0
    assert "its worker died with signal 9 (SIGKILL); trying once more" in next(tmp_path.glob("smoke-*/logs/run.log")).read_text()
    assert set(timeless(tmp_path / "latest")["status"]) == {"completed"}


def test_where_no_worker_can_start_the_log_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keras_tuner.py").write_text("raise ImportError('half an installation')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert start(tmp_path, 1, "--only", "custom_gru", "--set", "compare.bucket_edges=()").wait(120) == 1
    folder = tmp_path / "latest"
    message = timeless(folder).set_index("architecture")["message"]["custom_gru"]
    assert message == "its worker process died twice, the last time with exit status 1; see logs/libraries.log"
    assert "ImportError: half an installation" in (folder / "logs" / "libraries.log").read_text()


def test_a_worker_that_grows_too_large_is_replaced_and_the_numbers_stay(smoke_run: SmokeRun, tmp_path: Path) -> None:
    config, seen = PROFILES["smoke"].config, list[object]()
    dataset, prepared = load_or_prepare(config, tmp_path)
    store.keep(dataset, prepared)
    studies = only(planned(config, dataset), [f"simple_rnn/{dataset.buckets[0].name}"], Roster.of(config))
    folder = saver.RunFolder(tmp_path / "run")
    context = SweepContext(config, folder, tmp_path, prepared, {}, largest_worker=0)
    with logger.logging_to(folder.log):
        assert Sweep(context, devices.available("cpu", "tensorflow")[:1], seen.append).run(studies) == "done"
    assert folder.log.read_text().count("a worker has grown too large") >= 2  # in the search, and after it
    for result in seen:
        if isinstance(result, StudyResult):
            expected = saver.RunFolder(smoke_run.folder).load_result(result.study)
            assert expected and [r.scores for r in result.repeats] == [r.scores for r in expected.repeats]
            assert [trial.score for trial in result.trials] == [trial.score for trial in expected.trials]


def test_a_generalist_is_scored_bucket_by_bucket_beside_the_specialists(tmp_path: Path) -> None:
    done = main(
        "smoke", "--artifacts", str(tmp_path), "--only", "custom_gru", "--set", "compare.scope=both", "search.tuner=bayesian",
        "search.objective=val_accuracy", "training.repeats=2", "run.checkpoints=best", "model.pooling=max",
        "compare.cross_lengths=true",
    )  # fmt: skip
    assert done.code == 0, done.err
    table = timeless(tmp_path / "latest")
    mine = table[table["architecture"] == "custom_gru"]
    assert len(mine) == 2 * 2 + 2 * 2  # specialists: buckets x repeats; generalist: repeats x buckets
    generalist = mine[mine["scope"] == "all"]
    assert list(generalist["n_test"]) == list(mine[(mine["scope"] == "bucket")].sort_values("repeat")["n_test"])
    assert set(table[table["architecture"] == "nb_linear"]["scope"]) == {"bucket", "all"}
    assert (
        len(list((tmp_path / "latest" / "checkpoints").rglob("*.keras"))) == 6
    )  # the best of two repeats, of it and its control
    assert "GRU from scratch (all)" in done.out
    verdicts = json.loads((tmp_path / "latest" / "final_stats" / "results.json").read_text())["verdicts"]
    assert [verdict["bucket"] for verdict in verdicts] == ["0-150", "151-end", "all"]
    whole = {s["study"]["contender"]: s["accuracy"] for s in verdicts[-1]["standings"]}
    assert verdicts[-1]["n_test"] == verdicts[0]["n_test"] + verdicts[1]["n_test"]
    assert set(whole) == {"custom_gru", "gru", *YARDSTICKS}
    rows = generalist.assign(right=generalist["test_accuracy"] * generalist["n_test"])
    across = pd.read_csv(tmp_path / "latest" / "final_stats" / "cross_lengths.csv")
    assert len(across) == (2 + 1 + 2) * 2 * 2  # two repeats, a control, two yardsticks, trained on two buckets, reading two
    home = across[across["trained_on"] == across["bucket"]]["test_accuracy"]
    assert list(home) == list(table[table["scope"] == "bucket"]["test_accuracy"])
    assert set(across["n_test"]) == {verdicts[0]["n_test"], verdicts[1]["n_test"]}
    assert "figure-cross_lengths" in (tmp_path / "latest" / "report.html").read_text()
    assert whole["custom_gru"] == pytest.approx(rows["right"].sum() / rows["n_test"].sum())


def test_the_longest_studies_come_first_and_the_yardsticks_last(demo_data: Dataset) -> None:
    config = with_overrides(PROFILES["smoke"].config, ["compare.scope=both"])
    studies = planned(config, demo_data)
    assert len(studies) == 3 * 3 + 2 * 3
    assert [s.contender for s in studies[-6:]] == [*YARDSTICKS] * 3
    assert studies[0].bucket == "all" and studies[8].bucket == demo_data.buckets[0].name


def test_only_takes_architectures_and_studies_with_their_yardsticks(demo_data: Dataset) -> None:
    config = PROFILES["smoke"].config
    studies, roster = planned(config, demo_data), Roster.of(config)
    first = demo_data.buckets[0].name
    assert only(studies, [], roster) == studies
    assert only(studies, [f"simple_rnn/{first}"], roster) == [Study(name, first) for name in ("simple_rnn", *YARDSTICKS)]
    assert {s.contender for s in only(studies, ["simple_rnn", "linear"], roster)} == {"simple_rnn", *YARDSTICKS}
    assert {s.contender for s in only(studies, ["nb_linear"], roster)} == set(YARDSTICKS)
    with_control = {Study(name, first) for name in ("custom_gru", "gru", *YARDSTICKS)}
    assert set(only(studies, [f"custom_gru/{first}"], roster)) == set(only(studies, [f"gru/{first}"], roster)) == with_control
    of_bucket = only(studies, [first], roster)
    assert {s.bucket for s in of_bucket} == {first} and len(of_bucket) == len(studies) / 2
    with pytest.raises(ConfigError, match=r"--only: gru/9-9 matches no study"):
        only(studies, ["gru/9-9"], roster)


def test_generalists_are_trained_on_with_a_buckets_reviews_and_are_never_worse_on_validation(tmp_path: Path) -> None:
    options = ["compare.scope=all", "compare.fine_tune=true", "training.repeats=2", "data.demo_reviews=1200", ONLY_GRU]
    done = main("smoke", "--artifacts", str(tmp_path), "--set", *options)
    assert done.code == 0, done.out + done.err
    table = pd.read_csv(tmp_path / "latest" / "final_stats" / "results.csv")
    tuned = table[table["scope"] == "fine-tuned"]
    assert set(tuned["architecture"]) == {"gru"} and set(tuned["bucket"]) == {"0-150", "151-end"} and len(tuned) == 4
    assert set(tuned["trials"]) == {0} and (tuned["n_train"] < table[table["scope"] == "all"]["n_train"].max()).all()
    folder = saver.RunFolder((tmp_path / "latest").resolve())
    for number in range(2):
        before, bounds = folder.load_predictions(Study("gru", "all"), number), {"0-150": (0, 150), "151-end": (151, 10**6)}
        for bucket, (low, high) in bounds.items():
            after = folder.load_predictions(Study("gru", bucket, is_fine_tuned=True), number)
            inside = (before["validation_lengths"] >= low) & (before["validation_lengths"] <= high)
            losses = [log_loss(p["validation_labels"][i], class_probabilities(p["validation_logits"][i]))
                      for p, i in ((before, inside), (after, slice(None)))]  # fmt: skip
            assert losses[1] <= losses[0] + 1e-6
    assert "all, then each bucket" in (folder.path / "report.html").read_text()


def test_a_learning_curve_has_the_yardsticks_beside_it_and_takes_no_part_in_comparisons(tmp_path: Path) -> None:
    options = [
        "compare.scope=all", "compare.learning_curve=(100, 400, 99999)", "training.repeats=2", "data.demo_reviews=1200",
        "training.keep=last", "training.min_steps=30", ONLY_GRU,
    ]  # fmt: skip
    done = main("smoke", "--artifacts", str(tmp_path), "--set", *options)
    assert done.code == 0, done.out + done.err
    folder = tmp_path / "latest"
    curve = pd.read_csv(folder / "final_stats" / "learning_curve.csv")
    results = pd.read_csv(folder / "final_stats" / "results.csv")
    whole = int(results[results["architecture"] == "linear"]["n_train"].iloc[0])
    for name in ("gru", *YARDSTICKS):
        mine, ends = curve[curve["architecture"] == name], results[results["architecture"] == name]
        assert list(mine["n_reviews"]) == pytest.approx([100, 400, whole], abs=1)
        assert (mine["test_accuracy_low"] <= mine["test_accuracy"]).all()
        right = (ends["test_accuracy"] * ends["n_test"]).groupby(ends["repeat"]).sum() / ends.groupby("repeat")["n_test"].sum()
        assert mine["test_accuracy"].iloc[-1] == pytest.approx(right.mean())
    assert len(results) == 2 * 2 + 2 * 2
    assert set(results["n_train"]) == {whole, *results[results["architecture"] == "gru"]["n_train"]}
    comparisons = pd.read_csv(folder / "final_stats" / "comparisons.csv")
    assert set(comparisons["first"]) | set(comparisons["second"]) == {"gru/all", "linear/all", "nb_linear/all"}
    record = saver.RunFolder(folder.resolve()).load_result(Study("gru", "all", n_reviews=100))
    assert record and record.trials == () and abs(record.n_train + record.n_validation - 100) <= 1
    assert {repeat.epochs for repeat in record.repeats} == {10}  # of 3 steps; all reviews make that many in 5 or fewer
    page = (folder / "report.html").read_text()
    assert "figure-learning_curve" in page and re.search(r"the same ones for all repeats, \d+ % of them for validation", page)
    assert "(trained on all)" not in page  # where all are


def test_a_learning_curve_that_no_scope_has_the_reviews_for_is_one_sentence(tmp_path: Path) -> None:
    done = main("smoke", "--dry-run", "--artifacts", str(tmp_path), "--set", "compare.learning_curve=(99999,)")
    assert done.code == 2 and "compare.learning_curve: expected numbers below" in done.err and "Traceback" not in done.err


def test_fine_tuning_fails_with_its_generalist(tmp_path: Path) -> None:
    options = ["compare.scope=all", "compare.fine_tune=true", "space.learning_rate=1e300", "data.demo_reviews=1200"]
    done = main("smoke", "--only", "simple_rnn", "--artifacts", str(tmp_path), "--set", *options)
    assert done.code == 1
    table = pd.read_csv(tmp_path / "latest" / "final_stats" / "results.csv")
    failed = table[table["status"] == "failed"]
    assert len(failed) == 3 and failed["message"].str.contains("simple_rnn/all, whose settings it repeats, failed").sum() == 2


def test_contenders_of_one_run_have_settings_and_a_scope_of_their_own_and_change_no_other_number(
    smoke_run: SmokeRun, tmp_path: Path
) -> None:
    contenders = (
        "compare.architectures=('simple_rnn', Contender('gru', 'GRU, learned', set={'vectors.source': 'learned', "
        "'vectors.epochs': 1, 'model.pooling': 'mean', 'space.units': 8, 'training.repeats': 2, 'space.learning_rate': 0.01}), "
        "Contender('simple_rnn', 'One for all', scope='all', set={'training.epochs': 1}))"
    )
    done = main("smoke", "--artifacts", str(tmp_path), "--set", contenders)
    assert done.code == 0, done.out + done.err
    folder, before = tmp_path / "latest", timeless(smoke_run.folder)
    table = timeless(folder)
    assert list(table.columns[:2]) == ["contender", "architecture"]
    plain = table[table["contender"] == "simple_rnn"].reset_index(drop=True)
    pd.testing.assert_frame_equal(plain, before[before["contender"] == "simple_rnn"].reset_index(drop=True))
    mine = table[table["contender"] == "gru_learned"]
    assert set(mine["architecture"]) == {"gru"} and len(mine) == 2 * 2 and set(mine["trials"]) == {0}
    assert set(table[table["contender"] == "one_for_all"]["scope"]) == {"all"}
    assert set(table[table["contender"] == "linear"]["scope"]) == {"bucket", "all"}
    pairs = pd.read_csv(folder / "final_stats" / "comparisons.csv")[["first", "second"]].itertuples(index=False, name=None)
    networks = {pair for pair in pairs if "linear" not in "".join(pair)}
    assert networks == {  # an ablation with its parent, wherever each was trained; two of a scope
        *((f"simple_rnn/{bucket}", f"gru_learned/{bucket}") for bucket in ("0-150", "151-end")),
        *((f"simple_rnn/{bucket}", "one_for_all/all") for bucket in ("0-150", "151-end")),
    }
    assert len(list((tmp_path / "cache").glob("vectors-16-*.npz"))) == 1
    again = main("smoke", "--artifacts", str(tmp_path), "--set", contenders)
    assert again.code == 0 and timeless(folder).equals(table)
