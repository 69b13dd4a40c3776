"""Laws of other reviews as a test set: the accuracies are what the predictor says, and the report shows where they come from."""

import csv
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

import main as command_line
from data.sources import demo
from data.sources.wanted import Wanted
from data.tables.open import open_table
from data.tables.table import Reading
from inference import other_texts
from inference.evaluate import CHOSEN, OtherReviews, evaluate, paths, store
from inference.predictor import Predictor
from inference.run import FinishedRun
from records.errors import DataError
from saver import RunFolder
from tests.conftest import Finished, SmokeRun, main


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
    assert "Chosen by validation" in done.out and "1 text has no word that the run knows" in done.out
    (path,) = paths(RunFolder(copy))
    record = OtherReviews.from_json(path.read_text(encoding="utf-8"))
    run = FinishedRun.open(copy)
    with (copy / "final_stats" / "other_reviews" / "letters.csv").open() as file:
        said = list(csv.DictReader(file))
    for score in record.scores:
        if score.bucket == "all":
            positive = [row[f"{score.answerer}: positive"] for row in said]
            right = [
                0.5 if cell == "" else float(("positive" if float(cell) >= 0.5 else "negative") == row["label"])
                for row, cell in zip(said, positive, strict=True)
            ]
            assert score.accuracy == pytest.approx(np.mean(right)) and score.low < score.accuracy < score.high
    assert {score.answerer for score in record.scores} == {CHOSEN, *run.contenders, "ensemble"}
    page = (copy / "report.html").read_text()
    assert 'id="others"' in page and "letters.csv" in page and "not this run's test reviews" in page.replace("&#39;", "'")
    assert {path: path.read_bytes() for path in (copy / "final_stats").glob("*.csv")} == before


def test_what_is_stored_is_what_the_predictor_says(table: Path, smoke_run: SmokeRun) -> None:
    run = FinishedRun.open(smoke_run.folder)
    texts = other_texts.read(run, open_table(table, Reading()), table, Wanted(are_options=True))
    record, said = evaluate(run, texts, note=lambda _: None)
    answers = Predictor(run)(list(texts.texts[:-1]))
    np.testing.assert_allclose(said[CHOSEN][:-1, 1], [answer.probability for answer in answers])
    assert np.isnan(said[CHOSEN][-1]).all() and record.n_unread == 1 and record.n == 241


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--on", "/nowhere.csv"], "--on: there is no file or folder /nowhere.csv"),
        (["--on", "https://example.org/r.csv"], "address"),
        (["--on", "TABLE", "--text-column", "word"], "(--text-column); did you mean --text-column words?"),
        (["--on", "TABLE", "--label-column", "Words"], "say where the labels stand with --label-column NAME"),
        (["--on", "TABLE", "--labels", "pos=good neg=bad"], "say with --labels"),
        (["--on", "TABLE", "--labels", "pos=a pos=b"], "--labels: the label 'pos' is named twice"),
        (["--on", "TABLE", "--max-bad-rows", "2"], "--max-bad-rows: expected a share between 0 and 1"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, table: Path, smoke_run: SmokeRun, in_process: Callable[..., Finished]
) -> None:
    given = [str(table) if a == "TABLE" else a for a in arguments]
    done = in_process(command_line.main, "evaluate", str(smoke_run.folder), *given)
    assert done.code == 2 and sentence in done.err


def written(path: Path, rows: Iterable[tuple[str, object]], names: str = "text label") -> Path:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names.split(), *rows])
    return path


def stored(run: FinishedRun, table: Path, labels: str = "") -> OtherReviews:
    """What the command stores, without its report."""
    wanted = Wanted(labels=labels, are_options=True)
    texts = other_texts.read(run, open_table(table, Reading()), table, wanted)
    found, said = evaluate(run, texts, note=lambda _: None)
    store(run.folder, found, said, texts.labels)
    return found


def new_texts(n: int) -> list[tuple[str, object]]:
    corpus = demo.generate(n, 99)
    return list(zip(corpus.texts or [], corpus.labels, strict=True))


def test_texts_that_the_run_has_learned_from_are_counted_and_the_others_scored_alone(
    own_smoke_run: SmokeRun, tmp_path: Path, in_process: Callable[..., Finished]
) -> None:
    corpus, new = demo.generate(1_500, 1), new_texts(60)  # the first are the run's own
    rows = zip(corpus.texts or [], corpus.labels, corpus.parts, strict=True)  # type: ignore[arg-type]
    mixed = [(text, label) for text, label, part in rows if part == 0][:40] + new
    done = in_process(command_line.main, "evaluate", str(own_smoke_run.folder), "--on", str(written(tmp_path / "r.csv", mixed)))
    assert done.code == 0, done.err
    assert "40 of these 100 texts stand in the training part that the run has learned from" in done.out
    record = OtherReviews.from_json(paths(RunFolder(own_smoke_run.folder))[0].read_text(encoding="utf-8"))
    assert (record.n_learned, record.n_tested, record.is_from_elsewhere) == (40, 0, False)
    assert {score.n for score in record.new_scores if score.bucket == "all"} == {60}
    alone = stored(FinishedRun.open(own_smoke_run.folder), written(tmp_path / "new.csv", new))
    assert alone.scores == record.new_scores and alone.new_scores == () and alone.is_from_elsewhere
    page = (own_smoke_run.folder / "report.html").read_text()
    assert "40 of these 100 texts stand in the training part that this run has learned from" in page


def test_texts_of_one_class_are_scored_and_tables_of_like_names_kept_apart(own_smoke_run: SmokeRun, tmp_path: Path) -> None:
    run, bad = FinishedRun.open(own_smoke_run.folder), [(text, "negative") for text, label in new_texts(20) if not label]
    tables = [written(tmp_path / name, bad) for name in ("a/amazon.v1.csv", "a/amazon.v2.csv", "b/amazon.v1.csv")]
    found = [stored(run, table) for table in (*tables, tables[0])]
    assert [each.name for each in found] == ["amazon.v1", "amazon.v2", "amazon.v1-2", "amazon.v1"]
    assert len(paths(run.folder)) == 3 and all(each.class_shares == (1, 0) and each.n == len(bad) for each in found)


def test_labels_are_mapped_as_the_person_says_and_what_is_left_out_is_said(own_smoke_run: SmokeRun, tmp_path: Path) -> None:
    run, rows = FinishedRun.open(own_smoke_run.folder), [(text, 5 if label else 1) for text, label in new_texts(150)]
    rows[3], rows[4] = (rows[3][0], 3), ("", 5)
    table = written(tmp_path / "stars.csv", rows, "review stars")
    with pytest.raises(DataError, match="none of the run's classes, negative, positive; say with --labels"):
        stored(run, table)
    found = stored(run, table, "1,2=negative 4-5=positive 3=-")
    assert found.n == 148 and found.notes[1:] == (
        "classes: negative is the label 1, positive is the label 5",
        "left out as --labels says: '3' (1 row)",
        "1 of 150 rows was left out: line 6 has no text",
    )


def test_a_folder_without_a_run_is_one_sentence(table: Path, tmp_path: Path) -> None:
    done = main("evaluate", str(tmp_path), "--on", str(table))
    assert done.code == 2 and "there is no run" in done.err
    (tmp_path / "environment.json").write_text(json.dumps({"artefact_version": 3}))
    assert "is of format 3" in main("evaluate", str(tmp_path), "--on", str(table)).err
