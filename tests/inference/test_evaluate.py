"""Laws of other reviews as a test set: the accuracies are what the predictor says, and the report shows where they come from."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.sources import demo, tables
from inference.evaluate import CHOSEN, OtherReviews, evaluate, paths
from inference.predictor import Predictor
from inference.run import FinishedRun
from saver import RunFolder
from tests.conftest import SmokeRun, main


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reviews of the demo's kind from another seed, one of them in words that no run knows."""
    corpus, path = demo.generate(240, 99), tmp_path_factory.mktemp("other") / "letters.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["words", "verdict"])
        rows.writerows(zip(corpus.texts, ("pos" if label else "neg" for label in corpus.labels), strict=True))  # type: ignore[arg-type]
        rows.writerow(["Отличный фильм", "pos"])
    return path


@pytest.fixture(scope="module")
def copy(smoke_run: SmokeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(smoke_run.folder, tmp_path_factory.mktemp("runs") / smoke_run.folder.name))


def test_the_command_scores_stores_and_shows_other_reviews(table: Path, copy: Path) -> None:
    before = {path: path.read_bytes() for path in (copy / "final_stats").glob("*.csv")}
    options = ("--on", str(table), "--text-column", "words", "--label-column", "verdict")
    done = main("evaluate", str(copy), *options)
    assert done.code == 0, done.err
    assert "Chosen by validation" in done.out and "1 texts have no word that the run knows" in done.out
    (path,) = paths(RunFolder(copy))
    record = OtherReviews.from_json(path.read_text(encoding="utf-8"))
    run = FinishedRun.open(copy)
    with (copy / "final_stats" / "other_reviews" / "letters.csv").open() as file:
        said = list(csv.DictReader(file))
    labels = np.array([int(row["label"]) for row in said])
    for score in record.scores:
        if score.bucket == "all":
            right = [
                0.5 if row[score.answerer] == "nan" else float((float(row[score.answerer]) >= 0.5) == label)
                for row, label in zip(said, labels, strict=True)
            ]
            assert score.accuracy == pytest.approx(np.mean(right)) and score.low < score.accuracy < score.high
    assert {score.answerer for score in record.scores} == {CHOSEN, *run.contenders, "ensemble"}
    page = (copy / "report.html").read_text()
    assert 'id="others"' in page and "letters.csv" in page and "not this run's test reviews" in page.replace("&#39;", "'")
    assert {path: path.read_bytes() for path in (copy / "final_stats").glob("*.csv")} == before


def test_what_is_stored_is_what_the_predictor_says(table: Path, smoke_run: SmokeRun) -> None:
    run = FinishedRun.open(smoke_run.folder)
    source = tables.read(table, text="words", label="verdict", split="")
    record, said = evaluate(run, source, table, ("words", "verdict"), note=lambda _: None)
    texts = source.texts or []
    answers = Predictor(run)(texts[:-1])
    np.testing.assert_allclose(said[CHOSEN][:-1, 1], [answer.probability for answer in answers])
    assert np.isnan(said[CHOSEN][-1]) and record.n_unread == 1 and record.n == 241


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--on", "/nowhere.csv"], "--on: there is no file /nowhere.csv"),
        (["--on", "TABLE"], "no column 'text'"),
        (["--on", "TABLE", "--text-column", "words"], "no column 'label'"),
        (["--on", "TABLE", "--text-column", "verdict", "--label-column", "words"], "expected 0, 1, neg"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str, table: Path, smoke_run: SmokeRun) -> None:
    done = main("evaluate", str(smoke_run.folder), *[str(table) if a == "TABLE" else a for a in arguments])
    assert done.code == 2 and sentence in done.err and "Traceback" not in done.err


def test_a_folder_without_a_run_is_one_sentence(table: Path, tmp_path: Path) -> None:
    done = main("evaluate", str(tmp_path), "--on", str(table))
    assert done.code == 2 and "there is no run" in done.err
    (tmp_path / "environment.json").write_text(json.dumps({"artefact_version": 3}))
    assert "is of format 3" in main("evaluate", str(tmp_path), "--on", str(table)).err
