"""The names of a table's columns, and whether its first row is one of names at all."""

import re
from collections import Counter
from collections.abc import Sequence

from records.classes import MOST_CLASSES
from records.errors import DataError

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)
_LONG = 200  # characters; questions of a survey name columns too
_LONGEST_LABEL = 30
_UNWANTED = ("", "-")


def names_of(cells: Sequence[str], file: str) -> tuple[str, ...]:
    """The names that a row gives to columns; what has none is `Unnamed: 0` by its place, as pandas calls it.

    Raises:
        DataError: two columns have the same name.
    """
    names = [cell.strip().lstrip("\ufeff") for cell in cells]
    if twice := [name for name, count in Counter(filter(None, names)).items() if count > 1]:
        raise DataError(
            f"{file}: several columns are named {', '.join(map(repr, twice))}; rename all but one, so that none is lost"
        )
    return tuple(name or _unnamed(place, names) for place, name in enumerate(names))


def given_names(columns: Sequence[str], widths: Counter[int], file: str, *, has_empty_end: bool = False) -> tuple[str, ...]:
    """The names that a person gives to columns by their place; "" for one that is not wanted.

    Args:
        columns: names, `-` or nothing for what is not wanted.
        widths: how many rows have how many cells.
        file: for people.
        has_empty_end: whether the cells beyond the names are empty in all rows.

    Raises:
        DataError: there are more or fewer columns, or a name stands twice.
    """
    names = tuple("" if name.strip() in _UNWANTED else name.strip() for name in columns)
    given = ",".join(columns)
    if len(set(filter(None, names))) < len([*filter(None, names)]) or not any(names):
        raise DataError(f"--set data.columns={given}: expected different names, and - for columns that are not wanted")
    width, count = widths.most_common(1)[0] if widths else (len(names), 0)
    if width != len(names) and count * 2 > widths.total() and not has_empty_end:
        raise DataError(
            f"{file}: its rows have {width} cells, and data.columns={given} names {len(names)}; name each by its place, - for "
            f"one that is not wanted: --set data.columns={','.join((*columns, *['-'] * width)[:width])}"
        )
    return names


def repeats_names(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row names the columns as a person does, who may have none for some of them."""
    pairs = zip(cells, names, strict=False)
    return len(cells) == len(names) and all(not name or cell.strip().casefold() == name.casefold() for cell, name in pairs)


def _unnamed(place: int, names: Sequence[str]) -> str:
    name = f"Unnamed: {place}"
    while name in names:
        name += "_"
    return name


def refuse_data(first: Sequence[str], others: Sequence[Sequence[str]], file: str) -> None:
    """A first row that is data, not names, is refused: read as names, it would be lost.

    Args:
        first: cells of the first row.
        others: rows after it, as far as they are known.
        file: for people.

    Raises:
        DataError: it is data; the message has the setting that names the columns.
    """
    if not is_data(first, others):
        return
    shown = ", ".join(repr(cell if len(cell) <= 30 else f"{cell[:30]}...") for cell in first[:4])
    more = ", ..." if len(first) > 4 else ""
    raise DataError(
        f"{file}: its first row ({shown}{more}) looks like data, not like names of columns; name them by their place, - for one "
        f"that is not wanted: --set data.columns={','.join(_roles([first, *others]))}"
    )


def is_data(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a cell recurs below as labels do, is a sentence, or is a number beside one."""
    if any(len(cell) > _LONG for cell in first):
        return True
    words = max((len(cell.split()) for cell in first), default=0)
    if len(first) == 1:
        return words > 3 or (words > 1 and first[0].rstrip()[-1:] in tuple(".!…。！"))
    rows = [row for row in others if len(row) == len(first) and list(row) != list(first)]
    often = max(1, len(rows) // MOST_CLASSES)  # a user may be called "user", once
    recurs = any(cell.strip() and sum(row[place] == cell for row in rows) >= often for place, cell in enumerate(first))
    return recurs or (words > 3 and any(_NUMBER.fullmatch(cell.strip()) for cell in first))


def _roles(rows: Sequence[Sequence[str]]) -> list[str]:
    """A name for each column: text for the longest one, label for the one of few short values, - for the others."""
    width = len(rows[0])
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True))
    text = max(range(width), key=lambda place: sum(map(len, columns[place])))
    labels = [place for place in range(width) if place != text and _may_be_label(columns[place])]
    label = min(labels, key=lambda place: _label_order(columns[place], place), default=None)
    return ["text" if place == text else "label" if place == label else "-" for place in range(width)]


def _may_be_label(values: Sequence[str]) -> bool:
    return len(set(values)) <= MOST_CLASSES and max(map(len, values)) <= _LONGEST_LABEL


def _label_order(values: Sequence[str], place: int) -> tuple[bool, bool, int, int]:
    """What has two values or more comes first, then numbers, as files sorted by their labels begin with one of them."""
    different = len(set(values))
    return different < 2, not _NUMBER.fullmatch(values[0].strip()), different, place
