"""`main.py run [PROFILE]`: from reviews to a report. The workers import TensorFlow, this process does not."""

import argparse
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from commands import config_file
from config import PROFILES, Config
from experiment.field_types import profile_problems
from experiment.options import validate, with_overrides
from models.registry import selectable
from models.roster import Roster
from records.errors import ConfigError, LengthwiseError, closest
from records.files import user_path, write_text
from records.study import ALL

if TYPE_CHECKING:
    from data.types import Dataset
    from experiment.crew import Crew
    from experiment.plan import Work
    from records.study import Study
    from saver import RunFolder

DONE, SOME_FAILED, INTERRUPTED = 0, 1, 130
RESERVED = ("compare", "prune")  # names of later subcommands
HELP = "compare recurrent networks over review lengths"
EPILOG = (
    "Exit codes: 0 all studies done, 1 some failed (the report shows them), 2 bad configuration, data or usage, 130 interrupted "
    "(the same command goes on). Put PROFILE first: --only and --set take several values."
)
log = logging.getLogger("lengthwise")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument("profile", nargs="?", default="quick", metavar="PROFILE", help="a profile of config.py (default: quick)")
    parser.add_argument(
        "--only",
        nargs="+",
        action="extend",
        default=[],
        metavar="STUDY",
        help="run these only: CONTENDER, BUCKET or CONTENDER/BUCKET",
    )
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="SECTION.FIELD=VALUE", help="change the config")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one per GPU, or per core)")
    parser.add_argument("--backend", metavar="NAME", help="tensorflow or jax: short for --set run.backend=NAME")
    parser.add_argument("--artifacts", type=user_path, default="artifacts", metavar="DIR", help="where runs are kept")
    parser.add_argument("--fresh", action="store_true", help="move this config's existing folder aside and start anew")
    parser.add_argument("--dry-run", action="store_true", help="say what would run and how long it would take")
    parser.add_argument("--list", action="store_true", help="show architectures, profiles and buckets")


def choose_config(options: argparse.Namespace) -> Config:
    """The profile with its overrides, checked.

    Raises:
        ConfigError: every problem found.
    """
    if options.profile in RESERVED:
        raise ConfigError(f"{options.profile} is reserved for a later command; profiles: {', '.join(PROFILES)}")
    if options.profile not in PROFILES:
        raise ConfigError(f"no profile is named {options.profile!r}{closest(options.profile, PROFILES)}")
    if options.workers is not None and options.workers < 1:
        raise ConfigError(f"--workers: expected a positive integer, got {options.workers}")
    if problems := profile_problems(PROFILES):
        raise ConfigError("\n".join(problems))
    changes = [*options.set, *([f"run.backend={options.backend}"] if options.backend else [])]
    config = with_overrides(PROFILES[options.profile].config, changes)
    try:
        validate(config, selectable())
    except ConfigError as error:
        raise config_file.with_lines(error, options.profile, changes) from error
    return config


def main(options: argparse.Namespace) -> int:
    """List, plan or run what the options ask for; returns the exit code."""
    config = choose_config(options)
    if options.list:
        from report import console

        console.print_lists(config)
        return DONE
    options.cache = options.artifacts / "cache"
    if config.data.folds and not config.data.fold:
        from commands import folds

        return folds.main(options, config, run_config)
    return run_config(options, config)


def run_config(options: argparse.Namespace, config: Config) -> int:
    """Plan or run one config; returns the exit code."""
    import data_preprocessing
    from data.encoding import with_pairs
    from data.summary import summarise
    from experiment import devices, plan
    from experiment.crew import bytes_of_worker, crew
    from report import console

    available = devices.available(config.run.device, config.run.backend)
    dataset, prepared = data_preprocessing.load_or_prepare(config, options.cache)
    config = with_pairs(config, dataset)
    roster = Roster.of(config)
    studies = plan.only(plan.studies(config, dataset), options.only, roster)
    plan.refuse_large_evidence(studies, roster, dataset)
    work = {study: plan.work(study, roster, dataset) for study in studies}
    workers = crew(available, options.workers, bytes_of_worker(config, dataset, available[0].kind))
    if options.dry_run:
        console.print_plan(PROFILES[options.profile], work, summarise(dataset), len(workers.devices))
        if workers.limit:
            print(workers.limit)
        return DONE
    return _run(options, Planned(config, dataset, prepared, work, workers))


@dataclass(frozen=True)
class Planned:
    """What is about to run."""

    config: Config
    dataset: "Dataset"
    prepared: Path  # the file of the prepared reviews, which workers read
    work: "dict[Study, Work]"  # every study, in the order that they start in, and what it is expected to take
    workers: "Crew"


