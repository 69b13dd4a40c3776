"""Rows that may be parts of a broken one: a line break inside of a text makes two rows of it, and the parts are no reviews."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data.tables.records import Damage, Enclosed, Record
from data.tables.table import BadRow, Row

_SPACE = re.compile(r"\s")
_PART = "follows a row that cannot be told apart, and may be a part of it"
_REST = "follows a row with too few cells, and may be the rest of it"
_CUT = "is followed by a row with too few cells, which may be the rest of it"


@dataclass(frozen=True)
class Remnants:
    """Tells which rows may be parts of others, in the columns of one table."""

    width: int  # cells of a row
    separator: str
    words: frozenset[int]  # columns of which nearly all cells are one word, a label or a number: no line break parts these

    def without(self, rows: Iterable[tuple[Record, Row | BadRow]]) -> Iterator[Row | BadRow]:
        """All rows; those that may be parts of a broken one are bad.

        A row of one cell, joined with the row before or after it, has as many cells as a row should have: they may be one row
        that a line break parts. They are two where the break would lie in a label or a number, or where the cell is quoted.

        Args:
            rows: what stands in the file, and what was made of it, without blank lines.
        """
        before: Record = []
        held: Row | BadRow | None = None
        is_after_damage = False
        for record, row in rows:
            if held:
                yield BadRow(held.number, _CUT, held.cells) if isinstance(held, Row) and self._continues(before, record) else held
            reason = self._broken(before, record, is_after_damage=is_after_damage) if isinstance(row, Row) else ""
            held = BadRow(row.number, reason, row.cells) if reason else row
            is_after_damage = isinstance(held, BadRow) and (is_after_damage or isinstance(record, Damage))
            before = record
        if held:
            yield held

    def _broken(self, before: Record, record: Record, *, is_after_damage: bool) -> str:
        """Why a row may be the end of what stands before it; nothing if it is a row of its own."""
        if isinstance(record, Damage):
            return ""
        known = [cell for place, cell in enumerate(record) if place in self.words]
        has_end = any(cell.count('"') % 2 for cell in record) or any(map(_SPACE.search, known))
        if is_after_damage and has_end:
            return _PART
        if self.width < 2 or 0 in self.words:
            return ""
        if isinstance(before, Damage):
            is_cell = self.separator not in before.line if self.separator else False
            return _PART if is_cell else ""
        is_cell = len(before) == 1 and not isinstance(before, Enclosed) and not isinstance(record, Enclosed)
        return _REST if is_cell and not before[0].strip().isdecimal() else ""

    def _continues(self, before: Record, record: Record) -> bool:
        """Whether a row of one cell may be the end of the last text of a row."""
        is_cell = isinstance(record, list) and len(record) == 1 and not isinstance(record, Enclosed)
        is_text = self.width > 1 and self.width - 1 not in self.words
        return is_cell and is_text and isinstance(before, list) and _SPACE.search(before[-1].strip()) is not None


def one_word(rows: Sequence[Sequence[str]], width: int) -> frozenset[int]:
    """Columns of which nearly all known cells are one word: a label, a number."""
    rows = [row for row in rows if len(row) == width]
    spaces = [sum(_SPACE.search(row[place]) is not None for row in rows) for place in range(width)]
    return frozenset(place for place, count in enumerate(spaces) if len(rows) > 2 and 4 * count <= len(rows))
