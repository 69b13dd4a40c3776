"""What a person can mend: each message is one sentence on what was wrong, what was expected and what to do."""

import difflib
from collections.abc import Collection


class LengthwiseError(Exception):
    """The base of every error that is meant for the person at the command line, who sees its message alone."""


class ConfigError(LengthwiseError, ValueError):
    """The chosen configuration cannot be run; the message lists every problem, one a line."""


class DataError(LengthwiseError, ValueError):
    """The reviews cannot be had or used."""


class ArtifactsError(LengthwiseError, OSError):
    """The artifacts folder, or a file in it, cannot be used."""


class RecordError(LengthwiseError, ValueError):
    """A record cannot be written because a number is not finite, or a text is not the record that it should be."""


class InferenceError(LengthwiseError, ValueError):
    """A finished run cannot answer; the base of the errors below."""


class RunError(InferenceError):
    """The run cannot be asked."""


class CheckpointError(InferenceError):
    """A checkpoint is missing, damaged, or no model of this project; nothing of it was run."""


class DivergedError(CheckpointError):
    """A trained model gives numbers that are NaN or infinite."""


class TextError(InferenceError):
    """Nothing can be said of a text."""


class ExportError(InferenceError):
    """A network cannot be exported; nothing is left behind."""


class ServeError(InferenceError):
    """A run cannot be served."""


class TableError(InferenceError):
    """A table cannot be read, or the output not be written to."""


# How a person mends a study of which a file is missing or damaged; ends a sentence.
TRAIN_AGAIN = "remove the record and the folder of its study under studies/, and the run's main.py command trains it again"


def closest(name: str, known: Collection[str]) -> str:
    """The end of a sentence about an unknown name: `; did you mean ...? Known: ...`."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return (f"; did you mean {near[0]}?" if near else "") + (" Known: " if near else "; known: ") + ", ".join(known)