def _run(options: argparse.Namespace, planned: Planned) -> int:
    """Sweep, draw conclusions, write the report; returns the exit code."""
    import logger
    import saver
    from data import store, word_vectors
    from data.known_texts import KnownTexts
    from data.summary import summarise
    from experiment import devices
    from inference.other_texts import KNOWN_TEXTS
    from report import console

    config, dataset, cache = planned.config, planned.dataset, options.cache
    environment = devices.environment(planned.workers.devices[0].kind, config.run.backend)
    entries = Roster.of(config).entries
    vectors = dict.fromkeys(word_vectors.fingerprint(entry.config, dataset) for entry in entries)
    fingerprint = dataset.fingerprint + "".join(vectors)
    name = saver.run_name(options.profile, config, fingerprint, environment)
    with saver.open_run(options.artifacts, name, fresh=options.fresh) as folder, logger.logging_to(folder.log):
        about = folder.begin(options.profile, config, environment, summarise(dataset))
        log.info("%s on %s: %d studies, %d workers", name, about.data, len(planned.work), len(planned.workers.devices))
        if planned.workers.limit:
            console.note(planned.workers.limit)
        for line in dataset.origin.notes:
            log.info(line)
        store.keep(dataset, planned.prepared)
        write_text(folder.vocabulary, dataset.vocabulary.to_json())
        KnownTexts.of(dataset).write(folder.final_stats(KNOWN_TEXTS))
        is_interrupted = _sweep(planned, folder, cache)
        return _conclude(folder, dataset, is_interrupted=is_interrupted)


def _sweep(planned: Planned, folder: "RunFolder", cache: Path) -> bool:
    """Train and test everything that is not done yet; whether it was interrupted."""
    from data import word_vectors
    from experiment import workers
    from report import console

    trained = {study.contender for study in planned.work}
    configs = [entry.config for entry in Roster.of(planned.config).entries if entry.id in trained]
    vectors = word_vectors.files_of_each(configs, planned.dataset, cache)
    context = workers.SweepContext(planned.config, folder, cache, planned.prepared, vectors)
    with console.Live(planned.work, folder) as live:

        def prepare() -> None:
            counted = _beside(_counting(planned, folder))  # NumPy lets other threads go on
            word_vectors.build_each(configs, planned.dataset, cache, say=console.note)
            counted.result()

        sweep = workers.Sweep(context, planned.workers.devices, live.on_event)
        return sweep.run(list(planned.work), prepare) == "interrupted"


def _beside(work: Callable[[], None]) -> Future[None]:
    """What becomes of some work in another thread, which Ctrl-C does not wait for, as it would for an executor's."""
    outcome: Future[None] = Future()

    def do() -> None:
        try:
            work()
            outcome.set_result(None)
        except Exception as error:  # noqa: BLE001 - told to whoever asks for the outcome
            outcome.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    return outcome


def _counting(planned: Planned, folder: "RunFolder") -> Callable[[], None]:
    """Writes what every scope's labels say about n-grams, where a contender is to read it.

    Its library is imported now: two threads that begin to import scikit-learn may find half of it.
    """
    from analysis.search_size import readers_of_evidence
    from experiment import evidence, plan

    roster = Roster.of(planned.config)
    readers = {entry.id for entry in readers_of_evidence(roster)}
    done = {result.study for result in folder.load_results() if result.status == "completed"}
    studies = [study for study in planned.work if study.contender in readers and study not in done]
    if not studies:
        return lambda: None
    learning = (replace(study, bucket=ALL, is_fine_tuned=False) if study.is_fine_tuned else study for study in studies)
    scopes = {study.learns_from: study for study in learning}
    reviews = {study: plan.reviews_of(study, planned.dataset) for study in scopes.values()}
    return partial(evidence.prepare, planned.dataset, reviews, roster, folder)


def _conclude(folder: "RunFolder", dataset: "Dataset", *, is_interrupted: bool) -> int:
    """Write the findings, the tables and the report; returns the exit code."""
    import plotter
    from analysis import findings, tables
    from experiment.options import config_of
    from report import console

    roster = Roster.of(config_of(folder))
    results = roster.in_order(folder.load_results())
    has_failures = any(result.status == "failed" for result in results)
    about = folder.end("interrupted" if is_interrupted else "some failed" if has_failures else "done")
    log.info("%s after %.1f minutes", about.status, about.minutes)
    found = findings.find(results, folder, dataset.buckets, roster)
    folder.write_findings(found)
    tables.write(results, found, folder, roster)
    if not is_interrupted:
        folder.remove_folds()
        _gather_examples(folder, dataset)
    plotter.write_report(folder)
    plotter.write_index(folder.path.parent)
    console.print_summary(folder, roster)
    if is_interrupted:
        console.note("interrupted; the same command goes on")
    return INTERRUPTED if is_interrupted else SOME_FAILED if has_failures else DONE


def _gather_examples(folder: "RunFolder", dataset: "Dataset") -> None:
    """Gather what the report shows beyond scores; a run that cannot be asked has its report without."""
    from inference import examples
    from report import console

    console.note("behavioural tests and explanations ...")
    try:
        examples.load_or_gather(folder, dataset)
    except LengthwiseError as error:
        console.note(f"none in the report: {error}")
