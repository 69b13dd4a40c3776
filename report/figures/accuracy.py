"""Figures of the section on accuracy. Each is data -> frozen record -> Plotly figure; one palette and order, the run's."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.roster import Roster
from records.findings import BucketVerdict, LearningCurve, LengthCurve
from records.study import YARDSTICKS, Scope, Study, StudyResult, bucket_order
from report.contents import Contents
from report.figures.figure import Figure
from report.figures.style import INK, SCALE, dash, interval, naming, styled

FLOOR = 1e-8  # of an influence: float32 says nothing below


@dataclass(frozen=True)
class AccuracySeries:
    """One contender over the buckets, in per cent; None where it has no result."""

    name: str
    colour: str
    scope: Scope
    accuracy: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True)
class AccuracyByBucket:
    """Test accuracy of every contender on every bucket."""

    buckets: tuple[str, ...]
    chance: tuple[float, ...]  # per cent
    series: tuple[AccuracySeries, ...]


def accuracy_by_bucket_data(verdicts: tuple[BucketVerdict, ...], roster: Roster) -> AccuracyByBucket:
    """Mean accuracy over repeats with its interval, from the verdicts."""
    keys = dict.fromkeys((s.study.contender, s.study.scope) for verdict in verdicts for s in verdict.standings)
    series, called = [], naming((s.study for verdict in verdicts for s in verdict.standings), roster)
    for contender, scope in sorted(keys, key=lambda key: (key[0] in YARDSTICKS, key[1])):
        found = [
            next((s for s in v.standings if (s.study.contender, s.study.scope) == (contender, scope)), None) for v in verdicts
        ]
        series.append(
            AccuracySeries(
                name=called(next(s.study for s in found if s)),
                colour=roster.colour(contender),
                scope=scope,
                accuracy=tuple(100 * s.accuracy if s else None for s in found),
                low=tuple(100 * s.low if s else None for s in found),
                high=tuple(100 * s.high if s else None for s in found),
            )
        )
    chance = tuple(100 * verdict.chance for verdict in verdicts)
    return AccuracyByBucket(tuple(v.bucket for v in verdicts), chance, tuple(series))


def accuracy_by_bucket_figure(record: AccuracyByBucket) -> go.Figure:
    """Bars with 95 % intervals; yardsticks are grey, generalists hatched, fine-tuned ones crossed, chance a dotted line."""
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
        name="Chance (the largest class)",
        x=record.buckets,
        y=record.chance,
        mode="lines" if len(record.buckets) > 1 else "lines+markers",
        marker={"symbol": "line-ew", "size": 40, "line": {"color": INK, "width": 1}},
        line={"color": INK, "dash": "dot", "width": 1},
    )
    floor = min([*record.chance, *(low for s in record.series for low in s.low if low is not None)], default=50)
    figure.update_yaxes(title="Test accuracy (%)", range=[max(0, math.floor(floor / 5) * 5 - 5), 100])
    figure.update_xaxes(title="Length bucket (tokens)", type="category")
    return styled(figure, 460, barmode="group", bargap=0.22, bargroupgap=0.06, margin={"l": 64, "r": 24, "t": 76, "b": 56})


def accuracy_heatmap_figure(record: AccuracyByBucket) -> go.Figure:
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


def accuracy_over_length_figure(records: tuple[LengthCurve, ...], roster: Roster) -> go.Figure:
    """A line over length for each study, with a 95 % band; generalists are dashed."""
    figure, shown, called = go.Figure(), set[str](), naming((record.study for record in records), roster)
    for record in records:
        series, tint = called(record.study), roster.colour(record.study.contender)
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
    figure.update_xaxes(title="Review length (tokens)", type="log", tickvals=[3, 6, 12, 25, 50, 100, 200, 400, 800, 1600])
    figure.update_yaxes(title="Test accuracy (%)")
    return styled(figure, 460, margin={"l": 64, "r": 24, "t": 92, "b": 56})


@dataclass(frozen=True)
class InfluenceLine:
    """One study, its repeats together."""

    study: Study
    label: str  # with the accuracy on its bucket
    distances: tuple[int, ...]  # words that follow
    influence: tuple[float, ...]  # geometric means over repeats


def influence_data(
    results: Iterable[StudyResult], verdicts: tuple[BucketVerdict, ...], roster: Roster
) -> tuple[InfluenceLine, ...]:
    """A line for every study that was asked."""
    accuracies = {(v.bucket, s.study): s.accuracy for v in verdicts for s in v.standings}
    found, called = [], naming((s.study for v in verdicts for s in v.standings), roster)
    for result in results:
        asked = [dict(repeat.influence) for repeat in result.repeats if repeat.influence]
        if asked:
            distances = sorted(set.intersection(*map(set, asked)))
            logs = [[np.log(max(one[d], FLOOR)) for d in distances] for one in asked]
            accuracy = accuracies.get((result.study.bucket, result.study))
            label = called(result.study) + (f": {100 * accuracy:.1f} %" if accuracy is not None else "")
            means = np.exp(np.mean(logs, axis=0)).tolist()
            found.append(InfluenceLine(result.study, label, tuple(distances), tuple(means)))
    return tuple(found)


def influence_figure(records: tuple[InfluenceLine, ...], roster: Roster) -> go.Figure:
    """Both axes logarithmic; the distance counts from 1, the last word, so that it can be."""
    figure = go.Figure()
    figure.add_hline(y=1, line={"color": INK, "width": 1, "dash": "dot"})
    for record in records:
        figure.add_scatter(
            name=record.label,
            x=[distance + 1 for distance in record.distances],
            y=record.influence,
            mode="lines",
            line={"color": roster.colour(record.study.contender), "width": 2.5, "dash": dash(record.study)},
            hovertemplate="word %{x:,} from the end: %{y:.2g}<extra>" + record.label + "</extra>",
        )
    figure.update_xaxes(title="Word, counted from the end of the review", type="log", tickvals=[4**k for k in range(7)])
    logs = [math.log10(max(value, FLOOR)) for record in records for value in record.influence]
    span = [min(-1, math.floor(min(logs, default=0))), max(1, math.ceil(max(logs, default=0)))]
    figure.update_yaxes(title="Influence (an average word's is 1)", type="log", exponentformat="power", dtick=1, range=span)
    return styled(figure, 480, margin={"l": 72, "r": 24, "t": 92, "b": 56}, showlegend=True)


def learning_curve_figure(records: tuple[LearningCurve, ...], roster: Roster) -> go.Figure:
    """Accuracy over the number of reviews, a panel a scope and a line a contender, with 95 % intervals."""
    scopes = sorted(dict.fromkeys(record.study.bucket for record in records), key=bucket_order)
    titles = scopes if len(scopes) > 1 else None
    figure = make_subplots(cols=max(1, len(scopes)), column_titles=titles, shared_yaxes=True, horizontal_spacing=0.02)
    figure.update_annotations(font={"size": 12, "color": INK})
    shown = set[str]()
    for record in records:
        series = roster.title(record.study.contender)
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
            line={"color": roster.colour(record.study.contender), "width": 2},
            marker={"size": 7},
            hovertemplate="%{x:,} reviews: %{y:.1f} %<extra>" + series + "</extra>",
        )
        shown.add(series)
    ticks = sorted({n for record in records for n in record.n_reviews})
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{n:,}" for n in ticks], title_text="Training reviews")
    figure.update_yaxes(title_text="Test accuracy (%)", col=1)
    return styled(figure, 460, margin={"l": 64, "r": 24, "t": 92, "b": 64})


@dataclass(frozen=True)
class CrossLengths:
    """One contender's specialists on every bucket: mean test accuracy over repeats in per cent, `[trained on][tested on]`."""

    contender: str
    buckets: tuple[str, ...]
    accuracy: tuple[tuple[float | None, ...], ...]


