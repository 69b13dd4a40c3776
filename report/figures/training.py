"""Small multiples, a row per architecture and a column per bucket: curves over epochs, confusion matrices."""

from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.registry import colour, title
from records.study import Epoch, Study, StudyResult, bucket_order
from report.figures.style import INK, SCALE, naming, styled


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
    return styled(figure, 130 + 150 * max(1, len(record.rows)), margin={"l": 72, "r": 40, "t": 76, "b": 48})


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
    called = naming(record.study for record in records)
    rows = tuple(dict.fromkeys(called(record.study) for record in records))
    columns = tuple(sorted(dict.fromkeys(record.bucket for record in records), key=bucket_order))
    figure = _grid(rows, columns, shared_yaxes=True)
    for record in records:
        shares = [[cell / max(1, sum(actual)) for cell in actual] for actual in record.counts]
        figure.add_heatmap(
            row=rows.index(called(record.study)) + 1,
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
    return styled(figure, 110 + 150 * max(1, len(rows)), coloraxis=axis, margin={"l": 72, "r": 40, "t": 40, "b": 56})


# -- specialists away from home ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CrossLengths:
    """One architecture's specialists on every bucket: mean test accuracy over repeats in per cent, `[trained on][tested on]`."""

    architecture: str
    buckets: tuple[str, ...]
    accuracy: tuple[tuple[float | None, ...], ...]


def cross_lengths(results: Iterable[StudyResult]) -> tuple[CrossLengths, ...]:
    """One an architecture, where specialists were tested on other buckets too."""
    shown = [result for result in results if any(repeat.scores_elsewhere for repeat in result.repeats)]
    buckets = tuple(sorted({result.study.bucket for result in shown}, key=bucket_order))
    found: dict[str, list[list[float | None]]] = {}
    for result in shown:
        rows = found.setdefault(result.study.architecture, [[None] * len(buckets) for _ in buckets])
        scores = [score for repeat in result.repeats for score in repeat.scores + repeat.scores_elsewhere]
        for column, bucket in enumerate(buckets):
            mine = [score.accuracy for score in scores if score.bucket == bucket]
            rows[buckets.index(result.study.bucket)][column] = 100 * sum(mine) / len(mine) if mine else None
    return tuple(CrossLengths(name, buckets, tuple(map(tuple, rows))) for name, rows in found.items())


def cross_length_panels(records: tuple[CrossLengths, ...]) -> go.Figure:
    """A matrix an architecture, three in a row: a row is what it was trained on, a column what it reads."""
    columns, rows = min(3, max(1, len(records))), -(-len(records) // 3) or 1
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[title(record.architecture) for record in records],
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.22 / rows,
    ).update_annotations(font={"size": 12, "color": INK})
    for number, record in enumerate(records):
        figure.add_heatmap(
            row=number // 3 + 1,
            col=number % 3 + 1,
            x=record.buckets,
            y=record.buckets,
            z=record.accuracy,
            texttemplate="%{z:.1f}",
            coloraxis="coloraxis",
            hovertemplate="trained on %{y}, reads %{x}: %{z:.2f} %<extra>" + title(record.architecture) + "</extra>",
            xgap=1,
            ygap=1,
        )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(type="category", showticklabels=True)
    figure.update_yaxes(title_text="trained on", col=1)
    figure.update_xaxes(title_text="reads", row=rows)
    axis = {"colorscale": SCALE, "colorbar": {"title": {"text": "%"}, "thickness": 12}}
    return styled(figure, 110 + 270 * rows, coloraxis=axis, margin={"l": 110, "r": 24, "t": 48, "b": 56})
