"""`python -m benchmarks.recurrent`: the from-scratch recurrent layers against `keras.layers` and `torch.nn`, on the CPU.

Three measurements for each cell and size: a forward pass and a full training step of a small classifier (embedding, the
recurrent layer, masked mean, one logit; Adam with clipping by the global norm), and the recurrent layer alone, forward
and backward, with its arithmetic counted. Every backend lives in its own process with the same number of threads; the
processes take turns, one measurement each per round, so that a wobble of the machine's speed hits all alike.

The processes of TensorFlow and JAX use this interpreter; `--torch-python` names the one that has PyTorch. What they do is
in `recurrent_server.py`.
"""

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.recurrent_contenders import BASELINE, BLOCK, CELLS, CONTENDERS, TORCH, Contender, Size

MEASUREMENTS = {"forward": "forward pass", "step": "training step", "layer": "layer alone, forward and backward"}
SIZES = (Size(32, 150, 64), Size(128, 150, 64), Size(32, 600, 128))
LEGEND = f"""
IQR      the middle half of the rounds
x keras  how many times as fast as keras.layers with default settings on TensorFlow; x torch: as torch.nn
cores    CPU time over wall time
share    GFLOP/s of the layer alone over the best rate of a single-precision product that any library reached on the same
         threads; 6 * batch * time * gates * units * (features + units) operations, for each direction

Every step reads a batch that was not seen before, of reviews of half to all of the time steps. Everyone is called by
train_on_batch and predict_on_batch; keras.layers with default settings also by fit and predict over {BLOCK} batches, and the
faster of the two is shown. torch.nn is eager and reads the padding, only its mean is masked. The layer alone has no mask; on
TensorFlow it is in a tf.function, on JAX in a jit."""


@dataclass
class Task:
    """One contender at one measurement, and what came of it."""

    contender: Contender
    cell: str
    size: Size
    measurement: str
    call: str  # "single": train_on_batch or predict_on_batch; "block": fit or predict
    first_call_s: float = 0.0
    ms: list[float] = field(default_factory=list)  # a step, one number per round
    cores: list[float] = field(default_factory=list)  # CPU time over wall time

    @property
    def median(self) -> float:
        """Milliseconds a step."""
        return float(np.median(self.ms))

    def record(self, rate: float) -> dict[str, Any]:
        """Everything measured, for the file of results."""
        low, median, high = np.percentile(self.ms, (25, 50, 75))
        numbers = {"median_ms": median, "quartiles_ms": [low, high], "cores_used": float(np.median(self.cores))}
        if self.measurement == "layer":
            gflops = self.size.flops(CELLS[self.cell]) / median / 1e6
            numbers |= {"gflop_per_s": gflops, "share_of_multiply_rate": gflops / rate, "multiply_rate_gflop_per_s": rate}
        return dataclasses.asdict(self) | numbers


def main() -> None:
    """Measure, print one table per cell and size, and keep everything in a file."""
    options = _options()
    with _workers(options.threads, options.torch_python) as workers:
        settings = {
            "machine": machine.describe() | {"threads": options.threads},
            "libraries": {name: worker.versions or f"{worker.missing} is not installed" for name, worker in workers.items()},
            "rounds": options.rounds,
        }
        _print_head(settings, workers)
        records: list[dict[str, Any]] = []
        for size, cell in itertools.product(options.sizes, options.cells):
            rates: dict[str, float] = {}
            tasks = [task for name in MEASUREMENTS for task in _measure(workers, cell, size, name, options.rounds, rates)]
            _print_table(workers, tasks, rates)
            records += [task.record(max(rates.values())) | {"rates_gflop_per_s": rates} for task in tasks]
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text(json.dumps(settings | {"results": records}, indent=1) + "\n", encoding="utf-8")
    print(f"\nall numbers: {options.output}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The from-scratch recurrent layers against keras.layers and torch.nn.")
    parser.add_argument("--sizes", nargs="+", type=Size.parse, default=SIZES, metavar="32x150x64", help="batch x time x units")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--rounds", type=int, default=7, help="how often each contender is timed")
    parser.add_argument("--threads", type=int, default=1, help="of every contender")
    parser.add_argument("--torch-python", type=Path, default=Path(sys.executable), help="the interpreter that has PyTorch")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/recurrent.json"))
    parser.add_argument("--quick", action="store_true", help="three rounds at the first size")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.sizes = 3, options.sizes[:1]
    if min(options.rounds, options.threads) < 1:
        parser.error("--rounds and --threads: expected positive integers")
    if not options.torch_python.exists():
        parser.error(f"--torch-python: no file {options.torch_python}")
    return options


