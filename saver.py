"""The run folder: who may write it, what lies where, and every write atomic."""

import contextlib
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from config import Config
from records.errors import ArtifactsError
from records.study import Epoch, Repeat, Study, StudyResult, Trial
from records.summary import DataSummary

ARTEFACT_VERSION = 5  # raise it when files change so that older folders cannot be continued


def run_name(profile: str, config: Config, fingerprint: str, environment: dict[str, str]) -> str:
    """`<profile>-<hash8>`: the hash covers the config, the data, and what else could change a number.

    Args:
        profile: the name the config was chosen by.
        config: resolved.
        fingerprint: of the data.
        environment: versions and kind of device.
    """
    about = {
        "config": config_dict(config),
        "data": fingerprint,
        "environment": environment,
        "version": ARTEFACT_VERSION,
    }
    return f"{profile}-{hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:8]}"


def config_dict(config: Config) -> dict[str, Any]:
    """The config as plain JSON values; ranges as they are written in config.py."""
    return {
        section.name: {item.name: _plain(getattr(record, item.name)) for item in fields(record)}
        for section in fields(config)
        for record in [getattr(config, section.name)]
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, int | float | str) else repr(value)


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes its name only when the block ends well, and after it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class RunFolder:
    """One folder under `artifacts/`; the only code that knows where a file of a run lies."""

    path: Path

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        """The run's log."""
        return self.path / "logs" / "run.log"

    @property
    def vocabulary(self) -> Path:
        """The words that the run knows: with it, a checkpoint reads texts."""
        return self.path / "vocabulary.json"

    @property
    def programs(self) -> Path:
        """What each worker compiles, while the sweep runs."""
        return self.path / "programs"

    def study_log(self, study: Study) -> Path:
        """The log of one study."""
        return self.path / "logs" / f"{study.id}.log"

    def tuning(self, study: Study) -> Path:
        """Keras Tuner's own folder of one study, and our trial records beside it."""
        return self.path / "tuning" / study.id

    def trial_weights(self, study: Study, number: int) -> Path:
        """Weights that a later round of Hyperband starts from; deleted when the search ends."""
        return self.tuning(study) / "weights" / f"{number}.npz"

    def checkpoint(self, study: Study, repeat: int) -> Path:
        """The trained network of one repeat."""
        return self.path / "checkpoints" / study.id / f"{repeat}.keras"

    def linear_model(self, study: Study, repeat: int) -> Path:
        """The terms and weights of one fitted yardstick."""
        return self.path / "checkpoints" / study.id / f"{repeat}.npz"

    def final_stats(self, name: str) -> Path:
        """A file with everything the report shows."""
        return self.path / "final_stats" / name

    def plot(self, name: str) -> Path:
        """A figure on its own."""
        return self.path / "plots" / name

    # -- trials, repeats, studies: records that make a resumed run skip what is done -----------------------------------

    def load_trial(self, study: Study, number: int, hyperparameters: dict[str, float | int]) -> Trial | None:
        """The record of a trial that did not fail, with exactly these hyperparameters, or None."""
        record = _load(Trial, self.tuning(study) / "trials" / f"{number}.json")
        return record if record and record.status != "failed" and record.hyperparameters == hyperparameters else None

    def save_trial(self, study: Study, trial: Trial) -> None:
        """Write a trial's record."""
        write_text(self.tuning(study) / "trials" / f"{trial.number}.json", trial.to_json())

    def load_repeat(self, study: Study, number: int, hyperparameters: dict[str, float | int]) -> Repeat | None:
        """The record of a finished repeat of this setting, or None."""
        record = _load(Repeat, self._repeat(study, number))
        return record if record and record.hyperparameters == hyperparameters else None

    def save_repeat(self, study: Study, repeat: Repeat, predictions: dict[str, np.ndarray]) -> None:
        """Write a repeat's predictions and history, then its record."""
        with atomic(self._predictions(study, repeat.number)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **predictions)  # type: ignore[arg-type]
        if repeat.history:
            write_text(self.path / "history" / study.id / f"{repeat.number}.csv", history_csv(repeat.history))
        write_text(self._repeat(study, repeat.number), repeat.to_json())

    def load_predictions(self, study: Study, number: int) -> dict[str, np.ndarray]:
        """One repeat's `rows, labels, probabilities, lengths, leaked`, each `[test reviews]`, and what it says on validation.

        That is `validation_labels, validation_probabilities, validation_lengths`, each `[validation reviews]`.
        """
        with self._predictions(study, number).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return dict(file)

    def load_result(self, study: Study) -> StudyResult | None:
        """The completion record of a study, or None when it has not ended."""
        return _load(StudyResult, self._study(study))

    def load_results(self) -> list[StudyResult]:
        """The completion records of all studies that have ended, in no particular order."""
        return [_load(StudyResult, path) for path in (self.path / "studies").glob("*/*.json")]

    def finish(self, result: StudyResult, checkpoints: str) -> None:
        """Write the record of a study whose repeats are all there; keep `all` checkpoints or the `best` by validation loss."""
        for repeat in result.repeats:
            if checkpoints == "best" and repeat is not result.best_repeat:
                self.checkpoint(result.study, repeat.number).unlink(missing_ok=True)
        self.save_result(result)

    def save_result(self, result: StudyResult) -> None:
        """Write the completion record; nothing of a study is written after it."""
        write_text(self._study(result.study), result.to_json())

    def _study(self, study: Study) -> Path:
        return self.path / "studies" / f"{study.id}.json"

    def _repeat(self, study: Study, number: int) -> Path:
        return self.path / "studies" / study.id / f"{number}.json"

    def _predictions(self, study: Study, number: int) -> Path:
        return self.path / "studies" / study.id / f"{number}.predictions.npz"


