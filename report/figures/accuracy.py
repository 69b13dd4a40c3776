"""Figures. Each plot is data -> small typed record -> pure function -> Plotly figure; `report.py` writes them.

One palette and one order of architectures everywhere, from the registry. Never Keras, never a file.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import plotly.graph_objects as go

from models.registry import colour, title
from records.findings import BucketVerdict, Findings
from records.study import ALL, YARDSTICK, Scope, Study, StudyResult, bucket_order
from records.summary import DataSummary
from report.figures.cost import control_panels
from report.figures.influence import influence_lines, influences
from report.figures.protocol import (
    comparison_matrices,
    importance_bars,
    learning_curves,
    length_curves,
    matrices,
    reliability_curves,
)
from report.figures.style import INK, MUTED, NEGATIVE, POSITIVE, SCALE, interval, naming, styled
from report.figures.training import (
    ACCURACY,
    GRADIENT_NORM,
    LEARNING_RATE,
    LOSS,
    confusion_panels,
    confusions,
    cross_length_panels,
    cross_lengths,
    curves,
    panel_lines,
)

# -- accuracy by bucket ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccuracySeries:
    """One architecture over the buckets, in per cent; None where it has no result."""

    name: str
    colour: str
    scope: Scope
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
    series, called = [], naming(s.study for verdict in verdicts for s in verdict.standings)
    for architecture, scope in sorted(keys, key=lambda key: (key[0] == YARDSTICK, key[1])):
        found = [
            next((s for s in v.standings if (s.study.architecture, s.study.scope) == (architecture, scope)), None)
            for v in verdicts
        ]
        series.append(
            AccuracySeries(
                name=called(next(s.study for s in found if s)),
                colour=colour(architecture),
                scope=scope,
                accuracy=tuple(100 * s.accuracy if s else None for s in found),
                low=tuple(100 * s.low if s else None for s in found),
                high=tuple(100 * s.high if s else None for s in found),
            )
        )
    chance = tuple(100 * verdict.chance for verdict in verdicts)
    return AccuracyByBucket(tuple(v.bucket for v in verdicts), chance, tuple(series))


def accuracy_bars(record: AccuracyByBucket) -> go.Figure:
    """Bars with 95 % intervals; the yardstick is grey, generalists hatched, fine-tuned ones crossed, chance a dotted line."""
    figure = go.Figure()
    for series in record.series:
        figure.add_bar(
            name=series.name,
            x=record.buckets,
            y=series.accuracy,
            marker={"color": series.colour, "pattern": {"shape": {"bucket": "", "all": "/", "fine-tuned": "x"}[series.scope]}},
            error_y=interval(series.accuracy, series.low, series.high) | {"color": INK},
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
    return styled(figure, 460, barmode="group", bargap=0.22, bargroupgap=0.06, margin={"l": 64, "r": 24, "t": 76, "b": 56})


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
    return styled(figure, 150 + 42 * len(series), margin={"l": 190, "r": 24, "t": 36, "b": 56})


# -- accuracy against cost ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CostPoint:
    """One study on one bucket's test reviews."""

    study: Study
    bucket: str
    accuracy: float  # per cent
    train_seconds: float  # of the training steps of one final training, compilation apart
    body_parameters: int  # outside the embedding table


def accuracy_and_cost(results: Iterable[StudyResult], verdicts: tuple[BucketVerdict, ...]) -> tuple[CostPoint, ...]:
    """Every completed study with its mean accuracy, seconds of one final training, and parameters.

    What was trained on with a bucket's reviews costs its generalist's training too.
    """
    by_study = {result.study: result for result in results if result.repeats}

    def seconds(study: Study) -> float:
        own = sum(repeat.spent.training for repeat in by_study[study].repeats) / len(by_study[study].repeats)
        generalist = Study(study.architecture, ALL)
        return own + (seconds(generalist) if study.is_fine_tuned and generalist in by_study else 0.0)

    return tuple(
        CostPoint(
            study=standing.study,
            bucket=verdict.bucket,
            accuracy=100 * standing.accuracy,
            train_seconds=seconds(standing.study),
            body_parameters=by_study[standing.study].body_parameters,
        )
        for verdict in verdicts
        for standing in verdict.standings
        if standing.study in by_study
    )


SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star", "pentagon", "hexagon")


