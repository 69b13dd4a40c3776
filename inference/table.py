"""Scores a table of texts into another, in constant memory; what was interrupted goes on where it was.

Nothing that a person has is written over or left out: whatever cannot be scored whole is refused with a sentence.
"""

import contextlib
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import filelock

from data.sources.columns import Columns
from data.tables.content import copy_of_stream
from data.tables.open import open_content, open_table
from data.tables.table import BadRow, Reading, Row, Table
from inference.predictor import BATCH, Prediction, Predictor
from inference.rows import cells_of, check, column_of_texts, in_flags, problem_of
from records.classes import Classes
from records.errors import ArtifactsError, DataError, TableError, TextError
from records.files import unusable, write_text

_BEFORE, _BEHIND = ("predicted", "confidence"), ("intensity", "bucket", "study", "unknown_words", "problem")
STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Job:
    """What is scored, and where to."""

    source: Path  # whatever `open_table` reads; a pipe, or `-` for standard input, is copied before it is read
    output: Path
    text_column: str
    reading: Reading = field(default_factory=Reading)

    @cached_property
    def is_piped(self) -> bool:
        """Whether the source can be read only once: it is standard input, a device or a pipe."""
        if self.source == STANDARD_INPUT or self.source.is_relative_to("/dev"):
            return True
        return self.source.exists() and not self.source.is_file() and not self.source.is_dir()

    @property
    def part(self) -> Path:
        """The output while it is being written."""
        return self.output.with_name(f"{self.output.name}.part")

    @property
    def mark(self) -> Path:
        """How far it has come: rows, and bytes of `part`. It is there before `part` is."""
        return self.output.with_name(f"{self.output.name}.part.json")

    @property
    def lock(self) -> Path:
        """What keeps other processes away; always empty."""
        return self.output.with_name(f".{self.output.name}.lock")


@dataclass(frozen=True)
class _Work:
    """A job whose table has been read once, from end to end."""

    job: Job
    table: Table
    columns: Columns  # of the texts
    total: int  # rows, those that do not fit among them
    classes: Classes  # of the run
    about: dict[str, Any]  # what must be the same for an interrupted job to go on


def score(predictor: Predictor, study: str | None, job: Job, on_rows: Callable[[int, int], None]) -> int:
    """Write the table with columns more: what the run says of each text. Returns for how many rows it cannot say anything.

    Args:
        predictor: who answers.
        study: as its `study` was given; a job that began with another one is not continued.
        job: what is scored, and where to.
        on_rows: told how many rows are done, of how many, after every batch.

    Raises:
        TableError: the table cannot be read, or something stands where the output is written.
        ArtifactsError: the output's folder cannot be written to.
    """
    _refuse_to_write_over(job)
    classes = predictor.run.data.classes
    try:
        with _alone(job), _table(job) as table:
            _refuse_to_write_over(job)  # another process may have ended meanwhile
            columns = column_of_texts(table, job.text_column)
            names = [table.columns[number] for number in columns.texts]
            work = _Work(job, table, columns, check(table, added(classes)), classes, _about(predictor, study, job, names))
            return _write(predictor, work, on_rows)
    except ArtifactsError:
        raise
    except DataError as error:
        raise TableError(in_flags(str(error))) from error
    except OSError as error:
        raise unusable(job.output.parent, error, "--output") from error


