"""The figure of a cross-validation: every contender's accuracy on each bucket, the mean over the folds and each fold."""

import plotly.graph_objects as go

from models.roster import Roster
from records.folds import Folded
from report.figures.style import MUTED, TRAINED_ON, interval, styled

_FOLD = {"size": 6, "opacity": 0.35}
_MEAN = {"size": 12, "symbol": "diamond", "line": {"color": "#fff", "width": 1}}


def folds_figure(folded: Folded, roster: Roster) -> go.Figure:
    """A row a contender and scope, a panel a bucket: a diamond is the mean with its corrected interval, a dot is a fold."""
    buckets = tuple(dict.fromkeys(score.bucket for score in folded.scores))
    figure = go.Figure()
    for number, bucket in enumerate(buckets):
        axis = "x" if number == 0 else f"x{number + 1}"
        for score in (each for each in folded.scores if each.bucket == bucket):
            name, colour = f"{roster.title(score.contender)}, {TRAINED_ON[score.scope]}", roster.colour(score.contender)
            about = {"xaxis": axis, "showlegend": False, "marker": {"color": colour}}
            values = [100 * accuracy for accuracy in score.accuracies]
            figure.add_scatter(x=values, y=[name] * len(values), mode="markers", hovertemplate="fold: %{x:.1f} %", **about)
            figure.data[-1].marker.update(_FOLD)
            bars = interval([100 * score.mean], [100 * score.low], [100 * score.high])
            shown = f"{name}: %{{x:.1f}} % ({100 * score.low:.1f} to {100 * score.high:.1f})<extra></extra>"
            figure.add_scatter(
                x=[100 * score.mean], y=[name], error_x={**bars, "color": colour}, mode="markers", hovertemplate=shown, **about
            )
            figure.data[-1].marker.update(_MEAN)
        _panel(figure, number, len(buckets), "all lengths" if bucket == "all" else bucket, 100 * folded.chance.get(bucket, 0))
    rows = len({(score.contender, score.scope) for score in folded.scores})
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 150 + 34 * rows, margin={"l": 260, "r": 24, "t": 44, "b": 56})


def _panel(figure: go.Figure, number: int, count: int, title: str, chance: float) -> None:
    """The axis and the title of a bucket, and a line at the share of the largest class."""
    name, width = ("x" if number == 0 else f"x{number + 1}"), 1 / count
    domain = [number * width + 0.01, (number + 1) * width - 0.01]
    figure.update_layout({f"xaxis{name[1:]}": {"domain": domain, "title": "accuracy (%)"}})
    at = {"x": sum(domain) / 2, "xref": "paper", "y": 1.0, "yref": "paper", "yanchor": "bottom"}
    figure.add_annotation(text=title, showarrow=False, **at)
    if chance:
        line = {"color": MUTED, "dash": "dot", "width": 1}
        figure.add_shape(type="line", xref=name, yref="paper", x0=chance, x1=chance, y0=0, y1=1, line=line)
