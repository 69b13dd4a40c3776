"""Figures of the section on errors: confusion matrices, and what the probabilities are worth."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.roster import Roster
from records.classes import Classes
from records.findings import Reliability
from records.study import Study, StudyResult, bucket_order
from report.figures.figure import Figure
from report.figures.style import GRID, INK, MUTED, class_label, dash, grid, naming, styled

MOST_WRITTEN = 7  # classes of a matrix whose counts are written into it; those of larger ones are shown on pointing at them
LONGEST_NAME = 10  # characters of a class's name beside a matrix


@dataclass(frozen=True)
class Confusion:
    """Counts of one study on one bucket, summed over repeats: `counts[actual][predicted]`, in the order of the classes."""

    study: Study
    bucket: str
    counts: tuple[tuple[int, ...], ...]


def confusion_matrices_data(results: Iterable[StudyResult]) -> tuple[Confusion, ...]:
    """One matrix per completed study and bucket."""
    found: dict[tuple[Study, str], list[np.ndarray]] = {}
    for result in results:
        for repeat in result.repeats:
            for score in repeat.scores:
                found.setdefault((result.study, score.bucket), []).append(np.array(score.confusion))
    return tuple(Confusion(*where, tuple(map(tuple, sum(counts).tolist()))) for where, counts in found.items())  # type: ignore


def confusion_matrices_figure(records: tuple[Confusion, ...], roster: Roster, classes: Classes) -> go.Figure:
    """A small matrix for each, coloured by the share of the actual class, with the counts written in."""
    called = naming((record.study for record in records), roster)
    rows = tuple(dict.fromkeys(called(record.study) for record in records))
    columns = tuple(sorted(dict.fromkeys(record.bucket for record in records), key=bucket_order))
    figure, names = grid(rows, columns, shared_yaxes=True), _short(classes)
    for record in records:
        shares = [[round(cell / max(1, sum(actual)), 4) for cell in actual] for actual in record.counts]
        figure.add_heatmap(
            row=rows.index(called(record.study)) + 1,
            col=columns.index(record.bucket) + 1,
            x=names,
            y=names,
            z=shares,
            text=[[f"{cell:,}" for cell in actual] for actual in record.counts],
            texttemplate="%{text}" if len(classes) <= MOST_WRITTEN else None,
            coloraxis="coloraxis",
            hovertemplate="actual %{y}, predicted %{x}: %{text} (%{z:.1%})<extra></extra>",
            xgap=1,
            ygap=1,
        )
    figure.update_yaxes(autorange="reversed")
    figure.update_yaxes(title_text="actual", col=1)
    figure.update_xaxes(title_text="predicted", row=len(rows))
    bar = {"title": {"text": "share of<br>actual class"}, "thickness": 12, "tickformat": ".0%", "x": 1.1}
    axis = {"colorscale": "Blues", "cmin": 0, "cmax": 1, "colorbar": bar}
    figure.update_xaxes(type="category").update_yaxes(type="category")  # stars are names here, not numbers
    return styled(
        figure, 110 + max(150, 26 * len(classes)) * max(1, len(rows)), coloraxis=axis, margin={"l": 72, "r": 64, "t": 40, "b": 56}
    )


def _short(classes: Classes) -> list[str]:
    """The classes' names beside a small matrix, `neg.`; those that begin alike have numbers, or Plotly would draw them as one."""
    known = {"negative": "neg.", "positive": "pos.", "neutral": "neut."}
    short = [known.get(name) or class_label(name, LONGEST_NAME) for name in classes.names]
    return [name if short.count(name) == 1 else f"{number}. {name}" for number, name in enumerate(short, start=1)]


def reliability_figure(records: tuple[Reliability, ...], roster: Roster, classes: Classes) -> go.Figure:
    """Left: as trained; right: after the temperature. On the diagonal, a probability is what it says."""
    titles = ["As trained", "After the temperature that validation chooses"]
    figure = make_subplots(cols=2, column_titles=titles, shared_yaxes=True, horizontal_spacing=0.04)
    figure.update_annotations(font={"size": 13, "color": INK})
    for column in (1, 2):
        figure.add_scatter(
            row=1, col=column, x=[0, 100], y=[0, 100], mode="lines", line={"color": GRID, "width": 2}, showlegend=False
        )
    called = naming((record.study for record in records), roster)
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
                    "color": roster.colour(record.study.contender),
                    "width": 2,
                    "dash": dash(record.study),
                },
                marker={"size": 6},
                hovertemplate="says %{x:.0f} %, is %{y:.0f} % of %{customdata:,}<extra>" + series + "</extra>",
            )
    second = class_label(classes.names[1])
    of, share = (second, f"{second} reviews") if len(classes) == 2 else ("what is said", "it is right")
    figure.update_xaxes(title_text=f"probability of {of} (%), mean of a bin", range=[0, 100])
    figure.update_yaxes(title_text=f"{share} (%)", range=[0, 100], col=1)
    legend = {"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "font": {"color": MUTED}}
    return styled(figure, 480, legend=legend, margin={"l": 64, "r": 24, "t": 40, "b": 120})


FIGURES = (
    Figure(
        "confusion_matrices",
        "errors",
        "Confusion matrices",
        "Test reviews, added up over repeats.",
        lambda contents: confusion_matrices_figure(
            confusion_matrices_data(contents.results), contents.roster, contents.data.classes
        ),
    ),
    Figure(
        "reliability",
        "errors",
        "What the probabilities are worth",
        lambda contents: (
            "Test reviews of all buckets and repeats, in ten bins of the probability. "
            + (
                "Below the diagonal on the right and above it on the left, a network is too sure. "
                if len(contents.data.classes) == 2
                else "The probability is that of the class that is said; below the diagonal, a network is too sure. "
            )
            + "The temperature divides the logits; it is fitted on validation reviews and changes no verdict."
        ),
        lambda contents: reliability_figure(contents.findings.reliabilities, contents.roster, contents.data.classes),
    ),
)
