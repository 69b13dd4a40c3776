"""The order of classes: opinions and known pairs, of which the last is the positive one, else numbers, else the alphabet."""

from collections.abc import Collection, Sequence

import numpy as np

from data.sources.mapping import key_of
from data.sources.numbers import numbers_of
from records.classes import SENTIMENT, Classes

# Ways to write "negative" and "positive"; then pairs that mean the same where a table has just these two.
OPINIONS = {"0": 0, "1": 1, "neg": 0, "pos": 1, "negative": 0, "positive": 1, "false": 0, "true": 1}
READINGS = (OPINIONS, {"-1": 0, "1": 1}, {"0": 0, "4": 1})  # the last is Sentiment140's
# Pairs that keep their own names, the one that is "positive" behind; in other languages, those that the alphabet has wrong.
PAIRS = (
    *(("no", "yes"), ("n", "y"), ("f", "t"), ("ham", "spam"), ("bad", "good"), ("dislike", "like"), ("unhappy", "happy")),
    *(("schlecht", "gut"), ("nein", "ja"), ("slecht", "goed"), ("nee", "ja"), ("mauvais", "bon"), ("mauvaise", "bonne")),
    *(("malo", "bueno"), ("mala", "buena"), ("mal", "bien"), ("cattivo", "buono"), ("ruim", "bom"), ("ruim", "boa")),
    *(("kötü", "iyi"), ("нет", "да"), ("差评", "好评"), ("差", "好"), ("负面", "正面"), ("负", "正"), ("负向", "正向")),
    *(("負面", "正面"), ("負評", "好評"), ("悪い", "良い"), ("부정", "긍정"), ("나쁨", "좋음"), ("سلبي", "إيجابي")),
)
RANKS = {  # opinions in words
    "extremely negative": -4,
    "very negative": -3,
    "negative": -2,
    "neg": -2,
    "somewhat negative": -1,
    "slightly negative": -1,
    "neutral": 0,
    "neu": 0,
    "somewhat positive": 1,
    "slightly positive": 1,
    "positive": 2,
    "pos": 2,
    "very positive": 3,
    "extremely positive": 4,
}
WHOLE_NAMES = {"neg": "negative", "neu": "neutral", "pos": "positive"}
_SIGNS = {"-1": 0, "0": 1, "1": 2}


def are_known(values: Collection[str]) -> bool:
    """Whether these are labels as many tables have them, and not just any few values."""
    keys = {key_of(value.strip()) for value in values}
    pairs = [set(pair) for pair in (*PAIRS, *READINGS[1:])]
    return len(keys) > 1 and (keys <= OPINIONS.keys() or keys <= RANKS.keys() or keys in pairs or keys == _SIGNS.keys())


def in_order(values: Sequence[str]) -> tuple[Classes, np.ndarray]:
    """The classes that plain labels are of, in the order in which the last is the most positive, the most or the last.

    Returns:
        The classes, and the position of each label's class, `<int16>[labels]`.
    """
    keys = [key_of(value) for value in values]
    for reading in READINGS:
        if keys and set(keys) <= reading.keys():
            return SENTIMENT, np.array([reading[key] for key in keys], dtype=np.int16)
    if set(keys) == _SIGNS.keys():
        signs = Classes(("negative", "neutral", "positive"), (-1.0, 0.0, 1.0))
        return signs, np.array([_SIGNS[key] for key in keys], dtype=np.int16)
    numbers = numbers_of(values)
    are_numbers = bool(numbers) and None not in numbers
    ranks = numbers if are_numbers else _ranks(keys)
    levels = sorted(set(ranks))  # type: ignore[type-var]
    positions = [levels.index(rank) for rank in ranks]
    are_opinions = set(keys) <= RANKS.keys()
    names = [WHOLE_NAMES.get(key, value) if are_opinions else value for key, value in zip(keys, values, strict=True)]
    first = tuple(names[positions.index(position)] for position in range(len(levels)))
    ascending = tuple(map(float, levels)) if are_numbers else ()  # type: ignore[arg-type]
    return Classes(first, ascending), np.array(positions, dtype=np.int16)


def _ranks(keys: Sequence[str]) -> list[int]:
    """The rank of each label that is no number: as opinions, as a known pair, or by the alphabet."""
    there = set(keys)
    if there <= RANKS.keys():
        return [RANKS[key] for key in keys]
    pair = next((pair for pair in (*PAIRS, *_denials(keys)) if there == set(pair)), None)
    order = pair or sorted(there)
    return [order.index(key) for key in keys]


def _denials(keys: Collection[str]) -> list[tuple[str, str]]:
    """Pairs of a label and what it is called where it is not so: not happy, happy."""
    return [(f"{no}{key}", key) for key in dict.fromkeys(keys) for no in ("not ", "non-", "non ", "no ")]
