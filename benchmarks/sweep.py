"""`python -m benchmarks.sweep`: the same studies by an ordinary Keras script and by this pipeline; time, memory and accuracy.

Three contenders, each started as its user starts it, one at a time, in a fresh folder: `benchmarks.keras_script`, the pipeline
with `search.pruning=none`, and the pipeline as it comes. All have the same reviews, search space, trials, epochs and patience.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import data_preprocessing
from analysis.evaluation import RESAMPLES, SEED, difference_interval, is_right, percentile_interval
from benchmarks import machine
from benchmarks.process_cost import CommandError, Cost, measure
from config import PROFILES, Config
from data import store
from data.types import Dataset
from experiment import plan
from experiment.options import validate, with_overrides
from models.registry import selectable
from models.roster import Roster
from records.errors import ConfigError, DataError
from records.study import YARDSTICKS, Study

SCRIPT, UNPRUNED, PIPELINE = "Keras script", "pipeline, no pruning", "pipeline"
CONTENDERS = (SCRIPT, UNPRUNED, PIPELINE)
FULL = {"trials": 5, "epochs": 3, "final_epochs": 5, "reviews": 1000, "max_length": 2500}
QUICK = {"trials": 2, "epochs": 1, "final_epochs": 1, "reviews": 400, "max_length": 300}
MEASURES = {"wall_s": ("wall s", 1), "cpu_s": ("CPU s", 1), "peak_gib": ("peak GiB", 2)}
LEGEND = """
wall, CPU  seconds from start to end of the command, and of processor time in all its processes
peak       most memory of all its processes together, sampled every two seconds (PSS: shared pages count once)
epochs     of all trials, of all final trainings
script     one process, TensorFlow's default settings; it is given prepared reviews
pipeline   reading and splitting the reviews, the linear models of every bucket, checkpoints and the report are included;
           pruning stops no trial before three trials of its study are completed
accuracy   of the first round, in per cent; difference: pipeline minus script in points, with its paired 95 % bootstrap
           interval over test reviews and repeats; over studies: the same with whole studies drawn, which differ by the seeds
           of their searches and trainings too
