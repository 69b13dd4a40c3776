"""From the labels of a table to classes in their order: known ones, numbers, the alphabet, or what a person says."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data.sources.mapping import LEFT_OUT, REST, LabelMapping, key_of, quoted, written
from data.sources.numbers import numbers_of
from data.sources.order import OPINIONS, PAIRS, RANKS, READINGS, WHOLE_NAMES, in_order
from data.sources.plain import MISSING, listed
from data.sources.wanted import Wanted
from records.classes import MOST_CLASSES, SENTIMENT, Classes
from records.errors import DataError

_FEW, _SHOWN = 10, 40  # labels that a sentence asks to map one by one; characters of each that it shows
OMITTED, NO_NUMBER = -1, -2  # in place of a class's position


@dataclass(frozen=True)
class Labelling:
    """The classes of a table, and which of them each of its different labels is of."""

    classes: Classes
    positions: np.ndarray  # <int16>[labels], positions in `classes`; OMITTED, or NO_NUMBER for what cannot be cut
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labels:
    """The different labels of a table."""

    name: str  # of the table, for people
    column: str
    values: Sequence[str]  # plain, as they were first written
    counts: np.ndarray  # <int64>[labels], rows of each

    def told(self, chosen: Collection[str], most: int = 5) -> str:
        """`'3' (120 rows), 'n/a' (1 row)`, the most frequent first."""
        there = [(value, count) for value, count in zip(self.values, self.counts.tolist(), strict=True) if value in chosen]
        found = sorted(there, key=lambda each: -each[1])
        each = [f"{value[:_SHOWN]!r} ({count:,} row{'s' * (count != 1)})" for value, count in found[:most]]
        return ", ".join(each) + (f" and {len(found) - most:,} more" if len(found) > most else "")


def classes_of(labels: Labels, wanted: Wanted) -> Labelling:
    """The classes of a table that a run is to learn from.

    Raises:
        DataError: there is one class only, there are too many, or the person's own words for them do not fit.
    """
    if wanted.label_edges:
        found = _cut(labels, wanted.label_edges)
    elif wanted.labels:
        found = _mapped(labels, wanted)
    elif len(set(map(key_of, labels.values))) > MOST_CLASSES:
        raise _too_many(labels, wanted)
    else:
        classes, positions = in_order(labels.values)
        found = Labelling(classes, positions, _renamed(labels, classes, positions))
    _refuse_empty_classes(labels, found, wanted)
    return found


def _refuse_empty_classes(labels: Labels, found: Labelling, wanted: Wanted) -> None:
    """Refuse classes that no row is of.

    Raises:
        DataError: there is one class only, or the person's own words name one too many.
    """
    names = found.classes.names
    missing = [name for number, name in enumerate(names) if not (found.positions == number).any()]
    if missing and (wanted.label_edges or wanted.labels):
        setting = "data.label_edges" if wanted.label_edges else _setting(wanted)
        raise DataError(
            f"{labels.name}: no row is of the class {', '.join(missing)}, which {setting} makes; the labels in column "
            f"{labels.column!r} are {labels.told(labels.values)}"
        )
    if len(names) - len(missing) < 2:
        raise DataError(
            f"{labels.name}: column {labels.column!r} holds one class only ({labels.told(labels.values, 3) or 'no label'}); two "
            f"are needed to learn anything. Where labels stand elsewhere, name their column with "
            f"{wanted.typed('label_column', 'NAME')}"
        )


def _renamed(labels: Labels, classes: Classes, positions: np.ndarray) -> tuple[str, ...]:
    """A sentence where classes are not called by their labels: 0 is negative."""
    whole = [WHOLE_NAMES.get(key_of(value), key_of(value)) for value in labels.values]
    named = {position for position, key in zip(positions.tolist(), whole, strict=True) if key == key_of(classes.names[position])}
    return () if named == set(positions.tolist()) else _read_as(labels, classes, positions)


def _read_as(labels: Labels, classes: Classes, positions: np.ndarray) -> tuple[str, ...]:
    """A sentence on which labels each class is read from; none where there are none."""
    each = dict[str, list[str]]()
    for position in sorted({*positions.tolist()} - {OMITTED, NO_NUMBER}):
        values = [value[:_SHOWN] for value, its in zip(labels.values, positions.tolist(), strict=True) if its == position]
        more = [f"{len(values) - _FEW:,} more"] if len(values) > _FEW else []
        each[classes.names[position]] = [*values[:_FEW], *more]
    return (
        ("classes: " + ", ".join(f"{name} is the label {' or '.join(values)}" for name, values in each.items()),) if each else ()
    )


def as_classes(labels: Labels, wanted: Wanted, learned: Wanted, classes: Classes) -> Labelling:
    """Which of a run's classes the labels of another table are of.

    All of them are read by one convention: the person's line (and by name what it does not name), else the run's own mapping,
    else the names and numbers of the classes, else one of the known pairs.

    Args:
        labels: of the other table; it may have those of one class only.
        wanted: what the person says of it now; its `labels` are looked at first.
        learned: what the run's config says, which holds where nothing else is said.
        classes: of the run.

    Raises:
        DataError: a label is none of the run's classes, or two conventions say different things of a label.
    """
    if learned.label_edges and not wanted.labels:
        positions = _cut(labels, learned.label_edges).positions
    else:
        positions = _by_one_convention(labels, wanted, learned, classes)
    if not (wanted.labels and LabelMapping.parse(wanted.labels).names_all(labels.values)):
        _refuse_opposites_as_one(labels, wanted, classes, positions)
    left_out = [LEFT_OUT if position == OMITTED else "" for position in positions.tolist()]
    omitted = _omitted(labels, left_out, wanted if wanted.labels else learned)
    return Labelling(classes, positions, (*_read_as(labels, classes, positions), *omitted))


_Found = list[int | None]  # of each label: the position of its class, OMITTED, or None where nothing is said of it


def _by_one_convention(labels: Labels, wanted: Wanted, learned: Wanted, classes: Classes) -> np.ndarray:
    """The position of each label's class, `<int16>[labels]`, OMITTED for those that a line leaves out.

    Raises:
        DataError: as `as_classes`.
    """
    line, found = wanted.labels or learned.labels, _by_itself(labels.values, classes)
    if wanted.labels:
        found = _by_line(labels.values, line, classes, found)
    elif line:
        mapped = _by_line(labels.values, line, classes, _by_name(labels.values, classes))
        _refuse_two_readings(labels, wanted, classes, mapped, found)
        found = mapped if set(mapped) - {None} else found
    if unknown := [value for value, position in zip(labels.values, found, strict=True) if position is None]:
        raise DataError(
            f"{labels.name}: the labels {labels.told(unknown)} are none of the run's classes, {', '.join(classes.names)}; "
            f"say {_mapping_or_column(wanted, line, unknown)}"
        )
    return np.array(found, dtype=np.int16)


def _by_line(values: Sequence[str], line: str, classes: Classes, otherwise: _Found) -> _Found:
    """What a line makes of labels; and where only its `*` or nothing names one, what is known of it otherwise."""
    mapping, keys = LabelMapping.parse(line) if line else LabelMapping((), {}, {}, is_order=True), _keys(classes)
    found = _Found()
    for value, other in zip(values, otherwise, strict=True):
        name = mapping.named(value) or (mapping.of(value) if other is None else None)
        key = None if name is None else _key_in(classes, name)
        found.append(other if name is None else OMITTED if name == LEFT_OUT else keys.index(key) if key in keys else None)
    return found


def _by_name(values: Sequence[str], classes: Classes) -> _Found:
    """The positions of classes that labels name in words."""
    keys = _keys(classes)
    words = {key: position for key, position in OPINIONS.items() if key.isalpha()} if classes.names == SENTIMENT.names else {}
    words |= {key: keys.index(key) for key in keys if numbers_of([key]) == [None]}
    return [words.get(key_of(value)) for value in values]


def _by_itself(values: Sequence[str], classes: Classes) -> _Found:
    """What labels mean without any line: names and numbers of the classes, else the one known pair that says all of them."""
    by_name, keys = _by_name(values, classes), _keys(classes)
    numbers = [
        keys.index(key_of(value)) if key_of(value) in keys else classes.values.index(number) if number in classes.values else None
        for value, number in zip(values, numbers_of(values), strict=True)
    ]
    readings = [[name if name is not None else number for name, number in zip(by_name, numbers, strict=True)]]
    if classes.names == SENTIMENT.names:
        for pair in READINGS:
            known = [pair.get(key_of(value)) for value in values]
            readings.append([name if name is not None else other for name, other in zip(by_name, known, strict=True)])
    return min(readings, key=lambda reading: reading.count(None))


def _keys(classes: Classes) -> list[str]:
    return [key_of(name) for name in classes.names]


def _refuse_two_readings(labels: Labels, wanted: Wanted, classes: Classes, mapped: _Found, by_itself: _Found) -> None:
    """Refuse labels of which some are known both by the run's mapping and as a known pair, which do not say the same of all.

    A mapping that tells the two of a pair apart itself is taken.

    Raises:
        DataError: with the line that says which is meant.
    """
    if None in by_itself or mapped == by_itself or not set(mapped) - {None}:
        return
    if None not in mapped and len(set(mapped) - {OMITTED}) > 1:
        return
    raise DataError(
        f"{labels.name}: the labels {labels.told(labels.values)} mean one thing by the run's mapping and another by themselves; "
        f"say which classes they are of with {_typed(labels.values, wanted, by_itself, classes.names)}, or the other way round"
    )


def _refuse_opposites_as_one(labels: Labels, wanted: Wanted, classes: Classes, positions: np.ndarray) -> None:
    """Refuse the two labels of a known pair, such as 0 and 1, where they are read as one class.

    Raises:
        DataError: with a line that tells them apart.
    """
    keys = [key_of(value) for value in labels.values]
    pairs = (*READINGS, *({no: 0, yes: 1} for no, yes in PAIRS))
    pair = next((pair for pair in pairs if set(keys) <= pair.keys() and len({pair[key] for key in keys}) > 1), None)
    if pair and len(set(positions.tolist())) == 1:
        (only,) = set(positions.tolist())
        what = "left out" if only == OMITTED else f"read as {classes.names[only]}" if only >= 0 else "no numbers"
        found = [pair[key] for key in keys]
        way = _typed(labels.values, wanted, found, classes.names if len(classes) == 2 else ("CLASS", "OTHER"))
        raise DataError(
            f"{labels.name}: all labels, {labels.told(labels.values)}, would be {what}, though they are opposites; say which "
            f"classes they are of with {way}"
        )


def _typed(values: Sequence[str], wanted: Wanted, found: Sequence[int | None], names: Sequence[str]) -> str:
    """What to type for labels whose classes are at these positions of the names."""
    line = ""
    for position, name in enumerate(names):
        if mine := [value for value, its in zip(values, found, strict=True) if its == position]:
            line = written(line, mine, quoted(name))
    return wanted.typed("labels", line)


def _mapping_or_column(wanted: Wanted, line: str, unknown: list[str]) -> str:
    """How a person says what labels mean that are none of a run's classes; many of them are hardly labels at all."""
    if len(unknown) > _FEW or max(map(len, unknown)) > _SHOWN:
        column, labels = wanted.typed("label_column", "NAME"), wanted.typed("labels", "LINE")
        return f"where the labels stand with {column}, or what they mean with {labels}"
    way = wanted.typed("labels", written(line, unknown, "CLASS"))
    return f"with {way} which they are, or put - for CLASS to leave those rows out"


