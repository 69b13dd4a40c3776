"""Laws of the terminal: plain lines where it is none, the notice of a demo corpus, what is left."""

from pathlib import Path

import pytest

from experiment.plan import Work, wall_seconds
from records.study import Progress, Study
from report.console import Live, describe
from tests.made_up import a_result, a_summary

GRU, LSTM = Study("gru", "0-129"), Study("lstm", "0-129")


def test_a_run_without_a_terminal_prints_one_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    work = {study: Work(2, 10, 100.0) for study in (GRU, LSTM)}
    with Live([GRU, LSTM], work, a_summary(is_demo=True), Path("somewhere")) as live:
        for epoch in (1, 2):
            live.on_event(Progress(GRU, "search", 1, 2, epoch, 5, 0.7))
        live.on_event(a_result("gru", "0-129", 0.8))
        live.on_event(a_result("lstm", "0-129", 0.0, status="failed"))
    lines = capsys.readouterr().out.splitlines()
    assert "1,800 train, 200 validation, 200 test reviews" in lines[0]
    assert sum("is running" in line for line in lines) == 1
    assert any(line.startswith("[1/2, ") and "gru/0-129: 80.0% on the test reviews" in line for line in lines)
    assert any("lstm/0-129 FAILED: ValueError: <b>broken</b>" in line for line in lines)


def test_the_notice_of_the_demo_corpus_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    data = a_summary(is_demo=True)
    noted = data.__class__(**(data.__dict__ | {"notes": ("DEMO CORPUS, NOT IMDB: no network",)}))
    with Live([], {}, noted, Path("somewhere")):
        pass
    assert "DEMO CORPUS, NOT IMDB" in capsys.readouterr().out


def test_a_result_is_described_by_its_mean_over_repeats_and_reviews() -> None:
    assert describe(a_result("gru", "0-129", 0.8)) == "gru/0-129: 80.0% on the test reviews, 3 trials, 24 s on cpu"


def test_wall_time_is_that_of_workers_taking_the_next_study() -> None:
    assert wall_seconds([5, 4, 3, 3], 1) == 15
    assert wall_seconds([5, 4, 3, 3], 2) == 8
    assert wall_seconds([], 2) == 0
