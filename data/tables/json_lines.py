"""Tables in JSON lines: an object a line, its keys the names of columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data.tables.content import Content
from data.tables.encoding import Text, reveal
from data.tables.json_rows import cell, loads, names_of, shown, unreadable
from data.tables.table import BadRow, Found, Row
from records.errors import DataError


@dataclass(frozen=True)
class JsonLinesTable:
    """A table whose columns are all keys of its objects, in the order in which they appear."""

    content: Content
    text: Text
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.content.name

    @cached_property
    def found(self) -> Found:
        """What was found out about the file."""
        return Found("JSON lines", tuple(filter(None, (self.text.shown, self.content.packing))))

    def place(self, number: int) -> str:
        """The line of a row."""
        return f"line {number}"

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows in their order, anew at each call, in constant memory.

        Raises:
            DataError: the file cannot be read on.
        """
        for number, found in _objects(self.text, self.content):
            yield found if isinstance(found, BadRow) else row_of(number, found, self.columns)


def row_of(number: int, found: dict[str, Any], columns: tuple[str, ...]) -> Row | BadRow:
    """The row that an object is."""
    cells = [cell(found.get(name)) for name in columns]
    if reason := unreadable(cells, columns):
        return BadRow(number, reason, tuple(map(shown, cells)))
    return Row(number, tuple(cells))


def open_json_lines(content: Content, text: Text) -> JsonLinesTable:
    """The table, once each line has been looked at.

    Raises:
        DataError: it cannot be read, or no line of it is an object.
    """
    columns: dict[str, None] = {}
    for _, found in _objects(text, content):
        if not isinstance(found, BadRow) and not found.keys() <= columns.keys():
            columns.update(dict.fromkeys(found))
    if not columns:
        raise DataError(f"{content.name}: no line of it is a JSON object; expected one a line: " + '{"text": "...", "label": 1}')
    return JsonLinesTable(content, text, names_of(columns, content.name))


def _objects(text: Text, content: Content) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    for number, line in enumerate(text.lines(content), 1):
        if line.isspace():
            continue
        line = reveal(line).lstrip("\ufeff")  # noqa: PLW2901 - the same line, readable
        try:
            found = loads(line)
        except ValueError as error:
            yield number, BadRow(number, f"is no JSON object ({error})", (shown(line.rstrip("\r\n")),))
            continue
        if isinstance(found, dict):
            yield number, found
        else:
            yield number, BadRow(number, "is no JSON object but another value", (shown(line.rstrip("\r\n")),))
