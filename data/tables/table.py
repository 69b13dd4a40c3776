"""What a table is to whoever reads it: names of columns, and rows of texts that can be read again and again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """One row that fits its table."""

    number: int  # tells its place, see `Table.place`
    cells: tuple[str, ...]  # one a column; "" for what is missing


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not fit, which nobody may take for one that does."""

    number: int
    reason: str  # ends the sentence `line 12 ...`: "has 3 cells where the first row names 2"
    cells: tuple[str, ...] = ()  # what could be read of it, as many as there are, for whoever must lose nothing


@dataclass(frozen=True)
class Reading:
    """How a person wants a table to be read; `auto` finds it out."""

    encoding: str = "auto"  # or a name that Python knows
    separator: str = "auto"  # or one character, or `tab`
    quoting: str = "auto"  # none: quotes are characters like others
    columns: tuple[str, ...] = ()  # names of the columns of a file without a header, by position


@dataclass(frozen=True)
class Found:
    """What was found out about a file, for people: `CSV, semicolons between cells, encoding cp1252 (detected)`."""

    kind: str  # CSV, JSON lines, Parquet, a folder of class folders, ...
    details: tuple[str, ...] = ()  # what a person should know, a few words each, in the order of importance


class Table(Protocol):
    """A table of texts, whatever it was read from."""

    @property
    def name(self) -> str:
        """What it is called in sentences: the name of its file or folder."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, each of them once."""

    @property
    def found(self) -> Found:
        """What was found out about it."""

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows in their order, anew at each call, in constant memory.

        Raises:
            DataError: the table cannot be read on; the message names the place.
        """

    def place(self, number: int) -> str:
        """Where a row stands, for sentences: `line 12`, `train.csv, line 12`, `row 7`, `neg/3.txt`."""
