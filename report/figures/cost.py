"""Figures of the section on cost: accuracy against time and parameters, and layers from scratch against Keras's own."""

from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.roster import Roster
from records.findings import BucketVerdict, ControlComparison
from records.study import ALL, Study, StudyResult
from report.contents import Contents
from report.figures.figure import Figure
from report.figures.style import INK, MUTED, interval, naming, styled

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star", "pentagon", "hexagon")


@dataclass(frozen=True)
class CostPoint:
    """One study on one bucket's test reviews."""

    study: Study
    bucket: str
    accuracy: float  # per cent
    train_seconds: float  # of the training steps of one final training, compilation apart
    body_parameters: int  # outside the embedding table


def cost_data(results: Iterable[StudyResult], verdicts: tuple[BucketVerdict, ...]) -> tuple[CostPoint, ...]:
    """Every completed study with its mean accuracy, seconds of one final training, and parameters.

    What was trained on with a bucket's reviews costs its generalist's training too.
    """
    by_study = {result.study: result for result in results if result.repeats}

    def seconds(study: Study) -> float:
        own = sum(repeat.spent.training for repeat in by_study[study].repeats) / len(by_study[study].repeats)
        generalist = Study(study.contender, ALL)
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


def pareto_front(points: Iterable[CostPoint], against: str) -> list[CostPoint]:
    """The points that no other beats in both accuracy and cost, the cheapest first."""
    front = list[CostPoint]()
    for point in sorted(points, key=lambda point: (getattr(point, against), -point.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def cost_figure(points: tuple[CostPoint, ...], against: str, label: str, roster: Roster) -> go.Figure:
    """Accuracy against a cost on a logarithmic axis: colour is the contender, shape the bucket, dotted a bucket's front."""
    figure = go.Figure()
    buckets = list(dict.fromkeys(point.bucket for point in points))
    called = naming((point.study for point in points), roster)
    for series in dict.fromkeys(called(point.study) for point in points):
        mine = [point for point in points if called(point.study) == series]
        figure.add_scatter(
            name=series,
            x=[getattr(point, against) for point in mine],
            y=[point.accuracy for point in mine],
            mode="markers",
            marker={
                "color": roster.colour(mine[0].study.contender),
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


def from_scratch_figure(records: tuple[ControlComparison, ...], roster: Roster) -> go.Figure:
    """Left: difference in test accuracy with its paired interval, per bucket. Right: milliseconds of a training step of each."""
    figure = make_subplots(
        cols=2,
        column_titles=["Test accuracy, from scratch minus Keras's layer", "One training step"],
        shared_yaxes=True,
        horizontal_spacing=0.06,
    ).update_annotations(font={"size": 13, "color": INK})
    _add_differences(figure, records, roster)
    _add_steps(figure, records[0].study, [(record.study.bucket, record.step_seconds) for record in records], roster)
    _add_steps(figure, records[0].control, [(record.study.bucket, record.control_step_seconds) for record in records], roster)
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(title_text="percentage points", row=1, col=1)
    figure.update_xaxes(title_text="milliseconds", rangemode="tozero", row=1, col=2)
    legend = {"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0.53}
    return styled(figure, 170 + 60 * len(records), barmode="group", legend=legend, margin={"l": 90, "r": 30, "t": 40, "b": 90})


def _add_differences(figure: go.Figure, records: tuple[ControlComparison, ...], roster: Roster) -> None:
    differences = [100 * (record.accuracy - record.control_accuracy) for record in records]
    figure.add_scatter(
        row=1,
        col=1,
        x=differences,
        y=[record.study.bucket for record in records],
        mode="markers",
        marker={"color": roster.colour(records[0].study.contender), "size": 10},
        error_x=interval(differences, [100 * r.low for r in records], [100 * r.high for r in records]) | {"color": MUTED},
        customdata=[[100 * r.accuracy, 100 * r.control_accuracy] for r in records],
        hovertemplate="%{y}: %{customdata[0]:.1f} % and %{customdata[1]:.1f} %<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0, line={"color": INK, "width": 1}, row=1, col=1)


def _add_steps(figure: go.Figure, study: Study, seconds: list[tuple[str, float | None]], roster: Roster) -> None:
    """The seconds of one training step on each bucket, None where nothing was measured."""
    figure.add_bar(
        row=1,
        col=2,
        x=[None if each is None else 1000 * each for _, each in seconds],
        y=[bucket for bucket, _ in seconds],
        orientation="h",
        name=roster.title(study.contender),
        marker={"color": roster.colour(study.contender)},
        texttemplate="%{x:.1f}",
        hovertemplate="%{y}: %{x:.1f} ms<extra>%{fullData.name}</extra>",
    )


def _accuracy_vs_parameters(contents: Contents) -> go.Figure:
    points = cost_data(contents.results, contents.findings.verdicts)
    networks = tuple(point for point in points if not point.study.is_yardstick)  # they have no table of words apart
    return cost_figure(networks, "body_parameters", "Parameters outside the embedding tables", contents.roster)


FIGURES = (
    Figure(
        "accuracy_vs_time",
        "cost",
        "What it costs: accuracy against the time of one training",
        "Colour is the contender, shape the bucket. A dotted line joins what nothing else in its bucket beats in both (the "
        "Pareto front). Times were taken while the other workers were running.",
        lambda contents: cost_figure(
            cost_data(contents.results, contents.findings.verdicts),
            "train_seconds",
            "Seconds of training steps of one final training",
            contents.roster,
        ),
    ),
    Figure("accuracy_vs_parameters", "cost", "What it costs: accuracy against parameters", "", _accuracy_vs_parameters),
    Figure(
        "from_scratch",
        "cost",
        "From scratch against built in",
        "The same network, hyperparameters, first weights, dropout masks and order of reviews, in one training by this project's "
        "layer and in one by Keras's own as Keras runs it by default here. Intervals are 95 %, paired over the same test "
        "reviews. Step times are means of this run, compilation apart, taken while other workers were running.",
        lambda contents: from_scratch_figure(found, contents.roster) if (found := contents.findings.controls) else None,
    ),
)
