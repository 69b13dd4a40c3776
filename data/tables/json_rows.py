"""The cells of JSON objects: numbers as they are written, nothing for what is missing, JSON text for what is nested."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from data.tables.encoding import first_bad_byte
from records.errors import DataError

_HALF = re.compile("[\ud800-\udfff]")  # half of a character beyond 16 bits, where a text was cut


class _Written(float):
    """A number that remembers how it was written."""

    def __new__(cls, text: str) -> "_Written":
        """The number of a text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


DECODER = json.JSONDecoder(parse_float=_Written)


def loads(text: str) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: it is none.
    """
    try:
        return DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def cell(value: Any) -> str:
    """A value as the text of a cell."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, _Written):
        return value.text
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return json.dumps(value, ensure_ascii=False)


def unreadable(cells: list[str], columns: tuple[str, ...]) -> str:
    """Why a row cannot be read as text; nothing if it can."""
    for name, text in zip(columns, cells, strict=True):
        if not text.isascii() and _HALF.search(text):
            byte = first_bad_byte(text)
            cut = f"a byte {byte:#04x} that is not UTF-8, or half of a character" if byte is not None else "half of a character"
            return f"has {cut} in column {name!r}"
        if "\0" in text:
            return f"has a NUL character in column {name!r}"
    return ""


def names_of(columns: Iterable[str], file: str) -> tuple[str, ...]:
    """The keys of all objects as names of columns.

    Raises:
        DataError: one cannot be shown.
    """
    names = tuple(columns)
    if cut := [name for name in names if _HALF.search(name)]:
        raise DataError(f"{file}: the key {shown(cut[0])!r} has half of a character; rename it")
    return names


def shown(text: str) -> str:
    r"""The text with each half of a character written as `\ud83d`."""
    return _HALF.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
