"""What scoring needs of a table: its column of texts, and the cells of every row, so that none is lost."""

import re

from data.sources.columns import Columns, find
from data.sources.wanted import Wanted
from data.tables.table import BadRow, Row, Table
from records.errors import TableError

_SETTING = re.compile(r"--set data\.(\w+)=")


def in_flags(sentence: str) -> str:
    """A sentence about a table with the flags of this command line where it names settings of a run."""
    return _SETTING.sub(lambda found: f"--{found[1].replace('_', '-')}=", sentence)


def column_of_texts(table: Table, name: str) -> Columns:
    """The column of texts, or those that are joined; found where the name is `auto`.

    Raises:
        DataError: there is no such column, or which it is cannot be told.
    """
    return find(table, Wanted(text_column=name, are_options=True), has_labels=False)


def check(table: Table, added: tuple[str, ...]) -> int:
    """The number of rows, once each of them has been read.

    Args:
        table: to read.
        added: names of columns that must not be there.

    Raises:
        TableError: they are.
        DataError: the table cannot be read.
    """
    if taken := [name for name in added if name in table.columns]:
        raise TableError(f"{table.name}: has columns that would be added ({', '.join(taken)}); rename them")
    return sum(1 for _ in table.rows())


def cells_of(row: Row | BadRow, width: int) -> list[str]:
    """The cells of a row, as many as there are columns; of one that does not fit, those that have a place."""
    return [*row.cells[:width], *[""] * (width - len(row.cells))]


def problem_of(row: BadRow, table: Table) -> str:
    """Why a row has no answer; the cells that have no place are named, so that nothing is lost."""
    over = row.cells[len(table.columns) :]
    return in_flags(f"{table.place(row.number)} {row.reason}") + (f"; left over: {', '.join(map(repr, over))}" if over else "")
