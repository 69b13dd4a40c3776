"""Figures of the section on the search: every trial's setting with its score, and which hyperparameters mattered."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go

from models.roster import Roster
from records.findings import Importance
from records.study import StudyResult, bucket_order
from report.figures.figure import Figure
from report.figures.style import INK, MUTED, SCALE, styled


@dataclass(frozen=True)
class Axis:
    """One axis of the parallel coordinates."""

    label: str
    values: tuple[float, ...]  # one a trial; logarithms for logarithmic axes
    ticks: tuple[tuple[float, str], ...] = ()  # position and text; empty: numbers speak for themselves


def hyperparameters_data(results: Iterable[StudyResult], roster: Roster) -> tuple[Axis, ...]:
    """Contender, bucket, every hyperparameter that varied, and the score of each completed trial (last axis)."""
    trials = [(result.study, trial) for result in results for trial in result.trials if trial.status == "completed"]
    if not trials:
        return ()
    contenders = list(dict.fromkeys(study.contender for study, _ in trials))
    buckets = sorted(dict.fromkeys(study.bucket for study, _ in trials), key=bucket_order)
    axes = [
        _categories(
            "contender", [roster.title(study.contender) for study, _ in trials], [roster.title(each) for each in contenders]
        ),
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
    return Axis(label, logs, ticks)


def hyperparameters_figure(axes: tuple[Axis, ...], objective: str) -> go.Figure:
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


def importance_figure(records: tuple[Importance, ...]) -> go.Figure:
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


FIGURES = (
    Figure(
        "hyperparameters",
        "search",
        "Hyperparameters against score",
        "Every completed trial of every study; pruned ones are in final_stats/trials.csv. Drag along an axis to keep a range.",
        lambda contents: hyperparameters_figure(
            hyperparameters_data(contents.results, contents.roster), contents.config.search.objective
        ),
    ),
    Figure(
        "importance",
        "search",
        "Which hyperparameters mattered",
        "A forest learns to predict a trial's score, counted from its study's mean, from the setting; how much worse it does "
        "so for trials it has not seen when one hyperparameter's values are shuffled. Bars are means over five folds with "
        "their standard deviation. Drawn only where the forest foretells at least a tenth of the scores' variance.",
        lambda contents: importance_figure(found) if (found := contents.findings.importances) else None,
    ),
)
