"""`python -m benchmarks.growth`: how wall time grows with the tokens of a review, with units, and with worker processes.

One training epoch of the from-scratch GRU and of Keras's, each as this project and as Keras run them by default, on one CPU
thread; and a whole sweep of the profile `quick` from the command to the report. An epoch is `train_on_batch` over batches
made before, without validation; building and compiling are outside the timing. In a sweep everything counts. Contenders take
turns, one measurement each per round, because a machine's speed wobbles; medians and quartiles are kept. Sweeps take minutes
and are run once.
"""

import argparse
import functools
import importlib.metadata
import itertools
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

import logger
from benchmarks import machine
from experiment import devices
from models.registry import colour, resolve, title
from report.figures.style import INK, MUTED, interval, styled

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("custom_gru", "gru")  # the same layer by this project and by Keras
SWEEP = "sweep"
ROUND_SECONDS = [digit * 10.0**power for power in range(-3, 4) for digit in (1, 2, 5)]  # ticks
VOCABULARY, EMBEDDING, BATCH = 10_000, 64, 32
Contender = Callable[[], float]  # does the work once and returns seconds


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured."""

    reviews: int = 512  # of an epoch
    tokens: tuple[int, ...] = (50, 100, 200, 400, 800, 1600)  # of every review, at `fixed_units`
    units: tuple[int, ...] = (16, 32, 64, 128, 256)  # at `fixed_tokens`
    fixed_units: int = 64
    fixed_tokens: int = 150
    sweep: tuple[str, ...] = ()  # arguments of main.py beside the profile


TINY_SWEEP = ("--only", "simple_rnn/0-129", "--set", "search.max_trials=1", "training.epochs=1")
QUICK = Plan(reviews=64, tokens=(10, 20), units=(4, 8), fixed_units=8, fixed_tokens=10, sweep=TINY_SWEEP)


@dataclass(frozen=True)
class Curve:
    """Seconds of one contender, all rounds of them, by what grows."""

    name: str  # an architecture of the registry, or SWEEP
    seconds: dict[int, list[float]]

    def quartiles(self, x: int) -> tuple[float, float, float]:
        """First quartile, median and third quartile of the rounds."""
        low, median, high = np.percentile(self.seconds[x], (25, 50, 75)).tolist()
        return low, median, high

    def exponent(self, last: int = 0) -> float:
        """Slope of log median time on log x by least squares: 1 is linear growth.

        Args:
            last: over so many of the largest x only; 0: over all.
        """
        xs = sorted(self.seconds)[-last:]
        slope, _ = np.polyfit(np.log(xs), np.log([self.quartiles(x)[1] for x in xs]), 1)
        return float(slope)

    def record(self) -> dict[str, Any]:
        """For the file of results."""
        points = []
        for x, seconds in self.seconds.items():
            low, median, high = self.quartiles(x)
            points.append({"x": x, "median_s": median, "quartiles_s": [low, high], "seconds": seconds})
        slopes = {"exponent": self.exponent(), "exponent_of_last_step": self.exponent(2)} if len(points) > 1 else {}
        return {"contender": self.name} | slopes | {"points": points}


@dataclass(frozen=True)
class Panel:
    """What grows, and how long everyone takes."""

    quantity: str  # tokens, units or workers
    heading: str
    axis: str
    curves: tuple[Curve, ...]


def main() -> None:
    """Measure, print a table for each of the three, and keep the numbers and a figure of them."""
    options = _options()
    plan = QUICK if options.quick else Plan()
    head = _head(plan, options.rounds)
    panels = []
    for measure in (_workers, _tokens, _units):  # sweeps first: the other two restrict this process, and what it starts
        panels.append(measure(plan, options.rounds))
        _print_table(panels[-1])
        _write(options.output, panels, head)
    print(f"\nall numbers: {options.output}\nfigure: {options.output.with_suffix('.html')}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How wall time grows with tokens, units and workers.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender is timed")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it works: the numbers say nothing")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/growth.json"), help="the figure goes beside it")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds: expected a positive integer, got {options.rounds}")
    if options.output.suffix == ".html":
        parser.error("--output: expected a JSON file; the figure gets its name with .html")
    return options


def _head(plan: Plan, rounds: int) -> dict[str, Any]:
    """What the numbers hold for; read before the benchmark itself loads the machine."""
    return {
        "machine": machine.describe(),
        "libraries": {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
        "rounds": rounds,
        "plan": {"batch": BATCH, "vocabulary": VOCABULARY, "embedding": EMBEDDING, "threads": 1} | vars(plan),
    }


# -- measuring ---------------------------------------------------------------------------------------------------------


def _measure(contenders: Mapping[tuple[str, int], Contender], rounds: int) -> tuple[Curve, ...]:
    """Everyone in turn, `rounds` times."""
    curves = {name: Curve(name, {}) for name, _ in contenders}
    for _ in range(rounds):
        for (name, x), run in contenders.items():
            curves[name].seconds.setdefault(x, []).append(run())
    return tuple(curves.values())


def _workers(plan: Plan, _: int) -> Panel:
    cores = len(devices.available("cpu", "tensorflow"))
    counts = [2**power for power in range(max(2, cores.bit_length()))]
    curves = _measure({(SWEEP, count): functools.partial(_sweep, count, plan.sweep) for count in counts}, rounds=1)
    heading = f"A whole sweep of the profile quick{', cut down' if plan.sweep else ''}, {cores} cores"
    return Panel("workers", heading, "Worker processes", curves)


def _sweep(workers: int, arguments: tuple[str, ...]) -> float:
    """Seconds from the command to its end, in a new folder.

    Raises:
        RuntimeError: the sweep failed; the end of what it said is in the message.
    """
    with TemporaryDirectory() as folder:
        command = [sys.executable, "main.py", "quick", "--artifacts", folder, "--workers", str(workers)]
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "--set", "run.device=cpu", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}, saying:\n{(done.stdout + done.stderr)[-3000:]}")
    return seconds


def _tokens(plan: Plan, rounds: int) -> Panel:
    sizes = itertools.product(plan.tokens, LAYERS)
    curves = _measure({(name, tokens): _epoch(name, tokens, plan.fixed_units, plan.reviews) for tokens, name in sizes}, rounds)
    heading = f"An epoch of {plan.reviews} reviews, {plan.fixed_units} units"
    return Panel("tokens", heading, "Tokens in each review", curves)


def _units(plan: Plan, rounds: int) -> Panel:
    sizes = itertools.product(plan.units, LAYERS)
    curves = _measure({(name, units): _epoch(name, plan.fixed_tokens, units, plan.reviews) for units, name in sizes}, rounds)
    heading = f"An epoch of {plan.reviews} reviews, {plan.fixed_tokens} tokens"
    return Panel("units", heading, "Units", curves)


@functools.cache
def _restrict() -> None:
    """One CPU thread; what C++ writes to standard error goes to a file, this program's own last words do not."""
    devices.restrict_process(devices.Device("cpu", 0, "cpu"), "tensorflow")
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    logger.silence_libraries(Path(mkdtemp()) / "libraries.log")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of many models in one process, which is what is wanted