"""


@dataclass(frozen=True)
class Answers:
    """What one contender says about the test reviews of one study, ordered by row."""

    rows: np.ndarray  # <int64>[reviews], position in the source
    labels: np.ndarray  # <int8>[reviews]
    correct: np.ndarray  # <bool>[repeats, reviews]

    @classmethod
    def of(cls, rows: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> "Answers":
        """From probabilities `<float>[repeats, reviews]` in any order of the reviews."""
        order = np.argsort(rows)
        return cls(rows[order], labels[order], is_right(labels, probabilities)[:, order])


@dataclass(frozen=True)
class Outcome:
    """What a contender found, and how much it trained for that."""

    answers: dict[Study, Answers]
    trials: int
    pruned: int
    search_epochs: int
    final_epochs: int


@dataclass(frozen=True)
class Run:
    """One contender in one round."""

    contender: str
    round: int
    cost: Cost
    outcome: Outcome

    def record(self) -> dict[str, Any]:
        """Everything but the answers, for the file of results."""
        counts = {item.name: getattr(self.outcome, item.name) for item in dataclasses.fields(Outcome) if item.name != "answers"}
        return {"contender": self.contender, "round": self.round, **dataclasses.asdict(self.cost), **counts}


@dataclass(frozen=True)
class Job:
    """What every contender is asked to do."""

    config: Config
    overrides: list[str]  # that make this config from the profile `quick`
    studies: list[Study]
    prepared: Path  # what data.store.keep wrote

    def run(self, contender: str, number: int) -> Run:
        """Run a contender in a fresh folder.

        Raises:
            CommandError: it failed.
        """
        with TemporaryDirectory() as name:
            folder = Path(name)
            command, read = self._script(folder) if contender == SCRIPT else self._pipeline(contender, folder)
            cost, _ = measure(command, contender, folder / "log.txt")
            return Run(contender, number, cost, read())

    def _script(self, folder: Path) -> tuple[list[str], Callable[[], Outcome]]:
        settings, output = folder / "settings.json", folder / "output.npz"
        studies = [dataclasses.astuple(study) for study in self.studies]
        settings.write_text(json.dumps({"studies": studies, **dataclasses.asdict(self.config)}), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.keras_script", str(self.prepared), str(settings), str(output)]
        return command, lambda: read_script(output, self.studies)

    def _pipeline(self, contender: str, folder: Path) -> tuple[list[str], Callable[[], Outcome]]:
        pruning = ["search.pruning=none"] if contender == UNPRUNED else []
        command = [sys.executable, "main.py", "quick", "--only", *(study.id for study in self.studies)]
        command += ["--set", *self.overrides, *pruning, "--artifacts", str(folder / "artifacts")]
        return command, lambda: read_pipeline(folder / "artifacts", self.studies)


def main(arguments: list[str] | None = None) -> int:
    """Run the contenders in turns, print the tables and write the file; returns the exit code."""
    options = parse(arguments)
    try:
        with TemporaryDirectory() as folder:
            job, dataset = prepare(options, Path(folder) / "reviews.npz")
            head = describe(options, job, dataset)
            print(head["title"], flush=True)
            runs = take_turns(job, options.rounds)
        results = head | summarise(runs, job.studies)
    except (ConfigError, DataError, CommandError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1 if isinstance(error, CommandError) else 2
    print_tables(results)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\nall numbers: {options.output}")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; `--quick` changes the defaults only."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.sweep", description="The same studies by a Keras script and by this pipeline."
    )
    parser.add_argument("--quick", action="store_true", help="other defaults, for a few minutes: " + _spelled(QUICK))
    for name, help_ in (
        ("trials", "settings tried per study"),
        ("epochs", "at most, per trial"),
        ("final_epochs", "at most, of a final training"),
        ("reviews", "of each bucket, for training and validation; 0: all"),
        ("max_length", "tokens read of a review"),
    ):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=f"{help_} (default: {FULL[name]})")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="final trainings per study (default: 1)")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="how often everything is run, in turns (default: 1)")
    parser.add_argument("--only", nargs="+", default=[], metavar="ARCH[/BUCKET]", help="run these studies only")
    parser.add_argument("--source", default="auto", help="data.source of the config (default: auto)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/sweep.json"), metavar="FILE")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"argument --rounds: expected a positive integer, got {options.rounds}")
    for name, default in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, default)
    return options


def _spelled(defaults: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in defaults.items())


def prepare(options: argparse.Namespace, path: Path) -> tuple[Job, Dataset]:
    """The job, its reviews written to a file.

    Raises:
        ConfigError: the options make no valid config, or `--only` names no study.
        DataError: the source cannot be used.
    """
    overrides = [
        "compare.architectures=('simple_rnn', 'lstm', 'gru')",
        "space.learning_rate=LogRange(1e-3, 1e-2)",  # so that trials differ, and some are hopeless
        f"search.max_trials={options.trials}",
        f"search.epochs={options.epochs}",
        f"training.epochs={options.final_epochs}",
        f"training.repeats={options.repeats}",
        f"data.max_train_per_bucket={options.reviews}",
        f"data.max_length={options.max_length}",
        f"data.source={options.source}",
    ]
    config = with_overrides(PROFILES["quick"].config, overrides)
    validate(config, selectable())
    dataset = data_preprocessing.prepare(config)
    studies = [
        study for study in plan.only(plan.studies(config, dataset), options.only, Roster.of(config)) if not study.is_yardstick
    ]
    studies.sort(key=lambda study: (config.compare.architectures.index(study.contender), int(study.bucket.split("-")[0])))
    store.keep(dataset, path)
    return Job(config, overrides, studies, path), dataset


def describe(options: argparse.Namespace, job: Job, dataset: Dataset) -> dict[str, Any]:
    """Machine, versions and settings, for the head of the file of results."""
    config, packages = job.config, ("tensorflow", "keras", "keras-tuner", "numpy")
    search, training, data = config.search, config.training, config.data
    title = (
        f"{len(job.studies)} studies on {dataset.origin.title}: {search.max_trials} trials x {search.epochs} epochs, "
        f"{training.repeats} final training(s) x {training.epochs} epochs; "
        f"{data.max_train_per_bucket or 'all'} reviews a bucket, {data.max_length} tokens at most; {options.rounds} round(s)"
    )
    return {
        "title": title,
        "machine": machine.describe(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "rounds": options.rounds,
        "fingerprint": dataset.fingerprint,
        "config": dataclasses.asdict(config),
        "studies": [study.id for study in job.studies],
    }


# -- measuring ---------------------------------------------------------------------------------------------------------


def take_turns(job: Job, rounds: int) -> list[Run]:
    """Every contender once a round; each round begins with another one."""
    warm_up = [sys.executable, "-c", "import tensorflow, keras_tuner"]  # else the first contender alone reads them from disk
    subprocess.run(warm_up, check=False, stderr=subprocess.DEVNULL)
    runs = []
    for number in range(rounds):
        first = number % len(CONTENDERS)
        for contender in CONTENDERS[first:] + CONTENDERS[:first]:
            runs.append(job.run(contender, number))
            cost = runs[-1].cost
            print(f"  round {number + 1}, {contender}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of CPU", flush=True)
    return runs


# -- reading what a contender wrote ------------------------------------------------------------------------------------


def read_script(path: Path, studies: list[Study]) -> Outcome:
    """From the Keras script's npz."""
    with np.load(path, allow_pickle=False) as file:
        answers = {
            study: Answers.of(*(file[f"{study.id}/{key}"] for key in ("rows", "labels", "probabilities"))) for study in studies
        }
        searches = [file[f"{study.id}/search_epochs"] for study in studies]
        finals = [file[f"{study.id}/final_epochs"] for study in studies]
    return Outcome(answers, sum(map(len, searches)), 0, int(sum(map(sum, searches))), int(sum(map(sum, finals))))


