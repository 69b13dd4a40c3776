"""What a figure of the report is: a line of the table that each section's file ends with."""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from report.contents import Contents


@dataclass(frozen=True)
class Figure:
    """One figure of the report, which also stands on a page of its own in `plots/<name>.html`."""

    name: str  # of its file, and of its element, `figure-<name>`
    section: str  # the place in the report's template that shows it
    heading: str
    caption: str | Callable[[Contents], str]  # below the heading; a function where it depends on what is shown
    draw: Callable[[Contents], go.Figure | None]  # None where this run has nothing to say