def cross_lengths_data(results: Iterable[StudyResult]) -> tuple[CrossLengths, ...]:
    """One a contender, where specialists were tested on other buckets too."""
    shown = [result for result in results if any(repeat.scores_elsewhere for repeat in result.repeats)]
    buckets = tuple(sorted({result.study.bucket for result in shown}, key=bucket_order))
    found: dict[str, list[list[float | None]]] = {}
    for result in shown:
        rows = found.setdefault(result.study.contender, [[None] * len(buckets) for _ in buckets])
        scores = [score for repeat in result.repeats for score in repeat.scores + repeat.scores_elsewhere]
        for column, bucket in enumerate(buckets):
            mine = [score.accuracy for score in scores if score.bucket == bucket]
            rows[buckets.index(result.study.bucket)][column] = 100 * sum(mine) / len(mine) if mine else None
    return tuple(CrossLengths(name, buckets, tuple(map(tuple, rows))) for name, rows in found.items())


def cross_lengths_figure(records: tuple[CrossLengths, ...], roster: Roster) -> go.Figure:
    """A matrix a contender, three in a row: a row is what it was trained on, a column what it reads."""
    columns, rows = min(3, max(1, len(records))), -(-len(records) // 3) or 1
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[roster.title(record.contender) for record in records],
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
            hovertemplate="trained on %{y}, reads %{x}: %{z:.2f} %<extra>" + roster.title(record.contender) + "</extra>",
            xgap=1,
            ygap=1,
        )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(type="category", showticklabels=True)
    figure.update_yaxes(title_text="trained on", col=1)
    figure.update_xaxes(title_text="reads", row=rows)
    axis = {"colorscale": SCALE, "colorbar": {"title": {"text": "%"}, "thickness": 12}}
    return styled(figure, 110 + 270 * rows, coloraxis=axis, margin={"l": 110, "r": 24, "t": 48, "b": 56})


