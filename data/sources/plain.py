"""Cells as the values that people mean with them: ` 1.0 ` is 1, `+1` is 1, `__label__2` is 2."""

import re

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")


def number_of(text: str) -> float | None:
    """The number that is written there, or None."""
    return float(text) + 0.0 if _NUMBER.fullmatch(text) else None  # -0.0 is 0


def plain(cell: str) -> str:
    """A label without what does not count: blanks around it, fastText's mark, the form of a number."""
    text = " ".join(cell.split()).removeprefix("__label__").replace("\u2212", "-")
    number = number_of(text)
    return text if number is None else f"{number:.15g}"
