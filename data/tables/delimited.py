"""Tables in delimited text: CSV, TSV and their relatives, as people and programs write them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from data.tables.content import Content, printable
from data.tables.dialect import SEPARATORS, Fit, find_dialect, is_blank
from data.tables.encoding import Text, first_bad_byte, reveal, shown_bytes, shown_encoding
from data.tables.header import given_names, names_of, refuse_data, repeats_names
from data.tables.records import BACKSLASHES, ESCAPES, NONE, QUOTES, Damage, Record, records
from data.tables.remnants import Remnants, one_word
from data.tables.table import BadRow, Found, Reading, Row
from records.errors import DataError

_QUOTING = {
    BACKSLASHES: "backslashes before quotes inside cells",
    NONE: "no quoting: quotes are characters like others",
    ESCAPES: "no quoting: backslashes before separators and line ends inside cells",
}
_LONGEST_LINE = 1 << 26  # bytes
_MISSING = r"\N"  # as MySQL writes a missing value


@dataclass(frozen=True)
class DelimitedTable:
    """A table whose rows are lines with separators between cells."""

    content: Content
    text: Text
    fit: Fit
    names: tuple[str, ...]  # of every cell of a row, "" for a column that is not wanted
    has_header: bool

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.content.name

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(filter(None, self.names))

    @cached_property
    def found(self) -> Found:
        """What was found out about the file."""
        dialect, seen = self.fit.dialect, self.text.has_quotes
        details = [f"{SEPARATORS.get(dialect.separator, repr(dialect.separator))} between cells"] if dialect.separator else []
        details += [self.text.shown, self.content.packing]
        details += ["single quotes around cells" if dialect.quoting == QUOTES and dialect.quote == "'" else ""]
        details += [_QUOTING.get(dialect.quoting, "") if seen or dialect.quoting != NONE else ""]
        details += ["separators at the end of each row" if self.fit.has_empty_end else ""]
        details += ["row names in the first column, as R writes them" if self.fit.has_row_names else ""]
        details += [r"\N is a missing value" if any(_MISSING in row for row in self.fit.head) else ""]
        details += [f"above the rows, not read: {', '.join(map(repr, above))}" if (above := self._above) else ""]
        details += ["columns named by their place" if not self.has_header else ""]
        return Found({"\t": "TSV", "": "one column"}.get(dialect.separator, "CSV"), tuple(filter(None, details)))

    def place(self, number: int) -> str:
        """The line where a row begins."""
        return f"line {number}"

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows in their order, anew at each call, in constant memory.

        Raises:
            DataError: the file cannot be read on.
        """
        told = ((record, self._row(number, record)) for number, record in self._records())
        words = one_word(self.fit.head[self.has_header :], len(self.names))
        remnants = Remnants(len(self.names), self.fit.dialect.separator, words)
        yield from remnants.without((record, row) for record, row in told if row is not None)

    def _records(self) -> Iterator[tuple[int, Record]]:
        """The records below the names of the columns."""
        every = records(self.text.lines(self.content), self.fit.dialect, self.fit.written)
        if self.has_header:
            for _, record in every:
                if isinstance(record, Damage) or not is_blank(record):
                    break
        return every

    def _row(self, number: int, record: Record) -> Row | BadRow | None:
        """The row that a record is; None for a blank line."""
        if isinstance(record, Damage):
            line, separator = record.line.rstrip("\r\n"), self.fit.dialect.separator
            return BadRow(number, record.reason, self._shown(line.split(separator) if separator else [line]))
        width = len(self.names)
        if len(record) > width and self._has_empty_end and not any(record[width:]):
            del record[width:]
        if len(record) != width:
            return self._misfit(number, record)
        if _MISSING in record:
            record = ["" if cell == _MISSING else cell for cell in record]
        if self._hides:
            record = [reveal(cell) for cell in record]
        if (self.text.has_bad_bytes or self.text.has_nul) and (reason := self._unreadable(record)):
            return BadRow(number, reason, self._shown(record))
        if self.has_header and tuple(record) == self.names:
            return BadRow(number, "names the columns again", tuple(record))
        if width > 1 and not any(record):
            return None
        return Row(number, tuple(record) if self._wanted is None else tuple(record[place] for place in self._wanted))

    def _misfit(self, number: int, cells: list[str]) -> BadRow | Row | None:
        width = len(self.names)
        if is_blank(cells):
            return Row(number, ("",)) if width == 1 else None
        between = SEPARATORS.get(self.fit.dialect.separator, "separators")
        reason = f"has {len(cells)} cell{'s' * (len(cells) > 1)} where {'the first row' if self.has_header else 'data.columns'}"
        hint = f"; quote texts that hold {between}" if len(cells) > width else ""
        return BadRow(number, f"{reason} names {width}{hint}", self._shown(cells))

    def _unreadable(self, cells: list[str]) -> str:
        for name, cell in zip(self.names, cells, strict=True):
            if "\0" in cell:
                return f"has a NUL byte in column {name!r}"
            if (byte := first_bad_byte(cell)) is not None:
                known = shown_encoding(self.text.encoding)
                return f"has a byte {byte:#04x} in column {name!r} that is not {known}{self.text.advice}"
        return ""

    def _shown(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Cells of a row that does not fit; the wanted ones of those that have a name."""
        cells = [shown_bytes(reveal(cell)) for cell in cells]
        width = len(self.names)
        named = [cell for name, cell in zip(self.names, cells, strict=False) if name]
        return (*named, *cells[width:])

    @cached_property
    def _has_empty_end(self) -> bool:
        return self.fit.has_empty_end

    @property
    def _above(self) -> list[str]:
        """Lines above the rows, for people; what Excel reads the separator from is said by it."""
        return [printable(reveal(line)) for line in self.fit.above if not line.lower().lstrip('\ufeff"').startswith("sep=")]

    @cached_property
    def _hides(self) -> bool:
        """Whether characters of cells were hidden while they were told apart."""
        return self.text.has_lone_returns or self.fit.dialect.quoting == BACKSLASHES

    @cached_property
    def _wanted(self) -> tuple[int, ...] | None:
        """Places of the columns that are wanted; None for all."""
        return None if all(self.names) else tuple(place for place, name in enumerate(self.names) if name)


def open_delimited(content: Content, text: Text, reading: Reading) -> DelimitedTable:
    """A table in delimited text, once it has been looked at from end to end.

    Raises:
        DataError: it cannot be read, or its columns cannot be named.
    """
    if text.longest_line > _LONGEST_LINE:
        raise DataError(f"{content.name}: has a line of more than {_LONGEST_LINE >> 20} MB; this is no table of texts")
    fit = find_dialect(lambda: text.lines(content), text, reading)
    if reading.columns:
        names = given_names(reading.columns, fit.widths, content.name, has_empty_end=fit.has_empty_end)
        return DelimitedTable(content, text, fit, names, has_header=bool(fit.head) and repeats_names(fit.head[0], names))
    first = _first(content, text, fit)
    refuse_data(first, fit.head[1:], content.name)
    names = names_of(["", *first] if fit.has_row_names else first, content.name)
    return DelimitedTable(content, text, fit, names, has_header=True)


def _first(content: Content, text: Text, fit: Fit) -> list[str]:
    """The cells of the first row.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    for number, record in records(text.lines(content), fit.dialect, fit.width):
        if isinstance(record, Damage):
            raise DataError(f"{content.name}: line {number}, which should name the columns, {record.reason}")
        if is_blank(record):
            continue
        line = f"{content.name}: line {number}, which should name the columns,"
        if any(first_bad_byte(cell) is not None for cell in record):
            raise DataError(f"{line} is not {shown_encoding(text.encoding)}{text.advice}")
        if any("\0" in cell for cell in record):
            raise DataError(f"{line} has a NUL byte; write it without, or name the encoding: --set data.encoding=utf-16")
        return [reveal(cell) for cell in record]
    raise DataError(f"{content.name}: is empty; give a table with a row of names and rows of texts")
