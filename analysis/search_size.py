"""How large a search is: the settings that a space holds, and the trials and epochs that a search of it takes at most."""

import dataclasses
import math
from typing import NamedTuple

from config import Choice, LogRange, Range, Search, Space, Tunable
from models.roster import Entry, Roster
from records.study import Setting

HYPERBAND_FACTOR = 3  # of a bracket's trials, one in so many is trained on


class SearchSize(NamedTuple):
    """What one search takes at most."""

    trials: int
    epochs: int  # of all trials together


def search_size(space: Space, search: Search) -> SearchSize:
    """Trials and epochs of one search: at most, since pruning and early stopping end trials sooner.

    A space of one setting needs no search. Hyperband's numbers follow from its brackets (Li et al. 2018, Hyperband, JMLR),
    as keras_tuner runs them.
    """
    settings = math.prod(choices(getattr(space, item.name)) for item in dataclasses.fields(space))
    if settings == 1:
        return SearchSize(0, 0)
    if search.tuner != "hyperband":
        trials = int(min(search.max_trials, settings))
        return SearchSize(trials, trials * search.epochs)
    trials = epochs = 0
    brackets = int(math.log(search.epochs, HYPERBAND_FACTOR) + 1e-9) + 1
    last_round = math.ceil(1 + math.log(search.epochs, HYPERBAND_FACTOR))  # trials that the longest bracket ends with
    for bracket in range(brackets):
        trained = 0
        for round_number in range(bracket + 1):
            shrink = HYPERBAND_FACTOR ** (bracket - round_number)
            size, until = math.ceil(last_round / (bracket + 1) * shrink), math.ceil(search.epochs / shrink)
            trials, epochs, trained = trials + size, epochs + size * (until - trained), until
    return SearchSize(trials, epochs)


def choices(tunable: Tunable) -> float:
    """How many values a hyperparameter can take; infinity for a range of real numbers."""
    match tunable:
        case Choice(values=values):
            return len(values)
        case Range(low=low, high=high, step=step):
            return int((high - low) / step + 1e-9) + 1
        case LogRange():
            return math.inf
    return 1


def largest(tunable: Tunable) -> float:
    """The highest value that a hyperparameter can take."""
    match tunable:
        case Choice(values=values):
            return max(values)
        case Range(high=high) | LogRange(high=high):
            return high
    return tunable


def readers_of_evidence(roster: Roster) -> tuple[Entry, ...]:
    """The contenders whose networks may read evidence."""
    return tuple(entry for entry in roster.entries if largest(entry.config.space.evidence))


def only_setting(space: Space) -> Setting | None:
    """The setting of a space with one value for each, which needs no search; None where there is something to search."""
    values = {item.name: getattr(space, item.name) for item in dataclasses.fields(space)}
    values = {name: of.values[0] if isinstance(of, Choice) and len(of.values) == 1 else of for name, of in values.items()}
    return Setting.of(values) if all(isinstance(value, int | float) for value in values.values()) else None