def _load(kind: Any, path: Path) -> Any:
    """A record, or None when there is none. A record that cannot be read is an error: it was written atomically.

    Raises:
        ArtifactsError: someone changed the file.
    """
    try:
        return kind.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ArtifactsError(f"{path} was changed and cannot be read ({error}); delete it, or run with --fresh") from error


def history_csv(history: tuple[Epoch, ...]) -> str:
    """Per epoch: losses, accuracies, learning rate, gradient norm, seconds."""
    out = io.StringIO()
    out.write(",".join(field.name for field in fields(Epoch)) + "\n")
    for epoch in history:
        out.write(",".join(repr(value) for value in asdict(epoch).values()) + "\n")
    return out.getvalue()


# -- opening a run -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_run(artifacts: Path, name: str, *, fresh: bool) -> Iterator[RunFolder]:
    """The run's folder, locked against a second sweep; `fresh` moves an existing one aside.

    Raises:
        ArtifactsError: no permission, no space, or another sweep is running in it.
    """
    folder = artifacts / name
    with locked(folder):
        if fresh and folder.exists():
            folder.rename(artifacts / f"{name}.{time.strftime('%Y%m%d-%H%M%S')}.aside")
        folder.mkdir(exist_ok=True)
        _point_latest(artifacts, name)
        yield RunFolder(folder)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else writes to this run folder meanwhile.

    Raises:
        ArtifactsError: no permission, no space, or another sweep is running in it.
    """
    lock = filelock.FileLock(folder.parent / f".{folder.name}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise ArtifactsError(f"{folder}: another sweep is running in this folder; wait for it or stop it first") from error
    except OSError as error:
        raise unusable(folder.parent, error) from error
    try:
        yield
    except OSError as error:
        if isinstance(error, ArtifactsError):
            raise
        raise unusable(folder, error) from error
    finally:
        lock.release()


def begin_run(folder: RunFolder, profile: str, config: Config, environment: dict[str, str], data: DataSummary) -> dict[str, Any]:
    """Write config.json and environment.json; returns the latter, for `end_run`. An earlier start stays noted."""
    write_text(folder.path / "config.json", json.dumps(config_dict(config), indent=1) + "\n")
    path = folder.path / "environment.json"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"started": now, "minutes": 0.0}
    about = {
        "artefact_version": ARTEFACT_VERSION,
        "profile": profile,
        "run": folder.path.name,
        "status": "running",
        "started": before["started"],
        "last_started": now,
        "ended": None,
        "minutes": before["minutes"],  # of all sittings that ended by themselves
        "seed": config.run.seed,
        "data": data.title,
        "is_demo": data.is_demo,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "git_commit": _git_commit(),
        **environment,
    }
    write_text(path, json.dumps(about, indent=1) + "\n")
    return about


def end_run(folder: RunFolder, about: dict[str, Any], status: str) -> dict[str, Any]:
    """Note how and when the run ended."""
    ended = datetime.now(UTC)
    seconds = (ended - datetime.fromisoformat(about["last_started"])).total_seconds()
    about = about | {
        "status": status,
        "ended": ended.isoformat(timespec="seconds"),
        "minutes": round(about["minutes"] + seconds / 60, 2),
    }
    write_text(folder.path / "environment.json", json.dumps(about, indent=1) + "\n")
    return about


def _git_commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    command = [git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    return answer.stdout.strip() or "unknown"


def unusable(folder: Path, error: OSError, instead: str = "--artifacts folder") -> ArtifactsError:
    """One sentence for a folder that cannot be written, and what to choose instead."""
    return ArtifactsError(
        f"{folder} cannot be used: {error.strerror or error}; free space, fix permissions, or choose another {instead}"
    )


def _point_latest(artifacts: Path, name: str) -> None:
    temporary = artifacts / f".latest-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(name)
    temporary.replace(artifacts / "latest")


def remove_weights(folder: RunFolder, study: Study) -> None:
    """Delete the weights of a search that has ended."""
    shutil.rmtree(folder.tuning(study) / "weights", ignore_errors=True)
