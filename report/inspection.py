"""What `main.py inspect` shows of a table: plain lines and tables, in a terminal or a pipe."""

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from analysis.inspection import Inspection
from data.fitting import Fitted, Labelled
from data.repeats import shortened
from data.sources.columns import Columns
from data.sources.parts import TRAIN, VALIDATION
from data.tables.table import Row, Table


def print_table(table: Table, columns: Columns | None) -> None:
    """What kind of file it is, its columns, what each is read as (where that is known), and what stands in its first row."""
    print(f"{table.name}: {', '.join((table.found.kind, *table.found.details))}")
    first = next((row.cells for row in table.rows() if isinstance(row, Row)), ("",) * len(table.columns))
    roles = _roles(columns) if columns is not None else {}
    grid = _grid("column", "read as", "in the first row")
    for number, name in enumerate(table.columns):
        grid.add_row(escape(name), roles.get(number, "-"), escape(shortened(first[number])))
    _show(grid)


def _roles(columns: Columns) -> dict[int, str]:
    """Position of a column -> what it is read as."""
    others = {"label": columns.label, "split": columns.split, "group": columns.group, "time": columns.time}
    return dict.fromkeys(columns.texts, "text") | {number: what for what, number in others.items() if number is not None}


def print_inspection(found: Inspection) -> None:
    """Rows, classes, repeats, scripts and lengths."""
    source, n = found.source, len(found.source.labels)
    for note in (*source.notes[1:], *source.left_out.notes):
        print(note)
    grid = _grid("class", "reviews #", "share #", "for example")
    for name, count, example in zip(source.classes.names, found.class_counts, found.examples, strict=True):
        grid.add_row(escape(name), f"{count:,}", f"{count / n:.1%}", escape(shortened(example)))
    _show(grid)
    print(f"{n:,} labelled reviews; {found.repeats.n_repeated:,} repeat the text of an earlier one")
    for note in found.repeats.notes:
        print(note)
    print(f"scripts: {', '.join(f'{name} {share:.1%}' for name, share in found.scripts.items()) or 'none'} of the letters")
    sampled = f" (counted of {found.n_counted:,} texts, the others estimated from their characters)" if found.is_estimated else ""
    quantiles = ", ".join(f"{value:,} ({q})" for q, value in found.length_quantiles.items())
    print(f"tokens a review, at quantiles: {quantiles}{sampled}")


def print_outline(found: Inspection, labelled: Labelled, fitted: Fitted, notes: tuple[str, ...], command: str) -> None:
    """The parts and the buckets that a run would cut, and how to start it."""
    about = "about " if found.is_estimated else ""
    lengths, names = labelled.whole.sequences.lengths, [bucket.name for bucket in fitted.buckets]
    n_train, n_validation = (int((fitted.roles == role).sum()) for role in (TRAIN, VALIDATION))
    print(f"\nwhat a run makes of it: {n_train:,} train, {n_validation:,} validation, {len(labelled.test):,} test reviews")
    for note in notes:
        print(note)
    grid = _grid("bucket, in tokens", "training #", "validation #", "test #", "share of the training part #")
    counts = fitted.counts
    for number, (name, bucket) in enumerate(zip(names, fitted.buckets, strict=True)):
        each = [f"{about}{part[number].sum():,}" for part in (counts.train, counts.validation, counts.test)]
        grid.add_row(name, *each, f"{np.mean(bucket.holds(lengths)):.1%}")
    _show(grid)
    print(f"run it:  {command}")


def _grid(*names: str) -> Grid:
    """An empty table; the name of a column of numbers ends with " #"."""
    grid = Grid(box=box.SIMPLE_HEAD)
    for name in names:
        grid.add_column(name.removesuffix(" #"), justify="right" if name.endswith(" #") else "left", overflow="fold")
    return grid


def _show(grid: Grid) -> None:
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else 120
    console.print(grid)
