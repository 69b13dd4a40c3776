"""Files below one root: a folder, or an archive that is read as a folder is."""

import functools
import io
import os
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from data.tables.content import Content, as_file, of_file, of_member
from records.errors import DataError

# what systems and programs leave beside a person's files
_DROPPINGS = re.compile(r"\.|~\$|__MACOSX$|__pycache__$|Thumbs\.db$|desktop\.ini$", re.IGNORECASE)


@dataclass(frozen=True)
class Tree:
    """Files by their paths, with `/` between folders, in the order of the paths."""

    name: str
    files: dict[str, Callable[[], IO[bytes]]]  # what opens each
    root: Path | None = None  # the folder, where it is one

    def content(self, path: str) -> Content:
        """One of the files.

        Raises:
            DataError: it cannot be read.
        """
        return of_member(path, self.files[path]) if self.root is None else of_file(self.root / path, path)


def is_dropping(path: str) -> bool:
    """Whether a file, or a folder that it lies in, is none of a person's."""
    return any(_DROPPINGS.match(part) for part in path.split("/"))


def files_below(folder: Path) -> Iterator[Path]:
    """A person's files in a folder and in those below it, also in those that links lead to, unless these lead back.

    Raises:
        DataError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error

    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = [name for name in folders if not is_dropping(name) and not _leads_back(Path(parent, name))]
        yield from (Path(parent, name) for name in names if not is_dropping(name))


def _leads_back(folder: Path) -> bool:
    """Whether it is a link to one of the folders that it was come to through."""
    return folder.is_symlink() and folder.resolve() in {parent.resolve() for parent in folder.absolute().parents}


def of_folder(folder: Path) -> Tree:
    """The files below a folder.

    Raises:
        DataError: it cannot be read.
    """
    files = {path.relative_to(folder).as_posix(): functools.partial(path.open, "rb") for path in files_below(folder)}
    return Tree(folder.name or str(folder), cast(dict[str, Callable[[], IO[bytes]]], dict(sorted(files.items()))), folder)


def of_zip(content: Content) -> Tree:
    """The files in a zip archive, which stays open as long as they are held: its list of files is read only once.

    Raises:
        DataError: it cannot be read, or needs a password.
    """
    content = as_file(content)
    with content.open():  # whose errors are sentences
        archive = zipfile.ZipFile(str(content.path))
    members = {each.filename: each for each in archive.infolist() if not each.is_dir() and not is_dropping(each.filename)}
    if any(member.flag_bits & 1 for member in members.values()):
        raise DataError(f"{content.name}: needs a password; unpack it, and name the file or folder in it")
    return Tree(content.name, {path: functools.partial(_in_zip, content, archive, members[path]) for path in sorted(members)})


def _in_zip(_content: Content, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """One of the files; a copy of the archive goes with its content, which is held so long."""
    return archive.open(member)


def of_tar(content: Content) -> Tree:
    """The files in a tar archive; a compressed one is unpacked into one temporary file first.

    Raises:
        DataError: it cannot be read.
    """
    content = as_file(content)
    with content.open() as file, tarfile.open(fileobj=file) as archive:
        members = {each.name.removeprefix("./"): (each.offset_data, each.size) for each in archive if each.isfile()}
    paths = sorted(path for path in members if not is_dropping(path))
    return Tree(content.name, {path: functools.partial(_in_tar, content, *members[path]) for path in paths})


def _in_tar(content: Content, start: int, size: int) -> IO[bytes]:
    file = Path(str(content.path)).open("rb")  # noqa: SIM115 - closed by the part that is returned
    file.seek(start)
    return io.BufferedReader(_Part(file, size))


class _Part(io.RawIOBase):
    """The next bytes of an open file, as a file of their own."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there is something to fill it with."""
        found = self._file.read(min(len(buffer), self._left))
        buffer[: len(found)] = found
        self._left -= len(found)
        return len(found)

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()
