"""Exports: a network of a finished run as files that others can run, one module a format. Here is what the formats share."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from data.types import IdArray
from data.vocabulary import PADDING
from engine.arrays import Array
from records.errors import ExportError

Reader = Callable[[Sequence[Any]], Array]  # of texts, or of rows of ids, by the format: probabilities `<float>[reviews]`


def padded(rows: Sequence[IdArray]) -> Array:
    """Token ids as one array, `<int32>[reviews, time]`."""
    ids = np.full((len(rows), max(map(len, rows))), PADDING, np.int32)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    return ids


def library(name: str, extra: str) -> Any:
    """A module that comes with an extra of this project.

    Raises:
        ExportError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ExportError(f"--export {extra} needs {name.split('.')[0]}; make run EXTRAS={extra} installs it") from error
