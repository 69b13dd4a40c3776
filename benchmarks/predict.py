"""`python -m benchmarks.predict`: what it costs to score reviews: one at a time, a thousand, and the first of a new process.

A GRU of 64 units, as a checkpoint of stock Keras layers; its weights are random, which changes no time. Each way of scoring
starts from texts and ends with probabilities, on one CPU thread, in a process of its own; the processes take turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import data_cache
import data_preprocessing
from benchmarks import machine
from config import PROFILES
from config_rules import with_overrides
from devices import Device, restrict_process
from sources.records import DataError

TOKENS, REVIEWS, UNITS, EMBEDDING, LONGEST = 178, 1_000, 64, 64, 2_500
WAYS = {
    "ours": "ours: checkpoint into a compiled network",
    "predict": "keras.Model.predict, batches of 32",
    "call": "keras.Model.__call__, eager",
}
BACKENDS = ("tensorflow", "jax")
LEGEND = f"""
one review   a text of {TOKENS} tokens, warm: milliseconds from text to probability, median and 99th percentile of all calls
thousand     {REVIEWS} test reviews of all lengths: seconds, median of the rounds; Keras's model reads them padded to the longest
first        a new process: seconds from its start to the probability of one text, imports and loading included; median
"""
Score = Callable[[list[str]], np.ndarray]


def main(arguments: list[str] | None = None) -> int:
    """Run every way on every backend in turns, print a table, write the file; returns the exit code."""
    options = _options(arguments)
    try:
        dataset = data_preprocessing.prepare(with_overrides(PROFILES["study"], [f"data.source={options.source}"]))
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with TemporaryDirectory() as name:
        folder = Path(name)
        data_cache.save(dataset, folder / "data.npz")
        _ask(folder, "tensorflow", "ours", "make", options)
        found = {(backend, way): _Found() for backend in options.backends for way in WAYS}
        for _ in range(options.rounds):
            for (backend, way), found_here in found.items():
                found_here.add(_ask(folder, backend, way, "warm", options))
                started = time.perf_counter()
                _ask(folder, backend, way, "first", options)
                found_here.first_s.append(time.perf_counter() - started)
    records = [{"backend": backend, "way": way, **one.record()} for (backend, way), one in found.items()]
    _print_table(records, dataset.summary.title)
    results = {"machine": machine.describe(), "rounds": options.rounds, "data": dataset.summary.title, "results": records}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\nall numbers: {options.output}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.predict", description="What it costs to score reviews.")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each process is started")
    parser.add_argument(
        "--calls", type=int, default=300, metavar="N", help="single reviews per process; eagerly a fifteenth of them"
    )
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
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


def _print_table(records: list[dict[str, Any]], title: str) -> None:
    print(f"{title}; GRU, {UNITS} units, embedding {EMBEDDING}, one CPU thread{LEGEND}")
    print(f"{'':56}{'one, p50 ms':>13}{'p99 ms':>9}{'thousand s':>12}{'a second':>10}{'first s':>9}")
    for row in records:
        thousand = row["thousand_s"]
        batch = f"{thousand:12.2f}{REVIEWS / thousand:10.0f}" if thousand else f"{'-':>12}{'-':>10}"
        name = f"{WAYS[row['way']]}, {row['backend']}"
        print(f"{name:56}{row['one_p50_ms']:13.2f}{row['one_p99_ms']:9.2f}{batch}{row['first_s']:9.1f}")


def _ask(folder: Path, backend: str, way: str, task: str, options: argparse.Namespace) -> dict[str, Any]:
    """Have a new process do one of the tasks of `child`."""
    code = f"from benchmarks import predict; predict.child({str(folder)!r}, {backend!r}, {way!r}, {task!r}, {options.calls})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{way} on {backend} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


# -- in a process of its own -------------------------------------------------------------------------------------------


def child(folder: str, backend: str, way: str, task: str, calls: int) -> None:
    """`make` the checkpoint, score the `first` text, or be timed `warm`; prints its answer as a line of JSON."""
    restrict_process(Device("cpu", 0, "cpu"), backend)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    path = Path(folder) / "gru.keras"
    answer: dict[str, Any] = {}
    dataset = data_cache.load_prepared(Path(folder) / "data.npz")
    if task == "make":
        _network(dataset.vocab_size).stock(dropout=0.3, spatial_dropout=0.0).save(path)
    else:
        score = _scorer(way, path, dataset)
        text = _texts(dataset, dataset.test.sequences.lengths >= TOKENS, 1, TOKENS)
        score(text)
        if task == "warm":
            answer["one_ms"] = [1000 * _seconds(lambda: score(text)) for _ in range(calls if way != "call" else -(-calls // 15))]
            many = _texts(dataset, dataset.test.sequences.lengths > 0, REVIEWS, LONGEST)
            if way != "call":  # eagerly, a thousand are a thousand calls
                score(many)
                answer["thousand_s"] = [_seconds(lambda: score(many))]
        answer = {"one_ms": [], "thousand_s": []} | answer
    print(json.dumps(answer))


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _texts(dataset: data_preprocessing.Dataset, is_eligible: np.ndarray, count: int, tokens: int) -> list[str]:
    """The first words of test reviews, the start token left out, drawn with a fixed seed."""
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(is_eligible))[:count]
    return [dataset.vocabulary.decode(dataset.test.sequences[int(i)][1:tokens]) for i in chosen]


def _network(vocab_size: int) -> Any:
    from models.classifier import NetworkShape
    from training import Networks

    shape = NetworkShape(
        architecture="gru", engine="custom", vocab_size=vocab_size, embedding_dim=EMBEDDING, units=UNITS, pooling="mean"
    )
    return Networks(np.array([300, LONGEST]), clip_norm=1.0).get(shape, 32)


def _scorer(way: str, checkpoint: Path, dataset: data_preprocessing.Dataset) -> Score:
    """From texts to probabilities `<float>[reviews]`."""
    import keras
    from keras import ops

    stock = keras.saving.load_model(checkpoint)

    def encode(texts: list[str]) -> list[np.ndarray]:
        rows = (dataset.vocabulary.encode(text) for text in texts)
        return [np.where(ids < dataset.vocab_size, ids, data_preprocessing.OOV)[-LONGEST:] for ids in rows]

    if way == "ours":
        network = _network(dataset.vocab_size)
        network.weights = stock.trainable_variables
        return lambda texts: network.predict(encode(texts))

    def predict(texts: list[str]) -> np.ndarray:
        ids = keras.utils.pad_sequences(encode(texts), padding="post")
        logits = ops.convert_to_numpy(stock(ids)) if way == "call" else stock.predict(ids, batch_size=32, verbose=0)
        return 1 / (1 + np.exp(-logits[:, 0]))

    return predict


if __name__ == "__main__":
    sys.exit(main())
