"""Laws of `python predict.py`: what it prints, its exit codes, one sentence for bad input."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import predict as command_line
from tests.conftest import ROOT, Finished, SmokeRun, main

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
    assert {"label", "probability", "probabilities", "confidence", "bucket", "study"} <= set(answer)
    assert words.out.startswith(f"{answer['label']}: {answer['confidence']:.1%} sure")
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
        (["--file", "/nowhere.csv", "--output", "never.csv"], "there is no such file or folder"),
        (["--file", "x.csv"], "--file needs --output"),
        (["--probe", TEXT], "--probe stands alone"),
        (["--probe", "--serve"], "--probe stands alone"),
        (["--output", "never.txt", TEXT], "--output goes with --file or --explain"),
        (["--explain", "--output", "/dev/null/page.html", TEXT], "cannot be used"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, smoke_run: SmokeRun, in_process: Callable[..., Finished]
) -> None:
    done = in_process(command_line.main, "--run", str(smoke_run.folder), *arguments)
    assert done.code == 2 and sentence in done.err and "Traceback" not in done.err


def test_a_mark_of_byte_order_is_no_part_of_the_first_line(smoke_run: SmokeRun) -> None:
    plain, marked = (predict(smoke_run.folder, "--json", stdin=start + b"dull script\n") for start in (b"", b"\xef\xbb\xbf"))
    assert [json.loads(done.out)["unknown_words"] for done in (plain, marked)] == [[], []]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_the_same_whatever_system_wrote_them(encoding: str, end: str, smoke_run: SmokeRun) -> None:
    lines = ["dull script, d'\u00e9t\u00e9", "a superb cast \u4e2d\u6587", "the last one has no end"]
    plain = predict(smoke_run.folder, "--json", stdin="\n".join(lines))
    other = predict(smoke_run.folder, "--json", stdin=end.join(lines).encode(encoding))
    said = [[json.loads(line) | {"milliseconds": 0} for line in done.out.splitlines()] for done in (plain, other)]
    assert (other.code, other.err) == (0, "") and len(said[0]) == 3 and said[0] == said[1]


@pytest.mark.parametrize("mark", [b"\xfe\xff", b"\xff\xfe"])
def test_lines_in_utf16_that_begin_with_either_mark_are_read_and_others_are_refused(mark: bytes, smoke_run: SmokeRun) -> None:
    order = "utf-16-be" if mark == b"\xfe\xff" else "utf-16-le"
    text = "dull script\r\nsuperb cast\r\n".encode(order)
    assert len(predict(smoke_run.folder, stdin=mark + text).out.splitlines()) == 2
    for stdin, why in ((text, "holds zeros, as UTF-16 without a byte-order mark does"), (mark + text[:-1], "is not UTF-16 (")):
        done = predict(smoke_run.folder, stdin=stdin)
        assert done.code == 2 and done.err.startswith(f"error: standard input {why}") and len(done.err.splitlines()) == 1
        assert "; save it as UTF-8, or use iconv: " in done.err


def test_a_run_of_an_earlier_version_is_one_sentence_that_names_the_version_that_reads_it(own_smoke_run: SmokeRun) -> None:
    path = own_smoke_run.folder / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"artefact_version": 5}))
    sentence = f"error: {own_smoke_run.folder} is of format 5, which is read by Lengthwise 0.4; this program is Lengthwise "
    for arguments in ([TEXT], ["--file", "never.csv", "--output", "scored.csv"], ["--probe"], ["--export", "onnx"]):
        done = predict(own_smoke_run.folder, *arguments)
        assert done.code == 2 and done.out == "" and done.err.startswith(sentence) and len(done.err.splitlines()) == 1
    table = own_smoke_run.artifacts / "other.csv"
    table.write_text("text,label\ndull,0\n")
    done = main("evaluate", str(own_smoke_run.folder), "--on", str(table))
    assert done.code == 2 and done.out == "" and done.err.startswith(sentence) and len(done.err.splitlines()) == 1


def test_keras_answers_where_the_numpy_engine_does_not_reproduce_a_network(own_smoke_run: SmokeRun) -> None:
    whole = json.loads(predict(own_smoke_run.folder, "--json", TEXT).out)
    path = own_smoke_run.folder / "studies" / f"{whole['study']}.json"
    path.write_text(re.sub(r'"engine_difference": \S+', '"engine_difference": 0.2,', path.read_text()))
    done = predict(own_smoke_run.folder, "--json", TEXT)
    assert done.code == 0 and json.loads(done.out)["probability"] == pytest.approx(whole["probability"], abs=1e-5)
    assert f"{whole['study']} is not read by the NumPy engine" in done.err and "Keras reads it instead" in done.err
    done = predict(own_smoke_run.folder, "--explain", TEXT)
    assert done.code == 0 and "Integrated gradients are not available" in done.out and "in the order of occlusion" in done.out
    done = predict(own_smoke_run.folder, "--probe")
    assert done.code == 0 and f"left out: {whole['study']} is not read by the NumPy engine" in done.err


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("program", ["predict.py", "main.py"])
def test_standard_output_that_cannot_be_written_to_is_one_sentence(program: str, unbuffered: str, smoke_run: SmokeRun) -> None:
    asked = {"predict.py": ["--run", str(smoke_run.folder), TEXT], "main.py": ["--list"]}[program]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, str(ROOT / program), *asked],
            stdout=full, stderr=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": unbuffered}, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2 and done.stderr.splitlines()[-1:] == [
        "error: standard output cannot be written to: No space left on device"
    ]
    assert "Traceback" not in done.stderr