def _refuse_to_write_over(job: Job) -> None:
    """Nothing may be in the way of the output, least of all the source itself.

    Raises:
        TableError: something is.
    """
    if job.output.is_dir() or (job.output.exists() and not job.output.is_file()):
        raise TableError(f"{job.output} is no file that a table can be written to; choose another --output")
    for path in (job.output, job.part, job.mark, job.lock):
        if _is_same(job.source, path):
            raise TableError(f"{job.source} is {path}, which is written while {job.output} is made; choose another --output")
    if job.source.is_dir() and job.output.resolve().is_relative_to(job.source.resolve()):
        raise TableError(f"{job.output} lies in the folder that is read, {job.source}; choose another --output")
    if job.output.exists():
        raise TableError(f"{job.output} exists: remove it, or choose another --output")
    if job.part.exists() and not job.mark.exists():
        raise TableError(f"{job.part} exists and is of no interrupted job: move it away, or choose another --output")
    if job.lock.exists() and job.lock.stat().st_size:
        raise TableError(f"{job.lock} exists and is no lock of this program: move it away, or choose another --output")


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, through links too, whether or not it exists."""
    with contextlib.suppress(OSError):
        return one.samefile(other)
    return one.resolve() == other.resolve()


@contextlib.contextmanager
def _alone(job: Job) -> Iterator[None]:
    """Nobody else writes this output meanwhile; the lock ends with the process."""
    lock = filelock.FileLock(job.lock)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise TableError(f"{job.output}: another process is writing it; wait for it, or choose another --output") from error
    try:
        yield
    finally:
        job.lock.unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def _table(job: Job) -> Iterator[Table]:
    """The table; what comes through a pipe is copied beside the output, and the copy removed at the end."""
    if not job.is_piped:
        yield open_table(job.source, job.reading)
        return
    if job.mark.exists():
        raise TableError(
            f"{job.mark} is of an interrupted job, and a table from a pipe cannot go on with it; remove it and {job.part} "
            "to begin anew"
        )
    with copy_of_stream(job.source, job.output.parent) as content:
        yield open_content(content, job.reading)


def _write(predictor: Predictor, work: _Work, on_rows: Callable[[int, int], None]) -> int:
    """Go on with the job, or begin it; the output takes its name when it is whole."""
    job = work.job
    done, at, problems = _resume(job, work.about)
    with _forgotten_if_piped(job):
        _note(work, done, at, problems)
        with job.part.open("r+" if at else "w", encoding="utf-8", newline="") as file:
            file.truncate(at)
            file.seek(at)
            writer = csv.writer(file)
            if not at:
                writer.writerow([*work.table.columns, *added(work.classes)])
            width = len(work.table.columns)
            for answers, batch in _answered(predictor, work, done):
                pairs = zip(batch, answers, strict=True)
                writer.writerows([*cells_of(row, width), *_cells(answer, work.classes)] for row, answer in pairs)
                file.flush()
                done, problems = done + len(batch), problems + sum(isinstance(answer, TextError) for answer in answers)
                _note(work, done, file.tell(), problems)
                on_rows(done, work.total)
        _finish(work, done)
    return problems


def _answered(predictor: Predictor, work: _Work, done: int) -> Iterator[tuple[list[Prediction | TextError], list[Row | BadRow]]]:
    """Batch by batch, the answers and the rows that they are for, after so many rows that are done."""
    rows = islice(work.table.rows(), done, None)
    while batch := list(islice(rows, BATCH)):
        answers = predictor.stream(work.columns.text(row.cells) for row in batch if isinstance(row, Row))
        yield [TextError(problem_of(row, work.table)) if isinstance(row, BadRow) else next(answers) for row in batch], batch


@contextlib.contextmanager
def _forgotten_if_piped(job: Job) -> Iterator[None]:
    """Removes what was begun when the block fails and the source cannot be read again."""
    try:
        yield
    except BaseException:
        if job.is_piped:
            job.part.unlink(missing_ok=True)
            job.mark.unlink(missing_ok=True)
        raise


def _note(work: _Work, rows: int, size: int, problems: int) -> None:
    """Write how far the job has come."""
    write_text(work.job.mark, json.dumps(work.about | {"rows": rows, "bytes": size, "problems": problems}))


def _finish(work: _Work, done: int) -> None:
    """Give the output its name.

    Raises:
        TableError: the source is no longer what it was when it was read first, or the output has come into being meanwhile.
    """
    job = work.job
    if done != work.total or _source(job) != work.about["source"]:
        raise TableError(f"{job.source} was changed while it was read; remove {job.part} and {job.mark.name} to begin anew")
    if job.output.exists():
        raise TableError(f"{job.output} has come into being meanwhile: move it away, and the same command goes on")
    job.part.rename(job.output)
    job.mark.unlink(missing_ok=True)


def _about(predictor: Predictor, study: str | None, job: Job, texts: list[str]) -> dict[str, Any]:
    """What must be the same for a job to go on."""
    about = {"run": predictor.run.name, "study": study, "texts": texts, "source": _source(job)}
    return about | asdict(job.reading) | {"columns": list(job.reading.columns)}


def _source(job: Job) -> list[Any]:
    """What tells whether the source is the same file, unchanged; nothing tells that of a pipe."""
    if job.is_piped or not job.source.exists():
        return []
    files = [job.source] if job.source.is_file() else [path for path in job.source.rglob("*") if path.is_file()]
    stats = [file.stat() for file in files]
    newest = max((stat.st_mtime_ns for stat in stats), default=0)
    return [str(job.source.resolve()), len(files), sum(stat.st_size for stat in stats), newest]


def _resume(job: Job, about: dict[str, Any]) -> tuple[int, int, int]:
    """Rows done, bytes written and problems so far; nothing for a new job.

    Raises:
        TableError: what was begun is another job.
    """
    if not job.mark.exists():
        return 0, 0, 0
    try:
        mark = json.loads(job.mark.read_text(encoding="utf-8"))
        rows, size, problems = (int(mark.pop(key)) for key in ("rows", "bytes", "problems"))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise TableError(f"{job.mark} was changed and cannot be read; remove it and {job.part} to begin anew") from error
    if mark != about or (job.part.exists() and job.part.stat().st_size < size):
        raise TableError(
            f"{job.part} is of another table, run or study; remove it and {job.mark.name}, or choose another --output"
        )
    return (rows, size, problems) if job.part.exists() else (0, 0, 0)


def added(classes: Classes) -> tuple[str, ...]:
    """The names of the columns that are added."""
    return (*_BEFORE, *(f"probability_{name}" for name in classes.names), *_BEHIND)


def _cells(answer: Prediction | TextError, classes: Classes) -> list[Any]:
    """The cells of the columns that are added."""
    if isinstance(answer, TextError):
        return [str(answer) if name == "problem" else "" for name in added(classes)]
    numbers = [answer.confidence, *answer.probabilities.values(), answer.intensity]
    shown = [f"{number:.6f}" for number in numbers]
    return [answer.label, *shown, answer.bucket, answer.study, len(answer.unknown_words), ""]
