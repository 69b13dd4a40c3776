"""What each means is worth: a run's ladder of contenders, rung by rung, on each bucket beside the yardsticks."""

from collections.abc import Iterator
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.roster import Roster
from records.findings import BucketVerdict, Climbed, Standing
from records.study import ALL
from report.contents import Contents
from report.figures.figure import Figure
from report.figures.style import INK, MUTED, NEGATIVE, POSITIVE, styled
from report.sentences import ladder_sentence, signed_points

UNSURE = "#94A3B8"  # of a step that may be chance
BELOW, ROW, LETTER = 70, 36, 8  # pixels: axis and key, a rung, a letter of its name
FIRST_NAME, NAME = 4, 17  # pixels from a panel up to the first name above it, and from a name to the next one
NARROWEST, WIDEST, WHOLE = 172, 420, 1072  # pixels: a panel at least and at most, and the report's page
GAINS = 60  # pixels of each panel that hold the gains, on its right
BEYOND = "rgba(14, 116, 144, 0.12)"  # of the accuracies that both yardsticks miss
_KEY = (
    f'<span style="color:{POSITIVE}">●</span> surely better than the rung above &nbsp; '
    f'<span style="color:{NEGATIVE}">●</span> surely worse &nbsp; <span style="color:{UNSURE}">○</span> may be chance &nbsp; '
    f'<span style="color:{BEYOND.replace("0.12", "0.35")}">■</span> more than both linear models of the same labels'
)


@dataclass(frozen=True)
class Rung:
    """One contender on one bucket; accuracies in per cent, the gain in percentage points."""

    title: str
    accuracy: float
    gain: float | None  # over the rung below; None for the lowest one, and where the two were not compared
    is_sure: bool  # that the gain, or loss, is no chance
    details: str  # all of it in words

    @property
    def colour(self) -> str:
        """Of the step from the rung below."""
        if self.gain is None:
            return INK
        return UNSURE if not self.is_sure else POSITIVE if self.gain > 0 else NEGATIVE


@dataclass(frozen=True)
class Line:
    """A yardstick of one bucket."""

    name: str
    accuracy: float  # per cent
    colour: str


@dataclass(frozen=True)
class BucketLadder:
    """One bucket's rungs, from the lowest on, None for one without a result, and its yardsticks, the worse one first."""

    bucket: str
    rungs: tuple[Rung | None, ...]
    yardsticks: tuple[Line, ...]


def ladder_data(verdicts: tuple[BucketVerdict, ...], roster: Roster) -> tuple[BucketLadder, ...]:
    """The ladder on each bucket; none where the run has no ladder, or nobody who stands on it has a result."""
    found = []
    for verdict in verdicts:
        climbed = verdict.climb(roster.ladder)
        first = next((each.standing.study for each in climbed if each), None)
        if first is not None:
            lines = [_yardstick(s, roster) for s in verdict.standings if s.study in first.yardsticks]
            rungs = tuple(_rung(each, roster) if each else None for each in climbed)
            found.append(BucketLadder(verdict.bucket, rungs, tuple(sorted(lines, key=lambda line: line.accuracy))))
    return tuple(found)


def _yardstick(standing: Standing, roster: Roster) -> Line:
    id = standing.study.contender
    return Line(roster.title(id).removesuffix(" linear model"), 100 * standing.accuracy, roster.colour(id))


def _rung(climbed: Climbed, roster: Roster) -> Rung:
    mine, gain = climbed.standing, climbed.gain
    title, points = roster.title(mine.study.contender), None
    details = f"{title}<br>{100 * mine.accuracy:.1f} % ({100 * mine.low:.1f} to {100 * mine.high:.1f})"
    if gain:
        points = 100 * gain.difference
        details += f"<br>{points:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f}),"
        details += f" {gain.verdict} {roster.title(gain.second.contender)}"
    return Rung(title, 100 * mine.accuracy, points, bool(gain and gain.is_sure), details)


def ladder_figure(records: tuple[BucketLadder, ...], titles: tuple[str, ...]) -> go.Figure:
    """A panel a bucket and a row a rung: a dot is its accuracy, a bar the way there from the rung above, which it builds on.

    Args:
        records: one a bucket.
        titles: of the rungs; the lowest one, with which everything begins, stands on top.
    """
    names = (*titles, "<b>together</b>")
    height, left = ROW * len(names), 12 + LETTER * max(map(len, titles))
    panel = min(WIDEST, max(NARROWEST, (WHOLE - left) // len(records)))
    above = FIRST_NAME + NAME * (1 + max(len(record.yardsticks) for record in records)) + 12
    low, top, ticks = _span(records)
    figure = make_subplots(cols=len(records), shared_yaxes=True, horizontal_spacing=0.1 / len(records))
    for column, record in enumerate(records, start=1):
        for trace in (*_steps(record), _dots(record)):
            figure.add_trace(trace, row=1, col=column)
        for note in (*_heads(record), *_numbers(record)):
            figure.add_annotation(note, row=1, col=column)
        for shape in _lines(record, top, height):
            figure.add_shape(shape, row=1, col=column)
    for text, side, right, up in (("test accuracy (%)", "right", -14, 0), (_KEY, "left", 0, -36)):
        place = {"xref": "paper", "x": 0, "xanchor": side, "yref": "paper", "y": 0, "yanchor": "top"}
        shifted = {"xshift": right, "yshift": up, "font": {"color": MUTED}}
        figure.add_annotation({"text": text, "showarrow": False} | place | shifted)
    figure.update_xaxes(range=[low, low + (top - low) * panel / (panel - GAINS)], tickvals=ticks, fixedrange=True)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], tickvals=[*range(len(names))], ticktext=names, fixedrange=True)
    figure.update_yaxes(tickfont={"size": 14}, ticklabelstandoff=8)
    size = {"width": left + panel * len(records), "autosize": False, "margin": {"l": left, "r": 0, "t": above, "b": BELOW}}
    quiet = {"showlegend": False, "dragmode": False, "modebar": {"remove": ["toImage"]}}
    return styled(figure, above + height + BELOW, **size, **quiet)


