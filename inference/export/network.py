"""A network as Keras itself runs it: for exports, and in place of the NumPy engine where that does not reproduce the network."""

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.vocabulary import PADDING, START
from models.evidence import Reading, inputs_of
from records.errors import CheckpointError

LAYERS = ("models.recurrent", "models.transformer")  # the files whose layers a checkpoint may hold
_BATCH = 32  # reviews that are read together


def read(path: Path) -> Any:
    """The `keras.Model` in a checkpoint; it is read in safe mode, which refuses code that is stored in the file."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes about the machine
    import keras

    for name in LAYERS:  # so that Keras knows their layers
        importlib.import_module(name)
    return keras.saving.load_model(path, compile=False, safe_mode=True)


class KerasNetwork:
    """A network that Keras reads: slower to start than the NumPy engine, and without gradients for explanations."""

    def __init__(self, path: Path) -> None:
        """Read a checkpoint.

        Raises:
            CheckpointError: the file is missing or damaged, Keras does not know one of its layers, or Keras is not installed.
        """
        try:
            self._model = read(path)
        except ImportError as error:
            raise CheckpointError(
                f"Keras is to read {path}, and {error.name} is not installed: choose another --study"
            ) from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"Keras cannot read {path} ({type(error).__name__}: {str(error)[:200]}): choose another --study"
            ) from error

    @property
    def evidence(self) -> int:
        """Numbers beside each word's vector."""
        return int(self._model.inputs[1].shape[-1]) if len(self._model.inputs) > 1 else 0

    def logits(self, readings: Sequence[Reading]) -> np.ndarray:
        """The logits of each review, `<float64>[reviews, classes - 1]`; reviews of about one length are read together."""
        logits = np.empty((len(readings), self._model.output_shape[-1]))
        order = np.argsort([len(each) for each in readings], kind="stable")
        for start in range(0, len(readings), _BATCH):
            batch = order[start : start + _BATCH]
            logits[batch] = self._model.predict_on_batch(_padded([readings[i] for i in batch]))[: len(batch)]
        return logits


def _padded(readings: Sequence[Reading]) -> Any:
    """The network's inputs, reviews and time rounded up to powers of two: each shape is compiled once, which takes a second."""
    shape = (_power_of_two(len(readings)), _power_of_two(max(map(len, readings))))
    padded = np.full(shape, PADDING, np.int32)
    padded[:, 0] = START  # rows that are not wanted hold a word too
    for number, reading in enumerate(readings):
        padded[number, : len(reading)] = reading.ids
    return padded if readings[0].evidence is None else inputs_of(readings, padded)


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