def missing_of(values: Sequence[str], line: str, names: Collection[str] = ()) -> list[int]:
    """Positions of plain labels that are none: empty ones, lists of several, and pandas' words for a missing one.

    What a line or a class is called is a label all the same.

    Args:
        values: different plain labels.
        line: of `data.labels`; what it names is a label.
        names: of classes that there are; what is called so is a label too.
    """
    rules = LabelMapping.parse(line).rules if line.strip() else {}
    named = {*rules, *map(key_of, names)}
    are_none = [value in MISSING or listed(value) is not None for value in values]
    return [position for position, value in enumerate(values) if are_none[position] and key_of(value) not in named]


def _cut(labels: Labels, edges: tuple[float, ...]) -> Labelling:
    """Classes of a number: up to the first edge, over it up to the second, ..."""
    numbers = numbers_of(labels.values)
    names = [f"up to {edges[0]:g}", *(f"over {low:g} to {high:g}" for low, high in pairwise(edges))]
    positions = [NO_NUMBER if number is None else int(np.searchsorted(edges, number)) for number in numbers]
    classes = Classes((*names, f"over {edges[-1]:g}"), tuple(map(float, range(len(edges) + 1))))
    return Labelling(classes, np.array(positions, dtype=np.int16))


def _mapped(labels: Labels, wanted: Wanted) -> Labelling:
    """The classes that the person's line names.

    Raises:
        DataError: there are labels that it does not name.
    """
    mapping = LabelMapping.parse(wanted.labels)
    found = [mapping.of(value) for value in labels.values]
    unknown = [value for value, name in zip(labels.values, found, strict=True) if name is None]
    if unknown:
        rest = unknown if len(unknown) <= _FEW else [REST]
        way = wanted.typed("labels", written(wanted.labels, rest))
        raise DataError(
            f"{labels.name}: {_setting(wanted)} does not say what becomes of {labels.told(unknown)}; it names "
            f"{', '.join(mapping.rules)}. Leave those rows out with {way}, or name a class in place of the last -"
        )
    classes = _of_names(mapping)
    keys = [key_of(name) for name in classes.names]
    positions = [OMITTED if name == LEFT_OUT else keys.index(_key_in(classes, str(name))) for name in found]
    return Labelling(classes, np.array(positions, dtype=np.int16), _omitted(labels, found, wanted))


