"""Laws of the page: it says what the records say, works offline in a real browser, and nothing in it is run."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

import plotter
from config import PROFILES, Config, Contender
from inference.evaluate import OtherReviews, OtherScore
from inference.explain import START_WORD
from inference.run import Encoded, FinishedRun
from records.classes import Classes
from records.errors import ArtifactsError
from records.files import write_record, write_text
from records.findings import BucketVerdict, Findings, Standing
from records.study import Study, StudyResult, failed
from records.summary import BucketSummary, DataSummary
from report.contents import Contents
from report.figures.table import FIGURES
from saver import RunFolder
from tests.conftest import SmokeRun
from tests.made_up import ROSTER, a_result, a_summary, an_about
from tests.report.test_explanation import ACCOUNT
from tests.report.test_figures import EXAMPLES, findings, results, verdicts

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SOMETIMES = {"importance", "cross_lengths", "learning_curve", "ladder"}  # figures that a smoke run has nothing to say for
QUICK = PROFILES["quick"].config
RUN = cast("FinishedRun", SimpleNamespace(name="quick-12345678", roster=ROSTER, data=a_summary()))
OTHERS = OtherReviews(
    name="films",
    file="films.csv",
    folder="somewhere",
    text_column="text",
    label_column="label",
    n=50,
    n_unread=0,
    n_learned=0,
    n_tested=0,
    class_shares=(0.5, 0.5),
    unknown_share=0.1,
    seconds=1.0,
    notes=(),
    scores=(OtherScore("chosen", "all", 50, 0.7, 0.6, 0.8),),
    new_scores=(),
)


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


def ended(
    tmp_path: Path,
    found: list[StudyResult] | None = None,
    concluded: Findings | None = None,
    data: DataSummary | None = None,
    config: Config = QUICK,
) -> RunFolder:
    """The folder of a run that has ended with these records."""
    folder, data = RunFolder(tmp_path / "quick-12345678"), data or a_summary()
    folder.begin("quick", config, {"backend": "tensorflow"}, data)
    for result in results() if found is None else found:
        folder.save_result(result)
    folder.write_findings(concluded or findings())
    folder.end("some failed")
    return folder


def report_of(folder: RunFolder) -> str:
    """What the page says after it is written."""
    plotter.write_report(folder)
    return folder.report.read_text(encoding="utf-8")


def test_the_report_is_one_offline_file_with_every_figure(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    write_record(folder.final_stats("examples.json"), EXAMPLES)
    page = report_of(folder)
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page.split("</head>")[1])
    assert "MathJax" not in page.split("</head>")[1]
    assert "the trainings of GRU" in page and "the 3 best networks on validation" in page and "80.0 %" in page
    drawn = [figure for figure in FIGURES.values() if figure.name not in ("cross_lengths", "ladder")]
    places = [page.index(f'id="figure-{figure.name}"') for figure in drawn]
    assert places == sorted(places)
    assert all(f"<h3>{figure.heading}</h3>" in page for figure in drawn) and "left out because" not in page
    assert {path.stem for path in folder.plot("").glob("*.html")} == {figure.name for figure in drawn}


def test_the_report_says_what_the_word_vectors_have_seen(tmp_path: Path) -> None:
    for source, unlabelled, said in (
        ("learned", 0, "whole training part."),
        ("learned", 30, "and on unlabelled ones."),
        ("g.txt", 0, "other texts."),
    ):
        config = replace(QUICK, vectors=replace(QUICK.vectors, source=source))
        assert said in report_of(ended(tmp_path, data=replace(a_summary(), n_unlabelled=unlabelled), config=config))


def test_the_report_says_what_becomes_of_reviews_that_a_subsample_left_out(tmp_path: Path) -> None:
    said = "training reviews beyond 1,500 a bucket train no network and no linear model"
    assert said not in report_of(ended(tmp_path / "a"))
    assert f"17,581 {said}" in report_of(ended(tmp_path / "b", data=replace(a_summary(), n_unused=17_581)))


def test_the_report_says_what_was_found_in_a_table_and_counts_its_classes(tmp_path: Path) -> None:
    counts: dict[str, tuple[int, ...]] = {"train": (200, 1600), "validation": (20, 180), "test": (30, 170)}
    classes = Classes(("so <so>", "good"))
    shares = (BucketSummary("0-end", 0, None, 1800, 200, 200, (0.15, 0.85), 0.0),)
    data = replace(a_summary(), classes=classes, class_counts=counts, buckets=shares, histograms=((1, 2, 3),) * 2)
    page = report_of(ended(tmp_path, data=replace(data, notes=("3 of 2,203 rows were left out: line 2 has no <text>",))))
    section = page[page.index('id="data"') :]
    assert "<li>3 of 2,203 rows were left out: line 2 has no &lt;text&gt;</li>" in section
    assert re.search(r"so &lt;so&gt;</td>.*200 \(11.1 %\).*20 \(10.0 %\).*30 \(15.0 %\)", section)


def test_failures_are_shown_and_their_text_is_escaped(tmp_path: Path) -> None:
    page = report_of(ended(tmp_path))
    assert "ValueError: &lt;b&gt;broken&lt;/b&gt;" in page and "<b>broken" not in page
    assert "1 of the studies failed" in page and "the training loss became nan" in page


def test_a_demo_report_cannot_be_mistaken_for_imdb(tmp_path: Path) -> None:
    page = report_of(ended(tmp_path, data=a_summary(is_demo=True)))
    assert "None of the numbers below say anything about IMDB" in page


def test_an_empty_run_still_has_a_page(tmp_path: Path) -> None:
    for found in ([a_result("gru", "0-129", 0, status="failed")], []):
        assert "No network has a result yet." in report_of(ended(tmp_path / str(len(found)), found, Findings()))


def test_a_run_whose_networks_all_failed_shows_its_yardstick(tmp_path: Path) -> None:
    found = [r if r.study.is_yardstick else failed(r.study, "the loss became nan", "cpu") for r in results()]
    left = tuple(
        replace(v, leader=None, standings=tuple(s for s in v.standings if s.study.is_yardstick), comparisons=())
        for v in verdicts()
    )
    page = report_of(ended(tmp_path, found, Findings(verdicts=left)))
    assert "No network has a result here." in page and "Naive-Bayes linear model" in page and "the loss became nan" in page
    assert 'class="failed">This figure' not in page


def test_a_figure_that_cannot_be_drawn_leaves_a_sentence_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Contents) -> None:
        raise KeyError("<b>units</b>")

    def without_words(_: Contents) -> str:
        raise ValueError("no caption")

    monkeypatch.setitem(FIGURES, "hyperparameters", replace(FIGURES["hyperparameters"], draw=broken))
    monkeypatch.setitem(FIGURES, "comparisons", replace(FIGURES["comparisons"], caption=without_words))
    folder = ended(tmp_path)
    page = report_of(folder)
    assert "This figure is left out because drawing it failed (KeyError: &#39;&lt;b&gt;units" in page
    assert "drawing it failed (ValueError: no caption)" in page and page.count("drawing it failed") == 2
    assert page.index(FIGURES["hyperparameters"].heading) < page.index("KeyError") < page.index('<h2 id="data"')
    assert 'id="figure-hyperparameters"' not in page and 'id="figure-accuracy_by_bucket"' in page
    assert not folder.plot("hyperparameters.html").exists()
    assert "the figure hyperparameters cannot be drawn" in caplog.text and "Traceback" in caplog.text


def test_a_behavioural_test_that_came_after_a_run_is_not_on_its_page(tmp_path: Path) -> None:
    folder, earlier = ended(tmp_path), EXAMPLES.probes[:-1]
    write_record(folder.final_stats("examples.json"), replace(EXAMPLES, probes=earlier))
    page = report_of(folder)
    assert 'id="figure-probes"' in page and "left out because" not in page
    assert f"<td>{earlier[-1].capability}</td>" in page and f"<td>{EXAMPLES.probes[-1].capability}</td>" not in page


def test_what_is_damaged_beside_the_results_is_left_out_with_a_reason(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    assert "explanations are left out because none were gathered" in report_of(folder)
    others = folder.final_stats("other_reviews")
    write_record(others / "films.json", OTHERS)
    write_record(folder.final_stats("examples.json"), EXAMPLES)
    page = report_of(folder)
    assert "<h3>films.csv</h3>" in page and "70.0 % (60.0 to 80.0)" in page and "left out because" not in page
    (others / "books.json").write_text('{"name": "books"}')  # of another version
    (others / "games.json").write_bytes(b"\xff")
    folder.final_stats("examples.json").write_text("{")
    page = report_of(folder)
    assert "books.json is left out because" in page and "games.json is left out because" in page
    assert "<h3>films.csv</h3>" in page and "explanations are left out because" in page


def test_an_explanation_is_one_offline_page_and_escapes_its_words(tmp_path: Path) -> None:
    words = (START_WORD, "a", "<script>alert(1)</script>", "film")
    account = replace(ACCOUNT, words=words, attention=(0.1, 0.2, 0.3, 0.4))
    encoded = Encoded(np.array([1, 4, 5, 6], np.int32), words[1:], (), ())
    plotter.write_explanation(tmp_path / "why.html", "negative: <b>sure</b>", account, encoded, RUN)
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    body = page.split("</head>")[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body and "<script>alert" not in body and "<b>sure" not in body
    assert all(f'id="figure-{name}"' in body for name in ("running", "deletion")) and "<h3>Attention</h3>" in body
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", body)
    assert ">Integrated gradients. " in body
    account = replace(account, gradients=None, base_margin=None, completeness_gap=None)  # as of a network that Keras reads
    plotter.write_explanation(tmp_path / "why.html", "", account, encoded, RUN)
    assert ">Occlusion. " in (tmp_path / "why.html").read_text(encoding="utf-8")
    with pytest.raises(ArtifactsError, match="choose another --output"):
        plotter.write_explanation(tmp_path / "why.html" / "x.html", "", account, encoded, RUN)


def test_the_report_of_a_real_run_draws_in_a_real_browser(smoke_run: SmokeRun, tmp_path: Path) -> None:
    dom, complaints = rendered(smoke_run.folder / "report.html", tmp_path)
    assert dom.count('class="main-svg"') >= len(FIGURES) - len(SOMETIMES)
    assert not script_errors(complaints)
    for key in set(FIGURES) - SOMETIMES:  # too few trials
        figure = dom.split(f'id="figure-{key}"')[1].split('id="figure-')[0]
        assert "main-svg" in figure, key
    assert "DEMO" in dom.upper() and "GRU from scratch" in dom


def test_a_figure_on_its_own_draws_in_a_real_browser(smoke_run: SmokeRun, tmp_path: Path) -> None:
    assert {path.stem for path in (smoke_run.folder / "plots").glob("*.html")} == set(FIGURES) - SOMETIMES
    dom, complaints = rendered(smoke_run.folder / "plots" / "accuracy_by_bucket.html", tmp_path)
    assert "main-svg" in dom
    assert not script_errors(complaints)


def test_the_index_lists_runs_newest_first(tmp_path: Path) -> None:
    for name, day in (("quick-00000001", "01"), ("study-00000002", "03"), ("smoke-00000003", "02")):
        about = replace(an_about(), last_started=f"2026-01-{day}T00:00:00+00:00", status="done")
        write_text(tmp_path / name / "environment.json", about.to_json())
    (tmp_path / "latest").symlink_to("study-00000002")
    RunFolder(tmp_path / "quick-00000001").write_findings(Findings(verdicts=verdicts()))
    plotter.write_index(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.count("study-00000002") == 1 and "latest" not in page  # the link to it is no further run
    assert "GRU from scratch: 70.0 % over 2 buckets" in page  # what validation chose
    assert page.index("study-00000002") < page.index("smoke-00000003") < page.index("quick-00000001")


def test_the_index_names_an_architecture_that_there_is_no_more(tmp_path: Path) -> None:
    write_text(tmp_path / "old-00000001" / "environment.json", an_about().to_json())
    gone = Study("elman", "0-129")
    standing = Standing(gone, 0.75, 0.7, 0.8, 1, 0.75, 0.5, 0.5, False)
    verdict = BucketVerdict("0-129", 100, 0, 0.5, gone, (standing,), ())
    RunFolder(tmp_path / "old-00000001").write_findings(Findings(verdicts=(verdict,)))
    plotter.write_index(tmp_path)
    assert "elman: 75.0 % over 1 bucket" in (tmp_path / "index.html").read_text()


def test_a_report_and_the_index_call_contenders_by_their_titles(tmp_path: Path) -> None:
    listed = ("simple_rnn", "gru", Contender("gru", "GRU, <b>last</b> state", set={"model.pooling": "last"}))
    config = replace(QUICK, compare=replace(QUICK.compare, architectures=listed))
    id = "gru_b_last_b_state"
    found = [a_result(name, "0-129", accuracy) for name, accuracy in (("simple_rnn", 0.6), ("gru", 0.7), (id, 0.8))]
    leader = Study(id, "0-129")
    standing = Standing(leader, 0.8, 0.7, 0.9, 1, 0.8, 0.5, 0.5, False)
    verdict = BucketVerdict("0-129", 100, 0, 0.5, leader, (standing,), ())
    page = report_of(ended(tmp_path, found, Findings(verdicts=(verdict,)), config=config))
    assert "Validation chooses GRU, &lt;b&gt;last&lt;/b&gt; state: 80.0" in page and "<b>last</b> state: " not in page
    assert "its model.pooling is last (the run&#39;s is mean_max)" in page
    assert "This figure is left out" not in page
    plotter.write_index(tmp_path)
    assert "GRU, &lt;b&gt;last&lt;/b&gt; state: 80.0 % over 1 bucket" in (tmp_path / "index.html").read_text()
