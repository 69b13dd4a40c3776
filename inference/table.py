"""Scores a table of texts into another, in constant memory; what was interrupted goes on where it was."""

import contextlib
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import filelock

from inference.predictor import BATCH, LARGEST_TEXT, Prediction, Predictor
from records.errors import ArtifactsError, TableError, TextError
from records.files import unusable, write_text

ADDED = ("sentiment", "probability", "confidence", "intensity", "bucket", "study", "unknown_words", "problem")


@dataclass(frozen=True)
class Job:
    """What is scored, where to, and by what."""

    source: Path  # CSV, or TSV by its ending; its first row names the columns
    output: Path
    text_column: str
    encoding: str

    @property
    def part(self) -> Path:
        """The output while it is being written."""
        return self.output.with_name(f"{self.output.name}.part")

    @property
    def mark(self) -> Path:
        """How far it has come: rows, and bytes of `part`."""
        return self.output.with_name(f"{self.output.name}.part.json")


def score(predictor: Predictor, study: str | None, job: Job, on_rows: Callable[[int, int], None]) -> int:
    """Write the table with columns more: what the run says of each text. Returns for how many rows it cannot say anything.

    Args:
        predictor: who answers.
        study: as its `study` was given; a job that began with another one is not continued.
        job: see there.
        on_rows: told how many rows are done, of how many, after every batch.

    Raises:
        TableError: see there.
        ArtifactsError: the output's folder cannot be written to.
    """
    _refuse_to_write_over(job)
    columns, total = _inspect(job)
    about = _about(predictor, study, job)
    try:
        with _alone(job):
            _refuse_to_write_over(job)  # another process may have ended meanwhile
            return _write(predictor, job, about, columns, total, on_rows)
    except UnicodeError as error:
        raise TableError(f"{job.source} was changed while it was read: {error}") from error
    except ArtifactsError:
        raise
    except OSError as error:
        raise unusable(job.output.parent, error, "--output") from error


def _refuse_to_write_over(job: Job) -> None:
    if job.output.exists():
        raise TableError(f"{job.output} exists: remove it, or choose another --output")


def _write(
    predictor: Predictor, job: Job, about: dict[str, Any], columns: list[str], total: int, on_rows: Callable[[int, int], None]
) -> int:
    """Go on with the job, or begin it; the output takes its name when it is whole."""
    done, at, problems = _resume(job, about)
    with job.part.open("r+" if at else "w", encoding="utf-8", newline="") as file:
        file.truncate(at)
        file.seek(at)
        writer = csv.DictWriter(file, [*columns, *ADDED])
        if not at:
            writer.writeheader()
        rows = islice(_rows(job), done, None)
        while batch := list(islice(rows, BATCH)):
            answers = list(predictor.stream(row[job.text_column] for row in batch))
            writer.writerows(row | _cells(answer) for row, answer in zip(batch, answers, strict=True))
            file.flush()
            done, problems = done + len(batch), problems + sum(isinstance(answer, TextError) for answer in answers)
            write_text(job.mark, json.dumps(about | {"rows": done, "bytes": file.tell(), "problems": problems}))
            on_rows(done, total)
    job.part.rename(job.output)
    job.mark.unlink(missing_ok=True)
    return problems


@contextlib.contextmanager
def _alone(job: Job) -> Iterator[None]:
    """Nobody else writes this output meanwhile; the lock ends with the process."""
    path = job.output.with_name(f".{job.output.name}.lock")
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise TableError(f"{job.output}: another process is writing it; wait for it, or choose another --output") from error
    try:
        yield
    finally:
        lock.release()
        path.unlink(missing_ok=True)


def _inspect(job: Job) -> tuple[list[str], int]:
    """The columns and the number of rows, when every byte and every row can be read."""
    count, columns = 0, list[str]()
    try:
        with job.source.open(encoding=job.encoding, newline="") as file:
            columns = list(_reader(job, file).fieldnames or ())
        if job.text_column not in columns:
            raise TableError(
                f"{job.source}: no column {job.text_column!r}; its columns are {', '.join(columns) or 'none'}. "
                "Name it with --text-column"
            )
        if taken := [name for name in ADDED if name in columns]:
            raise TableError(f"{job.source}: has columns that would be added ({', '.join(taken)}); rename them")
        for count, row in enumerate(_rows(job), 1):
            if None in row or None in row.values():
                raise TableError(f"{job.source}: row {count + 1} has not {len(columns)} cells as the first one has; mend it")
    except UnicodeDecodeError as error:
        raise TableError(
            f"{job.source}: line {_bad_line(job)} is not {job.encoding} ({error.reason}, byte {error.object[error.start]:#04x}); "
            "save it in one encoding, or name it with --encoding (latin-1 reads any byte)"
        ) from error
    except LookupError as error:
        raise TableError(f"--encoding: {error}; utf-8 and latin-1 are usual") from error
    except (OSError, csv.Error) as error:
        raise TableError(f"{job.source}: cannot be read as a table: {error}") from error
    return columns, count


def _bad_line(job: Job) -> int:
    """The first line that the encoding does not read; the decoder reads ahead, so that it does not know."""
    with job.source.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(job.encoding)
            except UnicodeDecodeError:
                return number
    return 1


def _rows(job: Job) -> Iterator[dict[str, str]]:
    with job.source.open(encoding=job.encoding, newline="") as file:
        yield from _reader(job, file)


def _reader(job: Job, file: Any) -> "csv.DictReader[str]":
    csv.field_size_limit(LARGEST_TEXT)
    return csv.DictReader(file, delimiter="\t" if job.source.suffix == ".tsv" else ",")


def _about(predictor: Predictor, study: str | None, job: Job) -> dict[str, Any]:
    """What must be the same for a job to go on."""
    file = job.source.stat()
    source = [str(job.source.resolve()), file.st_size, file.st_mtime_ns]
    return {"run": predictor.run.name, "study": study, "column": job.text_column, "encoding": job.encoding, "source": source}


def _resume(job: Job, about: dict[str, Any]) -> tuple[int, int, int]:
    """Rows done, bytes written and problems so far; nothing for a new job.

    Raises:
        TableError: what was begun is another job.
    """
    if not job.mark.exists() or not job.part.exists():
        return 0, 0, 0
    try:
        mark = json.loads(job.mark.read_text(encoding="utf-8"))
        rows, size, problems = (int(mark.pop(key)) for key in ("rows", "bytes", "problems"))
    except (ValueError, KeyError, AttributeError) as error:
        raise TableError(f"{job.mark} was changed and cannot be read; remove it and {job.part} to begin anew") from error
    if mark != about or job.part.stat().st_size < size:
        raise TableError(
            f"{job.part} is of another table, run or study; remove it and {job.mark.name}, or choose another --output"
        )
    return rows, size, problems


def _cells(answer: Prediction | TextError) -> dict[str, Any]:
    if isinstance(answer, TextError):
        return dict.fromkeys(ADDED, "") | {"problem": str(answer)}
    values = asdict(answer) | {"unknown_words": len(answer.unknown_words), "problem": ""}
    return {name: f"{values[name]:.6f}" if isinstance(values[name], float) else values[name] for name in ADDED}
