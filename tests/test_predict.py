"""Laws of `python predict.py`: what it prints, its exit codes, one sentence for bad input, and tables of any size."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inference import table
from inference.predictor import Predictor
from inference.table import ADDED, Job, score
from records.errors import ArtifactsError, TableError
from tests.conftest import ROOT, Finished, SmokeRun

TEXT = "the script was dull and the music was not clever"


def predict(run: Path, *arguments: str, stdin: str | bytes | None = None, timeout: int = 60) -> Finished:
    command = [sys.executable, str(ROOT / "predict.py"), "--run", str(run), *arguments]
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(command, capture_output=True, input=given if given is not None else b"", timeout=timeout, check=False)
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_help_and_an_answer_need_neither_tensorflow_nor_pandas(smoke_run: SmokeRun) -> None:
    code = (
        "import sys, predict; predict.main(sys.argv[1:]);"
        "print([name for name in ('tensorflow', 'keras', 'pandas', 'scipy', 'sklearn', 'plotly') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--run", str(smoke_run.folder), TEXT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_end_of_a_run_names_the_command_that_asks_it(smoke_run: SmokeRun) -> None:
    line = smoke_run.finished.out.rstrip().splitlines()[-1]
    folder = smoke_run.artifacts / smoke_run.folder.name
    assert re.fullmatch(rf'ask it:  \S+ predict\.py --run {folder} "a review of yours"', line)
    command = line.removeprefix("ask it:  ").replace('"a review of yours"', "").split()
    assert subprocess.run([*command, TEXT], cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_a_text_is_answered_in_words_and_as_json_with_the_same_numbers(smoke_run: SmokeRun) -> None:
    words, as_json = predict(smoke_run.folder, TEXT), predict(smoke_run.folder, "--json", TEXT)
    answer = json.loads(as_json.out)
    assert (words.code, as_json.code, words.err, as_json.err) == (0, 0, "", "")
    assert {"sentiment", "probability", "confidence", "bucket", "study"} <= set(answer)
    assert words.out.startswith(f"{answer['sentiment']}: {answer['confidence']:.1%} sure")
    assert f"by {answer['study']}, for reviews of {answer['bucket']}" in words.out


def test_lines_of_standard_input_are_answered_line_by_line_and_bad_ones_in_their_place(smoke_run: SmokeRun) -> None:
    done = predict(smoke_run.folder, "--json", stdin=f"{TEXT}\n\n{TEXT}\n")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1 and "line 2: the text is empty" in done.err
    assert "error" in answers[1] and answers[0]["probability"] == answers[2]["probability"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([""], "the text is empty"),
        (["😀 😀"], "none of the text's 2 words is known"),
        (["--study", "grru", TEXT], "no study is named 'grru'"),
        (["--run", "/nowhere", TEXT], "there is no run"),
        (["--file", "/nowhere.csv", "--output", "never.csv"], "cannot be read as a table"),
        (["--file", "x.csv"], "--file needs --output"),
        (["--probe", TEXT], "--probe stands alone"),
        (["--probe", "--serve"], "--probe stands alone"),
        (["--explain", "--output", "/dev/null/page.html", TEXT], "cannot be used"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str, smoke_run: SmokeRun) -> None:
    done = predict(smoke_run.folder, *arguments)
    assert done.code == 2 and sentence in done.err and "Traceback" not in done.err


def test_standard_input_that_is_not_utf8_is_one_sentence(smoke_run: SmokeRun) -> None:
    done = predict(smoke_run.folder, stdin=b"the script was dull\xff\xfe\n")
    assert done.code == 2 and "not UTF-8" in done.err and "Traceback" not in done.err


def test_an_explanation_is_shown_in_the_terminal_as_json_and_as_a_page_that_loads_nothing(
    smoke_run: SmokeRun, tmp_path: Path
) -> None:
    hostile = f"{TEXT} <script>alert(1)</script>"
    shown = predict(smoke_run.folder, "--explain", hostile)
    assert shown.code == 0 and "The shares of integrated gradients" in shown.out and "in a random order" in shown.out
    explained = json.loads(predict(smoke_run.folder, "--explain", "--json", hostile).out)["explanation"]
    assert len(explained["words"]) == len(explained["gradients"]) == len(explained["occlusion"])
    page = tmp_path / "why.html"
    assert predict(smoke_run.folder, "--explain", "--output", str(page), hostile).code == 0
    html = page.read_text()
    assert "Which words pushed which way" in html and "<script>alert" not in html
    outside_plotly = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"(src|href)=", outside_plotly) and "<link" not in outside_plotly


def test_probes_print_a_row_an_architecture(smoke_run: SmokeRun) -> None:
    done = predict(smoke_run.folder, "--probe")
    assert done.code == 0 and "GRU from" in done.out and "not good is negative" in done.out


# -- tables -----------------------------------------------------------------------------------------------------------


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
    assert done.code == 1 and "1 rows could not be read" in done.out
    assert list(rows[0]) == ["id", "text", *ADDED] and [row["text"] for row in rows] == texts
    assert rows[2]["problem"].startswith("the text is empty") and rows[2]["sentiment"] == ""
    for row, text in zip(rows, texts, strict=True):
        if text:
            assert float(row["probability"]) == pytest.approx(predictor(text).probability, abs=1e-6)
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
    score(predictor, None, Job(source, output, "text", "utf-8-sig"), lambda done, _: seen.append(done))
    assert seen[0] > begun - 1 and seen[-1] == 30_000
    rows = read(output)
    assert [row["id"] for row in rows] == [str(i) for i in range(30_000)]
    for number in (0, begun - 1, begun, 29_999):
        assert float(rows[number]["probability"]) == pytest.approx(predictor(rows[number]["text"]).probability, abs=1e-6)


def test_a_job_of_another_study_or_a_changed_table_is_not_continued(predictor: Predictor, tmp_path: Path) -> None:
    source, output = write(tmp_path / "reviews.csv", [TEXT] * 600), tmp_path / "scored.csv"

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    job = Job(source, output, "text", "utf-8")
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
    score(predictor, None, Job(source, tmp_path / "scored.csv", "text", "utf-8"), lambda *_: None)
    assert largest == table.BATCH


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"id,review\n1,dull\n", "no column 'text'; its columns are id, review"),
        (b"", "no column 'text'; its columns are none"),
        (b"id,text\n1,dull\n2,dull,script\n", "row 3 has not 2 cells"),
        (b"id,text\n1\n", "row 2 has not 2 cells"),
        ("id,text\n1,dull\n2,caf\u00e9\n".encode("latin-1"), "line 3 is not utf-8-sig .*; save it in one encoding"),
        ("id,text\n1,\u00e9\n".encode() + "2,caf\u00e9\n".encode("latin-1"), "line 3 is not utf-8-sig"),
        (b"id,text,study\n1,dull,x\n", r"has columns that would be added \(study\)"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(content: bytes, sentence: str, predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_bytes(content)
    with pytest.raises(TableError, match=sentence):
        score(predictor, None, Job(tmp_path / "reviews.csv", tmp_path / "o.csv", "text", "utf-8-sig"), lambda *_: None)
    assert not (tmp_path / "o.csv").exists()


def test_another_encoding_can_be_named_and_an_unknown_one_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.csv", ["the caf\u00e9 was dull"], encoding="latin-1")
    score(predictor, None, Job(source, tmp_path / "o.csv", "text", "latin-1"), lambda *_: None)
    assert read(tmp_path / "o.csv")[0]["text"] == "the caf\u00e9 was dull"
    with pytest.raises(TableError, match="--encoding: unknown encoding: latin-99"):
        score(predictor, None, Job(source, tmp_path / "p.csv", "text", "latin-99"), lambda *_: None)


def test_two_processes_cannot_write_the_same_output_and_a_folder_that_cannot_be_written_is_one_sentence(
    predictor: Predictor, tmp_path: Path
) -> None:
    job = Job(write(tmp_path / "reviews.csv", [TEXT] * 600), tmp_path / "o.csv", "text", "utf-8")
    refused: list[str] = []

    def again(done: int, total: int) -> None:
        with pytest.raises(TableError) as error:
            score(predictor, None, job, lambda *_: None)
        refused.append(str(error.value))

    score(predictor, None, job, again)
    assert refused and all("another process is writing it" in sentence for sentence in refused)
    assert len(read(tmp_path / "o.csv")) == 600
    elsewhere = Job(tmp_path / "reviews.csv", Path("/proc/nowhere/o.csv"), "text", "utf-8")
    with pytest.raises(ArtifactsError, match="cannot be used"):
        score(predictor, None, elsewhere, lambda *_: None)


def test_an_output_that_exists_is_never_written_over(predictor: Predictor, tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.csv", [TEXT])
    (tmp_path / "o.csv").write_text("mine")
    with pytest.raises(TableError, match="exists: remove it"):
        score(predictor, None, Job(source, tmp_path / "o.csv", "text", "utf-8"), lambda *_: None)
    assert (tmp_path / "o.csv").read_text() == "mine"
