"""Cells as the values that people mean: ` 1.0 `, `+1` and `1e0` are 1, `__label__2` and `[2]` are 2, `nan` is nothing."""

import ast
import math
import re

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
# What nobody sees and no word needs: soft hyphens, blanks of no width, marks of byte order and of direction.
_UNSEEN = re.compile("[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_JOINERS = " \u200c\u200d"  # the latter hold letters and emoji together, but nothing at the ends of a cell
# What pandas writes or reads for a missing cell, and what databases export (`\N`).
MISSING = frozenset(("", "nan", "NaN", "-nan", "-NaN", "None", "N/A", "n/a", "#N/A", "NA", "#NA", "<NA>", "null", "NULL", "\\N"))

_LONGEST_LIST = 1_000  # characters


def number_of(text: str) -> float | None:
    """The number that is written there, or None."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text) + 0.0  # -0.0 is 0
    return number if math.isfinite(number) else None


def seen(cell: str) -> str:
    """A cell without what cannot be seen: blanks around it, several of them inside, and characters of no width."""
    return " ".join(_UNSEEN.sub("", cell).split()).strip(_JOINERS)


def listed(text: str) -> tuple[str, ...] | None:
    """The labels in a list of labels, as JSON and Python write it: `["drama", "comedy"]`, `[3]`; None where there is none."""
    if not (text.startswith("[") and text.endswith("]")) or len(text) > _LONGEST_LIST:
        return None
    try:
        return tuple(map(str, ast.literal_eval(text)))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # TypeError: of a set of lists, say
        return None


def plain(cell: str) -> str:
    """A label without what does not count: what cannot be seen, a list around it, fastText's mark, the form of a number."""
    text = seen(cell)
    if (several := listed(text)) is not None and len(several) < 2:
        text = seen(several[0]) if several else ""
    text = text.removeprefix("__label__").replace("\u2212", "-")
    number = number_of(text)
    return text if number is None else f"{number:.15g}"
