"""Laws of paths: `~`, blanks, quotes and letters of any script do in every option, setting and variable that holds a path."""

import argparse
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import main as main_line
import predict as predict_line
from commands import evaluate, run
from config import PROFILES, Data
from data import store
from data.sources import imdb
from data.sources.locate import load, place
from data_preprocessing import prepare
from experiment.options import with_overrides
from experiment.program_cache import ProgramCache
from inference.predictor import Predictor
from records.files import user_path
from tests.conftest import ROOT, Finished, SmokeRun

ODD = "Meine Läufe, d'été 中文 (1)"
TEXT = "a dull story and a superb cast"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder, and a folder of an odd name in it."""
    (tmp_path / ODD).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ODD


def parsers() -> list[argparse.ArgumentParser]:
    found = [argparse.ArgumentParser() for _ in range(3)]
    for parser, add in zip(found, (run.add_arguments, evaluate.add_arguments, predict_line._add_arguments), strict=True):
        add(parser)
    return found


def test_every_option_that_is_a_path_takes_the_home_folder_as_a_tilde() -> None:
    named = {"DIR", "FILE", "RUN"}  # a TABLE may be an address, which is refused as it was written, or -
    paths = [
        action
        for parser in parsers()
        for action in parser._actions
        if action.metavar in named or action.type in (user_path, Path)
    ]
    assert len(paths) >= 5 and {action.type for action in paths} == {user_path}


def test_a_tilde_is_the_home_folder_and_of_someone_unknown_it_is_a_letter(home: Path) -> None:
    assert user_path(f"~/{ODD}") == home and user_path("~") == home.parent
    assert user_path("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x") and user_path("-") == Path("-")


def write_table(path: Path, rows: int = 400) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"])
        table.writerows([f"{'dull' if n % 2 else 'superb'} story number {n} " * (2 + n % 80), n % 2] for n in range(rows))


def test_every_setting_and_variable_that_is_a_path_takes_a_tilde_and_odd_names(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(home / "my table.csv")
    (home / "my words.json").write_text(json.dumps({"superb": 1, "story": 2, "dull": 3}))
    settings = [f"data.source=~/{ODD}/my table.csv", f"data.word_index=~/{ODD}/my words.json", "compare.bucket_edges=()"]
    config = with_overrides(PROFILES["smoke"].config, settings)
    dataset = prepare(config)
    assert dataset.vocabulary.words == ("superb", "story", "dull")
    assert store.source_digest(config.data) is not None
    monkeypatch.setenv("LENGTHWISE_DATA", f"~/{ODD}")
    assert place(Data()) == home
    monkeypatch.delenv("LENGTHWISE_DATA")
    monkeypatch.setenv("KERAS_HOME", f"~/{ODD}")
    assert imdb.cache_folder() == home / "datasets"
    (home / "datasets").mkdir()
    for name in imdb.FILES:
        (home / "datasets" / name).touch()
    with pytest.raises(ValueError, match="not a complete Keras"):  # it is looked for there
        load(Data(), seed=1)


def test_word_vectors_are_found_by_a_path_with_a_tilde(home: Path) -> None:
    from data import word_vectors

    lines = [f"{word} {' '.join(['0.5'] * 16)}" for word in ("superb", "dull", "story")]
    (home / "my vectors.txt").write_text("\n".join(lines) + "\n")
    config = with_overrides(PROFILES["smoke"].config, [f"vectors.source=~/{ODD}/my vectors.txt", "data.demo_reviews=300"])
    dataset = prepare(config)
    assert word_vectors.fingerprint(config, dataset)
    (made,) = word_vectors.load_or_build(config, dataset, home / "cache", say=lambda _: None).values()
    assert made.is_file() and made.is_relative_to(home)


def test_a_run_in_a_folder_of_an_odd_name_is_asked_scored_and_explained(
    smoke_run: SmokeRun, home: Path, in_process: Callable[..., Finished]
) -> None:
    shutil.copytree(smoke_run.artifacts, home / "artifacts", symlinks=True)
    write_table(home / "my table.csv", 30)
    latest = f"--run=~/{ODD}/artifacts/latest"  # a shell leaves what stands behind = as it is
    here = f"~/{ODD}"
    assert Predictor.load(f"{here}/artifacts/latest")(TEXT).tokens == 8
    for arguments in (
        (TEXT,),
        ("--file", f"{here}/my table.csv", f"--output={here}/scored é.csv"),
        ("--explain", "--output", f"{here}/why it is so.html", TEXT),
    ):
        done = in_process(predict_line.main, latest, *arguments)
        assert done.code == 0, done.err
    assert len((home / "scored é.csv").read_text(encoding="utf-8").splitlines()) == 31
    assert (home / "why it is so.html").is_file()
    done = in_process(main_line.main, "evaluate", f"{here}/artifacts/latest", f"--on={here}/my table.csv")
    assert done.code == 0, done.err
    settings = ["--set", f"data.source={here}/my table.csv", "compare.bucket_edges=()"]
    done = in_process(main_line.main, "smoke", "--dry-run", f"--artifacts={here}/artifacts", *settings)
    assert done.code == 0, done.err
    assert not (home.parent / "~").exists() and not Path("~").exists()


def test_the_command_that_a_run_ends_with_can_be_copied_whatever_its_folder(
    smoke_run: SmokeRun, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from report import console
    from saver import RunFolder

    shutil.copytree(smoke_run.artifacts, home / "artifacts", symlinks=True)
    folder = RunFolder(home / "artifacts" / smoke_run.folder.name)
    console.print_summary(folder, Predictor.load(folder.path).run.roster)
    *lines, last = capsys.readouterr().out.rstrip().splitlines()
    chances = [f"{100 * verdict.chance:.1f}" for verdict in folder.findings().verdicts]
    (row,) = [re.findall(r"[\d.]+", line) for line in lines if "always the largest class" in line]
    assert row == chances
    assert shlex.split(last.removeprefix("ask it:"))[1:] == ["predict.py", "--run", str(folder.path), "a review of yours"]


def test_make_hands_on_a_quoted_path_with_blanks() -> None:
    command = [
        "make",
        "-n",
        "-o",
        ".venv/.installed-run",
        "run",
        """ARGS=--artifacts 'my runs' --set "data.source=/my reviews/all.csv" """,
    ]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    line = next(line for line in shown.splitlines() if "main.py" in line)
    assert shlex.split(line)[1:] == ["main.py", "quick", "--artifacts", "my runs", "--set", "data.source=/my reviews/all.csv"]


@pytest.mark.parametrize("name", [ODD, "with blanks", "d'été", 'a "quoted" one'])
def test_compiled_programs_are_kept_in_folders_of_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TF_XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    own = tmp_path / name / "own"
    ProgramCache(tmp_path / name / "common", own, "tensorflow")
    (flag,) = shlex.split(os.environ["TF_XLA_FLAGS"])
    assert flag == f"--tf_xla_persistent_cache_directory={own}" and own.is_dir()
