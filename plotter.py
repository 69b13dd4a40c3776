"""The pages: one self-contained report per run, each figure on its own, the index of all runs, one text explained."""

import logging
from dataclasses import dataclass
from pathlib import Path

from inference.evaluate import answerer_title
from inference.explain import Explanation
from inference.probes import CAPABILITIES
from inference.run import Encoded, FinishedRun
from models.roster import Roster
from records.files import unusable, write_text
from records.folds import Folded
from records.study import one_line
from report import contents, html
from report.contents import Contents
from report.explanation import deletion_figure, running_figure
from report.figures.figure import Figure
from report.figures.folds import folds_figure
from report.figures.table import FIGURES
from report.runs import list_runs
from saver import RunFolder

log = logging.getLogger(__name__)


def write_report(folder: RunFolder) -> None:
    """Write the report of a run that has ended, from what its folder holds and nothing else.

    It is `report.html`, which needs no other file and no network, and `plots/*.html`, which share one `plotly.min.js`. What is
    missing or damaged beside the run's own records, and a figure that cannot be drawn, is left out with a sentence in its place.

    Raises:
        RunError: no run is there, or it is of another version.
        ConfigError: its config.json was changed.
        OSError, ValueError: a record that the report cannot do without is missing, or was changed.
    """
    found, script = contents.load(folder), html.script()
    drawn = [one for figure in FIGURES.values() if (one := _draw(figure, found))]
    write_text(folder.plot("plotly.min.js"), script)
    for one in drawn:
        if not one.problem:
            write_text(folder.plot(f"{one.figure.name}.html"), html.page("figure.html.j2", drawn=one))
    sections = {figure.section for figure in FIGURES.values()}
    figures = {section: [one for one in drawn if one.figure.section == section] for section in sections}
    write_text(
        folder.report,
        html.page(
            "report.html.j2",
            script=script,
            run=found,
            figures=figures,
            capabilities=CAPABILITIES,
            answerer_title=answerer_title,
        ),
    )


@dataclass(frozen=True)
class Drawn:
    """A figure as a run's report shows it."""

    figure: Figure
    html: str = ""
    caption: str = ""
    problem: str = ""  # why it could not be drawn


def _draw(figure: Figure, found: Contents) -> Drawn | None:
    """The figure, or None where the run has nothing to say."""
    try:
        drawn = figure.draw(found)
        if drawn is None:
            return None
        caption = figure.caption if isinstance(figure.caption, str) else figure.caption(found)
        return Drawn(figure, html.plot(drawn, figure.name), caption)
    except Exception as error:
        log.exception("the figure %s cannot be drawn", figure.name)
        return Drawn(
            figure, problem=f"This figure is left out because drawing it failed ({one_line(error)}); the log says where."
        )


def write_explanation(path: Path, verdict: str, explanation: Explanation, encoded: Encoded, run: FinishedRun) -> None:
    """Write one model's account of one text as a page that works offline.

    Args:
        path: of the page.
        verdict: in words.
        explanation: the account.
        encoded: the text.
        run: that was asked.

    Raises:
        ArtifactsError: the folder cannot be written to.
    """
    lines = {explanation.study: explanation.running}
    page = html.page(
        "explanation.html.j2",
        script=html.script(),
        verdict=verdict,
        explanation=explanation,
        running=html.plot(running_figure(encoded.words, lines, run.roster, run.data.classes), "running"),
        deletion=html.plot(deletion_figure(explanation.deletion), "deletion"),
        run=run.name,
        roster=run.roster,
        classes=run.data.classes,
    )
    try:
        write_text(path, page)
    except OSError as error:
        raise unusable(path.parent, error, "--output") from error


def write_folds(folder: Path, folded: Folded, roster: Roster) -> None:
    """Write `report.html` of a cross-validation, which holds the runs of its folds in folders of their own.

    Args:
        folder: of all folds together.
        folded: what they say together.
        roster: of the runs.
    """
    figure = html.plot(folds_figure(folded, roster), "folds")
    write_text(
        folder / "report.html", html.page("folds.html.j2", script=html.script(), folded=folded, figure=figure, roster=roster)
    )


def write_index(artifacts: Path) -> None:
    """Write `index.html`: every run under the artifacts folder, newest first, one line each."""
    write_text(artifacts / "index.html", html.page("index.html.j2", runs=list_runs(artifacts)))
