"""What every figure shares: one palette, one font, one way to name a study."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models.roster import PALETTE, Roster
from records.classes import Classes
from records.study import Study

INK, MUTED, GRID = "#1f2933", "#6b7280", "#e5e7eb"
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
NEGATIVE, POSITIVE = "#B45309", "#0E7490"  # two classes, and the ends of more
BETWEEN = "#C9BE95"  # of ordered classes in the middle
NEUTRAL = "#7F3C8D"  # of shares that speak for no class
SCALE = "Viridis"  # readable without colour vision
MARKS = {"bucket": "", "all": " (trained on all)", "fine-tuned": " (fine-tuned)"}  # of a scope, behind a name
LONGEST_CLASS = 40  # characters of a class's name in a legend
LONGEST_ROW_TITLE = 20  # characters beside a row of small multiples, before the title takes another line
TRAINED_ON = {"bucket": "each bucket", "all": "all reviews", "fine-tuned": "all, then each bucket"}  # in a table


def class_colours(classes: Classes) -> list[str]:
    """A colour for each class: of two the house's, of ordered ones a scale between these, of others from Tol's palette."""
    if len(classes) == 2:
        return [NEGATIVE, POSITIVE]
    if classes.are_ordered:
        return [mixed(number / (len(classes) - 1)) for number in range(len(classes))]
    return [PALETTE[number % len(PALETTE)] for number in range(len(classes))]


def class_label(name: str, longest: int = LONGEST_CLASS) -> str:
    """A class's name in a figure, of at most so many characters; nothing in it is HTML to Plotly, which knows no `&quot;`."""
    return escape(name if len(name) <= longest else f"{name[: longest - 1]}\u2026", quote=False)


def mixed(share: float) -> str:
    """The colour so far on the way from the house's first class to its second, by a light one between them, `#rrggbb`."""
    ends = (NEGATIVE, BETWEEN) if share < 0.5 else (BETWEEN, POSITIVE)
    start, stop = (np.array(list(bytes.fromhex(end[1:]))) for end in ends)
    part = 2 * share % 1 if share < 1 else 1
    return "#" + bytes((start + part * (stop - start)).round().astype(int).tolist()).hex()


def naming(studies: Iterable[Study], roster: Roster) -> Callable[[Study], str]:
    """How a figure or a sentence calls each of these studies: its title, marked by its scope where they have several."""
    has_several = len({study.scope for study in studies}) > 1
    return lambda study: roster.title(study.contender) + (MARKS[study.scope] if has_several else "")


def dash(study: Study) -> str:
    """How a line of this study is drawn: solid for specialists."""
    return {"bucket": "solid", "all": "dash", "fine-tuned": "dot"}[study.scope]


def interval(values: Sequence[float | None], low: Sequence[float | None], high: Sequence[float | None]) -> dict[str, object]:
    """The error bars from `low` to `high` around these values; None where there is nothing."""

    def apart(upper: Sequence[float | None], lower: Sequence[float | None]) -> list[float | None]:
        return [None if a is None or b is None else a - b for a, b in zip(upper, lower, strict=True)]

    return {
        "type": "data",
        "symmetric": False,
        "array": apart(high, values),
        "arrayminus": apart(values, low),
        "thickness": 1.2,
        "width": 3,
    }


def styled(figure: go.Figure, height: int, **layout: object) -> go.Figure:
    """The figure in the house style, `height` pixels high; `layout` has the last word."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        font={"family": FONT, "size": 13, "color": INK},
        margin={"l": 64, "r": 24, "t": 48, "b": 56},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"font": {"family": FONT}},
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False)
    figure.update_yaxes(gridcolor=GRID, zeroline=False)
    return figure.update_layout(**layout)


def grid(rows: Sequence[str], columns: Sequence[str], **options: object) -> go.Figure:
    """Small multiples, a row and a column for each of these titles, or one empty panel; `options` are `make_subplots`'s."""
    figure = make_subplots(
        rows=max(1, len(rows)),
        cols=max(1, len(columns)),
        shared_xaxes=True,
        row_titles=["<br>".join(textwrap.wrap(title, LONGEST_ROW_TITLE)) for title in rows],
        column_titles=list(columns),
        horizontal_spacing=0.02,
        vertical_spacing=0.10 / max(1, len(rows)),
        **options,
    )
    return figure.update_annotations(font={"size": 12, "color": INK})
