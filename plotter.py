"""Figures. Each plot is data -> small typed record -> pure function -> Plotly figure; `report.py` writes them.

One palette and one order of architectures everywhere, from the registry. Never Keras, never a file.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.registry import colour, title
from results import ALL, YARDSTICK, BucketVerdict, DataSummary, Epoch, Study, StudyResult, bucket_order

INK, MUTED, GRID = "#1f2933", "#6b7280", "#e5e7eb"
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
NEGATIVE, POSITIVE = "#B45309", "#0E7490"  # the two classes
SCALE = "Viridis"  # readable without colour vision


def name(study: Study) -> str:
    """A study's architecture as a figure calls it; generalists are marked."""
    return title(study.architecture) + (" (trained on all)" if study.bucket == ALL else "")


def _style(figure: go.Figure, height: int, **layout: object) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        height=height,
        font={"family": FONT, "size": 13, "color": INK},
        margin={"l": 64, "r": 24, "t": 48, "b": 56},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"font": {"family": FONT}},
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False)
    figure.update_yaxes(gridcolor=GRID, zeroline=False)
    return figure.update_layout(**layout)


# -- accuracy by bucket ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccuracySeries:
    """One architecture over the buckets, in per cent; None where it has no result."""

    name: str
    colour: str
    generalist: bool
    accuracy: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True)
class AccuracyByBucket:
    """Test accuracy of every architecture on every bucket."""

    buckets: tuple[str, ...]
    chance: tuple[float, ...]  # per cent
    series: tuple[AccuracySeries, ...]


def accuracy_by_bucket(verdicts: tuple[BucketVerdict, ...]) -> AccuracyByBucket:
    """Mean accuracy over repeats with its interval, from the verdicts."""
    keys = dict.fromkeys((s.study.architecture, s.study.scope) for verdict in verdicts for s in verdict.standings)
    series = []
    for architecture, scope in sorted(keys, key=lambda key: (key[0] == YARDSTICK, key[1])):
        found = [
            next((s for s in v.standings if (s.study.architecture, s.study.scope) == (architecture, scope)), None)
            for v in verdicts
        ]
        series.append(
            AccuracySeries(
                name=name(Study(architecture, ALL if scope == ALL else "")),
                colour=colour(architecture),
                generalist=scope == ALL,
                accuracy=tuple(100 * s.accuracy if s else None for s in found),
                low=tuple(100 * s.low if s else None for s in found),
                high=tuple(100 * s.high if s else None for s in found),
            )
        )
    chance = tuple(100 * verdict.chance for verdict in verdicts)
    return AccuracyByBucket(tuple(v.bucket for v in verdicts), chance, tuple(series))


def accuracy_bars(record: AccuracyByBucket) -> go.Figure:
    """Grouped bars with 95 % intervals; the yardstick is grey, generalists are hatched, chance is a dotted line."""
    figure = go.Figure()
    for series in record.series:
        figure.add_bar(
            name=series.name,
            x=record.buckets,
            y=series.accuracy,
            marker={"color": series.colour, "pattern": {"shape": "/" if series.generalist else ""}},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [_minus(h, a) for h, a in zip(series.high, series.accuracy, strict=True)],
                "arrayminus": [_minus(a, low) for a, low in zip(series.accuracy, series.low, strict=True)],
                "color": INK,
                "thickness": 1.2,
                "width": 3,
            },
            hovertemplate="%{x}: %{y:.1f} %<extra>" + series.name + "</extra>",
        )
    figure.add_scatter(
        name="Chance (larger class)",
        x=record.buckets,
        y=record.chance,
        mode="lines",
        line={"color": INK, "dash": "dot", "width": 1},
    )
    floor = min([*record.chance, *(low for s in record.series for low in s.low if low is not None)], default=50)
    figure.update_yaxes(title="Test accuracy (%)", range=[max(0, math.floor(floor / 5) * 5 - 5), 100])
    figure.update_xaxes(title="Length bucket (tokens)", type="category")
    return _style(figure, 460, barmode="group", bargap=0.22, bargroupgap=0.06, margin={"l": 64, "r": 24, "t": 76, "b": 56})


