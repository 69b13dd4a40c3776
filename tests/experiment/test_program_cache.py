"""Laws of the compiled programs on disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiment.program_cache import ProgramCache, trim
from tests.conftest import ROOT

COMPILE = """
import sys
from pathlib import Path
from experiment.program_cache import ProgramCache, trim
programs = ProgramCache(Path(sys.argv[1]), Path(sys.argv[2]), "tensorflow")
import tensorflow as tf
programs.fetch()
before = set(Path(sys.argv[2]).iterdir())
print(float(tf.function(lambda x: tf.reduce_sum(x * x), jit_compile=True)(tf.range(5.0))))
print(len(set(Path(sys.argv[2]).iterdir()) - before))
programs.publish()
"""


def compile_in_a_process(common: Path, own: Path) -> list[str]:
    command = [sys.executable, "-c", COMPILE, str(common), str(own)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def test_a_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    common = tmp_path / "a folder with spaces"
    assert compile_in_a_process(common, common / "first") == ["30.0", "1"]
    assert compile_in_a_process(common, common / "second") == ["30.0", "0"]


def test_only_whole_programs_travel_and_none_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))  # what this sets is not for other tests
    one, two = (ProgramCache(tmp_path, tmp_path / name, "tensorflow") for name in ("one", "two"))
    (tmp_path / "one" / "program").write_text("from one")
    (tmp_path / "one" / "other.part").write_text("half")
    (tmp_path / "one" / "xla_gpu_per_fusion_autotune_cache_dir").mkdir()  # JAX makes it on a GPU
    one.publish()
    (tmp_path / "two" / "program").write_text("from two")
    two.publish()
    two.fetch()
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["program"]
    assert [path.read_text() for path in tmp_path.glob("programs-*/*")] == ["from one"]


def test_programs_travel_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(os, "link", no_links)
    programs = ProgramCache(tmp_path, tmp_path / "own", "tensorflow")
    (tmp_path / "own" / "program").write_text("compiled")
    programs.publish()
    assert [path.read_text() for path in tmp_path.glob("programs-*/*")] == ["compiled"]


def test_the_oldest_programs_go_when_there_are_too_many(tmp_path: Path) -> None:
    folder = tmp_path / "programs-0"
    folder.mkdir()
    for age, name in enumerate(("new", "old", "older")):
        (folder / name).write_bytes(bytes(100))
        os.utime(folder / name, (1000 - age, 1000 - age))
    trim(tmp_path, 250)
    assert {path.name for path in folder.iterdir()} == {"new", "old"}