def pareto_front(points: Iterable[CostPoint], against: str) -> list[CostPoint]:
    """The points that no other beats in both accuracy and cost, the cheapest first."""
    front = list[CostPoint]()
    for point in sorted(points, key=lambda point: (getattr(point, against), -point.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def cost_scatter(points: tuple[CostPoint, ...], against: str, label: str) -> go.Figure:
    """Accuracy against a cost on a logarithmic axis: colour is the architecture, shape the bucket, dotted a bucket's front."""
    figure = go.Figure()
    buckets = list(dict.fromkeys(point.bucket for point in points))
    called = naming(point.study for point in points)
    for series in dict.fromkeys(called(point.study) for point in points):
        mine = [point for point in points if called(point.study) == series]
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
    for bucket in buckets:
        front = pareto_front([point for point in points if point.bucket == bucket], against)
        figure.add_scatter(
            x=[getattr(point, against) for point in front],
            y=[point.accuracy for point in front],
            mode="lines",
            line={"color": MUTED, "width": 1, "dash": "dot"},
            showlegend=False,
            hoverinfo="skip",
        )
    for number, bucket in enumerate(buckets):  # a legend for the shapes
        marker = {"color": MUTED, "symbol": SYMBOLS[number % len(SYMBOLS)], "size": 10}
        figure.add_scatter(name=bucket, x=[None], y=[None], mode="markers", marker=marker)
    figure.update_xaxes(title=label, type="log", dtick="D2", tickformat=",~r")
    figure.update_yaxes(title="Test accuracy (%)")
    return styled(figure, 440, margin={"l": 64, "r": 24, "t": 92, "b": 56})


# -- what the search saw -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """One axis of the parallel coordinates."""

    label: str
    values: tuple[float, ...]  # one a trial; logarithms for logarithmic axes
    ticks: tuple[tuple[float, str], ...] = ()  # position and text; empty: numbers speak for themselves


def trial_axes(results: Iterable[StudyResult]) -> tuple[Axis, ...]:
    """Architecture, bucket, every hyperparameter that varied, and the score of each completed trial (last axis)."""
    trials = [(result.study, trial) for result in results for trial in result.trials if trial.status == "completed"]
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
    return styled(figure, 440, margin={"l": 130, "r": 60, "t": 64, "b": 32})


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
    return styled(figure, 380, barmode="stack", bargap=0.05)


FIGURES: dict[str, str] = {  # file name -> heading, in the order of the report
    "accuracy_by_bucket": "Test accuracy by length bucket",
    "accuracy_heatmap": "The same numbers as a table",
    "accuracy_over_length": "Accuracy over length",
    "influence": "How far back a network reads",
    "learning_curve": "Accuracy against the number of training reviews",
    "cross_lengths": "Trained on one length, reading another",
    "comparisons": "Who is better than whom",
    "accuracy_vs_time": "What it costs: accuracy against the time of one training",
    "accuracy_vs_parameters": "What it costs: accuracy against parameters",
    "from_scratch": "From scratch against built in",
    "curves_accuracy": "Accuracy, epoch by epoch",
    "curves_loss": "Loss, epoch by epoch",
    "confusion_matrices": "Confusion matrices",
    "reliability": "What the probabilities are worth",
    "learning_rate": "Learning rate",
    "gradient_norm": "Global gradient norm, before clipping",
    "hyperparameters": "Hyperparameters against score",
    "importance": "Which hyperparameters mattered",
    "sequence_lengths": "How long the reviews are",
}


def all_figures(results: list[StudyResult], findings: Findings, data: DataSummary, objective: str) -> dict[str, go.Figure]:
    """Every figure of `FIGURES`, in its order; some only where there is something to say."""
    verdicts, controls, across = findings.verdicts, findings.controls, cross_lengths(results)
    by_bucket, points = accuracy_by_bucket(verdicts), accuracy_and_cost(results, verdicts)
    networks = tuple(point for point in points if point.study.architecture != YARDSTICK)  # it has no table of words apart
    reach = influences(results, verdicts)
    draw: dict[str, Callable[[], go.Figure]] = {
        "accuracy_by_bucket": lambda: accuracy_bars(by_bucket),
        "accuracy_heatmap": lambda: accuracy_heatmap(by_bucket),
        "accuracy_over_length": lambda: length_curves(findings.length_curves),
        "influence": lambda: influence_lines(reach),
        "learning_curve": lambda: learning_curves(findings.learning_curves),
        "cross_lengths": lambda: cross_length_panels(across),
        "comparisons": lambda: comparison_matrices(matrices(verdicts)),
        "accuracy_vs_time": lambda: cost_scatter(points, "train_seconds", "Seconds of training steps of one final training"),
        "accuracy_vs_parameters": lambda: cost_scatter(networks, "body_parameters", "Parameters outside the embedding tables"),
        "from_scratch": lambda: control_panels(controls),
        "curves_accuracy": lambda: panel_lines(curves(results, ACCURACY, "accuracy")),
        "curves_loss": lambda: panel_lines(curves(results, LOSS, "loss")),
        "confusion_matrices": lambda: confusion_panels(confusions(results)),
        "reliability": lambda: reliability_curves(findings.reliabilities),
        "learning_rate": lambda: panel_lines(curves(results, LEARNING_RATE, "rate", logarithmic=True)),
        "gradient_norm": lambda: panel_lines(curves(results, GRADIENT_NORM, "norm")),
        "hyperparameters": lambda: parallel_coordinates(trial_axes(results), objective),
        "importance": lambda: importance_bars(findings.importances),
        "sequence_lengths": lambda: length_histogram(data),
    }
    said = {
        "from_scratch": controls,
        "importance": findings.importances,
        "cross_lengths": across,
        "learning_curve": findings.learning_curves,
        "influence": reach,
    }
    return {key: draw[key]() for key in FIGURES if said.get(key, True)}
