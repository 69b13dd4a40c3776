"""The rows of a table, read once from the first to the last: texts, what else their columns hold, and what does not fit."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from data.left_out import LeftOut
from data.sources.columns import Columns
from data.sources.parts import NO_PART, PART_WORDS, TRAIN, UNSUP
from data.sources.plain import plain
from data.tables.table import BadRow, Row, Table
from data.texts import Texts

NO_TEXT, NO_LABEL = "has no text", "has no label"


@dataclass
class Distinct:
    """Cells of a column as numbers: the same number for cells that mean the same."""

    meaning: Callable[[str], str]
    values: list[str] = field(default_factory=list)  # different ones, as they were first met
    _of_cell: dict[str, int] = field(default_factory=dict)
    _of_value: dict[str, int] = field(default_factory=dict)

    def number(self, cell: str) -> int:
        """The position of the cell's meaning in `values`."""
        if (found := self._of_cell.get(cell)) is not None:
            return found
        value = self.meaning(cell)
        if value not in self._of_value:
            self._of_value[value] = len(self.values)
            self.values.append(value)
        return self._of_cell.setdefault(cell, self._of_value[value])


@dataclass
class Gathered:
    """The rows with a text, in their order, and those that do not fit."""

    table: Table
    columns: Columns
    texts: Texts = field(default_factory=Texts)
    further: Texts = field(default_factory=Texts)  # texts of rows that are marked as unlabelled
    labels: Distinct = field(default_factory=lambda: Distinct(plain))
    groups: Distinct = field(default_factory=lambda: Distinct(str.strip))
    times: list[str] = field(default_factory=list)
    _numbers: "array[int]" = field(default_factory=lambda: array("q"))
    _labels: "array[int]" = field(default_factory=lambda: array("l"))
    _groups: "array[int]" = field(default_factory=lambda: array("l"))
    _parts: "array[int]" = field(default_factory=lambda: array("b"))
    _bad: dict[str, list[int]] = field(default_factory=dict)
    _n_rows: int = 0

    @property
    def rows(self) -> np.ndarray:
        """`<int64>[texts]`, the number of each text's row in the table."""
        return np.array(self._numbers, dtype=np.int64)

    @property
    def label_ids(self) -> np.ndarray:
        """`<int64>[texts]`, positions in `labels.values`."""
        return np.array(self._labels, dtype=np.int64)

    @property
    def group_ids(self) -> np.ndarray:
        """`<int64>[texts]`, positions in `groups.values`."""
        return np.array(self._groups, dtype=np.int64)

    @property
    def parts(self) -> np.ndarray:
        """`<int8>[texts]`, values of `PART_WORDS`; all the same where there is no such column."""
        return np.array(self._parts, dtype=np.int8)

    @property
    def left_out(self) -> LeftOut:
        """The rows that do not fit."""
        return LeftOut(self._n_rows, self.table.place, self._bad)

    def take(self, row: Row | BadRow) -> None:
        """Add a row to those that fit, or to those that do not."""
        self._n_rows += 1
        if isinstance(row, BadRow):
            self._refuse(row.reason, row.number)
            return
        columns, cells = self.columns, row.cells
        text = columns.text(cells)
        part = TRAIN if columns.split is None else _part(cells[columns.split])
        if not text.strip():
            self._refuse(NO_TEXT, row.number)
        elif part == NO_PART:
            self._refuse(
                f"has {cells[columns.split or 0]!r} in the column {self.table.columns[columns.split or 0]!r}", row.number
            )
        elif part == UNSUP:
            self.further.append(text)
        else:
            self._keep(text, part, row)

    def _keep(self, text: str, part: int, row: Row) -> None:
        columns = self.columns
        self.texts.append(text)
        self._numbers.append(row.number)
        self._parts.append(part)
        self._labels.append(self.labels.number(row.cells[columns.label]) if columns.label is not None else 0)
        if columns.group is not None:
            self._groups.append(self.groups.number(row.cells[columns.group]))
        if columns.time is not None:
            self.times.append(row.cells[columns.time])

    def _refuse(self, reason: str, number: int) -> None:
        self._bad.setdefault(reason, []).append(number)


def _part(cell: str) -> int:
    return PART_WORDS.get(cell.strip().casefold(), NO_PART)


def gather(table: Table, columns: Columns) -> Gathered:
    """Read the table once.

    Raises:
        DataError: it cannot be read on.
    """
    gathered = Gathered(table, columns)
    for row in table.rows():
        gathered.take(row)
    return gathered
