"""Laws of the page: it says what the records say, works offline in a real browser, and nothing in it is run."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import plotter as report
from analysis import tables as final_stats
from config import PROFILES
from plotter import HEADINGS
from records.findings import BucketVerdict, Comparison, Findings, Standing
from records.study import Study
from report.figures.accuracy import FIGURES
from saver import RunFolder
from tests.conftest import SmokeRun
from tests.made_up import a_result, a_summary
from tests.report.test_figures import findings, results, verdicts

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SOMETIMES = {"importance", "cross_lengths", "learning_curve"}  # figures that a smoke run has nothing to say for
ABOUT = {
    "run": "quick-12345678", "profile": "quick", "ended": "2026-01-02T03:04:05+00:00", "minutes": 1.5, "status": "some failed",
    "last_started": "2026-01-02T03:02:00+00:00", "data": "made-up", "is_demo": False,
}  # fmt: skip


def rendered(page: Path, tmp_path: Path) -> tuple[str, str]:
    """The page's DOM after its scripts ran, and what the browser complained of; the network is cut off."""
    if BROWSER is None:
        pytest.skip("no Chromium on this machine")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def script_errors(complaints: str) -> list[str]:
    """What the page's own scripts complained of, without the browser's remarks on the machine it runs on."""
    return re.findall(r"CONSOLE.*(?:Uncaught|Error|Failed to load|ERR_).*", complaints)


def write(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "quick-12345678")
    report.write(results(), replace(findings(), controls=()), a_summary(), ABOUT, PROFILES["quick"].config, folder)
    return folder


def test_the_report_is_one_offline_file_with_every_figure(tmp_path: Path) -> None:
    page = write(tmp_path).report.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page.split("</head>")[1])
    assert "MathJax" not in page.split("</head>")[1]
    assert "the trainings of GRU" in page and "the 3 best networks on validation" in page and "80.0 %" in page
    without_control = {key: heading for key, heading in FIGURES.items() if key not in {"from_scratch", "cross_lengths"}}
    for key, heading in without_control.items():
        assert f'id="figure-{key}"' in page and heading in page


def test_the_report_says_what_the_word_vectors_have_seen(tmp_path: Path) -> None:
    quick, folder = PROFILES["quick"].config, RunFolder(tmp_path / "quick-12345678")
    for source, unlabelled, said in (
        ("learned", False, "whole training part."),
        ("learned", True, "and on unlabelled ones."),
        ("g.txt", False, "other texts."),
    ):
        config = replace(quick, vectors=replace(quick.vectors, source=source), data=replace(quick.data, unlabelled=unlabelled))
        report.write(results(), replace(findings(), controls=()), a_summary(), ABOUT, config, folder)
        assert said in folder.report.read_text(encoding="utf-8")


def test_failures_are_shown_and_their_text_is_escaped(tmp_path: Path) -> None:
    page = write(tmp_path).report.read_text(encoding="utf-8")
    assert "ValueError: &lt;b&gt;broken&lt;/b&gt;" in page and "<b>broken" not in page
    assert "1 of the studies failed" in page and "the training loss became nan" in page


