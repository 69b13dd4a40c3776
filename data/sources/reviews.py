"""From the rows of a table to labelled reviews: its columns, its labels, what does not fit, and the parts it has of its own."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.left_out import LeftOut
from data.sources import columns, labels
from data.sources.gathered import Gathered, gather
from data.sources.labels import Labelling, Labels
from data.sources.parts import resolve
from data.sources.times import times_of
from data.sources.wanted import Wanted
from data.tables.class_folders import CLASS_FOLDERS
from data.tables.table import Table
from data.types import PARTS, SourceReviews
from records.errors import DataError

_HIDDEN = "-1"  # the label that hidden test parts have instead of none


def read(table: Table, wanted: Wanted, *, unlabelled: bool = False) -> SourceReviews:
    """The reviews of a table that a run is to learn from.

    Args:
        table: to read.
        wanted: what the person said of its columns and labels.
        unlabelled: whether to read the rows without a label too that the table marks as such; else they are left out and counted.

    Raises:
        DataError: a column or a label is not as it should be, or too many rows do not fit; it says what to do.
    """
    found = columns.find(table, wanted)
    gathered = gather(table, found)
    gathered.check_parts(wanted.max_bad_rows, wanted.typed)
    _refuse_empty(gathered, wanted)
    missing = labels.missing_of(gathered.labels.values, wanted.labels)
    hidden, hidden_notes = _hidden(gathered, missing)
    is_labelled = ~hidden & ~np.isin(gathered.label_ids, missing)
    labelling, of_rows = _labelling(gathered, is_labelled, wanted)
    times = times_of(gathered.times) if found.time is not None else None
    left_out = _left_out(gathered, hidden | is_labelled, of_rows, times)
    left_out.check(table.name, wanted.max_bad_rows, wanted.typed)
    kept = np.flatnonzero(is_labelled & (of_rows >= 0) & (np.isfinite(times) if times is not None else True))
    further, further_notes = _further(gathered, hidden, unlabelled=unlabelled)
    parts, part_notes = (None, ()) if found.split is None else resolve(gathered.parts[kept], table.name)
    notes = (_about(table, found), *found.notes(table.columns), *labelling.notes, *hidden_notes, *further_notes, *part_notes)
    return SourceReviews(
        title=table.name,
        labels=of_rows[kept].astype(np.int8),
        parts=parts,
        texts=gathered.texts.take(kept),
        unlabelled=further,
        notes=notes,
        classes=labelling.classes,
        is_imdb=table.found.kind == CLASS_FOLDERS and set(gathered.labels.values) - {""} == {"neg", "pos"},
        groups=_groups(gathered, kept, wanted),
        times=_times(gathered, kept, times),
        rows=gathered.rows[kept],
        left_out=left_out,
    )


def _refuse_empty(gathered: Gathered, wanted: Wanted) -> None:
    """Refuse a table without a text.

    Raises:
        DataError: tells what is wrong with its rows.
    """
    if not gathered.texts:
        gathered.left_out.check(gathered.table.name, 0, wanted.typed)
        raise DataError(f"{gathered.table.name}: there is no row with a text and a label in it")


def _about(table: Table, found: columns.Columns) -> str:
    return f"{table.name}: {', '.join((table.found.kind, *table.found.details))}; {found.told(table.columns)}"


def _hidden(gathered: Gathered, empty: list[int]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Rows of parts whose labels are all missing, as in Kaggle's test files: `<bool>[texts]`, and a sentence on each part."""
    hidden, notes, ids, parts = np.zeros(len(gathered.texts), dtype=bool), list[str](), gathered.label_ids, gathered.parts
    missing = {*empty, *(number for number, value in enumerate(gathered.labels.values) if value == _HIDDEN)}
    there = np.unique(parts)
    for part in there if len(there) > 1 else ():
        is_its = parts == part
        (own, others) = (set(np.unique(ids[each]).tolist()) for each in (is_its, ~is_its))
        if own <= missing and not own & (others - set(empty)):
            hidden |= is_its
            name = PARTS[part] if part < len(PARTS) else "eval"
            notes.append(f"the {name} part has no labels: its {is_its.sum():,} rows are not used as such")
    return hidden, tuple(notes)


def _labelling(gathered: Gathered, is_labelled: np.ndarray, wanted: Wanted) -> tuple[Labelling, np.ndarray]:
    """The classes, and the position of each row's among them, `<int64>[texts]`; OMITTED for a row without a label."""
    ids, n = gathered.label_ids, len(gathered.labels.values)
    counts = np.bincount(ids[is_labelled], minlength=n)
    there = np.flatnonzero(counts)
    column = gathered.table.columns[gathered.columns.label or 0]
    values = [gathered.labels.values[number] for number in there]
    found = labels.classes_of(Labels(gathered.table.name, column, values, counts[there]), wanted)
    positions = np.full(n, labels.OMITTED)
    positions[there] = found.positions
    return found, np.where(is_labelled, positions[ids], labels.OMITTED)


def _left_out(gathered: Gathered, has_label: np.ndarray, of_rows: np.ndarray, times: np.ndarray | None) -> LeftOut:
    """The rows that do not fit, those without a label, `<bool>[texts]`, and without a time among them."""
    rows, found = gathered.rows, gathered.without_label(~has_label)
    found = found.with_more("has a label that is no number", rows[of_rows == labels.NO_NUMBER].tolist())
    if times is not None:
        found = found.with_more("has no time that can be read", rows[np.isnan(times) & has_label & (of_rows >= 0)].tolist())
    return found


def _further(gathered: Gathered, hidden: np.ndarray, *, unlabelled: bool) -> tuple[Sequence[str], tuple[str, ...]]:
    """Texts without a label, where they are wanted; and a sentence where they are not."""
    n_marked = len(gathered.further)
    if unlabelled:
        for text in gathered.texts.take(np.flatnonzero(hidden)):
            gathered.further.append(text)
        return gathered.further, ()
    told = f"{n_marked:,} rows marked unsup carry no label and were left out (data.unlabelled=True reads them)"
    return (), (told,) if n_marked else ()


def _groups(gathered: Gathered, kept: np.ndarray, wanted: Wanted) -> np.ndarray | None:
    """The group of each kept row, `<int64>[kept]`, a row without one being a group of its own; None without such a column.

    Raises:
        DataError: there are fewer groups than parts.
    """
    if gathered.columns.group is None:
        return None
    groups, values = gathered.group_ids[kept], gathered.groups.values
    alone = groups == (values.index("") if "" in values else -1)
    groups = np.where(alone, len(values) + np.arange(len(groups)), groups)
    if (n := len(np.unique(groups))) < len(PARTS):
        raise DataError(f"{gathered.table.name}: {wanted.group_column} has {n} different groups; each part needs one of its own")
    return groups


def _times(gathered: Gathered, kept: np.ndarray, times: np.ndarray | None) -> np.ndarray | None:
    """The time of each kept row, `<float64>[kept]`; None without such a column.

    Raises:
        DataError: there are fewer points in time than parts.
    """
    if times is None:
        return None
    if (n := len(np.unique(times[kept]))) < len(PARTS):
        raise DataError(f"{gathered.table.name}: its rows are of {n} points in time; each part needs one of its own")
    return times[kept]


def without(source: SourceReviews, reason: str, positions: np.ndarray) -> SourceReviews:
    """The same source, whose reviews at these positions are counted as rows that do not fit; it still holds them."""
    rows = positions if source.rows is None else source.rows[positions]
    before = source.left_out if source.left_out.n_rows else LeftOut(len(source.labels), "review {}".format)
    return replace(source, left_out=before.with_more(reason, rows.tolist()))
