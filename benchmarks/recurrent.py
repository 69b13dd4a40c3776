"""`python -m benchmarks.recurrent`: the from-scratch recurrent layers against `keras.layers` and `torch.nn`, on the CPU.

Three measurements for each cell and size: a forward pass and a full training step of a small classifier (embedding, the
recurrent layer, masked mean, one logit; Adam with clipping by the global norm), and the recurrent layer alone, forward
and backward, with its arithmetic counted. Every backend lives in its own process with the same number of threads; the
processes take turns, one measurement each per round, so that a wobble of the machine's speed hits all alike.

The processes of TensorFlow and JAX use this interpreter; `--torch-python` names the one that has PyTorch. This module
therefore imports nothing that such an interpreter may lack before it knows which backend it serves.
"""

import argparse
import contextlib
import dataclasses
import functools
import gc
import importlib
import importlib.metadata
import itertools
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import machine

VOCABULARY, FEATURES, BLOCK = 10_000, 64, 24
MEASUREMENTS = {"forward": "forward pass", "step": "training step", "layer": "layer alone, forward and backward"}
PRODUCT = (4800, 64, 192)  # all input steps of a GRU at once: 32 x 150 rows, 64 features, 3 x 64 units
Batch = tuple[np.ndarray, np.ndarray]  # token ids `<int32>[batch, time]` and labels `<float32>[batch, 1]`
Run = Callable[[list[Batch]], object]  # does one step with each batch and returns when they are done


@dataclass(frozen=True)
class Cell:
    """A recurrent layer by the name that Keras and these modules share."""

    name: str
    gates: int
    directions: int = 1


@dataclass(frozen=True)
class Contender:
    """Whose layer, on which backend, compiled how."""

    title: str
    backend: str
    layers: str  # "keras", "ours" or "torch"
    jit: bool | str = "auto"  # the argument of `compile`


@dataclass(frozen=True)
class Size:
    """What one step reads."""

    batch: int
    time: int
    units: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """From `32x150x64`, batch, time steps, units."""
        numbers = [int(part) for part in text.split("x") if part.isdecimal()]
        if len(numbers) != 3 or text.count("x") != 2 or min(numbers) < 1:
            raise argparse.ArgumentTypeError(f"expected batch x time steps x units as in 32x150x64, got {text!r}")
        return cls(*numbers)

    def flops(self, cell: Cell) -> int:
        """Floating-point operations of the products in one forward and backward pass of the layer alone.

        A product `[m, k] x [k, n]` is 2 m k n. Forward, each step has `x @ W` and `h @ U`; backward, twice that.
        """
        return 6 * self.batch * self.time * cell.directions * cell.gates * self.units * (FEATURES + self.units)


