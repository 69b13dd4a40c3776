"""The figure of the section on the data."""

from itertools import pairwise

import plotly.graph_objects as go

from records.summary import DataSummary
from report.figures.figure import Figure
from report.figures.style import INK, MUTED, class_colours, class_label, styled


def sequence_lengths_figure(data: DataSummary) -> go.Figure:
    """Training lengths of each class, with the bucket edges. The last bar holds the longest reviews."""
    edges = data.histogram_edges
    centres = [left + (edges[1] - edges[0]) // 2 for left in edges[:-1]]  # the last bar is as wide as the others
    labels = [f"{left}-{right - 1}" for left, right in pairwise(edges)]
    figure = go.Figure()
    names = map(class_label, data.classes.names)
    for label, counts, tint in zip(names, data.histograms, class_colours(data.classes), strict=True):
        figure.add_bar(
            name=label,
            x=centres,
            y=counts,
            customdata=labels,
            marker={"color": tint},
            hovertemplate="%{customdata} tokens: %{y:,}<extra>" + label + "</extra>",
        )
    for bucket in data.buckets:
        if bucket.high is not None:
            figure.add_vline(x=bucket.high + 0.5, line={"color": INK, "dash": "dash", "width": 1})
            figure.add_annotation(
                x=bucket.high,
                y=1,
                yref="paper",
                text=bucket.name,
                showarrow=False,
                xanchor="right",
                textangle=-90,
                yanchor="top",
                font={"size": 11, "color": MUTED},
            )
    figure.update_xaxes(title="Review length (tokens, start token included; the last bar holds all longer ones)")
    figure.update_yaxes(title="Training reviews")
    return styled(figure, 380, barmode="stack", bargap=0.05)


FIGURES = (
    Figure("sequence_lengths", "data", "How long the reviews are", "", lambda contents: sequence_lengths_figure(contents.data)),
)
