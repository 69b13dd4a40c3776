"""Laws of `main.py inspect`: what stands in a table is said, and a run makes of it what inspect says."""

import csv
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import main as command_line
from analysis.inspection import SAMPLE, scripts
from tests.conftest import Finished

InProcess = Callable[..., Finished]


@pytest.fixture
def table(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Three classes of short texts, one of them empty, one twice, one with two labels."""
    words = np.array(["good", "bad", "film", "plot", "fine", "slow", "dull"])
    rows = [
        [n, " ".join(rng.choice(words, rng.integers(3, 20))) + f" number{n}", ("low", "mid", "high")[n % 3]] for n in range(600)
    ]
    rows[10][1], rows[20][1:], rows[30][1:] = "", rows[21][1:], [rows[31][1], rows[32][2]]
    path = tmp_path / "my table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "Review", "verdict"], *rows])
    return path


def test_inspect_says_what_it_found_and_the_command_that_runs_it_makes_the_same_of_it(
    table: Path, tmp_path: Path, in_process: InProcess
) -> None:
    done = in_process(command_line.main, "inspect", str(table), "--set", "data.labels=low mid high")
    assert done.code == 0, done.err
    cells = [re.split(r"\s{2,}", line.strip()) for line in done.out.splitlines()]
    assert ["Review", "text"] in [each[:2] for each in cells] and ["verdict", "label"] in [each[:2] for each in cells]
    assert [each[:3] for each in cells if each[0] in ("low", "mid", "high")] == [
        ["low", "200", "33.4%"],
        ["mid", "199", "33.2%"],
        ["high", "200", "33.4%"],
    ]
    assert "1 of 600 rows was left out: line 12 has no text" in done.out
    assert "599 labelled reviews; 2 repeat the text of an earlier one" in done.out
    assert "1 text stands in the data with more than one label, such as" in done.out
    assert "scripts: Latin 100.0% of the letters" in done.out
    (command,) = re.findall(r"^run it: +\S+ main.py (.*)$", done.out, re.MULTILINE)
    plan = in_process(command_line.main, *shlex.split(command), "--dry-run", "--artifacts", str(tmp_path / "a"))
    (told,) = re.findall(r"a run makes of it: (.* test reviews)", done.out)
    assert plan.code == 0 and f"my table.csv: {told}" in plan.out
    assert "1 text stands in the data with more than one label, such as" in plan.out
    (buckets,) = re.findall(r"to test\): (.*)", plan.out)
    learned = {name: int(n) for name, n in re.findall(r"(\S+) \((\d+) and", buckets)}
    assert {each[0]: int(each[1]) + int(each[2]) for each in cells if re.fullmatch(r"\d+-(\d+|end)", each[0])} == learned
    assert not (tmp_path / "artifacts").exists()


def test_a_table_that_no_run_can_use_is_described_before_the_reason(tmp_path: Path, in_process: InProcess) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label\n" + "".join(f"a film number{n},{n}\n" for n in range(100)))
    done = in_process(command_line.main, "inspect", str(path))
    assert done.code == 2 and "a film number0" in done.out and "100 different labels" in done.err


def test_what_a_run_refuses_inspect_refuses_too(table: Path, in_process: InProcess) -> None:
    done = in_process(command_line.main, "inspect", str(table), "--set", "data.unlabelled=True")
    assert done.code == 2 and "data.unlabelled: my table.csv has no unlabelled reviews" in done.err


def test_a_large_table_is_sampled_and_says_so(tmp_path: Path, in_process: InProcess) -> None:
    rng = np.random.default_rng(1)
    words = np.array([f"word{n}" for n in range(5_000)])
    texts = [" ".join(rng.choice(words, 200)) for _ in range(500)]
    path = tmp_path / "large.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "label"], *([f"{texts[n % 500]} {n}", n % 2] for n in range(30_000))])
    done = in_process(command_line.main, "inspect", str(path))
    assert done.code == 0, done.err
    assert f"counted of {SAMPLE:,} texts, the others estimated" in done.out and "202 (50%)" in done.out.replace("203", "202")


def test_scripts_are_told_by_their_share_of_the_letters() -> None:
    found = scripts(["這部電影 123 !!", "abcd", "абвг", "カメラ"])
    assert set(found) == {"Han", "Latin", "Cyrillic", "Katakana"}
    assert sum(found.values()) == pytest.approx(1) and found["Han"] == found["Latin"] == 4 / 15
    assert scripts(["12 !"]) == {}


def test_bad_usage_is_one_sentence(tmp_path: Path, in_process: InProcess) -> None:
    for arguments, sentence in (
        (("/nowhere.csv",), "there is no such file"),
        (("demo",), "inspect looks at tables"),
        (("r.csv", "nothing"), "no profile is named 'nothing'"),
        (("r.csv", "--set", "data.labels=a"), "expected 2 to 50 classes"),
    ):
        done = in_process(command_line.main, "inspect", *arguments)
        assert done.code == 2 and sentence in done.err, done
