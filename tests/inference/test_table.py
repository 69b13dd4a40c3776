"""Laws of scored tables: of any size, resumable, and nothing of a person's is lost or written over without a word."""

import csv
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from data.tables.table import Reading
from inference import table
from inference.predictor import Predictor
from inference.table import Job, added, score
from records.classes import SENTIMENT
from records.errors import ArtifactsError, TableError
from tests.conftest import ROOT, SmokeRun
from tests.test_predict import TEXT, predict


def write(path: Path, texts: list[str], encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        rows = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        rows.writerow(["id", "text"])
        rows.writerows(enumerate(texts))
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def predictor(smoke_run: SmokeRun) -> Predictor:
    return Predictor.load(smoke_run.folder)


@pytest.mark.parametrize("name", ["reviews.csv", "reviews.tsv"])
def test_a_table_keeps_its_columns_and_rows_and_gets_the_answers(name: str, predictor: Predictor, tmp_path: Path) -> None:
    texts = [TEXT, 'a "quoted",\nlong script', "", "superb " * 300]
    source = write(tmp_path / name, texts)
    done = predict(predictor.run.folder.path, "--file", str(source), "--output", str(tmp_path / "scored.csv"))
    rows = read(tmp_path / "scored.csv")
    assert done.code == 1 and "1 row could not be read" in done.out
    assert list(rows[0]) == ["id", "text", *added(SENTIMENT)] and [row["text"] for row in rows] == texts
    assert rows[2]["problem"].startswith("the text is empty") and rows[2]["predicted"] == ""
    for row, text in zip(rows, texts, strict=True):
        if text:
            assert float(row["probability_positive"]) == pytest.approx(predictor(text).probability, abs=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["scored.csv", name])


def test_a_job_killed_in_the_middle_goes_on_and_ends_as_if_nothing_had_happened(predictor: Predictor, tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.csv", [f"{TEXT} {'superb ' * (i % 120)}" for i in range(30_000)])
    output = tmp_path / "scored.csv"
    command = [sys.executable, str(ROOT / "predict.py"), "--run", str(predictor.run.folder.path)]
    command += ["--file", str(source), "--output", str(output)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    mark = output.with_name("scored.csv.part.json")
    while not (mark.exists() and json.loads(mark.read_text())["rows"]):
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    first.wait()
    begun = json.loads(mark.read_text())["rows"]
    assert 0 < begun < 30_000
    with mark.with_suffix("").open("ab") as file:
        file.write(b"half a row, cut")
    seen: list[int] = []
    score(predictor, None, Job(source, output, "text"), lambda done, _: seen.append(done))
    assert seen[0] > begun - 1 and seen[-1] == 30_000
    rows = read(output)
    assert [row["id"] for row in rows] == [str(i) for i in range(30_000)]
    for number in (0, begun - 1, begun, 29_999):
        assert float(rows[number]["probability_positive"]) == pytest.approx(predictor(rows[number]["text"]).probability, abs=1e-6)


def test_a_job_of_another_study_or_a_changed_table_is_not_continued(predictor: Predictor, tmp_path: Path) -> None:
    source, output = write(tmp_path / "reviews.csv", [TEXT] * 600), tmp_path / "scored.csv"

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    job = Job(source, output, "text")
    with pytest.raises(KeyboardInterrupt):
        score(predictor, None, job, stop)
    with pytest.raises(TableError, match="is of another table, run or study"):
        score(predictor, "gru", job, lambda *_: None)
    os.utime(source, (1, 1))
    with pytest.raises(TableError, match="is of another table, run or study"):
        score(predictor, None, job, lambda *_: None)
    job.mark.write_text("{")
    with pytest.raises(TableError, match="was changed and cannot be read"):
        score(predictor, None, job, lambda *_: None)


def test_memory_does_not_grow_with_the_table(predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read when they are needed: never more than a batch is held."""
    source, held, largest = write(tmp_path / "reviews.csv", [TEXT] * 2_000), 0, 0
    answer = predictor.stream

    def watched(texts: object) -> object:
        nonlocal held, largest
        batch = list(texts)  # type: ignore[call-overload]
        held = len(batch)
        largest = max(largest, held)
        return answer(batch)

    monkeypatch.setattr(predictor, "stream", watched)
    score(predictor, None, Job(source, tmp_path / "scored.csv", "text"), lambda *_: None)
    assert largest == table.BATCH


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"id,review\n1,dull\n", r"no column 'text' \(--text-column\); its columns: id, review"),
        (b"", "is empty; give CSV, TSV, JSON lines"),
        (b"0,a dull script indeed\n1,a superb script\n", r"looks like data, .*: --columns=label,text"),
        (b"id,text,id\n1,dull,2\n", "several columns are named 'id'; rename all but one, so that none is lost"),
        (b"text,text\ndull,script\n", "several columns are named 'text'"),
        (b"id;stars\n1;2\n", r"no column 'text' \(--text-column\); its columns: id, stars"),
        ("text\ndull\n".encode("utf-16-le"), "line 1, which should name the columns, has a NUL byte; .*--encoding=utf-16"),
        (b"id,text,study\n1,dull,x\n", r"has columns that would be added \(study\)"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(content: bytes, sentence: str, predictor: Predictor, tmp_path: Path) -> None:
    reading = Reading("utf-8" if b"\0" in content else "auto")
    (tmp_path / "reviews.csv").write_bytes(content)
    with pytest.raises(TableError, match=sentence):
        score(predictor, None, Job(tmp_path / "reviews.csv", tmp_path / "o.csv", "text", reading), lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == ["reviews.csv"]


def test_another_encoding_can_be_named_and_an_unknown_one_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.csv", ["the caf\u00e9 was dull"], encoding="latin-1")
    score(predictor, None, Job(source, tmp_path / "o.csv", "text", Reading("latin-1")), lambda *_: None)
    assert read(tmp_path / "o.csv")[0]["text"] == "the caf\u00e9 was dull"
    with pytest.raises(TableError, match="--encoding=latin-99: unknown encoding"):
        score(predictor, None, Job(source, tmp_path / "p.csv", "text", Reading("latin-99")), lambda *_: None)


def test_two_processes_cannot_write_the_same_output_and_a_folder_that_cannot_be_written_is_one_sentence(
    predictor: Predictor, tmp_path: Path
) -> None:
    job = Job(write(tmp_path / "reviews.csv", [TEXT] * 600), tmp_path / "o.csv", "text")
    refused: list[str] = []

    def again(done: int, total: int) -> None:
        with pytest.raises(TableError) as error:
            score(predictor, None, job, lambda *_: None)
        refused.append(str(error.value))

    score(predictor, None, job, again)
    assert refused and all("another process is writing it" in sentence for sentence in refused)
    assert len(read(tmp_path / "o.csv")) == 600
    elsewhere = Job(tmp_path / "reviews.csv", Path("/proc/nowhere/o.csv"), "text")
    with pytest.raises(ArtifactsError, match="cannot be used"):
        score(predictor, None, elsewhere, lambda *_: None)


def test_an_output_that_exists_is_never_written_over(predictor: Predictor, tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.csv", [TEXT])
    (tmp_path / "o.csv").write_text("mine")
    with pytest.raises(TableError, match="exists: remove it"):
        score(predictor, None, Job(source, tmp_path / "o.csv", "text"), lambda *_: None)
    assert (tmp_path / "o.csv").read_text() == "mine"


# -- nothing is lost without a word ------------------------------------------------------------------------------------

TABLE = f"id,text\n1,{TEXT}\n2,the script was superb\n"


def scored(predictor: Predictor, source: Path, output: Path, encoding: str = "auto") -> list[dict[str, str]]:
    score(predictor, None, Job(source, output, "text", Reading(encoding)), lambda *_: None)
    return read(output)


def test_a_file_is_read_with_the_options_of_the_command_line(predictor: Predictor, tmp_path: Path) -> None:
    source, output = tmp_path / "reviews.txt", tmp_path / "scored.csv"
    source.write_bytes('1;x;"the caf\u00e9 was dull\n0;y;so superb"\n'.encode("latin-1"))
    options = ["--file", str(source), "--output", str(output), "--encoding", "latin-1", "--separator", ";", "--quoting", "none"]
    done = predict(predictor.run.folder.path, *options, "--columns=label,-,opinion", "--text-column", "opinion")
    assert done.code == 0, done.err
    assert [(row["label"], row["opinion"]) for row in read(output)] == [("1", '"the caf\u00e9 was dull'), ("0", 'so superb"')]
    done = predict(predictor.run.folder.path, "--file", "https://example.org/r.csv", "--output", str(tmp_path / "o.csv"))
    assert done.code == 2 and "https://example.org/r.csv is a web address" in done.err


def test_a_folder_of_texts_is_scored_but_not_into_itself(predictor: Predictor, tmp_path: Path) -> None:
    for label in ("neg", "pos"):
        (tmp_path / "mine" / label).mkdir(parents=True)
        (tmp_path / "mine" / label / "1.txt").write_text(TEXT)
    rows = scored(predictor, tmp_path / "mine", tmp_path / "scored.csv")
    assert [(row["label"], row["title"], row["problem"]) for row in rows] == [("neg", "1.txt", ""), ("pos", "1.txt", "")]
    with pytest.raises(TableError, match="lies in the folder that is read"):
        scored(predictor, tmp_path / "mine", tmp_path / "mine" / "scored.csv")


@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_a_table_from_a_pipe_is_scored_whole(source: str, predictor: Predictor, tmp_path: Path) -> None:
    output = tmp_path / "scored.csv"
    done = predict(predictor.run.folder.path, "--file", source, "--output", str(output), stdin=TABLE)
    assert done.code == 0, done.err
    assert [row["id"] for row in read(output)] == ["1", "2"]
    assert [path.name for path in tmp_path.iterdir()] == ["scored.csv"]


def test_a_named_pipe_is_scored_whole(predictor: Predictor, tmp_path: Path) -> None:
    pipe = tmp_path / "reviews.csv"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=(TABLE,), daemon=True).start()
    assert [row["id"] for row in scored(predictor, pipe, tmp_path / "scored.csv")] == ["1", "2"]


def test_an_interrupted_table_from_a_pipe_leaves_nothing_and_one_that_was_killed_is_not_continued(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(Path("-"), tmp_path / "scored.csv", "text")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with (tmp_path / "given").open("w+") as given:
        given.write(TABLE)
        given.seek(0)
        monkeypatch.setattr(sys, "stdin", given)
        with pytest.raises(KeyboardInterrupt):
            score(predictor, None, job, stop)
    assert [path.name for path in tmp_path.iterdir()] == ["given"]
    job.mark.write_text("{}")
    with pytest.raises(TableError, match="a table from a pipe cannot go on with it; remove it"):
        score(predictor, None, job, lambda *_: None)


@pytest.mark.parametrize("name", ["x.csv", "x.csv.part", "x.csv.part.json", ".x.csv.lock"])
@pytest.mark.parametrize("how", ["itself", "link", "hard link"])
def test_a_source_that_is_in_the_way_of_its_own_output_is_refused_and_left_as_it_is(
    name: str, how: str, predictor: Predictor, tmp_path: Path
) -> None:
    place, source = tmp_path / name, tmp_path / name
    place.write_text(TABLE)
    if how != "itself":
        source = tmp_path / "another name.csv"
        source.symlink_to(place) if how == "link" else source.hardlink_to(place)
    with pytest.raises(TableError, match=r"which is written while .*x.csv is made; choose another --output"):
        score(predictor, None, Job(source, tmp_path / "x.csv", "text"), lambda *_: None)
    assert place.read_text() == TABLE and source.read_text() == TABLE


@pytest.mark.parametrize("name", ["x.csv.part", "x.csv.part.json", ".x.csv.lock"])
def test_a_file_of_somebody_else_where_the_output_is_made_is_left_as_it_is(
    name: str, predictor: Predictor, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(TableError, match=r"move it away|remove it"):
        scored(predictor, write(tmp_path / "reviews.csv", [TEXT]), tmp_path / "x.csv")
    assert (tmp_path / name).read_text() == "mine"


def test_an_output_that_comes_into_being_meanwhile_is_not_written_over(predictor: Predictor, tmp_path: Path) -> None:
    job = Job(write(tmp_path / "reviews.csv", [TEXT]), tmp_path / "x.csv", "text")

    def write_mine(done: int, total: int) -> None:
        job.output.write_text("mine")

    with pytest.raises(TableError, match="has come into being meanwhile"):
        score(predictor, None, job, write_mine)
    assert job.output.read_text() == "mine"
    job.output.unlink()
    assert score(predictor, None, job, lambda *_: None) == 0 and len(read(job.output)) == 1


def test_a_table_that_is_changed_while_it_is_read_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.csv", [TEXT] * 600)
    job = Job(source, tmp_path / "x.csv", "text")

    def write_less(done: int, total: int) -> None:
        write(source, [TEXT] * 3)

    with pytest.raises(TableError, match="was changed while it was read"):
        score(predictor, None, job, write_less)
    assert not job.output.exists()


@pytest.mark.parametrize(
    ("content", "problem", "cells"),
    [
        (b"id,text\n1,dull\n2,dull,script\n3,dull\n", "line 3 has 3 cells .*; left over: 'script'", ["2", "dull"]),
        (b"id,text\n1,dull\n2\n3,dull\n", "line 3 has 1 cell where the first row names 2", ["2", ""]),
        (b'id,text\n1,"dull, so"\n2,"dull\n3,dull\n', "line 3 opens a quote that is closed nowhere", ["2", '"dull']),
        (b'id,text\n1,"dull, so"\n2,"dull" x\n3,dull\n', "line 3 has a quote in the middle", ["2", '"dull" x']),
        (b"id,text\n1,dull\n2,caf\xe9\n3,dull\n", "line 3 has a byte 0xe9 in column 'text' .* --encoding=", ["2", "caf\\xe9"]),
        (b"id,text\n1,dull\n2,dull\x00script\n3,dull\n", "line 3 has a NUL byte in column 'text'", ["2", "dull\0script"]),
        (b"id,text\n1,dull\n2," + b"x" * 5_000_001 + b"\n3,dull\n", "line 3 has a cell of more than 5,000,000 characters", None),
    ],
)
def test_a_row_that_does_not_fit_is_in_the_output_with_its_reason(
    content: bytes, problem: str, cells: list[str] | None, predictor: Predictor, tmp_path: Path
) -> None:
    (tmp_path / "reviews.csv").write_bytes(content)
    job = Job(tmp_path / "reviews.csv", tmp_path / "x.csv", "text", Reading("utf-8"))
    assert score(predictor, None, job, lambda *_: None) == 1
    csv.field_size_limit(6_000_000)
    rows = read(tmp_path / "x.csv")
    assert [row["id"] for row in rows] == ["1", "2", "3"] and [row["problem"] == "" for row in rows] == [True, False, True]
    assert re.match(problem, rows[1]["problem"]) and rows[1]["predicted"] == ""
    assert cells is None or [rows[1]["id"], rows[1]["text"]] == cells


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"text\r\ndull\r\nscript\r\n", ["dull", "script"]),
        (b"text\rdull\rscript", ["dull", "script"]),
        (b"\xef\xbb\xbftext\ndull\n", ["dull"]),
        (b'id,text,\n1,"dull\nscript ""twice""",x\n', ['dull\nscript "twice"']),
        (b"text\ndull\n\nscript\n", ["dull", "", "script"]),
        (b"id,text\n1,dull\n\n\n", ["dull"]),
        (b"text\n", []),
        (b"\xef\xbb\xbfid;text\r\n1;dull\r\n", ["dull"]),
        ("id\ttext\n1\tdull caf\u00e9\n".encode("utf-16"), ["dull caf\u00e9"]),
        (b'{"text": "dull", "stars": 5}\n{"text": "script"}\n', ["dull", "script"]),
        (gzip.compress(b"id,text\n1,dull\n", mtime=1), ["dull"]),
    ],
)
def test_every_row_is_in_the_output(content: bytes, texts: list[str], predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_bytes(content)
    assert [row["text"] for row in scored(predictor, tmp_path / "reviews.csv", tmp_path / "x.csv")] == texts


@pytest.mark.parametrize("output", [".", "/dev/null"])
def test_an_output_that_is_no_file_is_refused_without_the_advice_to_remove_it(
    output: str, predictor: Predictor, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("text\ndull\n")
    with pytest.raises(TableError, match="is no file that a table can be written to; choose another --output"):
        score(predictor, None, Job(tmp_path / "t.csv", Path(output), "text"), lambda *_: None)
