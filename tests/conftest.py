"""Shared fixtures. Tests that need the real reviews skip with a reason when LENGTHWISE_DATA is not set.

What takes long is shared by all processes of a test session, through one folder that the first of them makes: the finished smoke
run, and the programs that XLA compiles, in the tests' own processes and in the sweeps that they start.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock
import numpy as np
import pytest

from config import PROFILES, Config
from data.types import Dataset
from data_preprocessing import prepare
from experiment.options import with_overrides
from experiment.program_cache import ProgramCache

ROOT = Path(__file__).parent.parent
IS_FIRST = "LENGTHWISE_TEST_SESSION" not in os.environ  # the processes that pytest-xdist starts inherit the variable
SESSION = Path(os.environ.setdefault("LENGTHWISE_TEST_SESSION", tempfile.mkdtemp(prefix="lengthwise-") if IS_FIRST else ""))
PROGRAMS = ProgramCache(SESSION / "cache", SESSION / f"programs-{os.getpid()}", os.environ.get("KERAS_BACKEND", "tensorflow"))


def pytest_sessionfinish() -> None:
    if IS_FIRST:
        shutil.rmtree(SESSION, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def programs() -> Iterator[None]:
    """Each module begins with what others have compiled, and leaves what it has compiled to others."""
    PROGRAMS.fetch()
    yield
    PROGRAMS.publish()


@dataclass(frozen=True)
class Finished:
    """A command that ran to its end."""

    code: int
    out: str
    err: str


def lend_programs(artifacts: Path) -> None:
    """Have a sweep in this folder, if it is there, start with the session's compiled programs and add to them."""
    if artifacts.is_dir():
        (artifacts / "cache").mkdir(exist_ok=True)
        for folder in (SESSION / "cache").iterdir():
            if not (artifacts / "cache" / folder.name).exists():
                (artifacts / "cache" / folder.name).symlink_to(folder)


def main(*arguments: str, env: dict[str, str] | None = None, timeout: int = 400) -> Finished:
    """Run `python main.py` as a person does, without real data unless `env` names it."""
    environment = {k: v for k, v in os.environ.items() if k not in ("LENGTHWISE_DATA", "KERAS_BACKEND")} | (env or {})
    if "--artifacts" in arguments:
        lend_programs(Path(arguments[arguments.index("--artifacts") + 1]))
        if "--workers" not in arguments:
            arguments += ("--workers", "1")  # the number of workers changes no number, and each imports TensorFlow for itself
    command = [sys.executable, str(ROOT / "main.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout, check=False)
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def in_process(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Finished]]:
    """Calls the `main` of a command line in this process, which spares the imports that a process of its own begins with."""
    monkeypatch.delenv("LENGTHWISE_DATA", raising=False)
    handler = signal.getsignal(signal.SIGTERM)

    def run(command: Callable[[list[str]], int], *arguments: str) -> Finished:
        capsys.readouterr()
        try:
            code = command(list(arguments))
        except SystemExit as error:  # argparse's
            code = int(error.code or 0)
        return Finished(code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, handler)


@dataclass(frozen=True)
class SmokeRun:
    """One uninterrupted smoke sweep with two workers, shared by every test that only looks at it."""

    finished: Finished
    artifacts: Path

    @property
    def folder(self) -> Path:
        return (self.artifacts / "latest").resolve()


@pytest.fixture(scope="session")
def smoke_run() -> SmokeRun:
    artifacts, record = SESSION / "smoke", SESSION / "smoke.json"
    with filelock.FileLock(SESSION / "smoke.lock"):
        if not record.exists():
            artifacts.mkdir()
            record.write_text(json.dumps(asdict(main("smoke", "--workers", "2", "--artifacts", str(artifacts)))))
    finished = Finished(**json.loads(record.read_text()))
    assert finished.code == 0, finished.out + finished.err
    return SmokeRun(finished, artifacts)


@pytest.fixture
def own_smoke_run(smoke_run: SmokeRun, tmp_path: Path) -> SmokeRun:
    """A copy of the shared run, for a test that changes it."""
    shutil.copytree(smoke_run.artifacts, tmp_path / "copy", symlinks=True)
    return SmokeRun(smoke_run.finished, tmp_path / "copy")


@pytest.fixture(scope="session")
def smoke_config() -> Config:
    return with_overrides(PROFILES["smoke"].config, ["data.demo_reviews=1200"])


@pytest.fixture(scope="session")
def demo_data(smoke_config: Config) -> Dataset:
    return prepare(smoke_config)


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = os.environ.get("LENGTHWISE_DATA")
    if not folder or not (Path(folder) / "imdb.npz").is_file():
        pytest.skip("the real reviews are not here: LENGTHWISE_DATA names no folder with imdb.npz")
    return Path(folder)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
