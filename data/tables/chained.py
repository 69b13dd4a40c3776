"""Several tables one after another: the parts of a data set, or of one of its parts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from data.tables.splits import SPLIT
from data.tables.table import BadRow, Found, Row, Table
from records.errors import DataError

_MOST_ROWS = 10**12  # of a table that is none of several


@dataclass(frozen=True)
class Part:
    """One of the tables, and which part of the data it is."""

    split: str  # "" where nothing says it
    table: Table
    names: tuple[str, ...] = ()  # of the table's columns, as the first of the tables writes them

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.names or self.table.columns


@dataclass(frozen=True)
class ChainedTable:
    """The rows of several tables, with a column that says which part they are."""

    name: str
    parts: tuple[Part, ...]
    kind: str
    notes: tuple[str, ...] = ()

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Those of the first table, then those that others have beside them."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.columns))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the tables, and `split` where the tables are parts and have no such column of their own."""
        return (*self._names, SPLIT) if self._adds_split else self._names

    @cached_property
    def _adds_split(self) -> bool:
        return self.parts[0].split != "" and SPLIT not in self._names

    @cached_property
    def found(self) -> Found:
        """What was found out about the tables."""
        about = dict.fromkeys(detail for part in self.parts for detail in (part.table.found.kind, *part.table.found.details))
        names = [part.table.name for part in self.parts]
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        return Found(self.kind, (shown, *self.notes, *about))

    @cached_property
    def _each(self) -> int:
        """More than the numbers of rows of any of the tables; a row's number is its table's place times this, and that there."""
        several = [part.table for part in self.parts if isinstance(part.table, ChainedTable)]
        return max([_MOST_ROWS, *(len(table.parts) * table._each for table in several)])

    def place(self, number: int) -> str:
        """The table, and the place of a row in it."""
        place, its = divmod(number, self._each)
        table = self.parts[place].table
        return f"{table.name}, {table.place(its)}"

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows of all tables in their order, anew at each call, in constant memory.

        Raises:
            DataError: a table cannot be read on.
        """
        names = self._names
        for place, part in enumerate(self.parts):
            own = {name: index for index, name in enumerate(part.columns)}
            order = [own.get(name) for name in names]
            added = (part.split,) if self._adds_split else ()
            is_same = order == list(range(len(own)))
            for row in part.table.rows():
                number, cells = place * self._each + row.number, row.cells
                if not is_same:  # a row of another width has cells that nobody can place
                    fits = len(cells) == len(own)
                    cells = tuple("" if index is None else cells[index] for index in order) if fits else ()
                if isinstance(row, BadRow):
                    yield BadRow(number, row.reason, (*cells, *added) if len(cells) == len(names) else cells)
                else:
                    yield Row(number, (*cells, *added))


def chain(name: str, parts: tuple[Part, ...], kind: str, notes: tuple[str, ...] = ()) -> ChainedTable:
    """One table of several. A test part may have other columns, as those of competitions lack labels and have numbers instead.

    Raises:
        DataError: the tables have different columns.
    """
    first = parts[0]
    parts = tuple(replace(part, names=_as_in(first.columns, part.columns)) for part in parts)
    for part in parts[1:]:
        missing = [column for column in first.columns if column not in part.columns]
        further = [column for column in part.columns if column not in first.columns]
        if (further or missing) and part.split not in ("test", "unsup"):
            raise DataError(
                f"{name}: {first.table.name} has the columns {', '.join(first.table.columns)}, and {part.table.name} has "
                f"{', '.join(part.table.columns)}; give them the same names"
            )
        notes += tuple(f"{part.table.name} has no column {', '.join(missing)}" for _ in missing[:1])
        notes += tuple(f"{part.table.name} alone has a column {', '.join(further)}" for _ in further[:1])
    return ChainedTable(name, parts, kind, notes)


def _as_in(names: tuple[str, ...], columns: tuple[str, ...]) -> tuple[str, ...]:
    """The names of columns, those that differ in capitals alone from one of the names given as that is written."""
    own = {name.casefold(): name for name in names if name not in columns}
    return tuple(column if column in names else own.pop(column.casefold(), column) for column in columns)