def read_pipeline(artifacts: Path, studies: list[Study]) -> Outcome:
    """From the tables of the only run in an artifacts folder."""
    (folder,) = artifacts.glob("quick-*/final_stats")
    predictions, trials, results = (pd.read_csv(folder / name) for name in ("predictions.csv.gz", "trials.csv", "results.csv"))
    answers = {}
    for study in studies:
        mine = predictions[predictions["study"] == study.id]
        table = mine.pivot_table(index=["row", "label"], columns="repeat", values="probability")
        rows, labels = (table.index.get_level_values(name).to_numpy() for name in ("row", "label"))
        answers[study] = Answers.of(rows, labels, table.to_numpy().T)
    networks = results[~results["architecture"].isin(YARDSTICKS)]
    pruned = int((trials["status"] == "pruned").sum())
    return Outcome(answers, len(trials), pruned, int(trials["epochs"].sum()), int(networks["epochs"].sum()))


# -- comparing ---------------------------------------------------------------------------------------------------------


def summarise(runs: list[Run], studies: list[Study]) -> dict[str, Any]:
    """Costs with their ratios, and accuracies with their differences.

    Raises:
        ValueError: two contenders read different test reviews.
    """
    costs = {
        contender: {
            measure: _spread([getattr(run.cost, measure) for run in runs if run.contender == contender]) for measure in MEASURES
        }
        for contender in CONTENDERS
    }
    ratios = {
        contender: {measure: costs[SCRIPT][measure]["median"] / costs[contender][measure]["median"] for measure in MEASURES}
        for contender in (UNPRUNED, PIPELINE)
    }
    first = {run.contender: run.outcome.answers for run in runs if run.round == 0}
    architectures = dict.fromkeys(study.contender for study in studies)
    accuracies = []
    for architecture in architectures:
        mine = [study for study in studies if study.contender == architecture]
        accuracies += [_compare(study.id, [study], first) for study in mine]
        accuracies.append(_compare(f"{architecture}, all", mine, first))
    if len(architectures) > 1:
        accuracies.append(_compare("all studies", studies, first))
    return {
        "costs": costs,
        "script_over_pipeline": ratios,
        "runs": [run.record() for run in runs],
        "accuracies": accuracies,
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def _compare(title: str, studies: list[Study], answers: dict[str, dict[Study, Answers]]) -> dict[str, Any]:
    """Accuracy of every contender on the test reviews of these studies, and what the pipeline's is above the script's."""
    for contender, study in ((contender, study) for contender in CONTENDERS for study in studies):
        mine, script = answers[contender][study], answers[SCRIPT][study]
        if not (np.array_equal(mine.rows, script.rows) and np.array_equal(mine.labels, script.labels)):
            raise ValueError(f"{contender} and {SCRIPT} read different test reviews in {study.id}")
    correct = {name: np.concatenate([found[study].correct for study in studies], axis=1) for name, found in answers.items()}
    differences: dict[str, dict[str, Any]] = {}
    for contender in (UNPRUNED, PIPELINE):
        low, high = difference_interval(correct[contender], correct[SCRIPT])
        difference = float(correct[contender].mean() - correct[SCRIPT].mean())
        differences[contender] = {"difference": difference, "low": low, "high": high}
        if len(studies) > 1:
            pairs = [(answers[contender][study], answers[SCRIPT][study]) for study in studies]
            differences[contender]["over_studies"] = _interval_over_studies(pairs)
    return {
        "studies": title,
        "n_test": correct[SCRIPT].shape[1],
        "accuracy": {contender: float(correct[contender].mean()) for contender in CONTENDERS},
        "minus_script": differences,
    }


def _interval_over_studies(pairs: list[tuple[Answers, Answers]]) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the difference over all reviews, first minus second, drawing studies."""
    reviews = np.array([len(first.labels) for first, _ in pairs])
    gained = reviews * [first.correct.mean() - second.correct.mean() for first, second in pairs]
    drawn = np.random.default_rng(SEED).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    return percentile_interval(gained[drawn].sum(axis=1) / reviews[drawn].sum(axis=1))


def print_tables(results: dict[str, Any]) -> None:
    """Costs, then accuracies."""
    print(LEGEND)
    print(f"{'':32}" + "".join(f"{title:>22}" for title, _ in MEASURES.values()) + f"{'trials':>8}{'pruned':>8}{'epochs':>12}")
    for contender in CONTENDERS:
        run = next(run for run in results["runs"] if run["contender"] == contender)
        cells = "".join(_cell(results["costs"][contender][name], digits) for name, (_, digits) in MEASURES.items())
        epochs = f"{run['search_epochs']} + {run['final_epochs']}"
        print(f"{contender:32}{cells}{run['trials']:8}{run['pruned']:8}{epochs:>12}")
    for contender, ratios in results["script_over_pipeline"].items():
        print(f"{f'script / {contender}':32}" + "".join(f"{f'{ratios[name]:.2f} x':>22}" for name in MEASURES))
    titles = "".join(f"{title:>22}" for title in CONTENDERS)
    print(f"\n{'test accuracy':26}{'reviews':>9}{titles}{'difference':>24}{'over studies':>20}")
    for row in results["accuracies"]:
        accuracies = "".join(f"{100 * row['accuracy'][contender]:22.1f}" for contender in CONTENDERS)
        difference, low, high = (100 * row["minus_script"][PIPELINE][key] for key in ("difference", "low", "high"))
        interval = f"{difference:+.1f} ({low:+.1f} to {high:+.1f})"
        over_studies = row["minus_script"][PIPELINE].get("over_studies")
        wider = "" if over_studies is None else f"{100 * over_studies[0]:+.1f} to {100 * over_studies[1]:+.1f}"
        print(f"{row['studies']:26}{row['n_test']:9}{accuracies}{interval:>24}{wider:>20}")


def _cell(spread: dict[str, float], digits: int) -> str:
    text = f"{spread['median']:.{digits}f}"
    if spread["low"] < spread["high"]:
        text += f" ({spread['low']:.{digits}f}-{spread['high']:.{digits}f})"
    return f"{text:>22}"


if __name__ == "__main__":
    sys.exit(main())
