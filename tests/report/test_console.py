"""Laws of the terminal: plain lines where it is none, the notice of a demo corpus, what is left."""

from dataclasses import replace
from pathlib import Path

import pytest

from config import PROFILES
from experiment.plan import Work, wall_seconds
from models.registry import ARCHITECTURES
from records.study import Progress, Study
from records.summary import DataSummary
from report.console import Live, describe, print_lists, print_plan
from saver import RunFolder
from tests.made_up import a_result, a_summary

GRU, LSTM = Study("gru", "0-129"), Study("lstm", "0-129")


def begun(path: Path, data: DataSummary) -> RunFolder:
    """The folder of a run on these reviews that has begun."""
    folder = RunFolder(path)
    folder.begin("smoke", PROFILES["smoke"].config, {}, data)
    return folder


def test_a_run_without_a_terminal_prints_one_line_an_event(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    work = {study: Work(2, 10, 100.0) for study in (GRU, LSTM)}
    with Live(work, begun(tmp_path, a_summary(is_demo=True))) as live:
        for epoch in (1, 2):
            live.on_event(Progress(GRU, "search", 1, 2, epoch, 5, 0.7))
        live.on_event(a_result("gru", "0-129", 0.8))
        live.on_event(a_result("lstm", "0-129", 0.0, status="failed"))
    lines = capsys.readouterr().out.splitlines()
    assert "1,800 train, 200 validation, 200 test reviews" in lines[0]
    assert sum("is running" in line for line in lines) == 1
    assert any(line.startswith("[1/2, ") and "gru/0-129: 80.0% on the test reviews" in line for line in lines)
    assert any("lstm/0-129 FAILED: ValueError: <b>broken</b>" in line for line in lines)


def test_the_notice_of_the_demo_corpus_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    noted = replace(a_summary(is_demo=True), notes=("DEMO CORPUS, NOT IMDB: no network",))
    with Live({}, begun(tmp_path, noted)):
        pass
    assert "DEMO CORPUS, NOT IMDB" in capsys.readouterr().out


def test_a_result_is_described_by_its_mean_over_repeats_and_reviews() -> None:
    assert describe(a_result("gru", "0-129", 0.8)) == "gru/0-129: 80.0% on the test reviews, 3 trials, 24 s on cpu"
    assert describe(a_result("nb_linear", "0-129", 0.8)).endswith("on the test reviews, 1 form, 24 s on cpu")


def test_wall_time_is_that_of_workers_taking_the_next_study() -> None:
    assert wall_seconds([5, 4, 3, 3], 1) == 15
    assert wall_seconds([5, 4, 3, 3], 2) == 8
    assert wall_seconds([], 2) == 0


def test_the_lists_name_everything_and_fit_a_narrow_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_lists(PROFILES["quick"].config)
    lines = capsys.readouterr().out.splitlines()
    for name, architecture in ARCHITECTURES.items():
        assert any(name in line and architecture.title in line for line in lines), name
    for name, profile in PROFILES.items():
        [start] = [number for number, line in enumerate(lines) if f"{name} {profile.note[:30]}" in " ".join(line.split())]
        assert any(f"minutes: {profile.minutes[:20]}" in line for line in lines[start + 1 : start + 5]), name
        assert any(f"accuracy: {profile.accuracy[:20]}" in line for line in lines[start + 1 : start + 6]), name
    assert lines[-2:] == [
        "buckets: 0-129, 130-175, 176-284, 285-597, 598-end",
        "(of other lengths than IMDB's: up to 5 that fit them)",
    ]
    assert max(map(len, lines)) <= 80
    print_lists(replace(PROFILES["quick"].config, compare=replace(PROFILES["quick"].config.compare, bucket_quantiles=4)))
    assert capsys.readouterr().out.splitlines()[-1] == "buckets: 4 quantiles of the training lengths"


def test_a_plan_has_a_row_a_study_and_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    work = {Study("gru", "0-129"): Work(2, 10, 100.0), Study("bidirectional_lstm", "130-175"): Work(3, 25, 7000.0)}
    print_plan(PROFILES["quick"], work, replace(a_summary(), notes=("a note on the reviews",)), 2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "a note on the reviews",
        "made-up reviews: 1,800 train, 200 validation, 200 test reviews",
        "classes: negative: 1,100 (50.0%), positive: 1,100 (50.0%)",
        "buckets by tokens (reviews to learn from, and to test): 0-129 (1,000 and 100), 130-end (1,000 and 100)",
    ]
    rows = [[cell.strip() for cell in line.split("\u2502")[1:-1]] for line in lines if line.startswith("\u2502")]
    assert rows == [["gru/0-129", "2", "10", "2 min"], ["bidirectional_lstm/130-175", "3", "25", "1.9 h"]]
    assert "2 studies, 5 trials, at most 35 epochs; about 1.9 h with 2 workers" in lines
    assert any(PROFILES["quick"].minutes in line for line in lines)
