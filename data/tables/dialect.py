"""Finds how the cells of a text file are told apart: tries what people write, over the whole file, and takes what fits best."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from data.tables.encoding import Text, reveal
from data.tables.preamble import lines_above, written
from data.tables.records import BACKSLASHES, ESCAPES, NONE, QUOTES, Damage, Dialect, records
from data.tables.table import Reading
from records.errors import DataError

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "pipes", ",": "commas", " ": "spaces"}
_NAMED = {"tab": "\t", "\\t": "\t", "semicolon": ";", "pipe": "|", "comma": ",", "space": " ", "none": ""}
_EXCEL = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_R_NAMES = re.compile(r'"[^"]*"( "[^"]*")*\s*')  # the first line of R's write.table, between spaces as it does by itself
_SINGLE = re.compile(r"'[^']*'([^'\w]'[^']*')+\s*")  # a first line whose cells are all between single quotes
_SAMPLE = 200  # lines that the separator is found from
_HEAD, _CELL = 1_000, 300  # rows that are kept to look at, and characters of their cells
_ENOUGH = 20  # rows that all fit without quoting: that is no chance
_QUOTED_BEHIND_BLANK = re.compile(r'\s+".*"\s*', re.DOTALL)

SEPARATOR_EXPECTED = f"auto, one character, or {', '.join(name for name in _NAMED if name.isalpha())}"

Lines = Callable[[], Iterator[str]]


@dataclass
class Fit:
    """How the rows of a file fit a dialect."""

    dialect: Dialect
    width: int = 0  # cells of the first row, or names that were given
    begins_quoted: bool = False  # whether the file begins with a quote, as R writes
    above: tuple[str, ...] = ()  # lines that are skipped
    rows: int = 0  # records that are not blank, the first one among them
    damaged: int = 0
    has_long_rows: bool = False  # of several lines
    widths: Counter[int] = field(default_factory=Counter)
    ends_empty: int = 0  # rows with more cells, those being empty
    begins_named: int = 0  # rows with one cell more, the first of which may be a name that R gives to a row
    opened: int = 0  # cells that begin with a quote, where quotes are characters like others
    closed: int = 0  # of these, the cells that end with one too
    head: list[list[str]] = field(default_factory=list)

    @property
    def has_empty_end(self) -> bool:
        """Whether separators end the rows, but not the one with the names."""
        return self._mostly(self.ends_empty) and self.ends_empty == self._wider

    @property
    def written(self) -> int:
        """How many cells most rows have."""
        return self.widths.most_common(1)[0][0] if self.has_empty_end else self.width + self.has_row_names

    @property
    def _wider(self) -> int:
        return sum(count for width, count in self.widths.items() if width > self.width)

    @property
    def has_row_names(self) -> bool:
        """Whether the first cell of each row but the first is a name that the first row has no name for, as R writes."""
        firsts = [row[0] for row in self.head if len(row) == self.width + 1]
        is_enough = self.rows > 3 and len(set(firsts)) == len(firsts)
        return is_enough and not self.has_empty_end and self._mostly(self.begins_named)

    @property
    def is_quoted(self) -> bool:
        """Whether nearly all cells that begin with a quote end with one: they are quoted, whatever a damaged row makes of it."""
        return self.opened > 0 and self.closed * 10 >= 9 * self.opened

    @property
    def is_behind_blanks(self) -> bool:
        """Whether quotes stand behind the blank after a separator, as in `"text", "label"`, and so quote nothing yet."""
        cells = [cell for row in self.head for cell in row if cell.lstrip()[:1] == '"' and cell[:1].isspace()]
        return len(cells) > 0 and sum(_QUOTED_BEHIND_BLANK.fullmatch(cell) is not None for cell in cells) * 10 >= 9 * len(cells)

    @property
    def bad(self) -> int:
        """Rows that do not fit."""
        fitting = self.widths[self.width] + self._wider * self.has_empty_end
        if self.has_row_names:
            fitting = 1 + self.begins_named
        return self.damaged + self.rows - fitting

    @property
    def is_mostly_good(self) -> bool:
        """Whether most rows fit, cells being quoted."""
        return self.dialect.quoting in (QUOTES, BACKSLASHES) and self.bad * 2 <= self.rows

    def _mostly(self, count: int) -> bool:
        return count > 0 and count * 10 >= 9 * (self.rows - 1)

    def add(self, cells: list[str]) -> None:
        """Count a row."""
        self.rows += 1
        self.width = self.width or len(cells)
        self.widths[len(cells)] += 1
        if len(cells) > self.width:
            self.ends_empty += not any(cells[self.width :])
        if len(cells) == self.width + 1:
            is_word = self.begins_quoted and cells[0] != "" and " " not in cells[0]
            self.begins_named += is_word or cells[0] == str(self.rows - 1)
        if self.dialect.quoting in (NONE, ESCAPES):
            opened = [cell for cell in cells if cell.startswith('"')]
            self.opened += len(opened)
            self.closed += sum(len(cell) > 1 and cell.endswith('"') for cell in opened)
        if len(self.head) < _HEAD:
            self.head.append([reveal(cell[:_CELL]) for cell in cells])


def separator_named(wish: str) -> str | None:
    """The separator that a person names, "" for one column; None if it can be none."""
    named = _NAMED.get(wish.lower(), wish)
    return None if len(named) > 1 or named in ('"', "\n", "\r", "\\") or not wish else named


def is_blank(cells: list[str]) -> bool:
    """Whether a record is a blank line."""
    return len(cells) < 2 and (not cells or not cells[0].strip())


def find_dialect(lines: Lines, text: Text, reading: Reading) -> Fit:
    """The dialect that most rows of a file fit.

    Quotes as in RFC 4180 are taken where every row fits them, else what leaves the fewest rows over. Where nearly all cells that
    begin with a quote end with one, they are quoted: then no reading without quotes is taken for the sake of a few damaged rows.

    Args:
        lines: begins to read the file.
        text: what is known of its characters.
        reading: what a person wants; quoting and separator may be `auto`.

    Raises:
        DataError: a wish is unknown, or the file cannot be read.
    """
    start = _separator(lines, reading)
    width = len(reading.columns)
    if reading.quoting not in ("auto", "none"):
        raise DataError(f"--set data.quoting={reading.quoting}: expected auto or none")
    escapes = [replace(start, quoting=ESCAPES)] if text.has_backslashes and start.separator in SEPARATORS else []
    if reading.quoting == "auto" and start.quote == "'":
        return _best(lines, [replace(start, quoting=QUOTES), start], width)
    if reading.quoting == "none" or not text.has_quotes:
        return _best(lines, [start, *escapes], width)
    quoted = replace(start, quoting=QUOTES)
    fit = _try(lines, quoted, width)
    spaces = [replace(quoted, spaces=True)] if start.separator != " " else []
    if spaces and fit.is_behind_blanks:
        spaced = _try(lines, spaces[0], width)
        fit = spaced if spaced.bad <= fit.bad and not spaced.is_behind_blanks else fit
    if fit.bad == 0:
        plain = _try(lines, start, width, most_bad=0) if fit.has_long_rows and start.separator else fit
        return plain if plain.rows > _ENOUGH and plain.bad == 0 else fit
    backslashes = [replace(quoted, quoting=BACKSLASHES)] if text.has_backslashes else []
    return _best(lines, [*backslashes, *spaces, start, *escapes], width, fit)


def _best(lines: Lines, dialects: Sequence[Dialect], width: int, best: Fit | None = None) -> Fit:
    """The first of the dialects that leaves the fewest rows over; quoted cells stay so if one damaged row fits only without."""
    for dialect in dialects:
        if best is None:
            best = _try(lines, dialect, width)
        elif best.bad:
            fit = _try(lines, dialect, width, best.bad - 1)
            best = fit if fit.bad < best.bad and not (best.is_mostly_good and fit.is_quoted) else best
    assert best is not None  # noqa: S101 - there is at least one dialect
    return best


def _try(lines: Lines, dialect: Dialect, width: int, most_bad: int | None = None) -> Fit:
    """Read a file to its end, or until more rows than `most_bad` do not fit."""
    fit, expected = Fit(dialect, width), dialect.skipped + 1
    fit.above = tuple(line.strip()[:_CELL] for line in islice(lines(), dialect.skipped) if line.strip(" ,;|\t\r\n"))
    fit.begins_quoted = next(islice(lines(), dialect.skipped, None), "").startswith('"')
    for number, record in records(lines(), dialect, width):
        fit.has_long_rows = fit.has_long_rows or number != expected
        expected = number + 1
        if isinstance(record, Damage):
            fit.damaged += 1
        elif not is_blank(record) or (fit.rows and not dialect.separator):
            fit.add(record or [""])
            if most_bad is not None and fit.rows % _HEAD == 0 and fit.bad > most_bad:
                break
    return fit


def _separator(lines: Lines, reading: Reading) -> Dialect:
    """A dialect without quotes, with the separator that was named or found."""
    first = list(islice(lines(), _SAMPLE))
    sample = written(first)
    excel = _EXCEL.fullmatch(sample[0].lstrip("\ufeff")) if sample else None
    named = None if reading.separator == "auto" else separator_named(reading.separator)
    if reading.separator != "auto" and named is None:
        raise DataError(f"--set data.separator={reading.separator}: expected {SEPARATOR_EXPECTED}")
    if excel:
        return Dialect(excel[1] if named is None else named, NONE, skipped=1)

    def guess(some: list[str]) -> str:
        return named if named is not None else _guess(some) if some else ""

    skipped = lines_above(first, guess, is_named=bool(reading.columns))
    rows = written(first[skipped:])
    return Dialect(guess(rows), NONE, skipped=skipped, quote="'" if rows and _SINGLE.fullmatch(rows[0]) else '"')


def _guess(sample: list[str]) -> str:
    """The separator by which most rows of a sample are as wide as the first; "" for one column."""
    candidates = [separator for separator in SEPARATORS if separator != " " or _R_NAMES.fullmatch(sample[0])]
    scores = {separator: max(_agreement(widths) for widths in _widths(sample, separator)) for separator in candidates}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] > 0 else ""


def _widths(sample: list[str], separator: str) -> Iterator[list[int]]:
    """How many cells each row has, quotes being quotes, and being characters like others."""
    rows = [record for _, record in records(sample, Dialect(separator, QUOTES)) if record]
    yield [0 if isinstance(row, Damage) else len(row) for row in rows]
    yield [line.count(separator) + 1 for line in sample]


def _agreement(widths: list[int]) -> float:
    """How many rows are as wide as the first, or wider by one, as R's are; 0 for one column."""
    if not widths or widths[0] < 2:
        return 0.0
    first, others = widths[0], widths[1:]
    same, more = (sum(width == first + extra for width in others) for extra in (0, 1))
    return 0.01 + max(same, more) / max(len(others), 1)
