"""Tables in one JSON value: an array of objects, an object that holds one, or an object of columns."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TextIO

from data.tables.content import Content
from data.tables.encoding import Text
from data.tables.json_lines import JsonLinesTable, open_json_lines, row_of
from data.tables.json_rows import DECODER, cell, loads, names_of, shown
from data.tables.splits import SPLIT, split_named
from data.tables.table import BadRow, Found, Row
from records.errors import DataError

_BLOCK = 1 << 18  # characters
_LARGEST = 1 << 26  # characters of one value; an object of columns is read whole, up to so many
_BETWEEN = re.compile("[\\s,\ufeff]*")
_EXPECTED = 'expected an array of objects ([{"text": "...", "label": 1}, ...]), one in an object, or an object a line'

Objects = Callable[[], Iterator[Any]]


@dataclass(frozen=True)
class JsonTable:
    """A table whose columns are all keys of its objects, in the order in which they appear."""

    content: Content
    text: Text
    objects: Objects  # begins to read them
    kind: str
    columns: tuple[str, ...]
    unread: tuple[str, ...]  # names of further arrays of objects beside the one that is read

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.content.name

    @cached_property
    def found(self) -> Found:
        """What was found out about the file."""
        others = f"not read: {', '.join(map(shown, self.unread))}" if self.unread else ""
        return Found(self.kind, tuple(filter(None, (self.text.shown, self.content.packing, others))))

    def place(self, number: int) -> str:
        """Which row it is, from 1."""
        return f"row {number}"

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows in their order, anew at each call, in constant memory.

        Raises:
            DataError: the file cannot be read on.
        """
        for number, found in enumerate(self.objects(), 1):
            if isinstance(found, dict):
                yield row_of(number, found, self.columns)
            else:
                what = f"an array of {len(found)}" if isinstance(found, list) else "another value"
                yield BadRow(number, f"is no JSON object but {what}", (shown(cell(found)),))


class _Stream:
    """JSON values out of a text that is read block by block."""

    def __init__(self, characters: TextIO, name: str) -> None:
        self._characters, self._name = characters, name
        self._buffer, self._at, self._count = "", 0, 0

    def peek(self) -> str:
        """The next character that is no space or comma; "" at the end."""
        while True:
            self._at = _BETWEEN.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer) or not self._read_on():
                return self._buffer[self._at : self._at + 1]

    def skip(self, character: str) -> None:
        """Go over a character that must come now.

        Raises:
            DataError: another one comes.
        """
        if self.peek() != character:
            raise self._error(f"expected {character!r}")
        self._at += 1

    def value(self) -> Any:
        """The next value.

        Raises:
            DataError: none comes.
        """
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._buffer, self._at)
            except RecursionError:
                raise self._error("nested too deeply") from None
            except ValueError as error:  # perhaps its end is not there yet
                if len(self._buffer) - self._at > _LARGEST or not self._read_on():
                    raise self._error(str(error)) from None
            else:
                self._at, self._count = end, self._count + 1
                return value

    def _read_on(self) -> bool:
        rest = self._buffer[self._at :]
        more = self._characters.read(max(_BLOCK, len(rest)))
        self._buffer, self._at = rest + more, 0
        return more != ""

    def _error(self, said: str) -> DataError:
        said = said.split(": line")[0]
        return DataError(f"{self._name}: is damaged or cut off after {self._count:,} values of JSON ({said})")


def open_json(content: Content, text: Text) -> JsonTable | JsonLinesTable:
    """A table in JSON, told apart by how it begins.

    Raises:
        DataError: it cannot be read, or is no table.
    """
    unread = dict[str, None]()
    kind, objects = _kind(content, text, unread)
    if objects is None:
        return open_json_lines(content, text)
    columns: dict[str, None] = {}
    is_empty = True
    for found in objects():
        is_empty = False
        if isinstance(found, dict):
            columns.update(dict.fromkeys(found))
    if not columns:
        raise DataError(f"{content.name}: holds {'nothing' if is_empty else 'no JSON objects'}; {_EXPECTED}")
    return JsonTable(content, text, objects, kind, names_of(columns, content.name), tuple(unread))


