"""The rows of a table, read once from the first to the last: texts, what else their columns hold, and what does not fit."""

from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import compress

import numpy as np

from data.left_out import LeftOut
from data.sources.columns import Columns
from data.sources.parts import NO_PART, TRAIN, UNSUP, part_of
from data.sources.plain import MISSING, listed, plain
from data.tables.table import BadRow, Row, Table
from data.texts import Texts
from records.errors import DataError

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
    needs_parts: bool = True  # a row whose cell names no part does not fit
    texts: Texts = field(default_factory=Texts)
    further: Texts = field(default_factory=Texts)  # texts of rows that are marked as unlabelled
    labels: Distinct = field(default_factory=lambda: Distinct(plain))
    groups: Distinct = field(default_factory=lambda: Distinct(_group))
    times: list[str] = field(default_factory=list)
    _numbers: "array[int]" = field(default_factory=lambda: array("q"))
    _labels: "array[int]" = field(default_factory=lambda: array("l"))
    _groups: "array[int]" = field(default_factory=lambda: array("l"))
    _parts: "array[int]" = field(default_factory=lambda: array("b"))
    _bad: dict[str, list[int]] = field(default_factory=dict)
    _n_rows: int = 0
    part_words: Counter[str] = field(default_factory=Counter)  # cells of the split column that name no part

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

    def without_label(self, are_so: np.ndarray) -> LeftOut:
        """The rows that do not fit, and these texts, `<bool>[texts]`, which have no label."""
        found, ids, rows, reasons = self.left_out, self.label_ids, self.rows, Distinct(_why_no_label)
        reason_of = np.full(len(self.labels.values), -1)  # of each label
        for number in np.unique(ids[are_so]).tolist():
            reason_of[number] = reasons.number(self.labels.values[number])
        for number, reason in enumerate(reasons.values):
            found = found.with_more(reason, rows[are_so & (reason_of[ids] == number)].tolist())
        return found

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
        part = TRAIN if columns.split is None else part_of(cells[columns.split])
        if not text.strip():
            self._refuse(NO_TEXT, row.number)
        elif part == NO_PART and self.needs_parts:
            self._refuse_part(cells[columns.split or 0], row.number)
        elif part == UNSUP:
            self.further.append(text)
        else:
            self._keep(text, part, row)

    def drop_missing(self) -> None:
        """Take texts that are only a word for a missing one, such as `nan`, for missing, where these are the fewer."""
        are_missing = [text.strip() in MISSING for text in self.texts]
        if not 0 < 2 * sum(are_missing) < len(are_missing):
            return
        for text, number, is_missing in zip(self.texts, self._numbers, are_missing, strict=True):
            if is_missing:
                self._refuse(_missing(NO_TEXT, text.strip()), number)
        kept = [not is_missing for is_missing in are_missing]
        self.texts, self.times = Texts(compress(self.texts, kept)), list(compress(self.times, kept))
        for name in ("_numbers", "_labels", "_groups", "_parts"):
            cells = getattr(self, name)
            setattr(self, name, array(cells.typecode, compress(cells, kept)))

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

    def _refuse_part(self, cell: str, number: int) -> None:
        self.part_words[cell] += 1
        self._refuse(f"has {cell!r} in the column {self.table.columns[self.columns.split or 0]!r}", number)

    def check_parts(self, limit: float, typed: Callable[[str, str], str]) -> None:
        """Refuse a split column of which more than this share of the rows names no part.

        Args:
            limit: the largest share.
            typed: what to type for a setting, as `Wanted.typed`.

        Raises:
            DataError: names the words, and the settings.
        """
        n = self.part_words.total()
        if n > limit * self._n_rows:
            words = ", ".join(f"{word!r} ({count:,} row{'s' * (count != 1)})" for word, count in self.part_words.most_common(5))
            allowed = int(len(self.left_out) / self._n_rows * 100 + 1) / 100
            leave = f"leave their rows out with {typed('max_bad_rows', f'{allowed:g}')}, " if allowed < 1 else ""
            raise DataError(
                f"{self.table.name}: the column {self.table.columns[self.columns.split or 0]!r} says which part a row is of, "
                f"train, validation or test, but also holds {words}; rename these, {leave}or have the parts drawn with "
                f"{typed('split_column', '')}"
            )

    def _refuse(self, reason: str, number: int) -> None:
        self._bad.setdefault(reason, []).append(number)


def _group(cell: str) -> str:
    """The group that a cell names; nothing for a word for a missing one, as all rows without a group are no group together."""
    return "" if cell.strip() in MISSING else cell.strip()


def _why_no_label(value: str) -> str:
    return "has several labels" if listed(value) else _missing(NO_LABEL, value)


def _missing(reason: str, cell: str) -> str:
    """`has no label (nan)`; the reason alone where the cell is empty."""
    return f"{reason} ({cell})" if cell else reason


def gather(table: Table, columns: Columns, *, needs_parts: bool = True) -> Gathered:
    """Read the table once.

    Args:
        table: to read.
        columns: of it.
        needs_parts: whether a row whose cell names no part does not fit.

    Raises:
        DataError: it cannot be read on.
    """
    gathered = Gathered(table, columns, needs_parts)
    for row in table.rows():
        gathered.take(row)
    gathered.drop_missing()
    return gathered
