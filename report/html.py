"""Every page is Jinja: what templates may call, and how a template, a macro or a figure becomes HTML.

Escaping is on: texts of reviews, of errors and of records may be anybody's.
"""

from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from records.study import YARDSTICKS
from report.explanation import legend_data, words_data
from report.figures.style import TRAINED_ON, class_colours, naming
from report.sentences import (
    bucket_sentence,
    chance_sentence,
    chosen_sentence,
    completeness_sentence,
    contender_sentences,
    evidence_sentences,
    faithfulness_sentence,
    overall_sentence,
    watched,
)

NOTHING = "-"  # in a table, where there is no number
_OPTIONS = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.1f} %"


def _thousands(number: float | None) -> str:
    return NOTHING if number is None else f"{round(number):,}"


def _digits(number: float | None, digits: int) -> str:
    return NOTHING if number is None else f"{number:.{digits}f}"


def _unbroken(text: str) -> str:
    """No line ends between a number and its per cent sign."""
    return text.replace(" %", "\u00a0%")


_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters |= {"percent": _percent, "thousands": _thousands, "digits": _digits, "unbroken": _unbroken}
_PAGES.globals |= {
    "TRAINED_ON": TRAINED_ON,
    "YARDSTICKS": YARDSTICKS,
    "bucket_sentence": bucket_sentence,
    "chance_sentence": chance_sentence,
    "chosen_sentence": chosen_sentence,
    "colours_of": lambda classes: dict(zip(classes.names, class_colours(classes), strict=True)),
    "completeness_sentence": completeness_sentence,
    "contender_sentences": contender_sentences,
    "evidence_sentences": evidence_sentences,
    "faithfulness_sentence": faithfulness_sentence,
    "legend_data": legend_data,
    "naming": naming,
    "overall_sentence": overall_sentence,
    "watched": watched,
    "words_data": words_data,
}


def page(template: str, **values: Any) -> str:
    """A template with these values."""
    return _PAGES.get_template(template).render(**values)


def part(template: str, macro: str, *values: Any) -> str:
    """A part of a page: what one macro of a template makes of these values."""
    return str(getattr(_PAGES.get_template(template).module, macro)(*values)).strip()


def plot(figure: go.Figure, name: str) -> Markup:
    """A figure as an element `figure-<name>` of a page that holds or loads `script`; one of fixed width scrolls where it must."""
    drawn = Markup(  # noqa: S704 - Plotly escapes what it writes into its script
        to_html(figure, full_html=False, include_plotlyjs=False, include_mathjax=False, config=_OPTIONS, div_id=f"figure-{name}")
    )
    return Markup('<div class="scroll">{}</div>').format(drawn) if figure.layout.width else drawn


def script() -> Markup:
    """Plotly's own JavaScript, for a page that must work offline."""
    return Markup(get_plotlyjs())  # noqa: S704 - part of the package
