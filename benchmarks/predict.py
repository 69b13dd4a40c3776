"""`python -m benchmarks.predict`: what it costs to ask a finished run, beside what people would write instead.

One review, a thousand, the first of a new process, over HTTP, and in every exported format. The run is made for this purpose: a
GRU of 64 units on all lengths, trained for one epoch, which changes no time. Each way starts from texts and ends with
probabilities, on one CPU thread, in a process of its own; the processes take turns.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import machine
from data import store
from data.vocabulary import OOV
from experiment.devices import Device, restrict_process
from records.links import followed

ROOT = Path(__file__).parents[1]
TOKENS, REVIEWS, UNITS, EMBEDDING, LONGEST = 178, 1_000, 64, 64, 2_500
STUDY = "gru/all"
MAKE = [
    *("quick", "--only", STUDY, "linear", "--workers", "1", "--set", "compare.scope='all'", "compare.architectures=('gru',)"),
    *(f"space.units={UNITS}", f"space.embedding_dim={EMBEDDING}", "space.spatial_dropout=0.2", "space.learning_rate=0.003"),
    *("data.vocab_size=20000", f"data.max_length={LONGEST}", "training.epochs=1", "data.max_train_per_bucket=300"),
]
WAYS = {
    ("numpy", "ours"): "Predictor (NumPy)",
    ("tensorflow", "predict"): "keras.Model.predict, batches of 32, TensorFlow",
    ("tensorflow", "call"): "keras.Model.__call__, eager, TensorFlow",
    ("tensorflow", "compiled"): "the training's compiled network, TensorFlow",
    ("jax", "predict"): "keras.Model.predict, batches of 32, JAX",
    ("jax", "compiled"): "the training's compiled network, JAX",
}
LEGEND = f"""
one review   a text of {TOKENS} tokens, warm: milliseconds from text to probability, median and 99th percentile of all calls
thousand     {REVIEWS} test reviews of all lengths: seconds, median of the rounds; Keras's model reads them padded to the longest
first        a new process: seconds from its start to the probability of one text, imports and loading included; median
"""
AT_ONCE, SINGLE, BATCH = 8, 90, 250  # connections; requests after one another; texts of a request
Score = Callable[[list[str]], np.ndarray]


def main(arguments: list[str] | None = None) -> int:
    """Measure every way in turns, print the tables, write the file; returns the exit code."""
    options = _options(arguments)
    with TemporaryDirectory() as name:
        artifacts = Path(name)
        command = [sys.executable, "main.py", *MAKE, f"data.source={options.source}", "--artifacts", name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"error: the run could not be made:\n{done.stderr[-2000:]}", file=sys.stderr)
            return 2
        ways = {key: title for key, title in WAYS.items() if key[0] in ("numpy", *options.backends)}
        found = {key: _Found() for key in ways}
        for _ in range(options.rounds):
            for (backend, way), found_here in found.items():
                found_here.add(_ask(artifacts, backend, way, "warm", options.calls))
                found_here.first_s.append(_first(artifacts, backend, way, options.calls))
        served = _served(artifacts)
        exported = [_ask(artifacts, "tensorflow", each, "export", 0) for each in ("keras", "savedmodel", "onnx", "litert")]
        data = json.loads((followed(artifacts / "latest") / "final_stats/data.json").read_text(encoding="utf-8"))["title"]
    records = [{"backend": key[0], "way": key[1], "title": ways[key], **one.record()} for key, one in found.items()]
    _print_tables(records, served, exported, data)
    results = {"machine": machine.describe(), "rounds": options.rounds, "data": data, "results": records}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results | {"http": served, "exports": exported}, indent=1) + "\n", encoding="utf-8")
    print(f"\nall numbers: {options.output}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.predict", description="What it costs to ask a finished run.")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each process is started")
    parser.add_argument(
        "--calls", type=int, default=300, metavar="N", help="single reviews per process; eagerly a fifteenth of them"
    )
    parser.add_argument("--backends", nargs="+", choices=("tensorflow", "jax"), default=["tensorflow", "jax"])
    parser.add_argument("--source", default="auto", help="data.source of the config (default: auto)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/predict.json"), metavar="FILE")
    options = parser.parse_args(arguments)
    if min(options.rounds, options.calls) < 1:
        parser.error("--rounds and --calls: expected positive integers")
    return options


class _Found:
    """What the processes of one way said."""

    def __init__(self) -> None:
        self.one_ms: list[float] = []
        self.thousand_s: list[float] = []
        self.first_s: list[float] = []

    def add(self, answer: dict[str, Any]) -> None:
        self.one_ms += answer["one_ms"]
        self.thousand_s += answer["thousand_s"]

    def record(self) -> dict[str, Any]:
        p50, p99 = np.percentile(self.one_ms, (50, 99)).tolist()
        return {
            "one_p50_ms": p50,
            "one_p99_ms": p99,
            "thousand_s": statistics.median(self.thousand_s) if self.thousand_s else None,
            "first_s": statistics.median(self.first_s),
            "all_thousand_s": self.thousand_s,
            "all_first_s": self.first_s,
        }


def _print_tables(records: list[dict[str, Any]], served: dict[str, float], exported: list[dict[str, Any]], data: str) -> None:
    print(f"{data}; GRU, {UNITS} units, embedding {EMBEDDING}, one CPU thread{LEGEND}")
    print(f"{'':52}{'one, p50 ms':>13}{'p99 ms':>9}{'thousand s':>12}{'a second':>10}{'first s':>9}")
    for row in records:
        thousand = row["thousand_s"]
        batch = f"{thousand:12.2f}{REVIEWS / thousand:10.0f}" if thousand else f"{'-':>12}{'-':>10}"
        print(f"{row['title']:52}{row['one_p50_ms']:13.2f}{row['one_p99_ms']:9.2f}{batch}{row['first_s']:9.2f}")
    print(f"\nPOST /predict on loopback; {SINGLE} requests of that text after one another: ", end="")
    print(f"p50 {served['p50_ms']:.1f} ms, p99 {served['p99_ms']:.1f} ms")
    print(f"  {AT_ONCE} connections at once: {served['requests_a_second']:.0f} requests a second, ", end="")
    print(f"p99 {served['at_once_p99_ms']:.1f} ms")
    print(f"  {BATCH} test reviews a request: {served['reviews_a_second']:.0f} reviews a second")
    print(f"\n{'exported as':14}{'takes':>12}{'MB':>8}{'one, ms':>10}{'differs by':>13}")
    for row in exported:
        print(f"{row['format']:14}{row['takes']:>12}{row['bytes'] / 1e6:8.2f}{row['latency_ms']:10.2f}{row['parity']:13.1e}")


def _ask(artifacts: Path, backend: str, way: str, task: str, calls: int) -> dict[str, Any]:
    """Have a new process do one of the tasks of `child`."""
    code = f"from benchmarks import predict; predict.child({str(artifacts)!r}, {backend!r}, {way!r}, {task!r}, {calls})"
    return json.loads(_output([sys.executable, "-c", code]))


def _first(artifacts: Path, backend: str, way: str, calls: int) -> float:
    """Seconds of a process that answers one text and ends: of ours, the command line."""
    started = time.perf_counter()
    if way == "ours":
        _output([sys.executable, "predict.py", "--run", str(artifacts / "latest"), "--study", STUDY, "a film like no other"])
    else:
        _ask(artifacts, backend, way, "first", calls)
    return time.perf_counter() - started


def _output(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stderr[-3000:]}")
    return done.stdout.splitlines()[-1]


# -- over HTTP ---------------------------------------------------------------------------------------------------------


def _served(artifacts: Path) -> dict[str, float]:
    """Latency and throughput of `predict.py --serve`."""
    from report.serve import HOST, listen

    with listen(0) as free:
        port = free.getsockname()[1]
    dataset = _dataset(artifacts)
    one, many = _texts(dataset, 1, TOKENS, least=TOKENS), _texts(dataset, 4 * BATCH, LONGEST)
    command = [sys.executable, "predict.py", "--run", str(artifacts / "latest"), "--study", STUDY]
    process = subprocess.Popen([*command, "--serve", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        _requests(HOST, port, [{"text": one[0]}] * 5)

        def timed(bodies: list[list[dict[str, Any]]]) -> tuple[list[float], float]:
            started = time.perf_counter()
            with ThreadPoolExecutor(len(bodies)) as pool:
                seconds = [s for each in pool.map(lambda b: _requests(HOST, port, b), bodies) for s in each]
            return seconds, time.perf_counter() - started

        single, _ = timed([[{"text": one[0]}] * SINGLE])
        at_once, wall = timed([[{"text": one[0]}] * (SINGLE // AT_ONCE)] * AT_ONCE)
        batches = [{"texts": many[start : start + BATCH]} for start in range(0, len(many), BATCH)]
        _, batches_wall = timed([batches])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
    return {
        "p50_ms": 1000 * float(np.percentile(single, 50)),
        "p99_ms": 1000 * float(np.percentile(single, 99)),
        "requests_a_second": len(at_once) / wall,
        "at_once_p99_ms": 1000 * float(np.percentile(at_once, 99)),
        "reviews_a_second": len(many) / batches_wall,
    }


def _wait(port: int) -> None:
    from report.serve import HOST

    for _ in range(600):
        try:
            http.client.HTTPConnection(HOST, port, timeout=1).request("GET", "/health")
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start in a minute")


def _requests(host: str, port: int, bodies: list[dict[str, Any]]) -> list[float]:
    """Seconds of each request, on one connection."""
    connection, seconds = http.client.HTTPConnection(host, port), []
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", "/predict", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        seconds.append(time.perf_counter() - started)
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}: {content[:300]!r}")
    return seconds


# -- in a process of its own -------------------------------------------------------------------------------------------


def child(artifacts: str, backend: str, way: str, task: str, calls: int) -> None:
    """Score the `first` text, be timed `warm`, or `export`; prints its answer as a line of JSON."""
    restrict_process(Device("cpu", 0, "cpu"), "tensorflow" if backend == "numpy" else backend)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    folder = Path(artifacts)
    if task == "export":
        print(json.dumps(_export(folder, way)))
        return
    score = _scorer(folder, way)
    dataset = _dataset(folder)
    text = _texts(dataset, 1, TOKENS, least=TOKENS)
    score(text)
    answer: dict[str, list[float]] = {"one_ms": [], "thousand_s": []}
    if task == "warm":
        answer["one_ms"] = [1000 * _seconds(lambda: score(text)) for _ in range(calls if way != "call" else -(-calls // 15))]
        many = _texts(dataset, REVIEWS, LONGEST)
        if way != "call":  # eagerly, a thousand are a thousand calls
            score(many)
            answer["thousand_s"] = [_seconds(lambda: score(many))]
    print(json.dumps(answer))


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _dataset(artifacts: Path) -> Any:
    return store.load(next((artifacts / "cache").glob("data-*.npz")))


def _texts(dataset: Any, count: int, tokens: int, least: int = 1) -> list[str]:
    """The first words of test reviews, the start token left out, drawn with a fixed seed."""
    eligible = np.flatnonzero(dataset.test.sequences.lengths >= least)
    chosen = np.random.default_rng(0).choice(eligible, count, replace=len(eligible) < count)
    return [dataset.vocabulary.decode(dataset.test.sequences[int(i)][1:tokens]) for i in chosen]


def _export(artifacts: Path, format: str) -> dict[str, Any]:
    from inference.export.folder import export
    from inference.run import FinishedRun
    from records.study import ALL, Study

    run = FinishedRun.open(artifacts / "latest")
    return asdict(export(run, Study("gru", ALL), format, artifacts / "exports"))


def _scorer(artifacts: Path, way: str) -> Score:
    """From texts to probabilities `<float>[reviews]`."""
    from inference.predictor import Predictor

    predictor = Predictor.load(artifacts / "latest", STUDY)
    if way == "ours":
        return lambda texts: np.array([answer.probability for answer in predictor(texts)])
    import keras
    from keras import ops

    stock = keras.saving.load_model(followed(artifacts / "latest") / "checkpoints/gru/all/0.keras")
    vocabulary, vocab_size = predictor.run.vocabulary, predictor.run.data.vocabulary

    def encode(texts: list[str]) -> list[np.ndarray]:
        rows = (vocabulary.encode(text) for text in texts)
        return [np.where(ids < vocab_size, ids, OOV)[-LONGEST:] for ids in rows]

    if way == "compiled":
        network = _compiled(vocab_size)
        network.weights = stock.trainable_variables
        return lambda texts: network.predict(encode(texts))

    def predict(texts: list[str]) -> np.ndarray:
        ids = keras.utils.pad_sequences(encode(texts), padding="post")
        logits = ops.convert_to_numpy(stock(ids)) if way == "call" else stock.predict(ids, batch_size=32, verbose=0)
        return 1 / (1 + np.exp(-logits[:, 0]))

    return predict


def _compiled(vocab_size: int) -> Any:
    from experiment.network import ModelCache
    from models.classifier import NetworkShape

    shape = NetworkShape(
        architecture="gru", engine="custom", vocab_size=vocab_size, embedding_dim=EMBEDDING, units=UNITS, pooling="mean"
    )
    return ModelCache(np.array([300, LONGEST])).get(shape, 32, clip_norm=1.0)


if __name__ == "__main__":
    sys.exit(main())
