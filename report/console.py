"""What the person at the terminal sees: the live display, the summary, the lists. Plain lines when it is no terminal."""

import logging
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from rich import box
from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.markup import escape
from rich.table import Table

from config import PROFILES, Compare, Config, Profile
from data.buckets import IMDB_EDGES, MOST, of_edges
from experiment.plan import Work, wall_seconds
from inference.probes import CAPABILITIES, PassRate
from models.registry import ARCHITECTURES
from models.roster import Roster
from records.findings import BucketVerdict
from records.folds import Folded
from records.study import ALL, YARDSTICKS, Progress, Study, StudyResult
from records.summary import DataSummary
from saver import RunFolder

if TYPE_CHECKING:
    from inference.evaluate import OtherReviews, OtherScore

log = logging.getLogger(__name__)


class Live:
    """Shows a sweep while it runs; hand `on_event` to it."""

    def __init__(self, work: dict[Study, Work], folder: RunFolder) -> None:
        """Prepare the display.

        Args:
            work: every study that will run, with the epochs and seconds expected of it.
            folder: of the run that has begun.
        """
        self._console = Console(highlight=False)
        self._studies, self._work, self._folder, self._data = list(work), work, folder.path, folder.summary()
        self._epochs_done: dict[Study, int] = dict.fromkeys(work, 0)
        self._running: dict[Study, Progress] = {}
        self._done: dict[Study, StudyResult] = {}
        self._started = time.monotonic()
        self._live = RichLive(console=self._console, get_renderable=self._table, refresh_per_second=2, transient=True)

    def __enter__(self) -> Self:
        data = self._data
        for line in data.notes:
            warns = data.is_demo or data.is_barely_known
            self._console.print(f"[bold red]{escape(line)}[/]" if warns else escape(line), soft_wrap=True)
        for line in describe_data(data):
            self._console.print(escape(line), soft_wrap=True)
        self._console.print(f"{len(self._studies)} studies -> {escape(str(self._folder))}")
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def on_event(self, event: Progress | StudyResult) -> None:
        """Take in where a study is, or its result."""
        if isinstance(event, Progress):
            if event.study not in self._running and not self._console.is_terminal:
                self._say(f"{event.study.id} is running")
            self._running[event.study] = event
            self._epochs_done[event.study] += 1
            return
        self._running.pop(event.study, None)
        self._done[event.study] = event
        text = describe(event)
        self._say(f"[red]{escape(text)}[/]" if event.status == "failed" else escape(text))

    def _say(self, text: str) -> None:
        left = "" if self._console.is_terminal else f"[{len(self._done)}/{len(self._studies)}, {_minutes(self._left())} left] "
        self._console.print(escape(left) + text, soft_wrap=True)

    def _left(self) -> float:
        """Seconds left if the rest goes as what is done went; the plan's own estimate before there is anything."""
        whole = sum(self._work[study].seconds for study in self._studies)
        done = sum(self._share(study) * self._work[study].seconds for study in self._studies)
        elapsed = time.monotonic() - self._started
        return elapsed * (whole - done) / done if done > 0.02 * whole else whole

    def _share(self, study: Study) -> float:
        return 1.0 if study in self._done else min(1.0, self._epochs_done[study] / max(1, self._work[study].epochs))

    def _table(self) -> Group:
        waiting = len(self._studies) - len(self._done) - len(self._running)
        elapsed = time.monotonic() - self._started
        heading = (
            f"{len(self._done)} done, {len(self._running)} running, {waiting} waiting; "
            f"{_minutes(elapsed)} gone, about {_minutes(self._left())} left"
        )
        table = _table("study", "phase", "step", "epoch", "best val. accuracy")
        for progress in self._running.values():
            phase = "trial" if progress.phase == "search" else "repeat"
            step, epoch = f"{progress.step} of {progress.steps}", f"{progress.epoch} of {progress.epochs}"
            table.add_row(progress.study.id, phase, step, epoch, f"{progress.best_val_accuracy:.1%}")
        return Group(heading, table)


def describe_data(data: DataSummary) -> list[str]:
    """A line each on the parts, the classes and the buckets of the reviews."""
    counts = np.sum(list(data.class_counts.values()), axis=0)
    classes = zip(data.classes.names, counts.tolist(), strict=True)
    buckets = (f"{each.name} ({each.n_train + each.n_validation:,} and {each.n_test:,})" for each in data.buckets)
    return [
        f"{data.title}: {data.n_train:,} train, {data.n_validation:,} validation, {data.n_test:,} test reviews",
        f"classes: {', '.join(f'{name}: {count:,} ({count / counts.sum():.1%})' for name, count in classes)}",
        f"buckets by tokens (reviews to learn from, and to test): {', '.join(buckets)}",
        f"the networks know {data.validation_known_share:.1%} of the validation reviews' words",
    ]


def note(text: str) -> None:
    """A line for the reader, and for the log."""
    log.info(text)
    print(text)


