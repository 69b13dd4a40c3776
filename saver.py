"""The run folder: who may write it, what lies where, every write atomic, every record read with care."""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from config import Config
from records.about import About, RunStatus
from records.errors import TRAIN_AGAIN, ArtifactsError, RecordError, RunError
from records.files import AnyRecord, atomic, locked, read_record, write_record, write_text
from records.findings import Findings
from records.links import point
from records.study import Hyperparameters, Repeat, Study, StudyResult, Trial
from records.summary import DataSummary

ARTEFACT_VERSION = 8  # raise it when files change so that older folders cannot be continued
READ_BY = {5: "0.4", 6: "0.5", 7: "0.6", 8: "0.7"}  # artefact version -> the version of this program that can ask such a run


def run_name(profile: str, config: Config, fingerprint: str, environment: dict[str, str]) -> str:
    """`<profile>-<hash8>`: the hash covers the config, the data, and what else could change a number.

    Args:
        profile: the name the config was chosen by.
        config: resolved.
        fingerprint: of the data.
        environment: versions and kind of device.
    """
    about = {
        "config": config.plain(),
        "data": fingerprint,
        "environment": environment,
        "version": ARTEFACT_VERSION,
    }
    return f"{profile}-{hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class RunFolder:
    """One folder under `artifacts/`; the only code that knows where a file of a run lies."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's."""
        return self.path.name

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        """The run's log."""
        return self.path / "logs" / "run.log"

    @property
    def libraries_log(self) -> Path:
        """What TensorFlow, JAX and XLA write to standard error."""
        return self.path / "logs" / "libraries.log"

    @property
    def vocabulary(self) -> Path:
        """The words that the run knows: with it, a checkpoint reads texts."""
        return self.path / "vocabulary.json"

    @property
    def programs(self) -> Path:
        """What each worker compiles, while the sweep runs."""
        return self.path / "programs"

    @property
    def config(self) -> Path:
        """The resolved config; `experiment.options.config_of` reads it."""
        return self.path / "config.json"

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
        """The n-grams and weights of one fitted linear model."""
        return self.path / "checkpoints" / study.id / f"{repeat}.npz"

    @property
    def ngrams(self) -> Path:
        """The folder with the n-grams that evidence is read of."""
        return self.path / "evidence"

    def evidence(self, study: Study) -> Path:
        """How many reviews of each class of the study's training reviews hold each n-gram."""
        return self.ngrams / f"{study.learns_from}.npy"

    def pseudo_evidence(self, study: Study, fold: int | None = None) -> Path:
        """The same for texts with pseudo-labels; for the training reviews of a fold, from labels that it has no part in."""
        return (
            self.ngrams / f"{study.learns_from}.pseudo.npy" if fold is None else self._folds / f"{study.learns_from}.{fold}.npy"
        )

    def evidence_folds(self, study: Study) -> Path:
        """The fold of each training review of a study."""
        return self._folds / f"{study.learns_from}.npy"

    @property
    def _folds(self) -> Path:
        return self.ngrams / "folds"

    def final_stats(self, name: str) -> Path:
        """A file with everything the report shows."""
        return self.path / "final_stats" / name

    def plot(self, name: str) -> Path:
        """A figure on its own."""
        return self.path / "plots" / name

    # -- the run as a whole ---------------------------------------------------------------------------------------------

    @property
    def _environment(self) -> Path:
        return self.path / "environment.json"

    def about(self) -> About:
        """What environment.json says.

        Raises:
            RunError: no run is there, another version of this program made it, or someone changed the file.
        """
        try:
            values = json.loads(self._environment.read_text(encoding="utf-8"))
            version = values.get("artefact_version")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise RunError(
                f"{self.path}: there is no run; python main.py makes one in artifacts/, --run names another folder"
            ) from error
        except (ValueError, AttributeError) as error:
            raise RunError(f"{self._environment} was changed and cannot be read ({error}); run with --fresh") from error
        if version != ARTEFACT_VERSION:
            reader = READ_BY.get(version) if isinstance(version, int) else None
            is_newer = isinstance(version, int) and version > ARTEFACT_VERSION
            reader = f"Lengthwise {reader}" if reader else "a later one" if is_newer else "no version that can be asked"
            raise RunError(
                f"{self.path} is of format {version or 'unknown'}, which is read by {reader}; this program is Lengthwise "
                f"{READ_BY[ARTEFACT_VERSION]} and reads format {ARTEFACT_VERSION}: run python main.py again"
            )
        names = {item.name for item in fields(About)}
        environment = {name: values.pop(name) for name in list(values) if name not in names}
        try:
            return About.from_json(json.dumps(values | {"environment": environment}))
        except RecordError as error:
            raise RunError(f"{self._environment} was changed and cannot be read ({error}); run with --fresh") from error

    def _write_about(self, about: About) -> About:
        values = asdict(about)
        write_text(self._environment, json.dumps(values | values.pop("environment"), indent=1) + "\n")
        return about

    def begin(self, profile: str, config: Config, environment: dict[str, str], data: DataSummary) -> About:
        """Write config.json, environment.json and what is known about the reviews; an earlier start stays noted."""
        write_text(self.config, json.dumps(config.plain(), indent=1) + "\n")
        write_record(self.final_stats("data.json"), data)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        before = self.about() if self._environment.is_file() else None
        return self._write_about(
            About(
                artefact_version=ARTEFACT_VERSION,
                profile=profile,
                run=self.name,
                status="running",
                started=before.started if before else now,
                last_started=now,
                ended=None,
                minutes=before.minutes if before else 0.0,
                seed=config.run.seed,
                data=data.title,
                is_demo=data.is_demo,
                python=platform.python_version(),
                machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
                git_commit=_git_commit(),
                environment=environment,
            )
        )

    def end(self, status: RunStatus) -> About:
        """Note how and when the run ended."""
        about, ended = self.about(), datetime.now(UTC)
        seconds = (ended - datetime.fromisoformat(about.last_started)).total_seconds()
        minutes = round(about.minutes + seconds / 60, 2)
        return self._write_about(replace(about, status=status, ended=ended.isoformat(timespec="seconds"), minutes=minutes))

    def summary(self) -> DataSummary:
        """What is known about the reviews.

        Raises:
            FileNotFoundError: there is no run.
            ArtifactsError: someone changed the file.
        """
        return self._needed(DataSummary, "data.json")

    def findings(self) -> Findings:
        """What follows from all results.

        Raises:
            FileNotFoundError: the run has not ended.
            ArtifactsError: someone changed the file.
        """
        return self._needed(Findings, "results.json")

    def write_findings(self, findings: Findings) -> None:
        """Write `results.json`."""
        write_record(self.final_stats("results.json"), findings)

    @property
    def has_ended(self) -> bool:
        """Whether there are findings to read."""
        return self.final_stats("results.json").is_file()

    def _needed(self, kind: type[AnyRecord], name: str) -> AnyRecord:
        path = self.final_stats(name)
        record = read_record(kind, path)
        if record is None:
            raise FileNotFoundError(None, "there is no such file", str(path))
        return record

    # -- trials, repeats, studies: records that make a resumed run skip what is done -----------------------------------

    def load_trial(self, study: Study, number: int, hyperparameters: Hyperparameters) -> Trial | None:
        """The record of a trial that did not fail, with exactly these hyperparameters, or None."""
        record = read_record(Trial, self.tuning(study) / "trials" / f"{number}.json")
        return record if record and record.status != "failed" and record.hyperparameters == hyperparameters else None

    def save_trial(self, study: Study, trial: Trial) -> None:
        """Write a trial's record."""
        write_record(self.tuning(study) / "trials" / f"{trial.number}.json", trial)

    def load_repeat(self, study: Study, number: int, hyperparameters: Hyperparameters) -> Repeat | None:
        """The record of a finished repeat of this setting, or None."""
        record = read_record(Repeat, self._repeat(study, number))
        return record if record and record.hyperparameters == hyperparameters else None

    def save_repeat(self, study: Study, repeat: Repeat, predictions: dict[str, np.ndarray]) -> None:
        """Write a repeat's predictions and history, then its record."""
        with atomic(self._predictions(study, repeat.number)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **predictions)  # type: ignore[arg-type]
        if repeat.history:
            write_text(self.path / "history" / study.id / f"{repeat.number}.csv", repeat.history_csv)
        write_record(self._repeat(study, repeat.number), repeat)

    def load_predictions(self, study: Study, number: int) -> dict[str, np.ndarray]:
        """One repeat's `rows, labels, logits, lengths, leaked`, of each test review, and what it says on validation.

        That is `validation_labels, validation_logits, validation_lengths`. Logits are `[reviews, classes - 1]`.

        Raises:
            ArtifactsError: the file is missing, damaged or was changed.
        """
        path = self._predictions(study, number)
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return dict(file)
        except FileNotFoundError as error:
            raise ArtifactsError(f"{path} is missing; {TRAIN_AGAIN}") from error
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ArtifactsError(f"{path} is damaged or was changed ({type(error).__name__}); {TRAIN_AGAIN}") from error

    def load_result(self, study: Study) -> StudyResult | None:
        """The completion record of a study, or None when it has not ended."""
        return read_record(StudyResult, self._study(study))

    def load_results(self) -> list[StudyResult]:
        """The completion records of all studies that have ended, in no particular order."""
        found = (read_record(StudyResult, path) for path in (self.path / "studies").glob("*/*.json"))
        return [result for result in found if result is not None]

    def finish(self, result: StudyResult, checkpoints: str) -> None:
        """Write the record of a study whose repeats are all there; keep `all` checkpoints or the `best` by validation loss."""
        for repeat in result.repeats:
            if checkpoints == "best" and repeat is not result.best_repeat:
                self.checkpoint(result.study, repeat.number).unlink(missing_ok=True)
        self.save_result(result)

    def save_result(self, result: StudyResult) -> None:
        """Write the completion record; nothing of a study is written after it."""
        write_record(self._study(result.study), result)

    def remove_folds(self) -> None:
        """Delete what only training needs of the evidence."""
        shutil.rmtree(self._folds, ignore_errors=True)

    def remove_weights(self, study: Study) -> None:
        """Delete the weights of a search that has ended."""
        shutil.rmtree(self.tuning(study) / "weights", ignore_errors=True)

    def _study(self, study: Study) -> Path:
        return self.path / "studies" / f"{study.id}.json"

    def _repeat(self, study: Study, number: int) -> Path:
        return self.path / "studies" / study.id / f"{number}.json"

    def _predictions(self, study: Study, number: int) -> Path:
        return self.path / "studies" / study.id / f"{number}.predictions.npz"


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
        point(artifacts / "latest", name)
        yield RunFolder(folder)


def _git_commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    command = [git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    return answer.stdout.strip() or "unknown"


# -- all runs ----------------------------------------------------------------------------------------------------------
