"""The door: from a path to a table. Files are told apart by what is in them, and only then by their names."""

import difflib
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from data.tables import arrow, fasttext
from data.tables.content import STANDARD_INPUT, Content, as_file, of_file, of_stream
from data.tables.delimited import open_delimited
from data.tables.encoding import KINDS, find_text
from data.tables.excel import open_excel
from data.tables.fasttext import FastTextTable
from data.tables.folders import is_table, open_tree
from data.tables.json_document import open_json
from data.tables.json_lines import open_json_lines
from data.tables.table import Reading, Table
from data.tables.tree import Tree, of_folder, of_tar, of_zip
from records.errors import DataError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+\S", re.IGNORECASE)
_ZIP, _TAR, _TAR_AT = b"PK\x03\x04", b"ustar", 257
_OTHER = (  # what people have that is no table of this project, and what they can do
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "save it as .xlsx or CSV"),
    (b"SQLite format 3", "an SQLite database", "export its table as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "decompress it first (zstd -d)"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"%PDF", "a PDF", "copy its texts into a table"),
    (b"\x93NUMPY", "a NumPy array", "save its texts and labels as CSV"),
    (b"\x89HDF", "an HDF5 file", "save its table as CSV or Parquet"),
    *(
        (bytes([0x80, version]), "a pickle, which may run code when it is read", "save it as CSV or Parquet")
        for version in (2, 3, 4, 5)
    ),
    (b"PK\x05\x06", "an empty zip archive", "fetch or make it again"),
    (b"version https://git-lfs", "a pointer to a file that Git LFS keeps elsewhere", "fetch it with git lfs pull"),
)
_PAGE = re.compile(rb"\s*<(!doctype html|html|head|\?xml)", re.IGNORECASE)
_JSON_LINES = (".jsonl", ".ndjson")
_IS_JSON = re.compile(r'\{\s*["}]|\[\s*(\{|\]\s*$)')
_TEXTS = (".txt", ".text", ".dat", ".data", "")


def refuse_address(text: str) -> None:
    """Refuse what is an address on the web, before `Path` takes one of its slashes away.

    Raises:
        DataError: it is one.
    """
    if found := _ADDRESS.match(text):
        text = f"{found[1]}://{text[found.end(1) + 1 :].lstrip('/')}"
        name = text.rstrip("/").rpartition("/")[2].partition("?")[0] or "reviews.csv"
        how = f"curl -L -o {name} {text}" if found[1].lower().startswith(("http", "ftp")) else "its own program"
        raise DataError(f"{text} is a web address, and nothing is downloaded: fetch it first ({how}), then name the file")


def open_table(path: Path, reading: Reading) -> Table:
    """The table in a file, a folder, an archive, standard input (`-`) or a pipe.

    A text file is looked at from end to end. What comes through a pipe is copied to a temporary file, removed when the table is
    no longer held.

    Args:
        path: where it is.
        reading: how it is to be read.

    Raises:
        DataError: one sentence on what is there and what can be read.
    """
    refuse_address(str(path))
    if path == STANDARD_INPUT:
        return open_content(of_stream(path), reading)
    path = path.expanduser()
    try:
        if path.is_dir():
            return open_tree(of_folder(path), reading, open_content)
        if not path.exists():
            raise DataError(f"{path}: there is no such file or folder{_near(path)}")
        content = of_file(path) if path.is_file() else of_stream(path)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return open_content(content, reading)


def _near(path: Path) -> str:
    names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""


def open_content(content: Content, reading: Reading) -> Table:
    """The table in the bytes of one file.

    Raises:
        DataError: one sentence on what is there and what can be read.
    """
    head = content.head(1 << 9)
    if head.startswith(arrow.BEGINNINGS):
        return _with_names(arrow.open_arrow(content), reading)
    if head.startswith(_ZIP):
        return _open_zip(content, reading)
    if head[_TAR_AT:].startswith(_TAR):
        return open_tree(_guarded(of_tar, content), reading, open_content)
    if not head:
        raise DataError(f"{content.name}: is empty; give {KINDS}")
    for magic, what, advice in _OTHER:
        if head.startswith(magic):
            raise DataError(f"{content.name}: is {what}, no table; {advice}")
    if _PAGE.match(head):
        raise DataError(f"{content.name}: is a web page (HTML or XML), no table; download the file itself, not the page about it")
    return _open_text(content, reading)


def _guarded(read: Callable[[Content], Tree], content: Content) -> Tree:
    """The files of an archive.

    Raises:
        DataError: it is damaged.
    """
    try:
        return read(content)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{content.name}: is damaged or cut off ({error}); fetch or make it again") from error


def _open_zip(content: Content, reading: Reading) -> Table:
    content = as_file(content)
    tree = _guarded(of_zip, content)
    if "xl/workbook.xml" in tree.files:
        return open_excel(content, reading)
    if any(path in tree.files for path in ("word/document.xml", "content.xml", "ppt/presentation.xml")):
        raise DataError(f"{content.name}: is a document of an office program; save its table as .xlsx or CSV")
    if tree.files and all(path.endswith(".npy") for path in tree.files):
        raise DataError(f"{content.name}: is a NumPy archive, no table; save its texts and labels as CSV")
    return open_tree(tree, reading, open_content)


def _open_text(content: Content, reading: Reading) -> Table:
    text = find_text(content, reading.encoding)
    with text.opened(content) as file:
        head = file.read(1 << 12).lstrip("\ufeff \t\r\n")
    name = content.name.lower()
    if name.endswith(_JSON_LINES):
        return _with_names(open_json_lines(content, text), reading)
    if _IS_JSON.match(head) or name.endswith(".json"):
        return _with_names(open_json(content, text), reading)
    if fasttext.BEGINS.match(head) and reading.separator == "auto" and not reading.columns:
        return FastTextTable(content, text)
    table = open_delimited(content, text, reading)
    is_table_by_name = is_table(name) or Path(name).suffix in _TEXTS
    if not is_table_by_name and (len(table.columns) == 1 or table.fit.bad * 2 > table.fit.rows):
        raise DataError(f"{content.name}: its lines are no rows of cells; give {KINDS}, or call it .txt if each line is a text")
    return table


def _with_names(table: Table, reading: Reading) -> Table:
    """The table, unless names were given for what has names.

    Raises:
        DataError: they were.
    """
    if reading.columns:
        raise DataError(
            f"{table.name}: its columns have names ({', '.join(table.columns)}); leave out --set data.columns, which is for "
            "files without names"
        )
    return table