def test_a_demo_report_cannot_be_mistaken_for_imdb(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    report.write(results(), replace(findings(), controls=()), a_summary(is_demo=True), ABOUT, PROFILES["quick"].config, folder)
    assert "None of the numbers below say anything about IMDB" in folder.report.read_text(encoding="utf-8")


def test_sentences_follow_from_the_verdicts() -> None:
    text = report.sentence(verdicts()[0])
    assert text.startswith("Validation chooses GRU from scratch: 70.0 % (")
    assert ", 69.4 % without the 2 texts that stand in the training part too. " in text
    assert "In one training each it is better than SimpleRNN, cannot be told from GRU. " in text  # 10 reviews, and 5
    assert "SimpleRNN cannot be told from chance (50.0 %)" in text
    linear = "The linear yardstick reaches 75.0 % (65.4 to 81.7): GRU from scratch cannot be told from it, "
    assert text.endswith(linear + "SimpleRNN and GRU lose to it.")
    gru = Study("gru", "b")
    lonely = BucketVerdict("b", 10, 0, 0.5, gru, (Standing(gru, 0.52, 0.45, 0.6, 3, 0.52, 0.7, 0.7, True),), ())
    assert report.sentence(lonely) == "Validation chooses GRU: 52.0 % (45.0 to 60.0). GRU cannot be told from chance (50.0 %)."
    everywhere = replace(lonely.standings[0], study=Study("gru", "all"), like_chance=False)
    assert (
        report.sentence(replace(lonely, leader=everywhere.study, standings=(everywhere,)))
        == "Validation chooses GRU: 52.0 % (45.0 to 60.0)."
    )
    both = report.sentence(replace(lonely, leader=everywhere.study, standings=(everywhere, *lonely.standings)))
    assert both.startswith("Validation chooses GRU (trained on all): 52.0 %") and "GRU cannot be told from chance" in both
    assert report.sentence(replace(lonely, leader=None)) == "No network has a result here."


def test_every_other_network_means_those_that_were_not_compared_too() -> None:
    lstm, gru, rnn, generalist = (
        Study(name, scope) for name, scope in (("lstm", "b"), ("gru", "b"), ("simple_rnn", "b"), ("gru", "all"))
    )
    standings = tuple(Standing(study, 0.8, 0.7, 0.9, 3, 0.8, 0.5, 0.5, False) for study in (lstm, gru, rnn, generalist))
    pairs = [Comparison("b", lstm, other, 0.1, 0.05, 0.15, 20, 5, 0.001, 0.002, "better than") for other in (gru, rnn)]
    among_specialists = BucketVerdict("b", 100, 0, 0.5, lstm, standings[:3], tuple(pairs))
    assert "It is better than every other network." in report.sentence(among_specialists)
    beside_a_generalist = replace(among_specialists, standings=standings)
    assert "It is better than GRU and SimpleRNN." in report.sentence(beside_a_generalist)


def test_the_whole_is_said_in_a_sentence() -> None:
    text = "Validation chooses GRU from scratch. What it chooses cannot be told from the linear yardstick in every bucket."
    assert report.overall(verdicts()) == text
    assert report.overall(()) == "No network has a result yet."


def test_the_report_of_a_real_run_draws_in_a_real_browser(smoke_run: SmokeRun, tmp_path: Path) -> None:
    dom, complaints = rendered(smoke_run.folder / "report.html", tmp_path)
    assert dom.count('class="main-svg"') >= len(HEADINGS) - len(SOMETIMES)
    assert not script_errors(complaints)
    for key in set(HEADINGS) - SOMETIMES:  # too few trials
        figure = dom.split(f'id="figure-{key}"')[1].split('id="figure-')[0]
        assert "main-svg" in figure, key
    assert "DEMO" in dom.upper() and "GRU from scratch" in dom


def test_a_figure_on_its_own_draws_in_a_real_browser(smoke_run: SmokeRun, tmp_path: Path) -> None:
    assert {path.stem for path in (smoke_run.folder / "plots").glob("*.html")} == set(HEADINGS) - SOMETIMES
    dom, complaints = rendered(smoke_run.folder / "plots" / "accuracy_by_bucket.html", tmp_path)
    assert "main-svg" in dom
    assert not script_errors(complaints)


def test_the_index_lists_runs_newest_first(tmp_path: Path) -> None:
    for name, day in (("quick-00000001", "01"), ("study-00000002", "03"), ("smoke-00000003", "02")):
        (tmp_path / name).mkdir()
        about = ABOUT | {"last_started": f"2026-01-{day}T00:00:00+00:00", "status": "done"}
        (tmp_path / name / "environment.json").write_text(json.dumps(about))
    (tmp_path / "latest").symlink_to("study-00000002")
    folder = RunFolder(tmp_path / "quick-00000001")
    final_stats.write([], Findings(verdicts=verdicts()), a_summary(), folder)
    report.write_index(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.count("study-00000002") == 1 and "latest" not in page  # the link to it is no further run
    assert "GRU from scratch: 70.0 % over 2 buckets" in page  # what validation chose
    assert page.index("study-00000002") < page.index("smoke-00000003") < page.index("quick-00000001")


def test_an_empty_run_still_has_a_page(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    report.write([a_result("gru", "0-129", 0, status="failed")], Findings(), a_summary(), ABOUT, PROFILES["quick"].config, folder)
    assert "No network has a result yet." in folder.report.read_text(encoding="utf-8")
