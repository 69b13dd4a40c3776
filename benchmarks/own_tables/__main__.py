"""`python -m benchmarks.own_tables [NAME ...]`: five generated tables, and for each the command that a person types, run whole.

The texts are made from templates, each table in the form of one that people have: short messages, stars, three unequal
classes, Chinese, German. They show that the pipeline reads such tables and what it says of them; their accuracies say nothing
about real texts. The same command writes the same tables.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import machine
from benchmarks.own_tables import airline, chinese, german, stars, tweets
from benchmarks.process_cost import CommandError, Cost, measure
from experiment.options import config_of
from models.roster import Roster
from records.links import followed
from records.study import YARDSTICKS, Study, StudyResult
from saver import RunFolder


@dataclass(frozen=True)
class OwnTable:
    """A table and what is run on it."""

    write: Callable[[Path], Path]  # generates it in a folder and returns its path
    kind: str  # for a row of the page of documents
    settings: tuple[str, ...] = ()  # beside data.source


UNEQUAL = ("training.class_weights=balanced", "search.objective=val_macro_f1")
TABLES = {
    "tweets": OwnTable(tweets.write, "tweets, two classes"),
    "stars": OwnTable(stars.write, "one to five stars"),
    "stars_balanced": OwnTable(stars.write, "the same, classes weighted", UNEQUAL),
    "airline": OwnTable(airline.write, "tweets, three unequal classes"),
    "chinese": OwnTable(chinese.write, "Chinese, two classes"),
    "german": OwnTable(german.write, "German, two classes"),
}


@dataclass(frozen=True)
class Measured:
    """What one contender does on the test reviews of all lengths, each bucket's by the network or linear model for it."""

    who: str
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class Outcome:
    """A run on one table."""

    table: str
    kind: str
    command: str  # as a person types it
    minutes: float
    load: tuple[float, float]  # of the machine, before and after: processes that ran or waited, over the last minute
    cost: Cost
    reviews: int
    buckets: tuple[str, ...]
    majority: float  # share of the class that is the most frequent in training, among the test reviews
    chosen: Measured  # by validation, bucket by bucket
    contenders: tuple[Measured, ...]  # the linear models last


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate the tables, run each, print and write what came out; returns the exit code."""
    options = _options(arguments)
    outcomes: list[Outcome] = []
    tables = options.artifacts / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    for name in options.names or TABLES:
        try:
            outcomes.append(_run(name, TABLES[name].write(tables), options.artifacts))
        except CommandError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        print(_details(outcomes[-1]), flush=True)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        results = {"machine": machine.describe(), "generated": True, "results": [asdict(each) for each in outcomes]}
        options.output.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        options.output.with_suffix(".md").write_text(_markdown(outcomes), encoding="utf-8")
    print(f"\n{_markdown(outcomes)}\nall numbers: {options.output}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.own_tables", description="Generated tables of texts, and a run on each.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(TABLES)} (default: all)")
    parser.add_argument("--artifacts", type=Path, required=True, help="folder for the tables and the runs on them")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/own_tables.json"), help="a .md goes beside it")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in TABLES]:
        parser.error(f"unknown table {unknown[0]!r}; there are {', '.join(TABLES)}")
    return options


def _run(name: str, source: Path, artifacts: Path) -> Outcome:
    """The whole run on one table, as a person starts it."""
    table, folder = TABLES[name], artifacts / name
    before = os.getloadavg()[0]
    settings = [f"data.source={source}", *table.settings]
    with TemporaryDirectory() as logs:
        command = [sys.executable, "main.py", "quick", "--artifacts", str(folder), "--set", *settings]
        cost, _ = measure(command, name, Path(logs) / "log.txt")
    run = RunFolder(followed(folder / "latest"))
    data = run.summary()
    chosen, contenders = _measured(run)
    return Outcome(
        table=name,
        kind=table.kind,
        command=shlex.join(["python", "main.py", "quick", "--set", f"data.source={source.name}", *table.settings]),
        minutes=cost.wall_s / 60,
        load=(before, os.getloadavg()[0]),
        cost=cost,
        reviews=data.n_train + data.n_validation + data.n_test,
        buckets=tuple(bucket.name for bucket in data.buckets),
        majority=_majority(run),
        chosen=chosen,
        contenders=contenders,
    )


def _majority(run: RunFolder) -> float:
    """What it is worth to say the most frequent class of what was learned from, always."""
    counts = run.summary().class_counts
    frequent = int(np.argmax(np.sum([counts["train"], counts["validation"]], axis=0)))
    return counts["test"][frequent] / sum(counts["test"])


def _measured(run: RunFolder) -> tuple[Measured, tuple[Measured, ...]]:
    """The network that validation chose for each bucket, and every contender of the run, on all test reviews."""
    roster = Roster.of(config_of(run))
    results = {result.study: result for result in roster.in_order(run.load_results()) if result.repeats}
    leaders = {verdict.bucket: verdict.leader for verdict in run.findings().verdicts}
    chosen = _whole("chosen by validation", [(study, bucket) for bucket, study in leaders.items() if study], results)
    found = []
    keys = dict.fromkeys((study.contender, study.scope) for study in results)
    for contender, scope in sorted(keys, key=lambda key: (key[0] in YARDSTICKS, key[1] == "all")):
        mine = [study for study in results if (study.contender, study.scope) == (contender, scope)]
        parts = [(study, score.bucket) for study in mine for score in results[study].best_repeat.scores]
        title = roster.title(contender) + (", all lengths" if scope == "all" else "")
        found.append(_whole(title, parts, results))
    return chosen, tuple(found)


def _whole(who: str, parts: list[tuple[Study, str]], results: dict[Study, StudyResult]) -> Measured:
    """Accuracy and macro-F1 over the test reviews of several buckets together, from each one's confusion matrix."""
    scores = [score for study, bucket in parts for score in results[study].best_repeat.scores if score.bucket == bucket]
    whole = np.sum([score.confusion for score in scores], axis=0)
    right, either = np.diag(whole), whole.sum(axis=0) + whole.sum(axis=1)
    f1 = 2 * right[either > 0] / either[either > 0]
    return Measured(who, float(right.sum() / whole.sum()), float(f1.mean()))


