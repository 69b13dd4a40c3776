"""Files that are written whole or not at all, and records in them."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from records.codec import Record
from records.errors import ArtifactsError

AnyRecord = TypeVar("AnyRecord", bound=Record)


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


def user_path(path: str | Path) -> Path:
    """A path as a person writes it: `~` is the home folder, also after `=` and in settings, where no shell has seen to it."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises an error for the home of someone unknown


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_record(path: Path, record: Record) -> None:
    """Write a record atomically."""
    write_text(path, record.to_json())


def read_record(kind: type[AnyRecord], path: Path) -> AnyRecord | None:
    """The record in a file, or None when there is no file. Files are written atomically, so a bad one was changed.

    Raises:
        ArtifactsError: someone changed the file.
    """
    try:
        return kind.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ArtifactsError(f"{path} was changed and cannot be read ({error}); delete it, or run with --fresh") from error


def unusable(folder: Path, error: OSError, instead: str = "--artifacts folder") -> ArtifactsError:
    """One sentence for a folder that cannot be written, and what to choose instead."""
    return ArtifactsError(
        f"{folder} cannot be used: {error.strerror or error}; free space, fix permissions, or choose another {instead}"
    )


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else writes to this run folder meanwhile.

    Raises:
        ArtifactsError: no permission, no space, or another sweep is running in it.
    """
    import filelock  # brings asyncio: a run that is only read does not wait for it

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
