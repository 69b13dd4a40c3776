"""Lines above the row that names the columns: comments, and the title that a person or a program gives to a table."""

from collections.abc import Callable, Sequence

from data.tables.header import is_data
from data.tables.records import QUOTES, Damage, Dialect, records

_COMMENT = "#"
_LONGEST_NAME = 40  # characters
_FEWEST = 5  # rows below a title: that all are as wide as their names is no chance
_MOST = 20  # lines above the names


def lines_above(lines: Sequence[str], guess: Callable[[list[str]], str], *, is_named: bool) -> int:
    """How many lines stand above the row that names the columns.

    These are lines that begin with `#`, but for names of columns that do, or else one line of one cell, above names that are as
    many as the cells of every row. Blank lines, and lines of separators alone, belong to what stands above them.

    Args:
        lines: the first ones of a file.
        guess: the separator of lines.
        is_named: whether a person names the columns; then no line is a title.
    """
    comments = _end(lines, lambda line: line.lstrip("\ufeff").startswith(_COMMENT))
    if comments:
        separator = guess(written(lines[comments:]))
        rows = _rows(lines[comments:], separator)
        may_be_names = not rows or any(_width(line, separator) == len(rows[0]) for line in lines[:comments])
        return 0 if not separator or (may_be_names and not _is_table(rows)) else comments
    title = _end(lines, lambda line: line == next(iter(written(lines)), None))
    separator = guess(written(lines[title:])) if title and not is_named else ""
    return title if separator and _is_title(written(lines)[0], separator) and _is_table(_rows(lines[title:], separator)) else 0


def _end(lines: Sequence[str], is_above: Callable[[str], bool]) -> int:
    """Where lines that stand above end, with what is blank behind them; 0 if there are none."""
    end = 0
    for number, line in enumerate(lines[:_MOST], 1):
        if is_above(line):
            end = number
        elif line.strip(" ,;|\t\r\n"):
            break
        elif end:
            end = number
    return end


def written(lines: Sequence[str]) -> list[str]:
    """The lines that are not blank."""
    return [line for line in lines if line.strip()]


def _width(line: str, separator: str) -> int:
    return line.count(separator) + 1 if separator else 1


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The rows of a sample, but for the last one, which may be cut off."""
    if not separator:
        return []
    return [row for _, row in records(written(lines)[:-1], Dialect(separator, QUOTES)) if row and not isinstance(row, Damage)]


def _is_title(line: str, separator: str) -> bool:
    """Whether a line has one cell only, of several words, or with the empty ones behind it that Excel writes."""
    cells = [cell.strip() for cell in line.split(separator)]
    return cells[0] != "" and not any(cells[1:]) and (len(cells) > 1 or " " in cells[0])


def _is_table(rows: list[list[str]]) -> bool:
    """Whether rows begin with names of their columns."""
    if len(rows) <= _FEWEST or any(len(row) != len(rows[0]) for row in rows):
        return False
    names = rows[0]
    are_short = all(0 < len(name) <= _LONGEST_NAME and name == name.strip() and not name.isdecimal() for name in names)
    return are_short and len(set(names)) == len(names) and not is_data(names, rows[1:])
