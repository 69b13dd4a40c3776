"""How far back a network reads: influence of a word against its distance from the end."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from models.registry import colour
from records.findings import BucketVerdict
from records.study import Study, StudyResult
from report.figures.style import INK, dash, naming, styled

FLOOR = 1e-8  # float32 says nothing below


@dataclass(frozen=True)
class InfluenceLine:
    """One study, its repeats together."""

    study: Study
    label: str  # with the accuracy on its bucket
    distances: tuple[int, ...]  # words that follow
    influence: tuple[float, ...]  # geometric means over repeats


def influences(results: Iterable[StudyResult], verdicts: tuple[BucketVerdict, ...]) -> tuple[InfluenceLine, ...]:
    """A line for every study that was asked."""
    accuracies = {(v.bucket, s.study): s.accuracy for v in verdicts for s in v.standings}
    found, called = [], naming(s.study for v in verdicts for s in v.standings)
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


def influence_lines(records: tuple[InfluenceLine, ...]) -> go.Figure:
    """Both axes logarithmic; the distance counts from 1, the last word, so that it can be."""
    figure = go.Figure()
    figure.add_hline(y=1, line={"color": INK, "width": 1, "dash": "dot"})
    for record in records:
        figure.add_scatter(
            name=record.label,
            x=[distance + 1 for distance in record.distances],
            y=record.influence,
            mode="lines",
            line={"color": colour(record.study.architecture), "width": 2.5, "dash": dash(record.study)},
            hovertemplate="word %{x:,} from the end: %{y:.2g}<extra>" + record.label + "</extra>",
        )
    figure.update_xaxes(title="Word, counted from the end of the review", type="log", tickvals=[4**k for k in range(7)])
    logs = [math.log10(max(value, FLOOR)) for record in records for value in record.influence]
    span = [min(-1, math.floor(min(logs, default=0))), max(1, math.ceil(max(logs, default=0)))]
    figure.update_yaxes(title="Influence (an average word's is 1)", type="log", exponentformat="power", dtick=1, range=span)
    return styled(figure, 480, margin={"l": 72, "r": 24, "t": 92, "b": 56}, showlegend=True)