def describe(result: StudyResult) -> str:
    """One line on a finished study."""
    if result.status == "failed":
        return f"{result.study.id} FAILED: {result.message}"
    reviews = sum(score.n_test for repeat in result.repeats for score in repeat.scores)
    right = sum(score.accuracy * score.n_test for repeat in result.repeats for score in repeat.scores)
    seconds = result.search_seconds + result.train_seconds
    n, searched = (len(result.forms), "form") if result.study.is_yardstick else (len(result.trials), "trial")
    how = f"{n} {searched}{'s' * (n != 1)}, {seconds:.0f} s on {result.device}"
    return f"{result.study.id}: {right / reviews:.1%} on the test reviews, {how}"


def print_summary(folder: RunFolder, roster: Roster) -> None:
    """The table of test accuracies, the failures, and where the report is."""
    results, data = roster.in_order(folder.load_results()), folder.summary()
    console = Console(highlight=False)
    console.print(
        f"Test accuracy (%) on {escape(data.title)}; the network that [bold]validation chooses[/] is bold", soft_wrap=True
    )
    _wide_console().print(_accuracies(folder.findings().verdicts, roster))
    for result in results:
        if result.status == "failed":
            console.print(f"[red]{escape(describe(result))}[/]")
    for warning in data.notes if data.is_demo or data.is_barely_known else ():
        console.print(f"[bold red]{escape(warning)}[/]")
    print(f"report: {folder.report}")
    if any(result.layers for result in results):
        print(f'ask it:  {shlex.quote(python())} predict.py --run {shlex.quote(str(folder.path))} "a review of yours"')


def _accuracies(verdicts: Sequence[BucketVerdict], roster: Roster) -> Table:
    """A row a contender and scope, a column a bucket."""
    table = _table("contender", *(f"{verdict.bucket} #" for verdict in verdicts))
    series = dict.fromkeys((s.study.contender, s.study.scope) for v in verdicts for s in v.standings)
    for contender, scope in sorted(series, key=lambda key: (key[0] in YARDSTICKS, key[1])):
        cells = []
        for verdict in verdicts:
            found = [s for s in verdict.standings if (s.study.contender, s.study.scope) == (contender, scope)]
            text = f"{100 * found[0].accuracy:.1f}" if found else "-"
            cells.append(f"[bold]{text}[/]" if found and found[0].study == verdict.leader else text)
        table.add_row(escape(roster.title(contender)) + ("" if scope == "bucket" else f" ({scope})"), *cells)
    chances = [f"{100 * verdict.chance:.1f}" for verdict in verdicts]
    table.add_row("always the largest class", *chances)
    return table


def python() -> str:
    """How this environment's Python is called from here, whether or not the environment is activated."""
    path, here = Path(sys.executable), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def print_other_reviews(found: "OtherReviews", folder: RunFolder, roster: Roster) -> None:
    """Which of the texts the run knows, the tables of accuracies, and where they are kept."""
    if found.n_learned:
        rest = f", and {found.n_tested:,} in its test part" if found.n_tested else ""
        which = f"{found.n_learned:,} of these {_texts(found.n)} {_stand(found.n_learned)}"
        print(f"{which} in the training part that the run has learned from{rest}")
    elif found.n_tested:
        print(f"{found.n_tested:,} of these {_texts(found.n)} {_stand(found.n_tested)} in the run's own test part")
    elif found.n_learned is None:
        print("whether the run has learned from some of these texts is not known: it did not keep which those are")
    _print_other_scores(found.scores, f"accuracy (%) on {found.file}, {_texts(found.n)}", roster)
    if found.new_scores:
        title = f"without those that the run has learned from, {_texts(found.n - (found.n_learned or 0))}"
        _print_other_scores(found.new_scores, title, roster)
    if found.n_unread:
        which = "1 text has" if found.n_unread == 1 else f"{found.n_unread:,} texts have"
        print(f"{which} no word that the run knows; each counts as a guess among the classes would on average")
    print(f"kept in {folder.final_stats('other_reviews')} as {found.name}; report: {folder.report}")


def _texts(n: int) -> str:
    return f"{n:,} text{'s' * (n != 1)}"


def _stand(n: int) -> str:
    return "stands" if n == 1 else "stand"


def _print_other_scores(scores: "Sequence[OtherScore]", title: str, roster: Roster) -> None:
    """A row an answerer, a column a bucket."""
    from inference.evaluate import answerer_title

    buckets = list(dict.fromkeys(score.bucket for score in scores))
    table = _table("who answers", f"{buckets[0]} #", "95 % #", *(f"{bucket} #" for bucket in buckets[1:]))
    table.title, table.title_justify = escape(title), "left"
    for answerer in dict.fromkeys(score.answerer for score in scores):
        mine = {score.bucket: score for score in scores if score.answerer == answerer}
        interval = f"{100 * mine[ALL].low:.1f} to {100 * mine[ALL].high:.1f}"
        whole, *others = (f"{100 * mine[bucket].accuracy:.1f}" for bucket in buckets)
        table.add_row(escape(answerer_title(answerer, roster)), whole, interval, *others)
    _wide_console().print(table)


