"""Figures of the section on behaviour: behavioural tests, and what explanations are worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from inference.examples import mean_curves
from inference.probes import CAPABILITIES, PassRate
from models.roster import Roster
from report.contents import Contents
from report.explanation import deletion_figure
from report.figures.figure import Figure
from report.figures.style import SCALE, styled


@dataclass(frozen=True)
class ProbeMatrix:
    """Share of tests passed, in per cent: a row a contender, a column a capability."""

    contenders: tuple[str, ...]
    capabilities: tuple[str, ...]
    rates: tuple[tuple[float, ...], ...]
    hints: tuple[tuple[str, ...], ...]


def probes_data(rates: Sequence[PassRate], roster: Roster) -> ProbeMatrix:
    """From pass rates, in the order of both lists; a capability that came after the run was measured has no column."""
    measured = {each.capability for each in rates}
    capabilities = tuple(capability.name for capability in CAPABILITIES if capability.name in measured)
    contenders = tuple(dict.fromkeys(each.contender for each in rates))
    found = {(each.contender, each.capability): each for each in rates}
    rows = [[found[contender, name] for name in capabilities] for contender in contenders]
    hints = [[f"{each.passed} of {each.n} passed" for each in row] for row in rows]
    return ProbeMatrix(
        contenders=tuple(map(roster.title, contenders)),
        capabilities=capabilities,
        rates=tuple(tuple(100 * each.rate for each in row) for row in rows),
        hints=tuple(map(tuple, hints)),
    )


def probes_figure(matrix: ProbeMatrix) -> go.Figure:
    """A heat map with its numbers."""
    figure = go.Figure(
        go.Heatmap(
            x=[name.replace("neutral text ", "neutral text<br>") for name in matrix.capabilities],
            y=matrix.contenders,
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
    return styled(figure, 150 + 38 * len(matrix.contenders), margin={"l": 190, "r": 24, "t": 70, "b": 16})


def _faithfulness_caption(contents: Contents) -> str:
    reviews = sum(each.n for each in contents.examples.faithfulness) if contents.examples else 0
    return (
        "What the probability of the verdict becomes as words are left out, the most important ones first, against a random "
        f"order: {reviews} test reviews drawn from all buckets, read by the network that validation chooses there, every "
        "bucket with the same weight. Only an order that falls well below the random one knows what the network goes by."
    )


FIGURES = (
    Figure(
        "probes",
        "behaviour",
        "Behavioural tests passed",
        "Short texts made for this purpose, in one or two sentences, after the idea of CheckList (Ribeiro et al. 2020); per "
        "cent passed. They are far shorter than reviews are: the first column says what a contender makes of such texts at "
        "all, and who always gives the same verdict passes every test that asks for no change. A contender's model for "
        "the text's length answers, the one that was best on validation.",
        lambda contents: (
            probes_figure(probes_data(contents.examples.probes, contents.roster))
            if contents.examples and contents.examples.probes
            else None
        ),
    ),
    Figure(
        "faithfulness",
        "explanations",  # a part of the section on behaviour, below the mistakes that are explained
        "How much the explanations are worth",
        _faithfulness_caption,
        lambda contents: (
            deletion_figure(mean_curves(contents.examples.faithfulness))
            if contents.examples and contents.examples.faithfulness
            else None
        ),
    ),
)
