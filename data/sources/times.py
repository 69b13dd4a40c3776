"""Points in time, as tables write them: dates in ISO's and other common forms, or numbers."""

import re
import warnings
from collections.abc import Sequence

import numpy as np

from data.sources.plain import number_of

_ZONE = re.compile(r"\b(?:UTC|GMT|[PMCE][SD]T)\b ?")  # names that pandas does not know; one table is of one zone


def times_of(cells: Sequence[str]) -> np.ndarray:
    """`<float64>[cells]`, NaN for what is no time: the numbers where most cells are such, else seconds since 1970.

    A date such as 03/04/2019 begins with its month, unless dates that begin with their day are all that makes sense of the
    column.
    """
    numbers = [number_of(cell.strip()) for cell in cells]
    if 2 * numbers.count(None) < len(numbers):
        return np.array([np.nan if number is None else number for number in numbers])
    import pandas as pd  # imported here: half a second that only dates need

    texts = pd.Series([_ZONE.sub("", cell.strip()) for cell in cells], dtype=object)
    best = np.full(len(cells), np.nan)
    for how in ({}, {"dayfirst": True}, {"format": "mixed"}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forms that pandas has to guess
            found = pd.to_datetime(texts, errors="coerce", utc=True, **how)  # type: ignore[call-overload]
        moments = np.where(found.isna(), np.nan, found.astype("datetime64[s, UTC]").astype("int64").to_numpy().astype(np.float64))
        if np.isnan(moments).sum() < np.isnan(best).sum():
            best = moments
        if not np.isnan(best).any():
            break
    return best


def date(moment: float) -> str:
    """A point in time for people."""
    return str(np.datetime64(int(moment), "s").astype("datetime64[D]")) if abs(moment) > 1e8 else f"{moment:g}"
