"""Labelled texts from a table that a finished run did not come with, in the classes of the run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data.known_texts import KnownTexts, digests
from data.left_out import LeftOut
from data.sources import columns, labels
from data.sources.gathered import Gathered, gather
from data.sources.labels import Labelling, Labels
from data.sources.wanted import Wanted
from data.tables.table import Table
from inference.run import Encoded, FinishedRun
from records.errors import DataError

KNOWN_TEXTS = "known_texts.npz"  # in final_stats


@dataclass(frozen=True)
class OtherTexts:
    """Texts with the positions of their labels in the run's classes."""

    path: Path  # of the table; `-` for standard input
    text_column: str  # several with a plus sign between them
    label_column: str
    texts: Sequence[str]
    labels: np.ndarray  # <int8>[texts]
    notes: tuple[str, ...] = field(default=())  # what a person should know, a sentence each


def read(run: FinishedRun, table: Table, path: Path, wanted: Wanted) -> OtherTexts:
    """The labelled texts of a table, whatever part it says that they are of.

    Args:
        run: whose classes the labels are of, by the mapping of the run where the person gives none.
        table: to read.
        path: of the table.
        wanted: what the person says of it.

    Raises:
        DataError: a column or a label is not as it should be, or too many rows do not fit; it says what to type.
    """
    found = columns.find(table, wanted)
    gathered = gather(table, found, needs_parts=False)
    labelling, of_rows, is_labelled = _labelling(run, gathered, wanted)
    left_out = gathered.without_label(~is_labelled).with_more(
        "has a label that is no number", gathered.rows[of_rows == labels.NO_NUMBER].tolist()
    )
    left_out.check(table.name, wanted.max_bad_rows, wanted.typed)
    kept = np.flatnonzero(of_rows >= 0)
    if not len(kept):
        raise DataError(f"{table.name}: there is no row with a text and a label in it")
    return OtherTexts(
        path=path,
        text_column="+".join(table.columns[number] for number in found.texts),
        label_column=table.columns[found.label or 0],
        texts=gathered.texts.take(kept),
        labels=of_rows[kept].astype(np.int8),
        notes=(_about(table, found), *labelling.notes, *_other_notes(left_out, len(gathered.further))),
    )


def _labelling(run: FinishedRun, gathered: Gathered, wanted: Wanted) -> tuple[Labelling, np.ndarray, np.ndarray]:
    """How the table's labels are read; the position of each text's class, `<int64>[texts]`; and which have one, `<bool>[texts]`.

    Raises:
        DataError: a label is none of the run's.
    """
    ids, values = gathered.label_ids, gathered.labels.values
    learned = Wanted.of(run.config.data)
    missing = labels.missing_of(values, wanted.labels or learned.labels, run.data.classes.names)
    is_labelled = ~np.isin(ids, missing)
    counts = np.bincount(ids[is_labelled], minlength=len(values))
    there = np.flatnonzero(counts)
    column = gathered.table.columns[gathered.columns.label or 0]
    named = Labels(gathered.table.name, column, [values[number] for number in there], counts[there])
    labelling = labels.as_classes(named, wanted, learned, run.data.classes)
    positions = np.full(len(values), labels.OMITTED)
    positions[there] = labelling.positions
    of_rows = np.where(is_labelled, positions[ids], labels.OMITTED)
    return labelling, of_rows, is_labelled


def _about(table: Table, found: columns.Columns) -> str:
    parts = f"; rows of all parts in {table.columns[found.split]!r} are scored" if found.split is not None else ""
    told = columns.Columns(found.texts, found.label).told(table.columns)
    return f"{table.name}: {', '.join((table.found.kind, *table.found.details))}; {told}{parts}"


def _other_notes(left_out: LeftOut, n_unlabelled: int) -> tuple[str, ...]:
    return (*left_out.notes, *([f"{n_unlabelled:,} rows marked unsup are left out"] if n_unlabelled else []))


def known(run: FinishedRun, encoded: list[Encoded]) -> tuple[np.ndarray, np.ndarray] | None:
    """Which texts stand in the part that the run has learned from, and which in its test part, each `<bool>[texts]`.

    None where the run did not keep that.
    """
    try:
        there = KnownTexts.read(run.folder.final_stats(KNOWN_TEXTS))
    except (OSError, ValueError, KeyError):
        return None
    mine = digests(each.ids for each in encoded)
    return np.isin(mine, there.learned), np.isin(mine, there.tested)
