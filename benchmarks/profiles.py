"""`python -m benchmarks.profiles quick study`: whole profiles from the command to the report; time, memory, padding, accuracy.

Each profile is started as a person starts it, in a fresh folder without compiled programs, one after another. A worker's
memory is its proportional set size: its own pages, and its share of those that workers have in common (TensorFlow's code).
"""

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from analysis.tables import times
from benchmarks import machine
from benchmarks.process_cost import CommandError, Cost, Sample, measure
from config import PROFILES
from records.links import followed
from records.study import Seconds, StudyResult, strongest_yardstick

STUDIES_A_ROW = 5  # of the table of memory


@dataclass(frozen=True)
class Outcome:
    """What the records of a finished run say."""

    data: str
    studies: int
    trials: int
    pruned: int
    search_epochs: int
    final_epochs: int
    seconds: dict[str, float]  # of all workers, by phase
    seconds_by_architecture: dict[str, float]  # of all workers, all phases
    most_padding: float  # share of the processed tokens, of the study that has most
    accuracy: dict[str, tuple[float, float]]  # lowest and highest mean of a bucket's repeats: networks, stronger yardstick
    worker_gb: list[float]  # the largest worker while each study was the next one to end


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the profiles, print their tables, write the file; returns the exit code."""
    options = _options(arguments)
    records = []
    for profile in options.profiles:
        with TemporaryDirectory() as name:
            folder = (options.artifacts or Path(name)) / profile
            command = [sys.executable, "main.py", profile, "--artifacts", str(folder), *options.arguments]
            try:
                cost, samples = measure(command, profile, Path(name) / "log.txt")
            except CommandError as error:
                print(f"error: {error}", file=sys.stderr)
                return 1
            outcome = _read(followed(folder / "latest"), samples)
        _print(profile, cost, outcome)
        records.append({"profile": profile, **dataclasses.asdict(cost), **dataclasses.asdict(outcome)})
        results = {"machine": machine.describe(), "arguments": options.arguments, "results": records}
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\nall numbers: {options.output}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.profiles", description="Whole profiles, from the command to the report.")
    parser.add_argument("profiles", nargs="+", choices=PROFILES, metavar="PROFILE", help=", ".join(PROFILES))
    parser.add_argument("--artifacts", type=Path, help="keep the runs in this folder, which must be empty")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/profiles.json"))
    parser.add_argument("--arguments", nargs=argparse.REMAINDER, default=[], help="everything after it goes to main.py")
    options = parser.parse_args(arguments)
    if options.artifacts and options.artifacts.exists() and any(options.artifacts.iterdir()):
        parser.error(f"--artifacts: {options.artifacts} is not empty; a finished run in it would not be run again")
    return options


def _read(run: Path, samples: list[Sample]) -> Outcome:
    records = sorted((run / "studies").glob("*/*.json"), key=lambda path: path.stat().st_mtime)
    results = [StudyResult.from_json(path.read_text(encoding="utf-8")) for path in records]
    networks = [result for result in results if not result.study.is_yardstick]
    by_study = {result.study: result for result in results}
    yardsticks = {each.study: each for result in results if (each := strongest_yardstick(result.study, by_study))}
    trials = [trial for result in results for trial in result.trials]
    return Outcome(
        data=json.loads((run / "environment.json").read_text(encoding="utf-8"))["data"],
        studies=len(results),
        trials=len(trials),
        pruned=sum(trial.status == "pruned" for trial in trials),
        search_epochs=sum(trial.epochs for trial in trials),
        final_epochs=sum(repeat.epochs for result in networks for repeat in result.repeats),
        seconds=dataclasses.asdict(sum((result.spent for result in results), Seconds())),
        seconds_by_architecture={row.contender: sum(dataclasses.astuple(row.spent)) for row in times(results)},
        most_padding=max(result.padding_share for result in results),
        accuracy={"networks": _range(networks), "linear": _range(list(yardsticks.values()))},
        worker_gb=_memory([path.stat().st_mtime for path in records], samples),
    )


def _range(results: list[StudyResult]) -> tuple[float, float]:
    """Lowest and highest mean over repeats of a study's test accuracy on a bucket."""
    means = [
        statistics.mean(score.accuracy for score in scores)
        for result in results
        for scores in zip(*(repeat.scores for repeat in result.repeats), strict=True)
    ]
    return min(means), max(means)


def _memory(ended: list[float], samples: list[Sample]) -> list[float]:
    """The largest worker, in GB, before each of these times and after the one before it."""
    periods = pairwise([0.0, *ended])
    inside = ([max(s.workers, default=0) for s in samples if start < s.time <= end] for start, end in periods)
    return [max(sizes, default=0) / 1e9 for sizes in inside]


def _print(profile: str, cost: Cost, outcome: Outcome) -> None:
    whole = sum(outcome.seconds.values())
    shares = ", ".join(f"{name} {seconds:.0f} ({seconds / whole:.0%})" for name, seconds in outcome.seconds.items())
    by_architecture = ", ".join(f"{name} {seconds:.0f}" for name, seconds in outcome.seconds_by_architecture.items())
    ranges = "; ".join(f"{name} {100 * low:.1f} to {100 * high:.1f} %" for name, (low, high) in outcome.accuracy.items())
    print(f"\n{profile} on {outcome.data}")
    print(f"  took               {cost.wall_s / 60:.1f} min, {cost.cpu_s / 60:.1f} min of CPU, {cost.peak_gib:.2f} GiB in all")
    print(f"  studies            {outcome.studies}")
    print(f"  trials             {outcome.trials}, {outcome.pruned} pruned; {outcome.search_epochs} epochs")
    print(f"  final trainings    {outcome.final_epochs} epochs")
    print(f"  worker-seconds     {whole:.0f}: {shares}")
    print(f"  by architecture    {by_architecture}")
    print(f"  padding            at most {outcome.most_padding:.1%} of the processed tokens of a study")
    print(f"  test accuracy      {ranges}")
    for first in range(0, outcome.studies, STUDIES_A_ROW):
        rows = outcome.worker_gb[first : first + STUDIES_A_ROW]
        print(f"  largest worker     {max(rows):.2f} GB until the end of study {first + len(rows)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
