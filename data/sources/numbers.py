"""Labels as numbers, in the one form that a column writes them: 2.5, 2,5, 1,000, 4/10, 4 stars, 4.0 out of 5 stars, ★★★★☆."""

import re
from collections.abc import Callable, Sequence

from data.sources.plain import number_of

_NUMBER = r"([+-]?\d+(?:[.,]\d+)?)"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(?:,\d+)?")
_THOUSANDS = re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d{1,3})")
_STARS = re.compile(rf"{_NUMBER} ?(?:stars?|★|⭐)", re.IGNORECASE)
_OF = re.compile(rf"{_NUMBER} ?(?:/|out of|of) ?{_NUMBER}(?: ?(?:stars?|points?|★|⭐))?", re.IGNORECASE)
_DRAWN = re.compile("([★⭐]*)(½?)☆*")


def numbers_of(values: Sequence[str]) -> list[float | None]:
    """The numbers that plain labels of one column are, None for those that are none in the form that most of them have."""
    found = [list(map(form, values)) for form in _FORMS]
    whole = {of for value in values if (of := _whole(value)) is not None}
    if len(whole) > 1:  # of different scales: 1/5 is less than 3/10
        shares = [
            None if number is None else number / (_whole(value) or 1) for number, value in zip(found[-1], values, strict=True)
        ]
        found[-1] = shares
    return min(found, key=lambda numbers: numbers.count(None))


def _thousands(value: str) -> float | None:
    return number_of(value.replace(",", "")) if _THOUSANDS.fullmatch(value) else None


def _decimal_comma(value: str) -> float | None:
    return number_of(value.replace(",", ".")) if _DECIMAL_COMMA.fullmatch(value) else None


def _stars(value: str) -> float | None:
    found = _STARS.fullmatch(value)
    return number_of(found[1].replace(",", ".")) if found else None


def _drawn(value: str) -> float | None:
    found = _DRAWN.fullmatch(value.replace("\ufe0f", "").replace(" ", ""))
    return len(found[1]) + len(found[2]) / 2 if value and found else None


def _whole(value: str) -> float | None:
    """The highest number of the scale that a label names: 10 of `4/10`; None where it names none above 0."""
    found = _OF.fullmatch(value)
    number = number_of(found[2].replace(",", ".")) if found else None
    return number if number is not None and number > 0 else None


def _part(value: str) -> float | None:
    found = _OF.fullmatch(value)
    return number_of(found[1].replace(",", ".")) if found and _whole(value) is not None else None


# The surest first, of which the first is taken of those that read as many labels.
_FORMS: tuple[Callable[[str], float | None], ...] = (number_of, _thousands, _decimal_comma, _stars, _drawn, _part)
