"""Bytes that can be read again and again, wherever they lie: in a file, compressed, in an archive, or copied from a pipe."""

import bz2
import contextlib
import gzip
import lzma
import shutil
import sys
import tarfile
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from records.errors import DataError

STANDARD_INPUT = Path("-")
_COMPRESSED: tuple[tuple[bytes, str, Any], ...] = (  # first bytes, name, what opens it
    (b"\x1f\x8b", "gzip", gzip.open),
    (b"BZh", "bzip2", bz2.open),
    (b"\xfd7zXZ\x00", "xz", lzma.open),
)
_SUFFIXES = (".gz", ".bz2", ".xz")
# what the readers of files, compressed files and archives raise for those that are damaged or packed in a way of their own
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, NotImplementedError)


@dataclass(frozen=True)
class Content:
    """The bytes of one file."""

    name: str  # for people; its ending helps to tell what it holds
    open: Callable[[], AbstractContextManager[BinaryIO]]  # anew, at the first byte
    path: Path | None = None  # where the bytes lie as they are
    packing: str = ""  # how they are compressed, for people

    def head(self, size: int) -> bytes:
        """The first bytes.

        Raises:
            DataError: they cannot be read.
        """
        with self.open() as file:
            return file.read(size)


def of_file(path: Path, name: str | None = None) -> Content:
    """The content of a file, decompressed where its first bytes say that it is compressed."""
    name = printable(name or path.name)
    return _decompressed(Content(name, lambda: _opened(name, lambda: path.open("rb")), path))


def printable(name: str) -> str:
    """The name of a file, also of one whose bytes are not UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def of_member(name: str, open_member: Callable[[], IO[bytes]]) -> Content:
    """The content of a member of an archive, decompressed likewise."""
    name = printable(name)
    return _decompressed(Content(name, lambda: _opened(name, open_member)))


def as_file(content: Content) -> Content:
    """The content where it can be read from any place on; what is compressed or in an archive is copied.

    Raises:
        DataError: it cannot be read, or there is no space for the copy.
    """
    if content.path is not None:
        return content
    with content.open() as file:
        return _copied(file, content.name, None)[0]


def of_stream(path: Path) -> Content:
    """A copy of what comes through standard input (`-`) or a pipe, removed when nobody holds it or the process ends.

    Raises:
        DataError: it cannot be read, or there is no space for the copy.
    """
    return _decompressed(_of_stream(path, None)[0])


@contextlib.contextmanager
def copy_of_stream(path: Path, folder: Path) -> Iterator[Content]:
    """The same in a folder, removed when the block ends.

    Raises:
        DataError: it cannot be read, or there is no space for the copy.
    """
    content, remove = _of_stream(path, folder)
    try:
        yield _decompressed(content)
    finally:
        remove()


def _of_stream(path: Path, folder: Path | None) -> tuple[Content, Callable[[], object]]:
    is_standard = path == STANDARD_INPUT
    name = "standard input" if is_standard else str(path)
    with contextlib.ExitStack() as stack, as_data_error(name):
        source = sys.stdin.buffer if is_standard else stack.enter_context(path.open("rb"))
        return _copied(source, name, folder)


def _copied(source: IO[bytes], name: str, folder: Path | None) -> tuple[Content, Callable[[], object]]:
    """A copy in a temporary file, and what removes it before its time."""
    with tempfile.NamedTemporaryFile(prefix=".lengthwise-", suffix=".source", dir=folder, delete=False) as copy:
        path = Path(copy.name)
        try:
            shutil.copyfileobj(source, copy, 1 << 20)
        except BaseException:
            path.unlink()
            raise
    content = Content(name, lambda: _opened(name, lambda: path.open("rb")), path)
    return content, weakref.finalize(content, path.unlink, missing_ok=True)  # whatever is read from it holds `content`


def _decompressed(content: Content) -> Content:
    head = content.head(8)
    for magic, packing, decompress in _COMPRESSED:
        if head.startswith(magic):
            name = content.name
            stem = name[: -len(Path(name).suffix)] if name.lower().endswith(_SUFFIXES) else name

            def opened(decompress: Callable[[BinaryIO], IO[bytes]] = decompress) -> AbstractContextManager[BinaryIO]:
                return _unpacked(content, decompress)

            return Content(stem, opened, None, packing)
    return content


@contextlib.contextmanager
def _unpacked(content: Content, decompress: Callable[[BinaryIO], IO[bytes]]) -> Iterator[BinaryIO]:
    with content.open() as packed, as_data_error(content.name), decompress(packed) as file:
        yield cast(BinaryIO, file)


@contextlib.contextmanager
def _opened(name: str, opener: Callable[[], IO[bytes]]) -> Iterator[BinaryIO]:
    with as_data_error(name), opener() as file:
        yield cast(BinaryIO, file)


@contextlib.contextmanager
def as_data_error(name: str) -> Iterator[None]:
    """Turns what reading a file, a compressed one or a member of an archive raises into a `DataError`."""
    try:
        yield
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.strerror:  # the system's word: no permission, no space left
            raise DataError(f"{name}: cannot be read: {error.strerror}") from error
        said = str(error) or type(error).__name__
        raise DataError(f"{name}: cannot be read ({said}); it is damaged or cut off: fetch or make it again") from error