def _learning_curve_caption(contents: Contents) -> str:
    data = contents.data
    return (
        f"Each point is trained anew on the labels of so many reviews, the same ones for all repeats, "
        f"{100 * data.n_validation / (data.n_train + data.n_validation):.0f} % of them for validation, with the setting that was "
        "chosen on all of them. Intervals are 95 %, for other test reviews and seeds, not for another choice of these."
    )


FIGURES = (
    Figure(
        "accuracy_by_bucket",
        "accuracy",
        "Test accuracy by length bucket",
        "Bars are means over repeats with their 95 % interval. The vertical axis does not start at zero. Click a name to hide "
        "it.",
        lambda contents: accuracy_by_bucket_figure(accuracy_by_bucket_data(contents.findings.verdicts, contents.roster)),
    ),
    Figure(
        "accuracy_heatmap",
        "accuracy",
        "The same numbers as a table",
        "",
        lambda contents: accuracy_heatmap_figure(accuracy_by_bucket_data(contents.findings.verdicts, contents.roster)),
    ),
    Figure(
        "accuracy_over_length",
        "accuracy",
        "Accuracy over length",
        "Every test review counts at its own length, and its neighbours with it; a line ends where another network takes over. "
        "The band is the sampling of test reviews at each length by itself.",
        lambda contents: accuracy_over_length_figure(contents.findings.length_curves, contents.roster),
    ),
    Figure(
        "influence",
        "accuracy",
        "How far back a network reads",
        "How strongly the verdict on a long review depends on a word, by the words that still follow it: the norm of the "
        "gradient with respect to the word's vector, in means over the review's words, on the longest validation reviews "
        "(median). At 1 a word matters as much as any other; where the line falls to nothing, the network has forgotten, and "
        "training could not teach it otherwise. Evidence beside the word is held as it is. Names carry the test accuracy on the "
        "reviews that the network is for.",
        lambda contents: (
            influence_figure(found, contents.roster)
            if (found := influence_data(contents.results, contents.findings.verdicts, contents.roster))
            else None
        ),
    ),
    Figure(
        "learning_curve",
        "accuracy",
        "Accuracy against the number of training reviews",
        _learning_curve_caption,
        lambda contents: learning_curve_figure(found, contents.roster) if (found := contents.findings.learning_curves) else None,
    ),
    Figure(
        "cross_lengths",
        "accuracy",
        "Trained on one length, reading another",
        "Mean test accuracy over repeats. A row is the bucket whose reviews a specialist was trained on, a column the bucket "
        "whose test reviews it reads.",
        lambda contents: (
            cross_lengths_figure(found, contents.roster) if (found := cross_lengths_data(contents.results)) else None
        ),
    ),
)
