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
