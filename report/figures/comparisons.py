"""Who is better than whom: the last figure of the section on accuracy, in a file of its own for its length."""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.roster import Roster
from records.findings import BucketVerdict, Comparison
from records.study import Study
from report.figures.figure import Figure
from report.figures.style import INK, naming, styled

SIGNS = {"better than": "+", "worse than": "−", "cannot be told from": "·"}
_DIFFERENCES = [[0, "#B45309"], [0.5, "#FFFFFF"], [1, "#0E7490"]]  # worse, equal, better


@dataclass(frozen=True)
class ComparisonMatrix:
    """Every study against every other on one bucket: `rows[i]` compared with `rows[j]`."""

    bucket: str
    names: tuple[str, ...]
    points: tuple[tuple[float | None, ...], ...]  # difference in accuracy, in percentage points
    signs: tuple[tuple[str, ...], ...]
    details: tuple[tuple[str, ...], ...]  # a sentence each


def comparisons_data(verdicts: tuple[BucketVerdict, ...], roster: Roster) -> tuple[ComparisonMatrix, ...]:
    """One a bucket, both halves filled, in the order of the standings."""
    found, called = [], naming((s.study for verdict in verdicts for s in verdict.standings), roster)
    for verdict in verdicts:
        pairs = {(c.first, c.second): c for c in verdict.comparisons}
        studies = [s.study for s in verdict.standings if any(s.study in pair for pair in pairs)]
        cells = [[_cell(row, column, pairs, called) for column in studies] for row in studies]
        parts = (tuple(tuple(cell[part] for cell in row) for row in cells) for part in range(3))
        found.append(ComparisonMatrix(verdict.bucket, tuple(map(called, studies)), *parts))  # type: ignore[arg-type]
    return tuple(found)


def _cell(
    row: Study, column: Study, pairs: dict[tuple[Study, Study], Comparison], called: Callable[[Study], str]
) -> tuple[float | None, str, str]:
    """Points, sign and sentence of the study of a row against that of a column."""
    c = pairs.get((row, column)) or (pairs[column, row].turned if (column, row) in pairs else None)
    if c is None:
        return None, "", ""
    points, low, high = 100 * c.difference, 100 * c.low, 100 * c.high
    text = f"{points:+.1f} points ({low:+.1f} to {high:+.1f}), McNemar p = {c.p_value:.2g}, corrected {c.p_adjusted:.2g}"
    return points, SIGNS[c.verdict], f"{called(row)} {c.verdict} {called(column)}<br>{text}"


def comparisons_figure(records: tuple[ComparisonMatrix, ...]) -> go.Figure:
    """A matrix a bucket: the row against the column; colour is the difference, a sign where it is sure."""
    figure = make_subplots(
        cols=max(1, len(records)), column_titles=[r.bucket for r in records], shared_yaxes=True, horizontal_spacing=0.02
    ).update_annotations(font={"size": 12, "color": INK})
    limit = max((abs(p) for r in records for row in r.points for p in row if p is not None), default=1.0) or 1.0
    for number, record in enumerate(records, start=1):
        figure.add_heatmap(
            col=number,
            row=1,
            x=record.names,
            y=record.names,
            z=record.points,
            text=record.signs,
            texttemplate="%{text}",
            textfont={"size": 16},
            customdata=record.details,
            hovertemplate="%{customdata}<extra></extra>",
            coloraxis="coloraxis",
            xgap=1,
            ygap=1,
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(tickangle=-60, showgrid=False)
    rows = max((len(record.names) for record in records), default=1)
    below = 30 + 7 * max((len(label) for record in records for label in record.names), default=1)  # room for slanted names
    bar = {"title": {"text": "points"}, "thickness": 12}
    axis = {"colorscale": _DIFFERENCES, "cmin": -limit, "cmax": limit, "colorbar": bar}
    return styled(figure, 106 + below + 34 * rows, coloraxis=axis, margin={"l": 220, "r": 24, "t": 56, "b": below})


FIGURES = (
    Figure(
        "comparisons",
        "accuracy",
        "Who is better than whom",
        "The row against the column, on the same test reviews. Colour is the difference in accuracy; + and − where it is sure, "
        "after correction; · where the two cannot be told apart. Compared are networks with the same training scope, and one "
        "contender's scopes with each other; what was made from another contender is compared with that one.",
        lambda contents: comparisons_figure(comparisons_data(contents.findings.verdicts, contents.roster)),
    ),
)
