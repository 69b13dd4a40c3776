"""Exports: a network of a finished run as files that others can run, one module a format. Here is what the formats share."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.vocabulary import PADDING
from engine.arrays import Array
from models.evidence import Reading, inputs_of
from records.errors import ExportError

INPUTS = ("token_ids", "evidence", "evidence_sums")  # of a network, the last two where it reads evidence


@dataclass(frozen=True)
class Review:
    """A review that an export is tried with."""

    text: str
    reading: Reading  # what the network reads of it


Reader = Callable[[Sequence[Review]], Array]  # probabilities `<float>[reviews]`, from the texts or from the readings


def inputs(reviews: Sequence[Review]) -> dict[str, Array]:
    """What a network is given, by the names of its inputs: ids `<int32>[reviews, time]`, and evidence where it reads some."""
    readings = [review.reading for review in reviews]
    ids = np.full((len(readings), max(map(len, readings))), PADDING, np.int32)
    for number, reading in enumerate(readings):
        ids[number, : len(reading)] = reading.ids
    given = [ids] if readings[0].evidence is None else inputs_of(readings, ids)
    return dict(zip(INPUTS, given, strict=False))


def library(name: str, extra: str) -> Any:
    """A module that comes with an extra of this project.

    Raises:
        ExportError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ExportError(f"--export {extra} needs {name.split('.')[0]}; make run EXTRAS={extra} installs it") from error