def _details(outcome: Outcome) -> str:
    """Every contender of one run."""
    rows = (f"  {each.who:46} {each.accuracy:7.1%} {each.macro_f1:9.3f}" for each in (outcome.chosen, *outcome.contenders))
    head = f"{outcome.command}\n{outcome.minutes:.1f} minutes (load {outcome.load[0]:.1f}, then {outcome.load[1]:.1f}), "
    body = f"{outcome.reviews:,} reviews, buckets {', '.join(outcome.buckets)}, majority {outcome.majority:.1%}"
    return "\n".join((f"\n{outcome.table}: {head}{body}", f"  {'':46} accuracy  macro-F1", *rows))


def _markdown(outcomes: list[Outcome]) -> str:
    """The table of the page of documents: accuracy in per cent, and macro-F1; the linear models are those of all lengths.

    Minutes are of wall time, and of all processors together.
    """
    heads = (
        "table",
        "majority",
        "TF-IDF",
        "naive Bayes",
        "GRU of each bucket",
        "chosen by validation",
        "minutes (of processors)",
    )
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for outcome in outcomes:
        specialist = next(each for each in outcome.contenders if each.who == "GRU from scratch")
        shown = (*outcome.contenders[-2:], specialist, outcome.chosen)
        cells = [f"{100 * each.accuracy:.1f}, {each.macro_f1:.2f}" for each in shown]
        minutes = f"{outcome.minutes:.1f} ({outcome.cost.cpu_s / 60:.1f})"
        lines.append(f"| {outcome.kind} | {100 * outcome.majority:.1f} | {' | '.join(cells)} | {minutes} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
