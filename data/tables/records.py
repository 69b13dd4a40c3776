"""Records of delimited text: cells between separators, quoted in one of the ways that people's files are."""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from data.tables.encoding import hide, reveal

LARGEST_CELL = 5_000_000  # characters; the longest published review has 14,000
QUOTES, BACKSLASHES, NONE, ESCAPES = "quotes", "backslashes", "none", "escapes"
_NEVER = "\udfff"  # no text holds it: the separator of a file of one column
_PROSE_LINES = 9  # more lines than these in one cell, each with as many separators as a row has, are rows and no prose
_TOO_LARGE = f"has a cell of more than {LARGEST_CELL:,} characters"
_ESCAPED = re.compile(r'\\([\\"])')


@dataclass(frozen=True)
class Dialect:
    r"""How the cells of a text file are told apart.

    The quoting is `quotes` (as in RFC 4180: a quote inside is written twice), `backslashes` (quotes, with `\"` inside too),
    `none` (a quote is a character like others), or `escapes` (no quotes; a `\` before what would end a cell, as MySQL writes).
    """

    separator: str  # "" where there is one column
    quoting: str
    spaces: bool = False  # whether cells begin behind spaces that are no part of them
    skipped: int = 0  # lines before the first row: Excel's `sep=;`
    quote: str = '"'


@dataclass(frozen=True, slots=True)
class Damage:
    """A line at which a record begins that cannot be told apart; the lines after it are read as if it were not there."""

    reason: str
    line: str


class Enclosed(list[str]):
    """Cells beside or in a row of another width, the first of which is quoted: so no other row is a part of it."""


Record = list[str] | Damage


def records(lines: Iterable[str], dialect: Dialect, width: int = 0) -> Iterator[tuple[int, Record]]:
    """Every record, with the number of the line where it begins, from 1; a blank line is a record of at most one empty cell.

    Args:
        lines: of the file, with their ends.
        dialect: how their cells are told apart.
        width: how many cells a row has; 0 for as many as the first one.
    """
    lines = islice(lines, dialect.skipped, None)
    if dialect.quoting == NONE:
        return _unquoted(lines, dialect)
    if dialect.quoting == ESCAPES:
        return _escaped(lines, dialect)
    return _quoted(lines, dialect, width)


def _unquoted(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[int, Record]]:
    separator = dialect.separator or _NEVER
    for number, line in enumerate(lines, dialect.skipped + 1):
        cells = line.rstrip("\r\n").split(separator)
        if len(line) > LARGEST_CELL and max(map(len, cells)) > LARGEST_CELL:
            yield number, Damage(_TOO_LARGE, line)
        else:
            yield number, cells


def _escaped(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[int, Record]]:
    r"""As `SELECT ... INTO OUTFILE` writes: `\` before a separator, a line end or another `\`."""
    special = re.compile(rf"\\([\\\n{re.escape(dialect.separator)}])")
    number = start = dialect.skipped + 1
    whole = ""
    for number, line in enumerate(lines, start):
        whole += special.sub(lambda found: hide(found[1]), line)
        if not whole.endswith(hide("\n")) or len(whole) > LARGEST_CELL:
            yield start, _revealed(whole, dialect)
            whole, start = "", number + 1
    if whole:
        yield start, _revealed(whole, dialect)


def _revealed(line: str, dialect: Dialect) -> list[str]:
    return [reveal(cell) for cell in line.rstrip("\r\n").split(dialect.separator or _NEVER)]


class _Feed:
    """Lines for the csv module; those of a record that turned out to be none are given again but for the first."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.held: list[str] = []  # lines of the present record
        self.number = 0  # of the line that was given last

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self.held.append(line)
        return line

    def reread(self) -> None:
        """Give all lines of the present record but the first again."""
        self._again.extendleft(reversed(self.held[1:]))
        self.number -= len(self.held) - 1


def _quoted(lines: Iterable[str], dialect: Dialect, width: int) -> Iterator[tuple[int, Record]]:
    """Reads with the csv module, strictly. What takes each line anew is linear: an open quote ends at the next quote there is."""
    csv.field_size_limit(LARGEST_CELL)
    hidden = dialect.quoting == BACKSLASHES
    feed = _Feed(_ESCAPED.sub(lambda found: hide(found[1]), line) for line in lines) if hidden else _Feed(lines)
    feed.number, held = dialect.skipped, feed.held
    separator = dialect.separator or _NEVER
    reader = csv.reader(feed, delimiter=separator, strict=True, skipinitialspace=dialect.spaces, quotechar=dialect.quote)
    is_beside = False
    while True:
        held.clear()
        start = feed.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield start, Damage(_said(error, feed), held[0])
            feed.reread()
            continue
        if len(held) > 1 and width > 1 and _swallows(held, separator, width):
            yield start, Damage("opens a quote that is not closed before the next row", held[0])
            feed.reread()
            continue
        width = width or len(cells)
        is_other = len(cells) != width
        yield start, Enclosed(cells) if (is_other or is_beside) and held[0].startswith(dialect.quote) else cells
        is_beside = is_other


def _swallows(lines: list[str], separator: str, width: int) -> bool:
    """Whether a record of several lines is rather as many rows, the first of which begins a cell with a quote of its own."""
    enough = 1 if separator == "\t" else _PROSE_LINES  # a review may have commas in each line, but hardly tabs
    return len(lines) > enough and all(line.count(separator) == width - 1 for line in lines)


def _said(error: csv.Error, feed: _Feed) -> str:
    if "limit" in str(error):
        return _TOO_LARGE
    if "end of data" in str(error):
        return "opens a quote that is closed nowhere"
    where = "" if len(feed.held) == 1 else f" that is closed in line {feed.number}, in the middle of a cell"
    return (
        f'opens a quote{where}; write a quote inside a quoted cell twice ("")'
        if where
        else ('has a quote in the middle of a quoted cell; write it twice ("")')
    )
