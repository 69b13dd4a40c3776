"""Architecture name -> recurrent body. One visible dict; its titles and colours are those of plain entries, see `models.roster`.

Names, order and colours are readable without Keras: builders import it when they are called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from records.errors import closest

Body = Callable[[Any, Any], Any]  # <float32>[batch, time, features], <bool>[batch, time] of words -> states or last state
# (engine, units, return_sequences, makes a dropout layer of that name) -> body
BuildBody = Callable[[str, int, bool, Callable[[str], Any]], Body]


@dataclass(frozen=True)
class Architecture:
    """How to build the body of a network, and how it appears in tables and figures."""

    build: BuildBody
    title: str
    colour: str  # from Okabe and Ito's palette for colour-blind readers, extended
    cost: float  # one training step's time relative to `gru`; orders the studies and estimates the time
    engine: str | None = None  # `keras` or `custom`, in place of what the config says; None: as the config says
    pooling: str | None = None  # in place of what the config says; None: as the config says
    units_multiple_of: int = 1  # a config with other numbers of units is refused
    control: str | None = None  # a run that holds both by their plain names trains that one as this one's control


def _layer(kind: str, engine: str) -> Any:
    """The layer class of this kind: Keras's own, or the one written from scratch, as is every kind that Keras has not."""
    import keras

    if engine == "keras" and hasattr(keras.layers, kind):
        return getattr(keras.layers, kind)
    from models import recurrent

    return getattr(recurrent, f"Custom{kind}")


def _single(kind: str) -> BuildBody:
    def build(engine: str, units: int, return_sequences: bool, dropout: Callable[[str], Any]) -> Body:
        return _masked(_layer(kind, engine)(units, return_sequences=return_sequences))

    return build


def _masked(layer: Any) -> Body:
    return lambda sequences, is_word: layer(sequences, mask=is_word)


def _identity_simple_rnn(engine: str, units: int, return_sequences: bool, dropout: Callable[[str], Any]) -> Body:
    """A SimpleRNN that starts by adding what it reads to its state.

    Le et al. (2015), A simple way to initialize recurrent networks of rectified linear units, arXiv.
    """
    starts = {"recurrent_initializer": "identity"} if engine == "keras" else {}  # both engines start from Keras's numbers
    return _masked(_layer("SimpleRNN", engine)(units, return_sequences=return_sequences, **starts))


def _bidirectional(kind: str) -> BuildBody:
    def build(engine: str, units: int, return_sequences: bool, dropout: Callable[[str], Any]) -> Body:
        import keras

        return _masked(keras.layers.Bidirectional(_layer(kind, engine)(units, return_sequences=return_sequences)))

    return build


def _two_layers(one: BuildBody) -> BuildBody:
    def build(engine: str, units: int, return_sequences: bool, dropout: Callable[[str], Any]) -> Body:
        first, second = one(engine, units, True, dropout), one(engine, units, return_sequences, dropout)
        between = dropout("dropout_between_layers")
        return lambda sequences, is_word: second(between(first(sequences, is_word)), is_word)

    return build


def _transformer(engine: str, units: int, return_sequences: bool, dropout: Callable[[str], Any]) -> Body:
    from models.transformer import encode

    return lambda sequences, is_word: encode(sequences, is_word, units, dropout)


ARCHITECTURES: dict[str, Architecture] = {
    "simple_rnn": Architecture(_single("SimpleRNN"), "SimpleRNN", "#E69F00", 0.5),
    "identity_simple_rnn": Architecture(_identity_simple_rnn, "SimpleRNN, identity at first", "#A0522D", 0.5),
    "mean_simple_rnn": Architecture(_single("SimpleRNN"), "SimpleRNN, mean", "#7F3C8D", 0.5, pooling="mean"),
    "mean_max_simple_rnn": Architecture(_single("SimpleRNN"), "SimpleRNN, mean and max", "#E73F74", 0.5, pooling="mean_max"),
    "attention_simple_rnn": Architecture(_single("SimpleRNN"), "SimpleRNN with attention", "#3969AC", 0.6, pooling="attention"),
    "lstm": Architecture(_single("LSTM"), "LSTM", "#0072B2", 1.3),
    "gru": Architecture(_single("GRU"), "GRU", "#009E73", 1.0),
    "custom_gru": Architecture(_single("GRU"), "GRU from scratch", "#CC79A7", 1.0, engine="custom", control="gru"),
    "attention_lstm": Architecture(_single("LSTM"), "LSTM with attention", "#332288", 1.4, pooling="attention"),
    "attention_gru": Architecture(_single("GRU"), "GRU with attention", "#117733", 1.1, pooling="attention"),
    "bidirectional_simple_rnn": Architecture(_bidirectional("SimpleRNN"), "Bidirectional SimpleRNN", "#DDCC77", 1.0),
    "bidirectional_lstm": Architecture(_bidirectional("LSTM"), "Bidirectional LSTM", "#56B4E9", 2.2),
    "bidirectional_gru": Architecture(_bidirectional("GRU"), "Bidirectional GRU", "#882255", 2.0),
    "stacked_simple_rnn": Architecture(_two_layers(_single("SimpleRNN")), "2 x SimpleRNN", "#999933", 1.1),
    "stacked_lstm": Architecture(_two_layers(_single("LSTM")), "2 x LSTM", "#6699CC", 2.7),
    "stacked_gru": Architecture(_two_layers(_single("GRU")), "2 x GRU", "#44AA99", 2.1),
    "stacked_bidirectional_simple_rnn": Architecture(
        _two_layers(_bidirectional("SimpleRNN")), "2 x bidirectional SimpleRNN", "#B8860B", 2.3
    ),
    "stacked_bidirectional_lstm": Architecture(_two_layers(_bidirectional("LSTM")), "2 x bidirectional LSTM", "#D55E00", 5.5),
    "stacked_bidirectional_gru": Architecture(_two_layers(_bidirectional("GRU")), "2 x bidirectional GRU", "#AA4499", 4.9),
    "transformer": Architecture(_transformer, "Transformer encoder", "#1A1A1A", 5.0, pooling="mean", units_multiple_of=4),
}
LINEAR = {"linear": ("TF-IDF linear model", "#9CA3AF"), "nb_linear": ("Naive-Bayes linear model", "#4B5563")}  # title, colour


def resolve(name: str) -> Architecture:
    """The architecture of this name.

    Raises:
        ValueError: no such name; says which exist and the closest.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    raise ValueError(f"no architecture is named {name!r}{closest(name, ARCHITECTURES)}")


def selectable() -> dict[str, int]:
    """The names that a config may compare, and what each one's units must be a multiple of."""
    return {name: each.units_multiple_of for name, each in ARCHITECTURES.items()}


def title(name: str) -> str:
    """The title of an architecture, or of a yardstick, in tables and figures."""
    return LINEAR[name][0] if name in LINEAR else resolve(name).title


def colour(name: str) -> str:
    """The one colour of an architecture, or of a yardstick, in every figure."""
    return LINEAR[name][1] if name in LINEAR else resolve(name).colour
