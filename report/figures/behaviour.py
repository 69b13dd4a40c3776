"""How an architecture does in behavioural tests: the figure of `inference.probes`."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from inference.probes import CAPABILITIES, PassRate
from models.registry import title
from report.figures.style import SCALE, styled


@dataclass(frozen=True)
class ProbeMatrix:
    """Share of tests passed, in per cent: a row an architecture, a column a capability."""

    architectures: tuple[str, ...]
    capabilities: tuple[str, ...]
    rates: tuple[tuple[float, ...], ...]
    hints: tuple[tuple[str, ...], ...]


def probe_matrix(rates: Sequence[PassRate]) -> ProbeMatrix:
    """From pass rates, in the order of both lists."""
    architectures = tuple(dict.fromkeys(each.architecture for each in rates))
    found = {(each.architecture, each.capability): each for each in rates}
    rows = [[found[architecture, capability.name] for capability in CAPABILITIES] for architecture in architectures]
    hints = [[f"{each.passed} of {each.n} passed" for each in row] for row in rows]
    return ProbeMatrix(
        architectures=tuple(map(title, architectures)),
        capabilities=tuple(capability.name for capability in CAPABILITIES),
        rates=tuple(tuple(100 * each.rate for each in row) for row in rows),
        hints=tuple(map(tuple, hints)),
    )


def probe_figure(matrix: ProbeMatrix) -> go.Figure:
    """A heat map with its numbers."""
    figure = go.Figure(
        go.Heatmap(
            x=[name.replace("neutral text ", "neutral text<br>") for name in matrix.capabilities],
            y=matrix.architectures,
            z=matrix.rates,
            customdata=matrix.hints,
            texttemplate="%{z:.0f}",
            hovertemplate="%{y}, %{x}: %{customdata}<extra></extra>",
            colorscale=SCALE,
            zmin=0,
            zmax=100,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": "passed (%)"}},
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(side="top", showgrid=False, tickangle=0)
    return styled(figure, 150 + 38 * len(matrix.architectures), margin={"l": 190, "r": 24, "t": 70, "b": 16})