def _of_names(mapping: LabelMapping) -> Classes:
    """The classes of a mapping: as the line orders them, but negative before positive where it only renames to these."""
    if not mapping.is_order:
        keys = {key_of(name) for name in mapping.names}
        if keys <= RANKS.keys() or any(keys == set(pair) for pair in PAIRS):
            return in_order(mapping.names)[0]
    numbers = numbers_of(mapping.names)
    are_ascending = None not in numbers and numbers == sorted(numbers)  # type: ignore[type-var]
    return Classes(mapping.names, tuple(map(float, numbers)) if are_ascending else ())  # type: ignore[arg-type]


def _key_in(classes: Classes, name: str) -> str:
    """The key of a class by the name that a mapping gives it: `pos` is `positive` where the classes call it so."""
    key = key_of(name)
    return key if key in map(key_of, classes.names) else key_of(WHOLE_NAMES.get(key, name))


def _omitted(labels: Labels, found: Sequence[str | None], wanted: Wanted) -> tuple[str, ...]:
    omitted = [value for value, name in zip(labels.values, found, strict=True) if name == LEFT_OUT]
    return (f"left out as {_setting(wanted)} says: {labels.told(omitted)}",) if omitted else ()


def _setting(wanted: Wanted) -> str:
    return "--labels" if wanted.are_options else "data.labels"


def _too_many(labels: Labels, wanted: Wanted) -> DataError:
    """One sentence on a column of many different labels, which may be a number that is to be cut."""
    numbers = numbers_of(labels.values)
    ways = [f"name another column with {wanted.typed('label_column', 'NAME')}"]
    if None not in numbers:
        every = np.repeat(np.array(numbers, dtype=np.float64), labels.counts)
        edge = min(float(np.median(every)), float(np.unique(every)[-2:][0]))  # some numbers are over it
        ways.append(f"cut its numbers into classes with {wanted.typed('label_edges', f'{edge:.15g},')}")
    else:
        ways.append(f"join them with {wanted.typed('labels', 'this,that=one *=other')}")
    return DataError(
        f"{labels.name}: column {labels.column!r} holds {len(labels.values):,} different labels, "
        f"{labels.told(labels.values, 3)}, and at most {MOST_CLASSES} classes are told apart; {', or '.join(ways)}"
    )
