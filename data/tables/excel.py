"""Tables in Excel's .xlsx files: the first sheet that holds anything."""

import contextlib
import datetime
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data.tables.content import Content, as_file
from data.tables.header import given_names, names_of, refuse_data
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
    names: tuple[str, ...]  # of every cell of a row, "" for a column that is not wanted
    first: int  # the row that names the columns, from 1; 0 where none does
    note: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.content.name

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(filter(None, self.names))

    @cached_property
    def found(self) -> Found:
        """What was found out about the file."""
        return Found("Excel", tuple(filter(None, (f"sheet {self.sheet!r}", self.note))))

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


def open_excel(content: Content, reading: Reading) -> ExcelTable:
    """The table in an .xlsx file.

    Raises:
        DataError: it cannot be read, its reader is not installed, it is empty, or its columns cannot be named.
    """
    content = as_file(content)
    with _workbook(content) as book:
        filled = [sheet.title for sheet in book.worksheets if next(_rows(sheet), None)]
        if not filled:
            raise DataError(f"{content.name}: is empty; give a table with a row of names and rows of texts")
        rows = [row for row, _ in zip(_rows(book[filled[0]]), range(_HEAD), strict=False)]
    others = ", ".join(map(repr, filled[1:]))
    note = f"{'sheet' if len(filled) == 2 else 'sheets'} {others} not read" if others else ""
    number, first = rows[0]
    if reading.columns:
        width = max(len(cells) for _, cells in rows)
        names = given_names(reading.columns, Counter({width: len(rows)}), content.name)
        is_named = [cell.casefold() for cell in first] == [name.casefold() for name in names]
        return ExcelTable(content, filled[0], names, number if is_named else 0, note)
    refuse_data(first, [cells for _, cells in rows[1:]], content.name)
    return ExcelTable(content, filled[0], names_of(first, content.name), number, note)


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