def _epoch(name: str, tokens: int, units: int, reviews: int) -> Contender:
    """A function that trains an epoch; the first calls, which compile, are made here."""
    _restrict()
    from experiment.network import ModelCache
    from models.classifier import NetworkShape

    shape = NetworkShape(
        architecture=name,
        engine=resolve(name).engine or "keras",
        vocab_size=VOCABULARY,
        embedding_dim=EMBEDDING,
        units=units,
        pooling="mean",
    )
    model = ModelCache(np.array([tokens])).get(shape, BATCH, clip_norm=1.0).model
    rng = np.random.default_rng(0)
    batches = rng.integers(4, VOCABULARY, (reviews // BATCH, BATCH, tokens)).astype(np.int32)
    labels = rng.integers(0, 2, (BATCH, 1)).astype(np.float32)

    def run() -> float:
        model.train_on_batch(batches[0], labels)  # brings code and data back into the caches
        started = time.perf_counter()
        for ids in batches:
            model.train_on_batch(ids, labels)
        return time.perf_counter() - started

    for _ in range(2):
        model.train_on_batch(batches[0], labels)
    return run


# -- showing -----------------------------------------------------------------------------------------------------------


def _label(curve: Curve) -> str:
    return "Sweep" if curve.name == SWEEP else title(curve.name)


def _print_table(panel: Panel) -> None:
    first, *others = panel.curves
    print(f"\n{panel.heading}: seconds, median (quartiles)")
    print(
        f"{panel.quantity:>16}"
        + "".join(f"{_label(curve):>30}" for curve in panel.curves)
        + f"{'x ours' if others else 'speed-up':>10}"
    )
    for x in first.seconds:
        cells = ("{1:.2f} ({0:.2f} - {2:.2f})".format(*curve.quartiles(x)) for curve in panel.curves)
        # how many times as long Keras's layer takes, or the sweep by one worker
        compared = others[0].quartiles(x)[1] if others else first.quartiles(min(first.seconds))[1]
        print(f"{x:16}" + "".join(f"{cell:>30}" for cell in cells) + f"{compared / first.quartiles(x)[1]:10.2f}", flush=True)
    if panel.quantity != "workers":
        print(f"{'growth exponent':>16}" + "".join(f"{curve.exponent():30.2f}" for curve in panel.curves))
        print(f"{'of last step':>16}" + "".join(f"{curve.exponent(2):30.2f}" for curve in panel.curves))


def _write(output: Path, panels: list[Panel], head: dict[str, Any]) -> None:
    """What was measured so far, as JSON and as a figure that works offline."""
    studies = {panel.quantity: {"heading": panel.heading, "curves": [c.record() for c in panel.curves]} for panel in panels}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(head | studies, indent=1) + "\n", encoding="utf-8")
    options = {"responsive": True, "displaylogo": False}
    _figure(panels).write_html(output.with_suffix(".html"), include_plotlyjs=True, config=options)


def _figure(panels: list[Panel]) -> go.Figure:
    """Time against tokens and units on logarithmic axes, where a straight line is a power, and against workers."""
    shown = sorted(panels, key=lambda panel: panel.quantity == "workers")
    figure = make_subplots(1, len(shown), subplot_titles=[panel.heading for panel in shown], horizontal_spacing=0.07)
    figure.update_annotations(font_size=13)
    labelled: set[str] = set()
    for column, panel in enumerate(shown, start=1):
        for curve in panel.curves:
            figure.add_trace(_trace(curve, curve.name not in labelled), 1, column)
            labelled.add(curve.name)
        if panel.quantity == "workers":
            figure.add_trace(_ideal(panel.curves[0]), 1, column)
        ticks = list(panel.curves[0].seconds)
        figure.update_xaxes(title=panel.axis, type="log", tickvals=ticks, ticktext=list(map(str, ticks)), col=column)
        if panel.quantity == "workers":
            figure.update_yaxes(rangemode="tozero", col=column)
        else:
            figure.update_yaxes(type="log", tickvals=ROUND_SECONDS, ticktext=[f"{s:g}" for s in ROUND_SECONDS], col=column)
    figure.update_yaxes(title="Seconds", col=1)
    return styled(figure, 460, legend={"orientation": "h", "y": 1.12, "yanchor": "bottom", "x": 0}, margin={"t": 96, "b": 56})


def _trace(curve: Curve, is_labelled: bool) -> go.Scatter:
    """Medians, with the quartiles as error bars."""
    xs, shade = list(curve.seconds), INK if curve.name == SWEEP else colour(curve.name)
    low, median, high = zip(*map(curve.quartiles, xs), strict=True)
    return go.Scatter(
        name=_label(curve),
        x=xs,
        y=median,
        mode="lines+markers",
        line={"color": shade, "width": 2},
        marker={"size": 7},
        error_y=interval(median, low, high),
        legendgroup=curve.name,
        showlegend=is_labelled,
        hovertemplate="%{x}: %{y:.3g} s<extra>" + _label(curve) + "</extra>",
    )


def _ideal(curve: Curve) -> go.Scatter:
    """What a sweep would take if nothing were serial and every worker had a core."""
    xs = list(curve.seconds)
    ys = [curve.quartiles(xs[0])[1] * xs[0] / x for x in xs]
    line = {"color": MUTED, "width": 1, "dash": "dot"}
    return go.Scatter(name="Twice the workers, half the time", x=xs, y=ys, mode="lines", line=line, hoverinfo="skip")


if __name__ == "__main__":
    main()
