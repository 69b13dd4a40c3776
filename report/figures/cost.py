"""The panel "from scratch against built in": the same network, settings and seeds by two implementations of its layer."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.registry import colour, title
from records.findings import ControlComparison
from report.figures.style import INK, MUTED, interval, styled


def control_panels(records: tuple[ControlComparison, ...]) -> go.Figure:
    """Left: difference in test accuracy with its paired interval, per bucket. Right: milliseconds of a training step of each."""
    figure = make_subplots(
        cols=2,
        column_titles=["Test accuracy, from scratch minus Keras's layer", "One training step"],
        shared_yaxes=True,
        horizontal_spacing=0.06,
    ).update_annotations(font={"size": 13, "color": INK})
    buckets = [record.study.bucket for record in records]
    differences = [100 * (record.accuracy - record.control_accuracy) for record in records]
    figure.add_scatter(
        row=1,
        col=1,
        x=differences,
        y=buckets,
        mode="markers",
        marker={"color": colour(records[0].study.architecture), "size": 10},
        error_x=interval(differences, [100 * r.low for r in records], [100 * r.high for r in records]) | {"color": MUTED},
        customdata=[[100 * r.accuracy, 100 * r.control_accuracy] for r in records],
        hovertemplate="%{y}: %{customdata[0]:.1f} % and %{customdata[1]:.1f} %<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0, line={"color": INK, "width": 1}, row=1, col=1)
    for study, seconds in (
        (records[0].study, [r.step_seconds for r in records]),
        (records[0].control, [r.control_step_seconds for r in records]),
    ):
        figure.add_bar(
            row=1,
            col=2,
            x=[None if s is None else 1000 * s for s in seconds],
            y=buckets,
            orientation="h",
            name=title(study.architecture),
            marker={"color": colour(study.architecture)},
            texttemplate="%{x:.1f}",
            hovertemplate="%{y}: %{x:.1f} ms<extra>%{fullData.name}</extra>",
        )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(title_text="percentage points", row=1, col=1)
    figure.update_xaxes(title_text="milliseconds", rangemode="tozero", row=1, col=2)
    legend = {"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0.53}
    return styled(figure, 170 + 60 * len(records), barmode="group", legend=legend, margin={"l": 90, "r": 30, "t": 40, "b": 90})
