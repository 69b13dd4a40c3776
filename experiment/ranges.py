"""Which ranges of hyperparameters can be searched: numbers that their field can have, in an order that means something."""

import dataclasses
import math
from collections.abc import Iterator, Mapping

from config import Choice, Config, LogRange, Range, Search, Space, Tunable
from experiment.field_types import fits
from records.errors import closest
from records.study import Setting

MOST_STEPS = 100_000  # of a range of real numbers: its values are listed
_BOUNDS = {  # what numbers a field can have, in words, and the test of one
    "dropout": ("shares from 0 to below 1", lambda n: 0 <= n < 1),
    "spatial_dropout": ("shares from 0 to below 1", lambda n: 0 <= n < 1),
    "adversarial": ("numbers from 0 on", lambda n: n >= 0),
    "evidence": ("0, 1, 2 or 3, the words of the longest n-grams", lambda n: 0 <= n <= 3),
}
_ABOVE_ZERO = ("numbers above 0", lambda n: n > 0)


def setting_problems(config: Config) -> list[str]:
    """What is wrong with the space, and with the settings to begin the search with."""
    ranges = {item.name: getattr(config.space, item.name) for item in dataclasses.fields(config.space)}
    problems = [f"space.{name}: {problem}" for name, of in ranges.items() if (problem := _problem(name, of))]
    return problems or [f"search.first: {problem}" for problem in _first_problems(config.search, config.space)]


def unit_problems(units: Tunable, architecture: str, architectures: Mapping[str, int]) -> list[str]:
    """What is wrong with the units of an architecture, whose own must be multiples of a number."""
    multiple = architectures.get(architecture, 1)
    numbers = (units.low, units.step) if isinstance(units, Range) else _numbers(units)
    if all(n % multiple == 0 for n in numbers if isinstance(n, int)):  # what is no integer is refused elsewhere
        return []
    return [f"space.units: expected multiples of {multiple} for {architecture}, got {units!r}"]


def _problem(name: str, tunable: Tunable) -> str:
    """What is wrong with a hyperparameter's range or number, in a sentence; nothing of one that can be searched."""
    numbers, is_real = _numbers(tunable), name in Setting.real()
    words, holds = _BOUNDS.get(name, _ABOVE_ZERO)
    if not all(fits(n, float) for n in numbers):
        expected = "numbers"
    elif not is_real and (isinstance(tunable, LogRange) or not all(isinstance(n, int) for n in numbers)):
        expected = "integers (no decimal point, no LogRange)"
    elif problem := _disorder(tunable):
        expected = problem
    elif not all(holds(n) for n in _values_among(tunable)):
        expected = words
    else:
        return ""
    return f"expected {expected}, got {tunable!r}"


def _disorder(tunable: Tunable) -> str:
    """What is expected of a range of numbers where it means nothing."""
    match tunable:
        case Choice(values=values) if not values:
            return "at least one value"
        case Choice(values=values) if len(set(values)) < len(values):
            return "different values"
        case Range(low=low, high=high, step=step) if not (low < high and step > 0):
            return "low < high and a positive step"
        case Range(low=low, high=high, step=step) if (high - low) / step > MOST_STEPS:
            return f"at most {MOST_STEPS:,} steps from low to high"
        case Range(high=high) if not _is_possible(high, tunable):
            return "steps that lead from low to high"
        case LogRange(low=low, high=high) if not 0 < low < high:
            return "low < high, both above 0"
    return ""


def _numbers(tunable: Tunable) -> tuple[int | float, ...]:
    """All numbers that a range is written with."""
    match tunable:
        case Choice(values=values):
            return values
        case Range() | LogRange():
            return tuple(getattr(tunable, item.name) for item in dataclasses.fields(tunable))
    return (tunable,)


def _values_among(tunable: Tunable) -> tuple[int | float, ...]:
    """Those of them that are values of the hyperparameter."""
    return (tunable.low, tunable.high) if isinstance(tunable, Range) else _numbers(tunable)


def _first_problems(search: Search, space: Space) -> Iterator[str]:
    """What is wrong with the settings that a search is to begin with."""
    known = [item.name for item in dataclasses.fields(space)]
    if search.first and search.tuner == "hyperband":
        yield "expected none with hyperband, which proposes whole brackets of settings; take random or bayesian"
    if len(search.first) > search.max_trials:
        yield f"expected at most search.max_trials ({search.max_trials}) settings, got {len(search.first)}"
    for name, value in ((name, value) for setting in search.first for name, value in setting.items()):
        if name not in known:
            yield f"no hyperparameter is named {name!r}{closest(name, known)}"
        elif not _is_possible(value, of := getattr(space, name)) or not (name in Setting.real() or isinstance(value, int)):
            yield f"expected a value of space.{name}, which is {of!r}, got {value!r}"
    if not all(search.first):
        yield "expected at least one hyperparameter in each setting, such as {'units': 64}"
    if any(setting in search.first[:number] for number, setting in enumerate(search.first)):
        yield "expected different settings, got one of them twice"


def _is_possible(value: float, tunable: Tunable) -> bool:
    match tunable:
        case Choice(values=values):
            return value in values
        case Range(low=low, high=high, step=step):
            steps = (value - low) / step
            return low <= value <= high and math.isclose(steps, round(steps), abs_tol=1e-9)
        case LogRange(low=low, high=high):
            return low <= value <= high
    return value == tunable