CELLS = {
    "rnn": Cell("SimpleRNN", 1),
    "lstm": Cell("LSTM", 4),
    "gru": Cell("GRU", 3),
    "bigru": Cell("GRU", 3, directions=2),
}
SIZES = (Size(32, 150, 64), Size(128, 150, 64), Size(32, 600, 128))
BASELINE = Contender("keras.layers, TensorFlow", "tensorflow", "keras")
TORCH = Contender("torch.nn", "torch", "torch")
CONTENDERS = (
    BASELINE,
    Contender("keras.layers, TensorFlow, jit_compile", "tensorflow", "keras", jit=True),
    Contender("ours, TensorFlow, jit_compile", "tensorflow", "ours", jit=True),
    Contender("keras.layers, JAX", "jax", "keras"),
    Contender("ours, JAX", "jax", "ours"),
    TORCH,
)
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
            command = [str(python.absolute()), "-c", f"from benchmarks import recurrent; recurrent.serve({backend!r}, {threads})"]
            environment = os.environ | machine.cpu_environment(threads) | {"KERAS_BACKEND": backend}
            log = stack.enter_context((logs / backend).open("w"))
            process = subprocess.Popen(
                command, cwd=root, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
            workers[backend] = _Worker(stack.enter_context(process), logs / backend)
        yield workers


def serve(backend: str, threads: int) -> None:
    """Answer the questions on standard input, one JSON array a line, until it is closed.

    Args:
        backend: `tensorflow`, `jax` or `torch`; the environment is already set for it.
        threads: how many PyTorch may use; the others read it from the environment.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not an answer
    try:
        server = _Server(_Torch(threads) if backend == "torch" else _Keras(backend))
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), file=answers)
        return
    print(json.dumps({"versions": server.versions}), file=answers)
    for line in sys.stdin:
        question, arguments, keywords = json.loads(line)
        print(json.dumps(getattr(server, question)(*arguments, **keywords)), file=answers)


class _Server:
    """The other end of a `_Worker`: prepared contenders by number, timed when asked."""

    def __init__(self, library: "_Keras | _Torch") -> None:
        self._library = library
        self._prepared: dict[int, tuple[Run, Iterator[Batch], int]] = {}
        names = (*library.packages, "numpy")
        self.versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}

    def prepare(
        self, number: int, *, contender: int, cell: str, size: tuple[int, int, int], measurement: str, call: str
    ) -> dict[str, float]:
        """Build, compile and warm up."""
        build = self._library.layer if measurement == "layer" else functools.partial(self._library.classifier, measurement, call)
        run = build(CONTENDERS[contender], CELLS[cell], Size(*size))
        batches = _batches(Size(*size))
        first_call_s, _ = _timed(run, batches, 1)
        run([next(batches)])
        seconds, _ = _timed(run, batches, 1)
        steps = BLOCK if call == "block" else min(100, max(2, math.ceil(0.3 / seconds)))
        self._prepared[number] = run, batches, steps
        return {"first_call_s": first_call_s}

    def time(self, number: int) -> dict[str, float]:
        """Milliseconds a step over some steps, after one that brings code and data back into the caches."""
        run, batches, steps = self._prepared[number]
        run([next(batches)])
        seconds, cpu_seconds = _timed(run, batches, steps)
        return {"ms": seconds / steps * 1e3, "cores": cpu_seconds / seconds}

    def multiply(self) -> dict[str, float]:
        """GFLOP/s of NumPy's and of the library's own product."""
        name, multiply = self._library.product()
        numpy_shape, shape = "1024x1024 by 1024x1024", "{0}x{1} by {1}x{2}".format(*PRODUCT)
        return {f"NumPy, {numpy_shape}": machine.numpy_rate(), f"{name}, {shape}": machine.multiply_rate(multiply, PRODUCT)}

    def forget(self) -> dict[str, float]:
        """Free the memory of what was prepared."""
        self._prepared.clear()
        gc.collect()
        return {}


def _timed(run: Run, batches: Iterator[Batch], steps: int) -> tuple[float, float]:
    """Seconds on the clock and of the CPU."""
    reviews = list(itertools.islice(batches, steps))
    started, cpu_started = time.perf_counter(), time.process_time()
    run(reviews)
    return time.perf_counter() - started, time.process_time() - cpu_started


def _batches(size: Size) -> Iterator[Batch]:
    """New reviews without end, right-padded with 0: a program that is compiled anew for every batch must not look fast.

    Lengths are uniform from half to all of the time steps; every batch has a review of full length, so nobody may stop early.
    """
    rng = np.random.default_rng(0)
    while True:
        ids = rng.integers(1, VOCABULARY, (size.batch, size.time), dtype=np.int32)
        lengths = rng.integers(size.time // 2, size.time + 1, (size.batch, 1))
        lengths[0] = size.time
        ids[np.arange(size.time) >= lengths] = 0
        yield ids, rng.integers(0, 2, (size.batch, 1)).astype(np.float32)


def _sequences(size: Size, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """What the layer alone reads, `<float32>[batch, time, features]`, and the gradient that its outputs get."""
    rng = np.random.default_rng(0)
    widths = FEATURES, cell.directions * size.units
    sequences, upstream = (rng.standard_normal((size.batch, size.time, width), dtype=np.float32) for width in widths)
    return sequences, upstream


class _Keras:
    """`keras.layers` and the from-scratch layers, on the backend that the environment names."""

    def __init__(self, backend: str) -> None:
        self._framework = importlib.import_module(backend)
        self.packages = ("keras", backend)

    def classifier(self, measurement: str, call: str, contender: Contender, cell: Cell, size: Size) -> Run:
        """A model of its own for every way to call it: with XLA, one that `fit` has traced compiles anew at other calls."""
        model = _keras_classifier(contender, cell, size)
        forward = measurement == "forward"

        def single(batches: list[Batch]) -> None:
            for ids, labels in batches:
                model.predict_on_batch(ids) if forward else model.train_on_batch(ids, labels)

        def block(batches: list[Batch]) -> None:
            ids, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
            if forward:
                model.predict(ids, batch_size=size.batch, verbose=0)
            else:
                model.fit(ids, labels, batch_size=size.batch, shuffle=False, verbose=0)

        return block if call == "block" else single

    def layer(self, contender: Contender, cell: Cell, size: Size) -> Run:
        """Gradients of the inputs and of all weights."""
        layer = _keras_layer(contender, cell, size)
        sequences, upstream = _sequences(size, cell)
        layer.build(sequences.shape)
        gradients = _tensorflow_gradients if contender.backend == "tensorflow" else _jax_gradients
        return gradients(layer, sequences, upstream, contender.jit is True)

    def product(self) -> tuple[str, Callable[[], object]]:
        """The backend's name and its product of PRODUCT's shape."""
        m, k, n = PRODUCT
        left, right = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
        if self._framework.__name__ == "tensorflow":
            matrices = [self._framework.constant(matrix) for matrix in (left, right)]
            return "TensorFlow", lambda: self._framework.matmul(*matrices)
        matrices = [self._framework.numpy.asarray(matrix) for matrix in (left, right)]
        multiply = self._framework.jit(self._framework.numpy.matmul)
        return "JAX", lambda: multiply(*matrices).block_until_ready()


def _keras_layer(contender: Contender, cell: Cell, size: Size) -> Any:
    import keras

    from models.recurrent import CustomGRU, CustomLSTM, CustomSimpleRNN

    ours = {"SimpleRNN": CustomSimpleRNN, "LSTM": CustomLSTM, "GRU": CustomGRU}
    kind = ours[cell.name] if contender.layers == "ours" else getattr(keras.layers, cell.name)
    layer = kind(size.units, return_sequences=True)
    return layer if cell.directions == 1 else keras.layers.Bidirectional(layer)


def _keras_classifier(contender: Contender, cell: Cell, size: Size) -> Any:
    import keras

    token_ids = keras.Input((size.time,), dtype="int32")
    embedded = keras.layers.Embedding(VOCABULARY, FEATURES, mask_zero=True)(token_ids)
    outputs = _keras_layer(contender, cell, size)(embedded)
    logits = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(outputs))  # the mask comes along
    model = keras.Model(token_ids, logits)
    loss, optimizer = keras.losses.BinaryCrossentropy(from_logits=True), keras.optimizers.Adam(global_clipnorm=1.0)
    model.compile(optimizer, loss, jit_compile=contender.jit)
    if contender.jit is True and not model.jit_compile:
        raise RuntimeError(f"{contender.title}: Keras refused jit_compile=True")
    model.optimizer.build(model.trainable_variables)  # made inside the first step, they would have it traced twice
    return model


def _tensorflow_gradients(layer: Any, sequences: np.ndarray, upstream: np.ndarray, jit: bool) -> Run:
    import tensorflow

    def gradients(x: Any, upstream: Any) -> Any:
        with tensorflow.GradientTape() as tape:
            tape.watch(x)
            loss = tensorflow.reduce_sum(layer(x) * upstream)
        return tape.gradient(loss, [x, *layer.trainable_variables])

    compiled = tensorflow.function(gradients, jit_compile=jit, autograph=False)
    arguments = tensorflow.constant(sequences), tensorflow.constant(upstream)

    def run(batches: list[Batch]) -> None:
        for _ in batches:
            compiled(*arguments)[-1].numpy()

    return run


def _jax_gradients(layer: Any, sequences: np.ndarray, upstream: np.ndarray, _: bool) -> Run:
    import jax

    def loss(x: Any, weights: Any, others: Any, upstream: Any) -> Any:
        outputs, _ = layer.stateless_call(weights, others, x)
        return (outputs * upstream).sum()

    compiled = jax.jit(jax.grad(loss, argnums=(0, 1)))
    weights, others = ([variable.value for variable in of] for of in (layer.trainable_variables, layer.non_trainable_variables))
    arguments = jax.numpy.asarray(sequences), weights, others, jax.numpy.asarray(upstream)

    def run(batches: list[Batch]) -> None:
        for _ in batches:
            jax.block_until_ready(compiled(*arguments))

    return run


class _Torch:
    """`torch.nn`, eager."""

    packages = ("torch",)

    def __init__(self, threads: int) -> None:
        self._torch = importlib.import_module("torch")
        self._torch.set_num_threads(threads)
        self._torch.set_num_interop_threads(threads)

    def _layer(self, cell: Cell, size: Size) -> Any:
        kind = getattr(self._torch.nn, cell.name.removeprefix("Simple"))
        return kind(FEATURES, size.units, batch_first=True, bidirectional=cell.directions == 2)

    def classifier(self, measurement: str, _: str, contender: Contender, cell: Cell, size: Size) -> Run:
        """The same network; the recurrent layer reads the padding, only the mean knows the mask."""
        torch, nn = self._torch, self._torch.nn
        embedding, body = nn.Embedding(VOCABULARY, FEATURES, padding_idx=0), self._layer(cell, size)
        logit = nn.Linear(cell.directions * size.units, 1)
        weights = [weight for module in (embedding, body, logit) for weight in module.parameters()]
        optimizer, loss = torch.optim.Adam(weights), nn.BCEWithLogitsLoss()

        def predict(x: Any) -> Any:
            mask = (x != 0).unsqueeze(-1)
            outputs, _ = body(embedding(x))
            return logit((outputs * mask).sum(1) / mask.sum(1))

        def train(x: Any, y: Any) -> None:
            optimizer.zero_grad()
            value = loss(predict(x), y)
            value.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            value.item()

        def run(batches: list[Batch]) -> None:
            with torch.inference_mode(measurement == "forward"):
                for ids, labels in batches:
                    x, y = torch.from_numpy(ids).long(), torch.from_numpy(labels)
                    predict(x) if measurement == "forward" else train(x, y)

        return run

    def layer(self, contender: Contender, cell: Cell, size: Size) -> Run:
        """Gradients of the inputs and of all weights."""
        body = self._layer(cell, size)
        sequences, upstream = (self._torch.from_numpy(array) for array in _sequences(size, cell))
        sequences.requires_grad_()

        def run(batches: list[Batch]) -> None:
            for _ in batches:
                self._torch.autograd.grad((body(sequences)[0] * upstream).sum(), [sequences, *body.parameters()])

        return run

    def product(self) -> tuple[str, Callable[[], object]]:
        """The library's name and its product of PRODUCT's shape."""
        m, k, n = PRODUCT
        left, right = self._torch.ones(m, k), self._torch.ones(k, n)
        return "PyTorch", lambda: left @ right


if __name__ == "__main__":
    main()
