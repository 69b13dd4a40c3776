"""`python main.py [PROFILE]`: from reviews to a report that compares recurrent networks over review lengths.

`python main.py evaluate RUN --on TABLE` scores a finished run on other reviews.

The run, top to bottom. TensorFlow is imported by the worker processes only.
"""

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from config import PROFILES, Config
from experiment.options import validate, with_overrides
from models.registry import selectable
from records.errors import ConfigError, closest

if TYPE_CHECKING:
    from data.types import Dataset
    from saver import RunFolder

RESERVED = ("compare", "prune")
DONE, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
EPILOG = (
    "Exit codes: 0 all studies done, 1 some failed (the report shows them), 2 bad configuration, data or usage, 130 interrupted "
    "(the same command goes on). Put PROFILE first: --only and --set take several values. "
    "main.py evaluate RUN --on TABLE scores a finished run on other labelled reviews."
)
log = logging.getLogger("lengthwise")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="main.py", description="Compare recurrent networks over review lengths.", epilog=EPILOG)
    parser.add_argument("profile", nargs="?", default="quick", metavar="PROFILE", help="a profile of config.py (default: quick)")
    parser.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="STUDY", help="run these only: ARCH, BUCKET or ARCH/BUCKET"
    )
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="SECTION.FIELD=VALUE", help="change the config")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one per GPU, or per core)")
    parser.add_argument("--backend", metavar="NAME", help="tensorflow or jax: short for --set run.backend=NAME")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"), metavar="DIR", help="where runs are kept")
    parser.add_argument("--fresh", action="store_true", help="move this config's existing folder aside and start anew")
    parser.add_argument("--dry-run", action="store_true", help="say what would run and how long it would take")
    parser.add_argument("--list", action="store_true", help="show architectures, profiles and buckets")
    return parser.parse_args(arguments)


def parse_evaluate(arguments: list[str]) -> argparse.Namespace:
    """The command line of `main.py evaluate`."""
    parser = argparse.ArgumentParser(
        prog="main.py evaluate",
        description="Score a finished run on other labelled reviews; its report shows them too.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder: artifacts/latest")
    parser.add_argument(
        "--on", type=Path, required=True, metavar="TABLE", help="CSV, TSV or Parquet: a column of texts, one of labels"
    )
    parser.add_argument("--text-column", default="text", metavar="NAME")
    parser.add_argument("--label-column", default="label", metavar="NAME", help="0/1, neg/pos, negative/positive or false/true")
    return parser.parse_args(arguments)


def evaluate(options: argparse.Namespace) -> int:
    """Score a finished run on other reviews, store what comes of it and draw the report again; returns the exit code."""
    import plotter as report
    import saver
    from data.sources import tables
    from inference.evaluate import evaluate, store
    from inference.run import FinishedRun
    from report import console

    finished, columns = FinishedRun.open(options.run), (options.text_column, options.label_column)
    if not options.on.is_file():
        raise tables.DataError(f"--on: there is no file {options.on}")
    source = tables.read(options.on, text=columns[0], label=columns[1], split="")
    with saver.locked(finished.folder.path):
        found, said = evaluate(finished, source, options.on, columns, note=print)
        store(finished.folder, found, said, source.labels)
        report.redraw(finished.folder)
    console.print_other_reviews(found, finished.folder)
    return DONE


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
    backend = [f"run.backend={options.backend}"] if options.backend else []
    config = with_overrides(PROFILES[options.profile], [*options.set, *backend])
    validate(config, selectable())
    return config


def run(options: argparse.Namespace) -> int:
    """Prepare the data, run the sweep, write the report; returns the exit code."""
    config = choose_config(options)

    import data_preprocessing
    import logger
    import plotter as report
    import saver
    from analysis import tables as final_stats
    from data import store, word_vectors
    from data.summary import summarise
    from experiment import devices
    from experiment import plan as budget
    from experiment import workers as sweep
    from report import console

    if options.list:
        console.print_lists(config)
        return DONE
    available = devices.available(config.run.device, config.run.backend)
    cache = options.artifacts / "cache"
    dataset, prepared = data_preprocessing.load_or_prepare(config, cache)
    planned = sweep.plan(config, dataset)
    studies = sweep.only(planned, options.only)
    work = {study: budget.of_study(study, config, dataset) for study in studies}
    workers = devices.spread(available, options.workers)
    if options.dry_run:
        console.print_plan(studies, work, dataset, len(workers))
        return DONE
    environment = devices.environment(workers[0].kind, config.run.backend)
    summary = summarise(dataset)
    fingerprint = dataset.fingerprint + word_vectors.fingerprint(config, dataset)
    name = saver.run_name(options.profile, config, fingerprint, environment)
    with saver.open_run(options.artifacts, name, fresh=options.fresh) as folder, logger.logging_to(folder.log):
        about = saver.begin_run(folder, options.profile, config, environment, summary)
        log.info("%s on %s: %d studies, %d workers, %s", name, about["data"], len(studies), len(workers), workers[0].name)
        store.keep(dataset, prepared)
        saver.write_text(folder.vocabulary, dataset.vocabulary.to_json())
        vectors = word_vectors.load_or_build(config, dataset, cache, say=console.note)
        with console.Live(studies, work, summary, folder.path) as live:
            workplace = sweep.Workplace(config, folder, cache, prepared, vectors)
            interrupted = sweep.Sweep(workplace, workers, live.on_event).run(studies) == "interrupted"
        results = final_stats.recorded(folder)
        failed = any(result.status == "failed" for result in results)
        about = saver.end_run(folder, about, "interrupted" if interrupted else "some failed" if failed else "done")
        log.info("%s after %.1f minutes", about["status"], about["minutes"])
        findings = final_stats.find(results, folder, dataset.buckets)
        final_stats.write(results, findings, summary, folder)
        if not interrupted:
            console.note("behavioural tests and explanations ...")
            _gather_evidence(folder, dataset)
        report.write(results, findings, summary, about, config, folder)
        report.write_index(options.artifacts)
    console.print_summary(findings.verdicts, results, folder, summary)
    return INTERRUPTED if interrupted else SOME_FAILED if failed else DONE


def _gather_evidence(folder: "RunFolder", dataset: "Dataset") -> None:
    """What the report shows beyond scores; a run that cannot be asked has its report without."""
    from inference import examples as evidence
    from records.errors import InferenceError
    from report import console

    try:
        evidence.fetch(folder, dataset)
    except InferenceError as error:
        console.note(f"none in the report: {error}")


def main(arguments: list[str] | None = None) -> int:
    """Run and turn what a person can mend into one sentence and an exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    wants_evaluation = arguments[:1] == ["evaluate"]
    options = parse_evaluate(arguments[1:]) if wants_evaluation else parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return evaluate(options) if wants_evaluation else run(options)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return INTERRUPTED
    except ConfigError as error:
        print(f"configuration error:\n{error}", file=sys.stderr)
    except Exception as error:
        from records.errors import ArtifactsError, DataError, InferenceError

        if not isinstance(error, ArtifactsError | DataError | InferenceError):
            raise
        print(f"error: {error}", file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
