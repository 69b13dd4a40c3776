"""Tables in Excel's .xlsx files: the sheets that are parts of a data set by their names, else the first that holds a table."""

import contextlib
import datetime
import itertools
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from data.tables.chained import ChainedTable, Part, chain
from data.tables.content import Content, as_file
from data.tables.header import given_names, names_of, refuse_data, repeats_names
from data.tables.splits import SPLITS, split_named
from data.tables.table import BadRow, Found, Reading, Row
from records.errors import DataError

_HEAD = 1_000  # rows that are looked at first
# what openpyxl raises, or lets through, where the archive or the XML in it is damaged; SyntaxError is that of XML
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError)


@dataclass(frozen=True)
class ExcelTable:
    """A table in a sheet."""

    content: Content
    sheet: str
    notes: tuple[str, ...] = ()
    is_part: bool = False  # whether it is one sheet of several that are read
    names: tuple[str, ...] = ()  # of every cell of a row, "" for a column that is not wanted
    first: int = 0  # the row that names the columns, from 1; 0 where none does

    @property
    def name(self) -> str:
        """The name of the file, and of the sheet where others are read too."""
        return f"sheet {self.sheet!r} of {self.content.name}" if self.is_part else self.content.name

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(filter(None, self.names))

    @cached_property
    def found(self) -> Found:
        """What was found out about the file."""
        return Found("Excel", () if self.is_part else (f"sheet {self.sheet!r}", *self.notes))

    def place(self, number: int) -> str:
        """The row of the sheet, as Excel counts."""
        return f"row {number}"

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows that are not empty, in their order, anew at each call.

        Raises:
            DataError: the file cannot be read on.
        """
        width = len(self.names)
        with _workbook(self.content) as book:
            for number, cells in _rows(book[self.sheet]):
                if number <= self.first:
                    continue
                named = [cell for name, cell in zip(self.names, [*cells, *[""] * width], strict=False) if name]
                if len(cells) > width:
                    namer = f"row {self.first}" if self.first else "data.columns"
                    yield BadRow(number, f"has {len(cells)} cells where {namer} names {width}", (*named, *cells[width:]))
                else:
                    yield Row(number, tuple(named))


def open_excel(content: Content, reading: Reading) -> ExcelTable | ChainedTable:
    """The table in an .xlsx file. Sheets called train, validation and test are the parts of one.

    Raises:
        DataError: it cannot be read, its reader is not installed, it is empty, or its columns cannot be named.
    """
    content = as_file(content)
    with _workbook(content) as book:
        heads = {sheet.title: list(itertools.islice(_rows(sheet), _HEAD)) for sheet in book.worksheets}
    filled = {sheet: head for sheet, head in heads.items() if head}
    if not filled:
        raise DataError(f"{content.name}: is empty; give a table with a row of names and rows of texts")
    parts = {split: sheet for split in SPLITS for sheet in filled if split_named(sheet.strip()) == split}
    if len(parts) < 2:
        sheet = next((sheet for sheet, head in filled.items() if _is_table(head)), next(iter(filled)))
        return _named(ExcelTable(content, sheet, _not_read(filled, {sheet})), filled[sheet], reading.columns)
    tables = {split: ExcelTable(content, sheet, is_part=True) for split, sheet in parts.items()}
    opened = tuple(Part(split, _named(table, filled[table.sheet], reading.columns)) for split, table in tables.items())
    return chain(content.name, opened, "several sheets", _not_read(filled, parts.values()))


def _is_table(head: list[tuple[int, list[str]]]) -> bool:
    """Whether the first rows of a sheet are those of a table, and not a title or some remarks."""
    return len(head) > 1 and max(len(cells) for _, cells in head) > 1


def _not_read(filled: Collection[str], read: Collection[str]) -> tuple[str, ...]:
    others = [repr(sheet) for sheet in filled if sheet not in read]
    return (f"{'sheet' if len(others) == 1 else 'sheets'} {', '.join(others)} not read",) if others else ()


def _named(table: ExcelTable, head: list[tuple[int, list[str]]], columns: tuple[str, ...]) -> ExcelTable:
    """The table with the names that are given, or else stand in its first row.

    Raises:
        DataError: its columns cannot be named.
    """
    number, first = head[0]
    if columns:
        width = max(len(cells) for _, cells in head)
        names = given_names(columns, Counter({width: len(head)}), table.name)
        return replace(table, names=names, first=number if repeats_names(first, names) else 0)
    refuse_data(first, [cells for _, cells in head[1:]], table.name)
    return replace(table, names=names_of(first, table.name), first=number)


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """The rows of a sheet that are not empty, without the empty cells at their ends."""
    sheet.reset_dimensions()  # what a file says of its own size is often wrong
    for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
        if cells := _trimmed([_cell(value) for value in values]):
            yield number, cells


def _trimmed(cells: Sequence[str]) -> list[str]:
    width = len(cells)
    while width and not cells[width - 1]:
        width -= 1
    return list(cells[:width])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


@contextlib.contextmanager
def _workbook(content: Content) -> Iterator[Any]:
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise DataError(f"{content.name}: reading Excel needs openpyxl; run with EXTRAS=excel, or save it as CSV") from error
    try:
        with content.open() as file, warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="openpyxl")  # of formats and validations, which say nothing of cells
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            try:
                yield book
            finally:
                book.close()
    except DataError:
        raise
    except (InvalidFileException, *_DAMAGES) as error:
        raise DataError(f"{content.name}: cannot be read as an Excel file ({error}); save it again, or save it as CSV") from error
