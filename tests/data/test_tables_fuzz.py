"""Laws of made-up tables: what was written is read equal, and from what is damaged come rows or a sentence."""

import bz2
import codecs
import contextlib
import gzip
import io
import json
import lzma
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.tables.open import open_table
from data.tables.table import BadRow, Reading, Row
from records.errors import DataError

NAMES = ("text", "label", "stars", "user")
ENDINGS = {"": ".csv", "gzip": ".csv.gz", "bzip2": ".csv.bz2", "xz": ".csv.xz", "zip": ".zip"}
MARKS = {"utf-8-sig": "utf-8", "utf-16-marked": "utf-16-le", "utf-16-be-marked": "utf-16-be", "utf-32-marked": "utf-32-le"}
CHARACTERS = "abc xyz 0123\"',;|\t\n\r\\éß中文😀\u00a0\u2028\u0085<>&"
LATIN = "abc xyz 0123\"',;|\t\n\r\\éßñ£"


@dataclass(frozen=True)
class Written:
    """A table, and how it is written."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    separator: str
    quotes_all: bool
    line_end: str
    encoding: str
    packing: str

    def text(self) -> str:
        return "".join(self.separator.join(map(self.cell, row)) + self.line_end for row in (self.names, *self.rows))

    def cell(self, text: str) -> str:
        if self.quotes_all or set(text) & {self.separator, '"', "\n", "\r"}:
            return '"' + text.replace('"', '""') + '"'
        return text

    def content(self) -> bytes:
        plain = MARKS.get(self.encoding, self.encoding)
        mark = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
        mark["utf-32-le"] = codecs.BOM_UTF32_LE
        return (mark[plain] if self.encoding in MARKS else b"") + self.text().encode(plain)

    def expected(self) -> list[tuple[str, ...]]:
        """A row of empty cells alone holds nothing."""
        return [row for row in self.rows if len(row) == 1 or any(row)]


def packed(content: bytes, packing: str) -> bytes:
    if packing == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("reviews.csv", content)
            archive.writestr("__MACOSX/._reviews.csv", b"\0\5\26\7")
        return buffer.getvalue()
    functions = {
        "gzip": lambda data: gzip.compress(data, 1),
        "bzip2": bz2.compress,
        "xz": lambda data: lzma.compress(data, preset=0),
    }
    return functions[packing](content) if packing else content


@st.composite
def tables(draw: st.DrawFn) -> Written:
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "latin-1", "cp1252", *MARKS]))
    separator = draw(st.sampled_from([",", ",", "\t", ";", "|"]))
    width = draw(st.integers(1, len(NAMES)))
    cell = st.text(LATIN if encoding in ("latin-1", "cp1252") else CHARACTERS, max_size=9)
    rows = draw(st.lists(st.tuples(*[cell] * width), max_size=7))
    if separator == "\t":  # tabs beside line ends in the cells of a row are how lines look whose quotes are plain characters
        rows = [tuple(text.replace("\t", " ") for text in row) if set("".join(row)) & {"\n", "\r"} else row for row in rows]
    line_end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    if line_end == "\r":
        rows = [tuple(text.replace("\n", " ") for text in row) for row in rows]
    packing = draw(st.sampled_from(["", "", *ENDINGS]))
    return Written(NAMES[:width], tuple(rows), separator, draw(st.booleans()), line_end, encoding, packing)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def often(examples: int) -> settings:
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=checks)


@often(1_000)
@given(table=tables())
def test_a_table_is_read_as_it_was_written(folder: Path, table: Written) -> None:
    path = folder / f"reviews{ENDINGS[table.packing]}"
    path.write_bytes(packed(table.content(), table.packing))
    is_named = table.encoding in ("latin-1", "cp1252")
    read = open_table(path, Reading(encoding=table.encoding if is_named else "auto"))
    assert read.columns == table.names
    rows = list(read.rows())
    assert [row.cells for row in rows] == table.expected() and all(isinstance(row, Row) for row in rows)
    assert [row.number for row in rows] == sorted({row.number for row in rows})
    if table.line_end == "\n":
        lines = table.text().split("\n")
        assert all(lines[row.number - 1].startswith(table.cell(row.cells[0]).split("\n")[0]) for row in rows)


WORDS = st.lists(
    st.sampled_from(["dull", 'a "clever" plot', "it's", "so, so", "C:\\dir", "déjà", "two\nlines", "a;b"]), min_size=1
)


@often(200)
@given(
    rows=st.lists(st.tuples(WORDS.map(" ".join), st.sampled_from(["0", "1"])), min_size=1),
    separator=st.sampled_from("\t,;"),
    kind=st.sampled_from(["backslashes", "none"]),
)
def test_other_quoting_is_read_as_it_was_written(folder: Path, rows: list[tuple[str, str]], separator: str, kind: str) -> None:
    if kind == "backslashes":
        lines = [[f'"{text}"'.replace("\\", "\\\\"), label] for text, label in rows]
        lines = [['"' + text[1:-1].replace('"', '\\"') + '"', label] for text, label in lines]
        is_told = any('"' in text for text, _ in rows)  # otherwise quotes as in RFC 4180 fit as well
        rows = rows if is_told else [(text.replace("\\", "\\\\"), label) for text, label in rows]
    else:
        rows = [(text.replace("\n", " ").replace(separator, " "), label) for text, label in rows]
        lines = [list(row) for row in rows]
    path = folder / "other.txt"
    path.write_text("".join(separator.join(line) + "\n" for line in [["text", "label"], *lines]), encoding="utf-8")
    read = open_table(path, Reading(quoting="none" if kind == "none" else "auto"))
    assert [row.cells for row in read.rows()] == rows


STARS = st.integers() | st.none() | st.booleans()


@often(300)
@given(
    rows=st.lists(st.tuples(st.text(CHARACTERS), STARS), min_size=1),
    kind=st.sampled_from(["lines", "array", "object"]),
    indent=st.sampled_from([None, 1]),
)
def test_json_is_read_as_it_was_written(
    folder: Path, rows: list[tuple[str, int | bool | None]], kind: str, indent: int | None
) -> None:
    path, objects = folder / "reviews.json", [{"text": text, "stars": stars} for text, stars in rows]
    if kind == "lines":
        written = "".join(json.dumps(row, ensure_ascii=indent is None) + "\n" for row in objects)
    else:
        written = json.dumps(objects if kind == "array" else {"version": 1, "data": objects}, indent=indent)
    path.write_text(written, encoding="utf-8")
    read = open_table(path, Reading())
    assert read.columns == ("text", "stars")
    assert [row.cells for row in read.rows()] == [(text, "" if stars is None else str(stars).lower()) for text, stars in rows]


def read_all(path: Path, reading: Reading) -> list[Row | BadRow]:
    """All rows; nothing where a sentence says why not."""
    with contextlib.suppress(DataError):
        return list(open_table(path, reading).rows())
    return []


@often(800)
@given(table=tables(), cut=st.tuples(st.integers(0, 200), st.integers(0, 20)), put=st.binary(max_size=12), data=st.data())
def test_a_damaged_table_gives_rows_or_a_sentence(
    folder: Path, table: Written, cut: tuple[int, int], put: bytes, data: st.DataObject
) -> None:
    content = table.content()
    if data.draw(st.booleans()):  # after packing, or before it
        content = packed(content, table.packing)
        changed = content[: cut[0]] + put + content[sum(cut) :]
    else:
        changed = packed(content[: cut[0]] + put + content[sum(cut) :], table.packing)
    path = folder / f"damaged{ENDINGS[table.packing]}"
    path.write_bytes(changed)
    for row in read_all(path, Reading()):
        assert all(isinstance(cell, str) and cell.encode() is not None for cell in row.cells)


@often(300)
@given(
    content=st.binary(max_size=300) | st.text(CHARACTERS + "{}[]:", max_size=300).map(str.encode),
    name=st.sampled_from(["a.csv", "a.jsonl", "a.json", "a.tsv", "a.txt", "a"]),
)
def test_any_bytes_give_rows_or_a_sentence(folder: Path, content: bytes, name: str) -> None:
    (folder / name).write_bytes(content)
    for row in read_all(folder / name, Reading()):
        assert all(cell.encode() is not None for cell in row.cells)
