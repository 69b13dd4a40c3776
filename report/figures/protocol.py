"""The figures that a statistician asks for: who is better than whom, and what the probabilities are worth."""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.registry import colour, title
from records.findings import BucketVerdict, Comparison, Importance, LearningCurve, LengthCurve, Reliability
from records.study import Study, bucket_order
from report.figures.style import GRID, INK, MUTED, dash, interval, naming, styled

SIGNS = {"better than": "+", "worse than": "−", "cannot be told from": "·"}
_DIFFERENCES = [[0, "#B45309"], [0.5, "#FFFFFF"], [1, "#0E7490"]]  # worse, equal, better


@dataclass(frozen=True)
class Matrix:
    """Every study against every other on one bucket: `rows[i]` compared with `rows[j]`."""

    bucket: str
    names: tuple[str, ...]
    points: tuple[tuple[float | None, ...], ...]  # difference in accuracy, in percentage points
    signs: tuple[tuple[str, ...], ...]
    details: tuple[tuple[str, ...], ...]  # a sentence each


def matrices(verdicts: tuple[BucketVerdict, ...]) -> tuple[Matrix, ...]:
    """One a bucket, both halves filled, in the order of the standings."""
    found, called = [], naming(s.study for verdict in verdicts for s in verdict.standings)
    for verdict in verdicts:
        pairs = {(c.first, c.second): c for c in verdict.comparisons}
        studies = [s.study for s in verdict.standings if any(s.study in pair for pair in pairs)]
        cells = [[_cell(row, column, pairs, called) for column in studies] for row in studies]
        parts = (tuple(tuple(cell[part] for cell in row) for row in cells) for part in range(3))
        found.append(Matrix(verdict.bucket, tuple(map(called, studies)), *parts))  # type: ignore[arg-type]
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


def comparison_matrices(records: tuple[Matrix, ...]) -> go.Figure:
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


def reliability_curves(records: tuple[Reliability, ...]) -> go.Figure:
    """Left: as trained; right: after the temperature. On the diagonal, a probability is what it says."""
    titles = ["As trained", "After the temperature that validation chooses"]
    figure = make_subplots(cols=2, column_titles=titles, shared_yaxes=True, horizontal_spacing=0.04)
    figure.update_annotations(font={"size": 13, "color": INK})
    for column in (1, 2):
        figure.add_scatter(
            row=1, col=column, x=[0, 100], y=[0, 100], mode="lines", line={"color": GRID, "width": 2}, showlegend=False
        )
    called = naming(record.study for record in records)
    for record in records:
        series = called(record.study)
        for column, points in ((1, record.points), (2, record.points_at_temperature)):
            figure.add_scatter(
                row=1,
                col=column,
                name=series,
                legendgroup=series,
                showlegend=column == 1,
                x=[100 * mean for mean, _, _ in points],
                y=[100 * share for _, share, _ in points],
                customdata=[count for *_, count in points],
                mode="lines+markers",
                line={
                    "color": colour(record.study.architecture),
                    "width": 2,
                    "dash": dash(record.study),
                },
                marker={"size": 6},
                hovertemplate="says %{x:.0f} %, is %{y:.0f} % of %{customdata:,}<extra>" + series + "</extra>",
            )
    figure.update_xaxes(title_text="probability of positive (%), mean of a bin", range=[0, 100])
    figure.update_yaxes(title_text="positive reviews (%)", range=[0, 100], col=1)
    legend = {"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "font": {"color": MUTED}}
    return styled(figure, 480, legend=legend, margin={"l": 64, "r": 24, "t": 40, "b": 120})


def length_curves(records: tuple[LengthCurve, ...]) -> go.Figure:
    """A line over length for each study, with a 95 % band; generalists are dashed."""
    figure, shown, called = go.Figure(), set[str](), naming(record.study for record in records)
    for record in records:
        series, tint = called(record.study), colour(record.study.architecture)
        for values, line in ((record.high, 0), (record.low, 0), (record.accuracy, 2.5)):
            figure.add_scatter(
                name=series,
                legendgroup=series,
                showlegend=line > 0 and series not in shown,
                x=record.lengths,
                y=[100 * value for value in values],
                mode="lines",
                line={"color": tint, "width": line, "dash": dash(record.study)},
                fill="tonexty" if values is record.low else None,
                fillcolor=f"rgba{(*(int(tint[i : i + 2], 16) for i in (1, 3, 5)), 0.1)}",
                hovertemplate="%{x:.0f} tokens: %{y:.1f} %<extra>" + series + "</extra>" if line else None,
                hoverinfo=None if line else "skip",
            )
        shown.add(series)
    figure.update_xaxes(title="Review length (tokens)", type="log", tickvals=[25, 50, 100, 200, 400, 800, 1600])
    figure.update_yaxes(title="Test accuracy (%)")
    return styled(figure, 460, margin={"l": 64, "r": 24, "t": 92, "b": 56})


def learning_curves(records: tuple[LearningCurve, ...]) -> go.Figure:
    """Accuracy over the number of reviews, a panel a scope and a line an architecture, with 95 % intervals."""
    scopes = sorted(dict.fromkeys(record.study.bucket for record in records), key=bucket_order)
    titles = scopes if len(scopes) > 1 else None
    figure = make_subplots(cols=max(1, len(scopes)), column_titles=titles, shared_yaxes=True, horizontal_spacing=0.02)
    figure.update_annotations(font={"size": 12, "color": INK})
    shown = set[str]()
    for record in records:
        series = title(record.study.architecture)
        accuracy, low, high = ([100 * value for value in values] for values in (record.accuracy, record.low, record.high))
        figure.add_scatter(
            row=1,
            col=scopes.index(record.study.bucket) + 1,
            name=series,
            legendgroup=series,
            showlegend=series not in shown,
            x=record.n_reviews,
            y=accuracy,
            error_y=interval(accuracy, low, high),
            mode="lines+markers",
            line={"color": colour(record.study.architecture), "width": 2},
            marker={"size": 7},
            hovertemplate="%{x:,} reviews: %{y:.1f} %<extra>" + series + "</extra>",
        )
        shown.add(series)
    ticks = sorted({n for record in records for n in record.n_reviews})
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{n:,}" for n in ticks], title_text="Training reviews")
    figure.update_yaxes(title_text="Test accuracy (%)", col=1)
    return styled(figure, 460, margin={"l": 64, "r": 24, "t": 92, "b": 64})


def importance_bars(records: tuple[Importance, ...]) -> go.Figure:
    """A bar a hyperparameter, with its standard deviation over folds."""
    shown = records[::-1]  # the first stands on top
    figure = go.Figure(
        go.Bar(
            x=[r.mean for r in shown],
            y=[r.name for r in shown],
            error_x={"type": "data", "array": [r.deviation for r in shown], "color": INK, "thickness": 1.2},
            orientation="h",
            marker={"color": MUTED},
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(title="Loss of explained variance when its values are shuffled")
    return styled(figure, 130 + 36 * max(1, len(shown)), margin={"l": 150, "r": 24, "t": 24, "b": 56})