def _measure(
    workers: dict[str, "_Worker"], cell: str, size: Size, measurement: str, rounds: int, rates: dict[str, float]
) -> list[Task]:
    """Every contender at one measurement, in turns. The best rates of a plain product are kept in `rates`."""
    calls = [(who, "single") for who in CONTENDERS] + [(BASELINE, "block")] * (measurement != "layer")
    tasks = [Task(who, cell, size, measurement, call) for who, call in calls if not workers[who.backend].missing]
    for number, task in enumerate(tasks):
        request = {"contender": CONTENDERS.index(task.contender), "cell": cell, "size": dataclasses.astuple(size)}
        answer = workers[task.contender.backend].ask("prepare", number, **request, measurement=measurement, call=task.call)
        task.first_call_s = answer["first_call_s"]
    for _ in range(rounds):
        for number, task in enumerate(tasks):
            answer = workers[task.contender.backend].ask("time", number)
            task.ms.append(answer["ms"])
            task.cores.append(answer["cores"])
        for worker in workers.values() if measurement == "layer" else ():
            for name, rate in ({} if worker.missing else worker.ask("multiply")).items():
                rates[name] = max(rate, rates.get(name, 0.0))
    for worker in workers.values():
        if not worker.missing:
            worker.ask("forget")
    return tasks


def _print_head(settings: dict[str, Any], workers: dict[str, "_Worker"]) -> None:
    print(", ".join(f"{name} {value}" for name, value in settings["machine"].items()))
    for name, worker in workers.items():
        versions = ", ".join(f"{library} {version}" for library, version in worker.versions.items())
        print(f"{name}: {f'{worker.missing} is not installed' if worker.missing else versions}")
    print(f"\nMedians of {settings['rounds']} rounds.{LEGEND}")


def _print_table(workers: dict[str, "_Worker"], tasks: list[Task], rates: dict[str, float]) -> None:
    """One cell at one size."""
    size, cell = tasks[0].size, CELLS[tasks[0].cell]
    name, best = "bidirectional " * (cell.directions - 1) + cell.name, max(rates, key=lambda product: rates[product])
    print(f"\n{name}, batch {size.batch}, {size.time} time steps, {size.units} units", end="; ")
    print(f"best product {rates[best]:.0f} GFLOP/s ({best})", flush=True)
    for measurement, title in MEASUREMENTS.items():
        header = f"{'ms':>9}{'IQR':>20}{'x keras':>9}{'x torch':>9}{'first call s':>14}{'cores':>7}"
        print(f"  {title:46}{header}" + f"{'GFLOP/s':>9}{'share':>7}" * (measurement == "layer"))
        shown = {who: _fastest(tasks, who, measurement) for who in CONTENDERS}
        for contender, task in shown.items():
            missing = workers[contender.backend].missing
            print(f"    {contender.title}: {missing} is not installed" if task is None else _line(task, shown, rates[best]))


def _fastest(tasks: list[Task], contender: Contender, measurement: str) -> Task | None:
    """The faster of the ways to call it, None when it could not be measured."""
    ways = [task for task in tasks if (task.contender, task.measurement) == (contender, measurement)]
    return min(ways, key=lambda task: task.median, default=None)


def _line(task: Task, shown: dict[Contender, Task | None], rate: float) -> str:
    record, title = task.record(rate), task.contender.title
    if task.contender == BASELINE and task.measurement != "layer":
        title += {"block": " (a block)", "single": " (single batches)"}[task.call]
    low, high = record["quartiles_ms"]
    ratios = (f"{other.median / task.median:.2f}" if (other := shown[who]) else "-" for who in (BASELINE, TORCH))
    line = f"    {title:44}{task.median:9.2f}{f'{low:.2f} - {high:.2f}':>20}" + "".join(f"{ratio:>9}" for ratio in ratios)
    line += f"{task.first_call_s:14.1f}{record['cores_used']:7.2f}"
    if task.measurement == "layer":
        line += f"{record['gflop_per_s']:9.1f}{record['share_of_multiply_rate']:7.0%}"
    return line


class _Worker:
    """A process that serves one backend; it works only between a question and its answer."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._questions: Any = process.stdin
        self._answers: Any = process.stdout
        self._log = log
        hello = self._answer()
        self.missing: str | None = hello.get("missing")
        self.versions: dict[str, str] = hello.get("versions", {})

    def ask(self, question: str, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        """Have one of `_Server`'s methods called.

        Raises:
            RuntimeError: the process has died; the end of what it wrote to standard error is in the message.
        """
        with contextlib.suppress(BrokenPipeError):  # `_answer` tells why
            print(json.dumps([question, arguments, keywords]), file=self._questions, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"a process has died, saying:\n{self._log.read_text(encoding='utf-8')[-3000:]}")
        return json.loads(line)


@contextlib.contextmanager
def _workers(threads: int, torch_python: Path) -> Iterator[dict[str, _Worker]]:
    """One process per backend; closing their standard input ends them."""
    root = Path(__file__).resolve().parents[1]
    pythons = {"tensorflow": Path(sys.executable), "jax": Path(sys.executable), "torch": torch_python}
    with contextlib.ExitStack() as stack:
        workers, logs = {}, Path(stack.enter_context(TemporaryDirectory()))
        for backend, python in pythons.items():
            program = f"from benchmarks import recurrent_server; recurrent_server.serve({backend!r}, {threads})"
            command = [str(python.absolute()), "-c", program]
            environment = os.environ | machine.cpu_environment(threads) | {"KERAS_BACKEND": backend}
            log = stack.enter_context((logs / backend).open("w"))
            process = subprocess.Popen(
                command, cwd=root, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
            workers[backend] = _Worker(stack.enter_context(process), logs / backend)
        yield workers


if __name__ == "__main__":
    main()