def print_probes(rates: tuple[PassRate, ...], roster: Roster) -> None:
    """A table of behavioural tests, capabilities in rows and contenders in columns, and what each test asks."""
    contenders = dict.fromkeys(each.contender for each in rates)
    table = _table("test", *(f"{roster.title(contender)} #" for contender in contenders))
    table.title, table.title_justify = "behavioural tests passed (%)", "left"
    for capability in CAPABILITIES:
        mine = {each.contender: each for each in rates if each.capability == capability.name}
        table.add_row(capability.name, *(f"{100 * mine[contender].rate:.0f}" for contender in contenders))
    console = _wide_console()
    console.print(table)
    for capability in CAPABILITIES:
        number = next(each.n for each in rates if each.capability == capability.name)
        console.print(f"{capability.name}: {capability.law} ({number} tests)", soft_wrap=True)


def print_lists(config: Config) -> None:
    """Architectures, profiles, and the contenders and buckets of the chosen profile."""
    console = Console(highlight=False)
    architectures = _table("architecture", "what it is")
    architectures.box = box.SIMPLE_HEAD
    for name, architecture in ARCHITECTURES.items():
        architectures.add_row(name, architecture.title)
    console.print(architectures)
    profiles = _table("profile", "what it compares, and what was measured on 2 cores")
    profiles.box = box.SIMPLE_HEAD
    for name, profile in PROFILES.items():
        measured = f"[dim]minutes:[/] {escape(profile.minutes)}\n[dim]accuracy:[/] {escape(profile.accuracy)}"
        profiles.add_row(name, f"{escape(profile.note)}\n{measured}\n")
    console.print(profiles)
    console.print("contenders:", ", ".join(entry.id for entry in Roster.of(config).entries))
    console.print("buckets:", _buckets(config.compare), soft_wrap=True)


def _buckets(compare: Compare) -> str:
    """The buckets of a config, as far as they are known without its reviews."""
    if compare.bucket_quantiles:
        return f"{compare.bucket_quantiles} quantiles of the training lengths"
    edges = IMDB_EDGES if compare.bucket_edges == "auto" else compare.bucket_edges
    names = ", ".join(bucket.name for bucket in of_edges(edges))
    return names if edges == compare.bucket_edges else f"{names}\n(of other lengths than IMDB's: up to {MOST} that fit them)"


def print_folds(folded: Folded, folder: Path, roster: Roster) -> None:
    """The mean accuracy of every contender on every bucket over the folds, with its interval, and where the page is."""
    from report.figures.style import TRAINED_ON  # brings Plotly

    buckets = list(dict.fromkeys(score.bucket for score in folded.scores))
    table = _table("contender", "trained on", *(f"{'all lengths' if each == ALL else each} #" for each in buckets))
    table.title = f"Mean accuracy (%) over {len(folded.runs)} folds, with intervals that know that folds share reviews"
    for contender, scope in dict.fromkeys((score.contender, score.scope) for score in folded.scores):
        mine = {score.bucket: score for score in folded.scores if (score.contender, score.scope) == (contender, scope)}
        cells = [
            f"{100 * s.mean:.1f} ({100 * s.low:.1f} to {100 * s.high:.1f})" if (s := mine.get(bucket)) else "-"
            for bucket in buckets
        ]
        table.add_row(escape(roster.title(contender)), TRAINED_ON[scope], *cells)
    _wide_console().print(table)
    print(f"report: {folder / 'report.html'}")


def print_plan(profile: Profile, work: dict[Study, Work], data: DataSummary, workers: int) -> None:
    """What would run: studies, trials, epochs, and an estimate of the time.

    Args:
        profile: the one that was chosen.
        work: every study, with what is expected of it.
        data: what is known about the reviews.
        workers: how many studies run at once.
    """
    for line in (*data.notes, *describe_data(data)):
        print(line)
    table = _table("study", "trials #", "epochs #", "estimate #")
    for study, each in work.items():
        table.add_row(study.id, str(each.trials), str(each.epochs), _minutes(each.seconds))
    Console(highlight=False).print(table)
    seconds = wall_seconds([each.seconds for each in work.values()], workers)
    trials, epochs = (sum(getattr(each, key) for each in work.values()) for key in ("trials", "epochs"))
    print(f"{len(work)} studies, {trials} trials, at most {epochs} epochs; about {_minutes(seconds)} with {workers} workers")
    print(f"(minutes that the profile as it stands took when it was measured on 2 cores: {profile.minutes})")
    print("(epochs are upper limits: early stopping usually ends sooner; the time is a rough estimate for a CPU core)")


def _table(first: str, *others: str) -> Table:
    """An empty table; the name of a column of numbers ends with " #", and no number and nothing in the first column is cut."""
    table = Table()
    table.add_column(first, no_wrap=True)
    for name in others:
        is_number = name.endswith(" #")
        table.add_column(escape(name.removesuffix(" #")), justify="right" if is_number else "left", no_wrap=is_number)
    return table


def _wide_console() -> Console:
    """A narrower terminal wraps its lines, and a pipe has none, but no number is cut."""
    console = Console(highlight=False)
    console.width = max(console.width, 100 if console.is_terminal else 300)
    return console


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