def accuracy_heatmap(record: AccuracyByBucket) -> go.Figure:
    """The same numbers as a table of colours."""
    series = record.series[::-1]  # the first row stands on top
    figure = go.Figure(
        go.Heatmap(
            x=record.buckets,
            y=[s.name for s in series],
            z=[s.accuracy for s in series],
            texttemplate="%{z:.1f}",
            colorscale=SCALE,
            colorbar={"title": {"text": "%"}, "thickness": 12},
            hovertemplate="%{y}, %{x}: %{z:.2f} %<extra></extra>",
            xgap=2,
            ygap=2,
        )
    )
    figure.update_xaxes(title="Length bucket (tokens)", type="category")
    return _style(figure, 150 + 42 * len(series), margin={"l": 190, "r": 24, "t": 36, "b": 56})


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


# -- accuracy against cost ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CostPoint:
    """One study on one bucket's test reviews."""

    study: Study
    bucket: str
    accuracy: float  # per cent
    train_seconds: float  # of one final training
    body_parameters: int  # outside the embedding table


def accuracy_and_cost(results: Iterable[StudyResult], verdicts: tuple[BucketVerdict, ...]) -> tuple[CostPoint, ...]:
    """Every completed study with its mean accuracy, seconds of one final training, and parameters."""
    by_study = {result.study: result for result in results if result.repeats}
    return tuple(
        CostPoint(
            study=standing.study,
            bucket=verdict.bucket,
            accuracy=100 * standing.accuracy,
            train_seconds=by_study[standing.study].train_seconds / len(by_study[standing.study].repeats),
            body_parameters=by_study[standing.study].body_parameters,
        )
        for verdict in verdicts
        for standing in verdict.standings
        if standing.study in by_study
    )


SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star", "pentagon", "hexagon")


def cost_scatter(points: tuple[CostPoint, ...], against: str, label: str) -> go.Figure:
    """Accuracy against a cost on a logarithmic axis: colour is the architecture, shape the bucket."""
    figure = go.Figure()
    buckets = list(dict.fromkeys(point.bucket for point in points))
    for series in dict.fromkeys(name(point.study) for point in points):
        mine = [point for point in points if name(point.study) == series]
        figure.add_scatter(
            name=series,
            x=[getattr(point, against) for point in mine],
            y=[point.accuracy for point in mine],
            mode="markers",
            marker={
                "color": colour(mine[0].study.architecture),
                "symbol": [SYMBOLS[buckets.index(point.bucket) % len(SYMBOLS)] for point in mine],
                "size": 12,
                "line": {"color": "white", "width": 1},
            },
            customdata=[point.bucket for point in mine],
            hovertemplate="%{customdata}: %{y:.1f} % at %{x:.3s}<extra>" + series + "</extra>",
        )
    for number, bucket in enumerate(buckets):  # a legend for the shapes
        marker = {"color": MUTED, "symbol": SYMBOLS[number % len(SYMBOLS)], "size": 10}
        figure.add_scatter(name=bucket, x=[None], y=[None], mode="markers", marker=marker)
    figure.update_xaxes(title=label, type="log", dtick=1)
    figure.update_yaxes(title="Test accuracy (%)")
    return _style(figure, 440, margin={"l": 64, "r": 24, "t": 92, "b": 56})


# -- panels: architectures by buckets ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of a panel."""

    label: str  # in the legend, once for all panels
    colour: str
    dashed: bool
    y: tuple[float, ...]  # one value an epoch, from epoch 1


