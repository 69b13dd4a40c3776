"""Architecture name -> recurrent body. One visible dict; its order is the order of every table and figure.

Names, order and colours are readable without Keras: builders import it when they are called.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from results import YARDSTICK

Body = Callable[[Any], Any]  # <float32>[batch, time, features] -> states or last state
BuildBody = Callable[..., Body]


@dataclass(frozen=True)
class Architecture:
    """How to build a recurrent body, and how it appears."""

    build: BuildBody  # (units, return_sequences, dropout) -> body
    title: str
    colour: str  # from Okabe and Ito's palette for colour-blind readers, extended
    cost: float  # one training step's time relative to `gru`; orders the studies and estimates the time


def _simple_rnn(units: int, return_sequences: bool, dropout: float) -> Body:
    import keras

    return keras.layers.SimpleRNN(units, return_sequences=return_sequences)


def _lstm(units: int, return_sequences: bool, dropout: float) -> Body:
    import keras

    return keras.layers.LSTM(units, return_sequences=return_sequences)


def _gru(units: int, return_sequences: bool, dropout: float) -> Body:
    import keras

    return keras.layers.GRU(units, return_sequences=return_sequences)


def _custom_gru(units: int, return_sequences: bool, dropout: float) -> Body:
    from models.recurrent import CustomGRU

    return CustomGRU(units, return_sequences=return_sequences)


def _bidirectional_lstm(units: int, return_sequences: bool, dropout: float) -> Body:
    import keras

    return keras.layers.Bidirectional(_lstm(units, return_sequences, dropout))


def _bidirectional_gru(units: int, return_sequences: bool, dropout: float) -> Body:
    import keras

    return keras.layers.Bidirectional(_gru(units, return_sequences, dropout))


def _stacked_bidirectional_lstm(units: int, return_sequences: bool, dropout: float) -> Body:
    import keras

    first = _bidirectional_lstm(units, True, dropout)
    between = keras.layers.Dropout(dropout, name="dropout_between_layers")
    second = _bidirectional_lstm(units, return_sequences, dropout)
    return lambda sequences: second(between(first(sequences)))


ARCHITECTURES: dict[str, Architecture] = {
    "simple_rnn": Architecture(_simple_rnn, "SimpleRNN", "#E69F00", 0.6),
    "lstm": Architecture(_lstm, "LSTM", "#0072B2", 0.9),
    "gru": Architecture(_gru, "GRU", "#009E73", 1.0),
    "custom_gru": Architecture(_custom_gru, "GRU from scratch", "#CC79A7", 0.75),
    "bidirectional_lstm": Architecture(_bidirectional_lstm, "Bidirectional LSTM", "#56B4E9", 1.7),
    "bidirectional_gru": Architecture(_bidirectional_gru, "Bidirectional GRU", "#882255", 2.1),
    "stacked_bidirectional_lstm": Architecture(_stacked_bidirectional_lstm, "2 x bidirectional LSTM", "#D55E00", 3.1),
}
LINEAR_TITLE, LINEAR_COLOUR = "Linear yardstick", "#6B7280"


def resolve(name: str) -> Architecture:
    """The architecture of this name.

    Raises:
        ValueError: no such name; says which exist and the closest.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    near = difflib.get_close_matches(name, ARCHITECTURES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"no architecture is named {name!r}{hint} Known: {', '.join(ARCHITECTURES)}")


def title(name: str) -> str:
    """How an architecture, or the yardstick, is called in a figure."""
    return LINEAR_TITLE if name == YARDSTICK else resolve(name).title


def colour(name: str) -> str:
    """The one colour of an architecture, or of the yardstick, in every figure."""
    return LINEAR_COLOUR if name == YARDSTICK else resolve(name).colour
