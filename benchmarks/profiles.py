"""`python -m benchmarks.profiles quick study`: whole profiles from the command to the report; time, memory, padding, accuracy.

Each profile is started as a person starts it, in a fresh folder without compiled programs, one after another. A worker's
memory is its proportional set size: its own pages, and its share of those that workers have in common (TensorFlow's code).
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks import machine
from benchmarks.process_cost import CommandError, Cost, Sample, measure
from config import PROFILES
from results import YARDSTICK

PHASES = ("importing", "compiling", "training", "evaluating")
STUDIES_A_ROW = 5  # of the table of memory


@dataclass(frozen=True)
class Outcome:
    """What a finished run's tables say."""

    data: str
    failed: int  # studies
    trials: int
    pruned: int
    search_epochs: int
    final_epochs: int
    seconds: dict[str, float]  # of all workers, by phase
    seconds_by_architecture: dict[str, float]  # of all workers, all phases
    most_padding: float  # share of the processed tokens, of the study that has most
    accuracy: dict[str, tuple[float, float]]  # lowest and highest mean of a bucket's repeats: networks, yardstick


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
            run = (folder / "latest").resolve()
            outcome, memory = _read(run), _memory(run, samples)
        _print(profile, cost, outcome, memory)
        records.append({"profile": profile, **dataclasses.asdict(cost), **dataclasses.asdict(outcome), "worker_gb": memory})
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


def _read(run: Path) -> Outcome:
    results, trials = (pd.read_csv(run / "final_stats" / name) for name in ("results.csv", "trials.csv"))
    networks = results[results["architecture"] != YARDSTICK]
    spent = [f"{phase}_seconds" for phase in PHASES]
    by_architecture = pd.concat([results, trials])[["architecture", *spent]].groupby("architecture").sum()
    ranges = {}
    for name, rows in (("networks", networks), ("linear", results[results["architecture"] == YARDSTICK])):
        means = rows.groupby(["architecture", "bucket"])["test_accuracy"].mean()
        ranges[name] = (float(means.min()), float(means.max()))
    return Outcome(
        data=json.loads((run / "environment.json").read_text(encoding="utf-8"))["data"],
        failed=int((results["status"] == "failed").sum()),
        trials=len(trials),
        pruned=int((trials["status"] == "pruned").sum()),
        search_epochs=int(trials["epochs"].sum()),
        final_epochs=int(networks["epochs"].sum()),
        seconds={phase: float(by_architecture[f"{phase}_seconds"].sum()) for phase in PHASES},
        seconds_by_architecture={str(name): float(seconds) for name, seconds in by_architecture.sum(axis=1).items()},
        most_padding=float(results["padding_share"].max()),
        accuracy=ranges,
    )


def _memory(run: Path, samples: list[Sample]) -> list[float]:
    """The largest worker, in GB, while each study was the next one to end."""
    ended = sorted(path.stat().st_mtime for path in (run / "studies").glob("*/*.json"))
    largest, start = [], 0.0
    for end in ended:
        inside = [max(sample.workers, default=0) for sample in samples if start < sample.time <= end]
        largest.append(max(inside, default=0) / 1e9)
        start = end
    return largest


def _print(profile: str, cost: Cost, outcome: Outcome, memory: list[float]) -> None:
    whole = sum(outcome.seconds.values())
    shares = ", ".join(f"{name} {seconds:.0f} ({seconds / whole:.0%})" for name, seconds in outcome.seconds.items())
    by_architecture = ", ".join(f"{name} {seconds:.0f}" for name, seconds in outcome.seconds_by_architecture.items())
    ranges = "; ".join(f"{name} {100 * low:.1f} to {100 * high:.1f} %" for name, (low, high) in outcome.accuracy.items())
    print(f"\n{profile} on {outcome.data}")
    print(f"  took               {cost.wall_s / 60:.1f} min, {cost.cpu_s / 60:.1f} min of CPU, {cost.peak_gib:.2f} GiB in all")
    print(f"  studies            {len(memory)}, {outcome.failed} failed")
    print(f"  trials             {outcome.trials}, {outcome.pruned} pruned; {outcome.search_epochs} epochs")
    print(f"  final trainings    {outcome.final_epochs} epochs")
    print(f"  worker-seconds     {whole:.0f}: {shares}")
    print(f"  by architecture    {by_architecture}")
    print(f"  padding            at most {outcome.most_padding:.1%} of the processed tokens of a study")
    print(f"  test accuracy      {ranges}")
    for first in range(0, len(memory), STUDIES_A_ROW):
        rows = memory[first : first + STUDIES_A_ROW]
        print(f"  largest worker     {max(rows):.2f} GB until the end of study {first + len(rows)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
