"""Shared fixtures. Tests that need the real reviews skip with a reason when LENGTHWISE_DATA is not set."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from config import PROFILES, Config
from data.types import Dataset
from data_preprocessing import prepare
from experiment.options import with_overrides
from experiment.program_cache import ProgramCache

ROOT = Path(__file__).parent.parent
PROGRAMS = TemporaryDirectory()  # tests build the same small networks again and again: each is compiled once
ProgramCache(Path(PROGRAMS.name), Path(PROGRAMS.name) / "own", os.environ.get("KERAS_BACKEND", "tensorflow"))


@dataclass(frozen=True)
class Finished:
    """A command that ran to its end."""

    code: int
    out: str
    err: str


def main(*arguments: str, env: dict[str, str] | None = None, timeout: int = 400) -> Finished:
    """Run `python main.py` as a person does, without real data unless `env` names it."""
    environment = {k: v for k, v in os.environ.items() if k not in ("LENGTHWISE_DATA", "KERAS_BACKEND")} | (env or {})
    command = [sys.executable, str(ROOT / "main.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout, check=False)
    return Finished(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class SmokeRun:
    """One uninterrupted smoke sweep with two workers, shared by every test that only looks at it."""

    finished: Finished
    artifacts: Path

    @property
    def folder(self) -> Path:
        return (self.artifacts / "latest").resolve()


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> SmokeRun:
    artifacts = tmp_path_factory.mktemp("smoke")
    finished = main("smoke", "--workers", "2", "--artifacts", str(artifacts))
    assert finished.code == 0, finished.out + finished.err
    return SmokeRun(finished, artifacts)


@pytest.fixture(scope="session")
def smoke_config() -> Config:
    return with_overrides(PROFILES["smoke"], ["data.demo_reviews=1200"])


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