def _kind(content: Content, text: Text, unread: dict[str, None]) -> tuple[str, Objects | None]:
    """What a JSON text is, and how its objects are read, see `_within`; None for lines."""
    with text.opened(content) as file:
        head = file.read(_BLOCK).lstrip("\ufeff \t\r\n")
    if head.startswith("["):
        return "a JSON array", lambda: _array(text, content)
    line, _, rest = head.partition("\n")
    first = _object_or_none(line)
    is_lines = first is not None and bool(rest.strip() or not any(isinstance(value, list | dict) for value in first.values()))
    is_damaged_lines = line.strip() != "{" and _object_or_none(rest.partition("\n")[0]) is not None
    if is_lines or is_damaged_lines:
        return "JSON lines", None
    return "JSON", lambda: _objects(text, content, unread)


def _object_or_none(line: str) -> dict[str, Any] | None:
    try:
        found = loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _array(text: Text, content: Content) -> Iterator[Any]:
    with text.opened(content) as file:
        stream = _Stream(file, content.name)
        stream.skip("[")
        while stream.peek() != "]":
            yield stream.value()
        stream.skip("]")
        if stream.peek():
            raise DataError(f"{content.name}: something stands behind its JSON array; {_EXPECTED}")


def _objects(text: Text, content: Content, unread: dict[str, None]) -> Iterator[Any]:
    """Objects one after another, or those in the only one, see `_within`."""
    with text.opened(content) as file:
        stream = _Stream(file, content.name)
        first = stream.value()
        if not stream.peek():
            yield from _within(first, content.name, unread)
            return
        yield first
        while stream.peek():
            yield stream.value()


def _within(whole: Any, name: str, unread: dict[str, None]) -> Iterator[Any]:
    """The rows in an object: arrays called train, test ..., its longest array of objects, its columns, or itself.

    As pandas' `to_json` writes, in every form.

    Args:
        whole: the object, or another value.
        name: of the file, for people.
        unread: gets the names of arrays of objects that are not read.

    Raises:
        DataError: its columns are of different lengths.
    """
    named = whole if isinstance(whole, dict) else {}
    values = list(named.values())
    arrays = {name: value for name, value in named.items() if isinstance(value, list) and value and _are_objects(value)}
    if isinstance(named.get("columns"), list) and isinstance(named.get("data"), list):
        columns = [cell(name) for name in named["columns"]]
        yield from (_row_of(row, columns) for row in named["data"])
    elif arrays:
        yield from _of_arrays(arrays, unread)
    elif values and all(isinstance(value, dict) for value in values):
        if all(key.isdecimal() for key in named):  # rows by their numbers
            yield from values
        else:
            keys = dict.fromkeys(key for value in values for key in value)
            yield from ({name: column.get(key) for name, column in named.items()} for key in keys)
    elif values and all(isinstance(value, list) for value in values):
        if len({len(value) for value in values}) > 1:
            raise DataError(f"{name}: its columns are of different lengths; {_EXPECTED}")
        yield from (dict(zip(named, row, strict=True)) for row in zip(*values, strict=True))
    else:
        yield whole


def _are_objects(rows: list[Any]) -> bool:
    return all(isinstance(row, dict) for row in rows)


def _of_arrays(arrays: dict[str, list[Any]], unread: dict[str, None]) -> Iterator[dict[str, Any]]:
    """The objects of the arrays that are called as parts, each with its part, else of the longest array."""
    parts = {name: split for name in arrays if (split := split_named(name))}
    read = [*parts] if len(parts) > 1 else [max(arrays, key=lambda name: len(arrays[name]))]
    unread.update(dict.fromkeys(name for name in arrays if name not in read))
    for name in read:
        yield from ({**row, SPLIT: row.get(SPLIT, parts[name])} if len(parts) > 1 else row for row in arrays[name])


def _row_of(cells: Any, columns: list[str]) -> Any:
    """The object that a row of as many cells as there are columns is; what is no such row stays as it is."""
    return dict(zip(columns, cells, strict=True)) if isinstance(cells, list) and len(cells) == len(columns) else cells
