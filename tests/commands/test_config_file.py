"""Laws of config.py as people edit it: what Python would answer with a traceback is one sentence with its line."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import config_file
from config import PROFILES, Config
from tests.conftest import ROOT, Finished

ROOMS = sorted({path.parts[0] for path in (p.relative_to(ROOT) for p in ROOT.glob("*/*.py"))} - {"tests", "benchmarks"})


@pytest.fixture
def own_copy(tmp_path: Path) -> Path:
    """A copy of this program with a config.py that a test may change."""
    for name in [*ROOMS, *(path.name for path in ROOT.glob("*.py"))]:
        if name != "config.py":
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "config.py", tmp_path / "config.py")
    return tmp_path


def run(folder: Path, *command: str) -> Finished:
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    return Finished(done.returncode, done.stdout, done.stderr)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


LAST = "training=Training(epochs=5, patience=3, repeats=1),"  # of the profile smoke


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (LAST, LAST.replace("epochs", "epoch"), "Training has no field 'epoch'; did you mean epochs? Known: epochs, min_steps"),
        (LAST, LAST.replace("5,", "5"), "invalid syntax. Perhaps you forgot a comma?: training=Training(epochs=5 patience=3"),
        (LAST, LAST.replace("Training(", "Trainnig("), "there is no name 'Trainnig'; did you mean Training? Known: "),
        (LAST, LAST.replace("5", "true"), "there is no name 'true'; did you mean True? Known: "),
        (LAST, LAST.replace("5", "Range(1, 5)"), "TypeError: Range missing 1 required positional argument: 'step'"),
        (LAST, LAST.replace("5", "5 / 0"), "ZeroDivisionError: division by zero"),
        (LAST, LAST.replace("5,", "05,"), "leading zeros in decimal integer literals are not permitted"),
        ("import re\n", "import re\nimport no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
    ],
)
def test_a_mistake_in_config_py_is_one_sentence_with_its_line(old: str, new: str, sentence: str, own_copy: Path) -> None:
    text = (own_copy / "config.py").read_text(encoding="utf-8")
    changed = text.replace(old, new)
    (own_copy / "config.py").write_text(changed, encoding="utf-8")
    number = line_of(changed, new.strip("\n").split("\n")[-1])
    for command in (["main.py", "--list"], ["predict.py", "a text"]):
        done = run(own_copy, *command)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"configuration error:\nconfig.py, line {number}: {sentence}"), done.err
        assert len(done.err.splitlines()) == 2
    done = run(own_copy, "-c", "import predict")
    assert done.code == 1 and f"ConfigError: config.py, line {number}: {sentence}" in done.err  # who imports it is told as usual


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (LAST, LAST.replace("5", '"5"'), "training.epochs: expected an integer, got '5' (config.py, line {})"),
        (LAST, LAST.replace("5", "0"), "training.epochs: expected a positive number, got 0 (config.py, line {})"),
        (
            LAST,
            LAST.replace("Training(epochs=5, patience=3, repeats=1)", "{'epochs': 5}"),
            "training: expected Training(...), got",
        ),
        (LAST, LAST.replace("Training(epochs=5, patience=3, repeats=1)", "None"), "training: expected Training(...), got None"),
        ('minutes="under 1",', "minutes=1,", "PROFILES['smoke']: minutes: expected a text, got 1"),
        ("PROFILES: dict[str, Profile] = {", 'PROFILES = {"mine": Config(),', "PROFILES['mine']: expected Profile(...)"),
        (LAST, LAST.replace("Training", "Search"), "Search has no field 'repeats'; known: tuner, max_trials, "),
        ("PROFILES: dict", "PROFILE: dict", "cannot import name 'PROFILES' from 'config'"),
    ],
)
def test_a_value_of_the_wrong_kind_in_config_py_is_one_sentence(old: str, new: str, sentence: str, own_copy: Path) -> None:
    text = (own_copy / "config.py").read_text(encoding="utf-8")
    assert text.count(old) == 1
    changed = text.replace(old, new)
    (own_copy / "config.py").write_text(changed, encoding="utf-8")
    done = run(own_copy, "main.py", "smoke", "--dry-run")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 2), done.err
    assert sentence.format(line_of(changed, new)) in done.err


def test_what_the_command_line_changes_has_no_line_in_the_file() -> None:
    lines = config_file._lines("smoke")
    assert {f"{section}.{key}" for section, values in Config().plain().items() for key in values} == set(lines)
    text = config_file.FILE.read_text(encoding="utf-8").splitlines()
    assert "epochs=5" in text[lines["training.epochs"] - 1] and "clip_norm: float" in text[lines["training.clip_norm"] - 1]
    assert {name for name in PROFILES if config_file._lines(name) == config_file._lines("none")} == set()
