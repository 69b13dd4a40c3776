"""The pages: one self-contained report per run, each figure on its own, and the index of all runs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

import saver
from analysis import tables as final_stats
from config import Config
from experiment.options import config_of
from inference import evaluate, examples
from inference.explain import Explanation
from inference.probes import CAPABILITIES
from inference.run import Encoded
from models.registry import in_order, resolve, title
from records.about import About, ListedRun
from records.files import unusable, write_text
from records.findings import BEST, BucketVerdict, Findings, Standing
from records.study import ALL, YARDSTICK, StudyResult, on_all_reviews
from records.summary import DataSummary
from report import explanation as plot_explanation
from report.figures import accuracy as plotter
from report.figures.behaviour import probe_figure, probe_matrix
from report.figures.style import TRAINED_ON, naming
from saver import RunFolder, config_dict

HEADINGS = plotter.FIGURES | {"probes": "Behavioural tests passed", "faithfulness": "How much the explanations are worth"}
PLOT_OPTIONS = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "report" / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters["thousands"] = lambda number: f"{number:,}"
_PAGES.filters["percent"] = lambda share: f"{100 * share:.1f} %"


def write(
    results: list[StudyResult],
    findings: Findings,
    data: DataSummary,
    about: About,
    config: Config,
    folder: RunFolder,
) -> None:
    """Write `plots/*.html`, sharing one `plotly.min.js`, and `report.html`, which needs nothing else and no network.

    Args:
        results: of every study that has ended, failed ones included.
        findings: from their predictions.
        data: the reviews.
        about: environment.json's content.
        config: resolved.
        folder: the run's.
    """
    verdicts, ended = findings.verdicts, results
    results = on_all_reviews(ended)
    figures = plotter.all_figures(results, findings, data, config.search.objective)
    gathered, others = examples.stored(folder), evaluate.stored(folder)
    if gathered is not None:
        figures |= _example_figures(gathered)
    script = get_plotlyjs()
    write_text(folder.plot("plotly.min.js"), script)
    for key, figure in figures.items():
        page = _PAGES.get_template("figure.html.j2").render(heading=HEADINGS[key], figure=_fragment(figure, key))
        write_text(folder.plot(f"{key}.html"), page)
    page = _PAGES.get_template("report.html.j2").render(
        script=script,
        about=about,
        data=data,
        headings=HEADINGS,
        figures={key: _fragment(figure, key) for key, figure in figures.items()},
        sentences=[(verdict.bucket, verdict.n_test, sentence(verdict)) for verdict in verdicts],
        overall=overall(verdicts),
        networks=[result for result in results if result.status == "completed" and result.layers],
        failures=[result for result in ended if result.status == "failed"],
        failed_trials=[(result.study.id, t) for result in results for t in result.trials if t.status == "failed"],
        comparisons=sum(len(verdict.comparisons) for verdict in verdicts),
        repeats=max((len(r.repeats) for r in results if r.study.architecture != YARDSTICK), default=0),
        trials=sorted({len(r.trials) for r in results if r.trials}),
        averages=findings.architectures,
        buckets=[verdict.bucket for verdict in verdicts],
        ensembles=_ensembles(findings),
        spent=final_stats.times(ended),
        examples=gathered,
        capabilities=CAPABILITIES,
        others=others,
        answerer_title=evaluate.answerer_title,
        words_html=plot_explanation.words_html,
        accounts=plot_explanation,
        title=title,
        trained_on=TRAINED_ON,
        vectors=config.vectors.source,
        unlabelled=config.data.unlabelled,
        config=json.dumps(config_dict(config), indent=2),
        devices=_devices(ended),
    )
    write_text(folder.report, page)


def write_report(folder: RunFolder) -> None:
    """Write the report of a run that has ended, from what its folder holds and nothing else."""
    results = in_order(folder.load_results())
    write(results, folder.findings(), folder.summary(), folder.about(), config_of(folder), folder)


def _example_figures(gathered: examples.Examples) -> dict[str, go.Figure]:
    figures = {"probes": probe_figure(probe_matrix(gathered.probes))} if gathered.probes else {}
    if gathered.faithfulness:
        figures["faithfulness"] = plot_explanation.deletion_figure(examples.mean_curves(gathered.faithfulness))
    return figures


def _fragment(figure: go.Figure, key: str) -> str:
    return to_html(
        figure,
        full_html=False,
        include_plotlyjs=False,
        include_mathjax=False,
        config=PLOT_OPTIONS,
        div_id=f"figure-{key}",
    )


def _ensembles(findings: Findings) -> list[dict[str, Any]]:
    """A row each: what it is the mean of, how many networks, and its record on each bucket."""
    rows: dict[str, dict[str, Any]] = {}
    buckets = [verdict.bucket for verdict in findings.verdicts]
    called = naming(study for record in findings.ensembles for study in record.members)
    for record in findings.ensembles:
        first, *others = record.members
        mark = called(first).removeprefix(title(first.architecture))  # all members have one scope
        members = f"the {BEST} best networks on validation{mark}" if others else f"the trainings of {called(first)}"
        row = rows.setdefault(members, {"name": members, "n_models": record.n_models, "cells": [None] * len(buckets)})
        row["cells"][buckets.index(record.bucket)] = record
    return list(rows.values())


def _devices(results: Iterable[StudyResult]) -> list[tuple[str, list[str]]]:
    """Each device with the studies it trained."""
    by_device: dict[str, list[str]] = {}
    for result in results:
        by_device.setdefault(result.device, []).append(result.study.id)
    return sorted(by_device.items())


# -- what the numbers say, in words ------------------------------------------------------------------------------------


def sentence(verdict: BucketVerdict) -> str:
    """Which network validation chooses for a bucket, how it compares, who is like chance, and how all stand to the yardstick."""
    if verdict.leader is None:
        return "No network has a result here."
    networks = [s for s in verdict.standings if s.study.architecture != YARDSTICK]
    contenders = {s.study for s in networks if not resolve(s.study.architecture).control_of}
    leader = next(s for s in networks if s.study == verdict.leader)
    called = naming(s.study for s in verdict.standings)
    parts = [f"Validation chooses {called(leader.study)}: {_percent(leader)}"]
    if verdict.n_leaked:
        shared = "the text that stands" if verdict.n_leaked == 1 else f"the {verdict.n_leaked} texts that stand"
        parts[0] += f", {100 * leader.accuracy_without_leaked:.1f} % without {shared} in the training part too"
    rivals = [s.study for s in networks if verdict.verdict_on(leader.study, s.study)]
    by_verdict = {how: [study for study in rivals if verdict.verdict_on(leader.study, study) == how] for how in _AGAINST}
    it = "It" if leader.repeats > 1 else "In one training each it"
    if len(rivals) > 1 and set(by_verdict["better than"]) == contenders - {leader.study}:
        parts.append(f"{it} is better than every other network")
    elif rivals:
        clauses = [f"{how} {_names(map(called, studies))}" for how, studies in by_verdict.items() if studies]
        parts.append(f"{it} " + ", ".join(f"is {c}" if not c.startswith("cannot") else c for c in clauses))
    if guessing := [s.study for s in networks if s.like_chance]:
        parts.append(f"{_names(map(called, guessing))} cannot be told from chance ({100 * verdict.chance:.1f} %)")
    for yardstick in (s for s in verdict.standings if s.study.architecture == YARDSTICK):
        rivals = [s.study for s in networks if s.study.yardstick == yardstick.study]
        compared = [study for study in rivals if verdict.verdict_on(study, yardstick.study)]
        against = {how: [s for s in compared if verdict.verdict_on(s, yardstick.study) == how] for how in _AGAINST}
        if compared:
            clauses = [_against([*map(called, studies)], how, len(contenders)) for how, studies in against.items() if studies]
            parts.append(f"The {called(yardstick.study).lower()} reaches {_percent(yardstick)}: {', '.join(clauses)}")
    return ". ".join(parts) + "."


_AGAINST = {"better than": "beats", "cannot be told from": "cannot be told from", "worse than": "loses to"}
_PLURAL = {"beats": "beat", "cannot be told from": "cannot be told from", "loses to": "lose to"}


def _against(names: list[str], how: str, of: int) -> str:
    """Who stands so to the yardstick: `GRU beats it`, `LSTM and SimpleRNN lose to it`, `all networks lose to it`."""
    verb = _AGAINST[how]
    if len(names) == of > 1:
        return f"all networks {_PLURAL[verb]} it"
    return f"{_names(names)} {verb if len(names) == 1 else _PLURAL[verb]} it"


def overall(verdicts: tuple[BucketVerdict, ...]) -> str:
    """One sentence over all buckets."""
    leaders = [(verdict, verdict.leader) for verdict in verdicts if verdict.leader is not None and verdict.bucket != ALL]
    if not leaders:
        return "No network has a result yet."
    against = [_AGAINST.get(v.verdict_on(leader, leader.yardstick) or "") for v, leader in leaders]
    counts = {
        "beats the linear yardstick": against.count("beats"),
        "cannot be told from it" if "beats" in against else "cannot be told from the linear yardstick": against.count(
            "cannot be told from"
        ),
        "loses to it" if set(against) - {"loses to"} else "loses to the linear yardstick": against.count("loses to"),
    }
    n = len(leaders)
    clauses = [f"{how} in {'every bucket' if k == n else f'{k} of {n} buckets'}" for how, k in counts.items() if k]
    called = naming(s.study for verdict in verdicts for s in verdict.standings)
    text = f"Validation chooses {_names(dict.fromkeys(called(leader) for _, leader in leaders))}."
    return text + (f" What it chooses {', '.join(clauses)}." if clauses else "")


def _percent(standing: Standing) -> str:
    return f"{100 * standing.accuracy:.1f} % ({100 * standing.low:.1f} to {100 * standing.high:.1f})"


def _names(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


# -- one text ----------------------------------------------------------------------------------------------------------


def write_explanation(path: Path, verdict: str, explanation: Explanation, encoded: Encoded, run: str) -> None:
    """Write one model's account of one text as a page that works offline.

    Raises:
        ArtifactsError: the folder cannot be written to.
    """
    running = plot_explanation.running_figure(encoded.words, {explanation.study: explanation.running})
    page = _PAGES.get_template("explanation.html.j2").render(
        script=get_plotlyjs(),
        verdict=verdict,
        explanation=explanation,
        accounts=plot_explanation,
        running=_fragment(running, "running"),
        deletion=_fragment(plot_explanation.deletion_figure(explanation.deletion), "deletion"),
        title=title,
        run=run,
    )
    try:
        write_text(path, page)
    except OSError as error:
        raise unusable(path.parent, error, "--output") from error


# -- the index ---------------------------------------------------------------------------------------------------------


def write_index(artifacts: Path) -> None:
    """Write `index.html`: every run under the artifacts folder, newest first, one line each."""
    runs = [(run, _chosen(run)) for run in saver.list_runs(artifacts)]
    write_text(artifacts / "index.html", _PAGES.get_template("index.html.j2").render(runs=runs))


def _chosen(run: ListedRun) -> str:
    """The networks that validation chose for the buckets, and the mean of their test accuracies."""
    if not run.led:
        return "-"
    names, accuracies = zip(*run.led, strict=True)
    called, n = ", ".join(dict.fromkeys(map(title, names))), len(accuracies)
    return f"{called}: {100 * sum(accuracies) / n:.1f} % over {n} bucket{'s' if n > 1 else ''}"
