"""Figures of the section on training: what every final training did, epoch by epoch."""

from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go

from models.roster import Roster
from records.study import Epoch, StudyResult, bucket_order
from report.contents import Contents
from report.figures.figure import Figure
from report.figures.style import INK, grid, styled


@dataclass(frozen=True)
class Line:
    """One line of a panel."""

    label: str  # in the legend, once for all panels
    colour: str
    dashed: bool
    y: tuple[float, ...]  # one value an epoch, from epoch 1


@dataclass(frozen=True)
class Panels:
    """Small multiples: a row per contender, a column per bucket, lines of every repeat."""

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


def curves_data(
    results: Iterable[StudyResult], quantities: tuple[Quantity, ...], y_title: str, roster: Roster, *, logarithmic: bool = False
) -> Panels:
    """The history of every repeat of every completed network."""
    shown = [result for result in results if any(repeat.history for repeat in result.repeats)]
    rows = list(dict.fromkeys(result.study.contender for result in shown))
    columns = list(dict.fromkeys(result.study.bucket for result in sorted(shown, key=lambda r: bucket_order(r.study.bucket))))
    lines = [
        (
            rows.index(result.study.contender),
            columns.index(result.study.bucket),
            Line(label, roster.colour(result.study.contender), dashed, _values(repeat.history, attribute)),
        )
        for result in shown
        for repeat in result.repeats
        for label, attribute, dashed in quantities
    ]
    return Panels(tuple(roster.title(row) for row in rows), tuple(columns), tuple(lines), y_title, logarithmic)


def _values(history: tuple[Epoch, ...], attribute: str) -> tuple[float, ...]:
    return tuple(getattr(epoch, attribute) for epoch in history)


def curves_figure(record: Panels) -> go.Figure:
    """Small multiples with shared axes: solid lines are what counts, dashed ones its training counterpart."""
    figure = grid(record.rows, record.columns, shared_yaxes="all")
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
    return styled(figure, 130 + 150 * max(1, len(record.rows)), margin={"l": 72, "r": 64, "t": 76, "b": 48})


def _curves(contents: Contents, quantities: tuple[Quantity, ...], y_title: str, *, logarithmic: bool = False) -> go.Figure:
    return curves_figure(curves_data(contents.results, quantities, y_title, contents.roster, logarithmic=logarithmic))


def _on_weights(contents: Contents) -> str:
    is_weighted = contents.config.training.class_weights == "balanced"
    return " In training each class counts as much as any other, in validation each review does." if is_weighted else ""


FIGURES = (
    Figure(
        "curves_accuracy",
        "training",
        "Accuracy, epoch by epoch",
        lambda contents: (
            "Final trainings, every repeat. Training accuracy is a mean over the epoch with dropout on; validation comes after "
            f"it.{_on_weights(contents)}"
        ),
        lambda contents: _curves(contents, ACCURACY, "accuracy"),
    ),
    Figure("curves_loss", "training", "Loss, epoch by epoch", _on_weights, lambda contents: _curves(contents, LOSS, "loss")),
    Figure(
        "gradient_norm",
        "training",
        "Global gradient norm, before clipping",
        "",
        lambda contents: _curves(contents, GRADIENT_NORM, "norm"),
    ),
    Figure(
        "learning_rate",
        "training",
        "Learning rate",
        "",
        lambda contents: _curves(contents, LEARNING_RATE, "rate", logarithmic=True),
    ),
)