@dataclass(frozen=True)
class Panels:
    """Small multiples: a row per architecture, a column per bucket, lines of every repeat."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    lines: tuple[tuple[int, int, Line], ...]  # (row, column, line)
    y_title: str
    logarithmic: bool = False


Quantity = tuple[str, str, bool]  # label, attribute of Epoch, dashed
ACCURACY: tuple[Quantity, ...] = (("training", "accuracy", True), ("validation", "val_accuracy", False))
LOSS: tuple[Quantity, ...] = (("training", "loss", True), ("validation", "val_loss", False))
LEARNING_RATE: tuple[Quantity, ...] = (("learning rate", "learning_rate", False),)
GRADIENT_NORM: tuple[Quantity, ...] = (("gradient norm", "gradient_norm", False),)


def curves(
    results: Iterable[StudyResult], quantities: tuple[Quantity, ...], y_title: str, *, logarithmic: bool = False
) -> Panels:
    """The history of every repeat of every completed network."""
    shown = [result for result in results if any(repeat.history for repeat in result.repeats)]
    rows = list(dict.fromkeys(result.study.architecture for result in shown))
    columns = list(dict.fromkeys(result.study.bucket for result in sorted(shown, key=lambda r: bucket_order(r.study.bucket))))
    lines = [
        (
            rows.index(result.study.architecture),
            columns.index(result.study.bucket),
            Line(label, colour(result.study.architecture), dashed, _values(repeat.history, attribute)),
        )
        for result in shown
        for repeat in result.repeats
        for label, attribute, dashed in quantities
    ]
    return Panels(tuple(title(row) for row in rows), tuple(columns), tuple(lines), y_title, logarithmic)


def _values(history: tuple[Epoch, ...], attribute: str) -> tuple[float, ...]:
    return tuple(getattr(epoch, attribute) for epoch in history)


def panel_lines(record: Panels) -> go.Figure:
    """Small multiples with shared axes: solid lines are what counts, dashed ones its training counterpart."""
    figure = _grid(record.rows, record.columns, shared_yaxes="all")
    labelled: set[str] = set()
    for row, column, line in record.lines:
        figure.add_scatter(
            row=row + 1,
            col=column + 1,
            x=list(range(1, len(line.y) + 1)),
            y=line.y,
            mode="lines+markers",
            line={"color": line.colour, "dash": "dot" if line.dashed else "solid", "width": 2},
            marker={"size": 4},
            showlegend=False,
            hovertemplate="epoch %{x}: %{y:.3g}<extra>" + line.label + "</extra>",
        )
        if line.label not in labelled:
            style = {"color": INK, "dash": "dot" if line.dashed else "solid"}
            figure.add_scatter(row=1, col=1, x=[None], y=[None], mode="lines", line=style, name=line.label)
            labelled.add(line.label)
    figure.update_xaxes(tickformat="d", nticks=6)
    figure.update_xaxes(title_text="epoch", row=len(record.rows))
    figure.update_yaxes(type="log" if record.logarithmic else "linear", nticks=4)
    figure.update_yaxes(title_text=record.y_title, col=1)
    return _style(figure, 130 + 150 * max(1, len(record.rows)), margin={"l": 72, "r": 40, "t": 76, "b": 48})


def _grid(rows: tuple[str, ...], columns: tuple[str, ...], **options: object) -> go.Figure:
    figure = make_subplots(
        rows=max(1, len(rows)),
        cols=max(1, len(columns)),
        shared_xaxes=True,
        row_titles=list(rows),
        column_titles=list(columns),
        horizontal_spacing=0.02,
        vertical_spacing=0.10 / max(1, len(rows)),
        **options,
    )
    return figure.update_annotations(font={"size": 12, "color": INK})


# -- confusion matrices ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Confusion:
    """Counts of one study on one bucket, summed over repeats: `counts[actual][predicted]`, negative first."""

    study: Study
    bucket: str
    counts: tuple[tuple[int, int], tuple[int, int]]


def confusions(results: Iterable[StudyResult]) -> tuple[Confusion, ...]:
    """One matrix per completed study and bucket."""
    found: dict[tuple[Study, str], list[int]] = {}
    for result in results:
        for repeat in result.repeats:
            for s in repeat.scores:
                cell = found.setdefault((result.study, s.bucket), [0, 0, 0, 0])
                counts = (s.true_negative, s.false_positive, s.false_negative, s.true_positive)
                cell[:] = [a + b for a, b in zip(cell, counts, strict=True)]
    return tuple(Confusion(study, bucket, ((c[0], c[1]), (c[2], c[3]))) for (study, bucket), c in found.items())


def confusion_panels(records: tuple[Confusion, ...]) -> go.Figure:
    """A small matrix for each, coloured by the share of the actual class, with the counts written in."""
    rows = tuple(dict.fromkeys(name(record.study) for record in records))
    columns = tuple(sorted(dict.fromkeys(record.bucket for record in records), key=bucket_order))
    figure = _grid(rows, columns, shared_yaxes=True)
    for record in records:
        shares = [[cell / max(1, sum(actual)) for cell in actual] for actual in record.counts]
        figure.add_heatmap(
            row=rows.index(name(record.study)) + 1,
            col=columns.index(record.bucket) + 1,
            x=["neg.", "pos."],
            y=["neg.", "pos."],
            z=shares,
            text=[[f"{cell:,}" for cell in actual] for actual in record.counts],
            texttemplate="%{text}",
            coloraxis="coloraxis",
            hovertemplate="actual %{y}, predicted %{x}: %{text} (%{z:.1%})<extra></extra>",
            xgap=1,
            ygap=1,
        )
    figure.update_yaxes(autorange="reversed")
    figure.update_yaxes(title_text="actual", col=1)
    figure.update_xaxes(title_text="predicted", row=len(rows))
    bar = {"title": {"text": "share of<br>actual class"}, "thickness": 12, "tickformat": ".0%", "x": 1.06}
    axis = {"colorscale": "Blues", "cmin": 0, "cmax": 1, "colorbar": bar}
    return _style(figure, 110 + 150 * max(1, len(rows)), coloraxis=axis, margin={"l": 72, "r": 40, "t": 40, "b": 56})


# -- what the search saw -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """One axis of the parallel coordinates."""

    label: str
    values: tuple[float, ...]  # one a trial; logarithms for logarithmic axes
    ticks: tuple[tuple[float, str], ...] = ()  # position and text; empty: numbers speak for themselves


def trial_axes(results: Iterable[StudyResult]) -> tuple[Axis, ...]:
    """Architecture, bucket, every hyperparameter that varied, and the score of each completed trial (last axis)."""
    trials = [(result.study, trial) for result in results for trial in result.trials if trial.score is not None]
    if not trials:
        return ()
    architectures = list(dict.fromkeys(study.architecture for study, _ in trials))
    buckets = sorted(dict.fromkeys(study.bucket for study, _ in trials), key=bucket_order)
    axes = [
        _categories("architecture", [title(study.architecture) for study, _ in trials], [title(a) for a in architectures]),
        _categories("bucket", [study.bucket for study, _ in trials], buckets),
    ]
    for key in trials[0][1].hyperparameters:
        values = [trial.hyperparameters[key] for _, trial in trials]
        if len(set(values)) > 1:
            axes.append(_logarithmic(key, values) if key == "learning_rate" else Axis(key, tuple(map(float, values))))
    return (*axes, Axis("score", tuple(float(trial.score or 0) for _, trial in trials)))


def _categories(label: str, values: list[str], order: list[str]) -> Axis:
    return Axis(label, tuple(float(order.index(v)) for v in values), tuple((float(i), text) for i, text in enumerate(order)))


def _logarithmic(label: str, values: list[float]) -> Axis:
    logs = tuple(math.log10(value) for value in values)
    low, high = min(logs), max(logs)
    ticks = tuple((low + (high - low) * i / 4, f"{10 ** (low + (high - low) * i / 4):.1e}") for i in range(5))
    return replace(Axis(label, logs), ticks=ticks)


def parallel_coordinates(axes: tuple[Axis, ...], objective: str) -> go.Figure:
    """One line a trial through its setting to its score; the colour is the score. Drag along an axis to filter."""
    dimensions = []
    for axis in axes:
        dimension = {"label": axis.label if axis.label != "score" else objective, "values": axis.values}
        if axis.ticks:
            dimension |= {"tickvals": [p for p, _ in axis.ticks], "ticktext": [text for _, text in axis.ticks]}
        dimensions.append(dimension)
    scores = axes[-1].values if axes else ()
    bar = {"title": {"text": objective}, "thickness": 12}
    line = {
        "color": scores,
        "colorscale": SCALE,
        "reversescale": objective == "val_loss",
        "showscale": True,
        "colorbar": bar,
    }
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line, labelfont={"size": 13}, tickfont={"size": 11}))
    return _style(figure, 440, margin={"l": 130, "r": 60, "t": 64, "b": 32})


# -- the data ----------------------------------------------------------------------------------------------------------


def length_histogram(data: DataSummary) -> go.Figure:
    """Training lengths of each class, with the bucket edges. The last bar holds the longest reviews."""
    edges = data.histogram_edges
    centres = [left + 12 for left in edges[:-1]]
    labels = [f"{left}-{right - 1}" for left, right in pairwise(edges)]
    figure = go.Figure()
    for label, counts, tint in (
        ("negative", data.histogram_negative, NEGATIVE),
        ("positive", data.histogram_positive, POSITIVE),
    ):
        figure.add_bar(
            name=label,
            x=centres,
            y=counts,
            customdata=labels,
            marker={"color": tint},
            hovertemplate="%{customdata} tokens: %{y:,}<extra>" + label + "</extra>",
        )
    for bucket in data.buckets:
        if bucket.high is not None:
            figure.add_vline(x=bucket.high + 0.5, line={"color": INK, "dash": "dash", "width": 1})
            figure.add_annotation(
                x=bucket.high,
                y=1,
                yref="paper",
                text=bucket.name,
                showarrow=False,
                xanchor="right",
                textangle=-90,
                yanchor="top",
                font={"size": 11, "color": MUTED},
            )
    figure.update_xaxes(title="Review length (tokens, start token included; the last bar holds all longer ones)")
    figure.update_yaxes(title="Training reviews")
    return _style(figure, 380, barmode="stack", bargap=0.05)


FIGURES: dict[str, str] = {  # file name -> heading, in the order of the report
    "accuracy_by_bucket": "Test accuracy by length bucket",
    "accuracy_heatmap": "The same numbers as a table",
    "accuracy_vs_time": "What it costs: accuracy against the time of one training",
    "accuracy_vs_parameters": "What it costs: accuracy against parameters",
    "curves_accuracy": "Accuracy, epoch by epoch",
    "curves_loss": "Loss, epoch by epoch",
    "confusion_matrices": "Confusion matrices",
    "learning_rate": "Learning rate",
    "gradient_norm": "Global gradient norm, before clipping",
    "hyperparameters": "Hyperparameters against score",
    "sequence_lengths": "How long the reviews are",
}


def all_figures(
    results: list[StudyResult], verdicts: tuple[BucketVerdict, ...], data: DataSummary, objective: str
) -> dict[str, go.Figure]:
    """Every figure of `FIGURES`, in its order."""
    by_bucket, points = accuracy_by_bucket(verdicts), accuracy_and_cost(results, verdicts)
    draw: dict[str, Callable[[], go.Figure]] = {
        "accuracy_by_bucket": lambda: accuracy_bars(by_bucket),
        "accuracy_heatmap": lambda: accuracy_heatmap(by_bucket),
        "accuracy_vs_time": lambda: cost_scatter(points, "train_seconds", "Seconds of one final training"),
        "accuracy_vs_parameters": lambda: cost_scatter(points, "body_parameters", "Parameters outside the embedding table"),
        "curves_accuracy": lambda: panel_lines(curves(results, ACCURACY, "accuracy")),
        "curves_loss": lambda: panel_lines(curves(results, LOSS, "loss")),
        "confusion_matrices": lambda: confusion_panels(confusions(results)),
        "learning_rate": lambda: panel_lines(curves(results, LEARNING_RATE, "rate", logarithmic=True)),
        "gradient_norm": lambda: panel_lines(curves(results, GRADIENT_NORM, "norm")),
        "hyperparameters": lambda: parallel_coordinates(trial_axes(results), objective),
        "sequence_lengths": lambda: length_histogram(data),
    }
    return {key: draw[key]() for key in FIGURES}
