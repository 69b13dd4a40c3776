"""Lines as fastText reads them: `__label__2 the text`, with one label or more before a text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from data.tables.content import Content
from data.tables.encoding import Text, first_bad_byte, reveal, shown_bytes, shown_encoding
from data.tables.table import BadRow, Found, Row

BEGINS = re.compile(r"__label__\S+[ \t]")
_LINE = re.compile(r"((?:__label__\S+)(?:[ \t,]+__label__\S+)*)(?:[ \t]+,?[ \t]*(.*))?", re.DOTALL)


@dataclass(frozen=True)
class FastTextTable:
    """A table of a label and a text in each line; several labels are one, with spaces between them."""

    content: Content
    text: Text
    columns: tuple[str, ...] = ("label", "text")

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.content.name

    @cached_property
    def found(self) -> Found:
        """What was found out about the file."""
        return Found("fastText", tuple(filter(None, ("a label before each text", self.text.shown, self.content.packing))))

    def place(self, number: int) -> str:
        """The line of a row."""
        return f"line {number}"

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows in their order, anew at each call, in constant memory.

        Raises:
            DataError: the file cannot be read on.
        """
        for number, line in enumerate(self.text.lines(self.content), 1):
            line = reveal(line.rstrip("\r\n"))  # noqa: PLW2901 - the same line, readable
            found = _LINE.fullmatch(line)
            if found and first_bad_byte(line) is None and "\0" not in line:
                yield Row(number, (" ".join(found[1].replace(",", " ").split()), found[2] or ""))
            elif line.strip():
                reason = (
                    "begins with no __label__"
                    if found is None
                    else f"has bytes that are not {shown_encoding(self.text.encoding)}"
                )
                yield BadRow(number, reason, ("", shown_bytes(line)))