def _span(records: tuple[BucketLadder, ...]) -> tuple[float, float, list[int]]:
    """The accuracies between which everything lies, and the ticks between them."""
    values = [each.accuracy for record in records for each in (*record.rungs, *record.yardsticks) if each]
    low, top = min(values) - 3, max(values) + 1
    return low, top, [tick for tick in range(0, 101, 10) if low <= tick <= top]


def _steps(record: BucketLadder) -> Iterator[go.Scatter]:
    """Of each rung that was compared: a thin line down from the rung above, and a bar from there."""
    for number, (above, rung) in enumerate(zip(record.rungs, record.rungs[1:], strict=False), start=1):
        if above and rung and rung.gain is not None:
            quiet = {"mode": "lines", "hoverinfo": "skip"}
            yield go.Scatter(x=[above.accuracy] * 2, y=[number - 1, number], line={"color": UNSURE, "width": 1}, **quiet)
            yield go.Scatter(x=[above.accuracy, rung.accuracy], y=[number] * 2, line={"color": rung.colour, "width": 6}, **quiet)


def _dots(record: BucketLadder) -> go.Scatter:
    """Filled where the gain is sure, and for the lowest rung."""
    there = [(number, rung) for number, rung in enumerate(record.rungs) if rung]
    return go.Scatter(
        x=[rung.accuracy for _, rung in there],
        y=[number for number, _ in there],
        mode="markers",
        marker={
            "size": 10,
            "color": ["#FFFFFF" if rung.colour == UNSURE else rung.colour for _, rung in there],
            "line": {"width": 2, "color": [rung.colour for _, rung in there]},
        },
        text=[rung.details for _, rung in there],
        hovertemplate="%{text}<extra></extra>",
    )


def _heads(record: BucketLadder) -> Iterator[dict[str, object]]:
    """The bucket's name, and the yardsticks', each at the upper end of its line."""
    bucket = "All lengths" if record.bucket == ALL else f"{record.bucket} tokens"
    shared = {"showarrow": False, "yref": "y domain", "y": 1, "yanchor": "bottom"}
    head = {"text": f"<b>{bucket}</b>", "font": {"size": 14}, "xref": "x domain", "x": 0, "xanchor": "left"}
    yield shared | head | {"yshift": FIRST_NAME + NAME * len(record.yardsticks)}
    for number, line in enumerate(record.yardsticks):
        name = {"text": f"{line.name} {line.accuracy:.1f}", "font": {"size": 12, "color": MUTED}}
        yield shared | name | {"xref": "x", "x": line.accuracy, "xanchor": "right", "yshift": FIRST_NAME + NAME * number}


def _lines(record: BucketLadder, top: float, height: int) -> Iterator[dict[str, object]]:
    """The yardsticks, each from the bottom of the panel to its name, and what lies beyond both up to `top`."""
    behind = {"xref": "x", "yref": "y domain", "layer": "below"}
    if record.yardsticks:
        area = {"x0": record.yardsticks[-1].accuracy, "x1": top, "y0": 0, "y1": 1}
        yield behind | area | {"type": "rect", "line": {"width": 0}, "fillcolor": BEYOND}
    for number, line in enumerate(record.yardsticks, start=1):
        ends = {"x0": line.accuracy, "x1": line.accuracy, "y0": 0, "y1": 1 + (FIRST_NAME + NAME * number) / height}
        yield behind | ends | {"type": "line", "line": {"color": line.colour, "width": 1.5}}


def _numbers(record: BucketLadder) -> Iterator[dict[str, object]]:
    """A sum: the accuracy that the ladder begins with, the gains, and in the last row the accuracy that it ends with."""
    there = [(number, rung) for number, rung in enumerate(record.rungs) if rung]
    first, last = there[0], there[-1]
    column = {"showarrow": False, "yref": "y", "xref": "x domain", "x": 1, "xanchor": "right"}
    for number, rung in there:
        if rung.gain is not None:
            points = signed_points(rung.gain)
            text, tint = (f"<b>{points}</b>", rung.colour) if rung.is_sure else (points, MUTED)
            yield column | {"y": number, "text": text, "font": {"size": 14, "color": tint}}
    for number, accuracy in ((first[0], first[1].accuracy), (len(record.rungs), last[1].accuracy)):
        yield column | {"y": number, "text": f"<b>{accuracy:.1f}</b>", "font": {"size": 14}}


def _caption(contents: Contents) -> str:
    return (
        f"{ladder_sentence(contents.findings.verdicts, contents.roster)} Each rung is made from the one above it, and is "
        "compared with that one on the same test reviews, corrected for all comparisons of the run; where chance may have made "
        "a gain, its dot is hollow. Vertical lines are the linear models of the same labels."
    )


def _draw(contents: Contents) -> go.Figure | None:
    records = ladder_data(contents.findings.verdicts, contents.roster)
    return ladder_figure(records, tuple(map(contents.roster.title, contents.roster.ladder))) if records else None


FIGURES = (Figure("ladder", "accuracy", "What each means is worth", _caption, _draw),)
