"""`python -m benchmarks.step_cost`: what one training step of each architecture costs on one CPU thread.

The numbers in `experiment/plan.py` and the `cost` of each architecture in the registry come from here. Every contender trains the
same batches; contenders alternate over the rounds and the median is kept, because a machine's speed wobbles.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

import logger
from experiment.devices import Device, restrict_process
from models.registry import ARCHITECTURES, resolve

TIME, STEPS, VOCABULARY, EMBEDDING, UNITS = 150, 12, 10_000, 64, 32


def main() -> None:
    """Print milliseconds per step at two batch sizes, per time step, and relative to `gru`."""
    parser = argparse.ArgumentParser(description="Cost of one training step per architecture, one CPU thread.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender is timed")
    rounds = parser.parse_args().rounds
    restrict_process(Device("cpu", 0, "cpu"), "tensorflow")
    logger.silence_libraries(Path(mkdtemp()) / "libraries.log")
    rows = [(name, resolve(name).engine or "custom") for name in ARCHITECTURES] + [("gru", "keras")]  # a control
    contenders = {(name, engine, batch): _contender(name, engine, batch) for name, engine in rows for batch in (32, 64)}
    times: dict[tuple[str, str, int], list[float]] = {key: [] for key in contenders}
    for _ in range(rounds):
        for key, run in contenders.items():
            times[key].append(run())
    median = {key: statistics.median(values) for key, values in times.items()}
    print(f"{TIME} time steps, {UNITS} units, embedding {VOCABULARY} x {EMBEDDING}, medians of {rounds} rounds")
    print(f"{'architecture':28}{'ms, batch 32':>14}{'ms, batch 64':>14}{'us per time step':>18}{'us per review':>15}{'cost':>8}")
    for name, engine in rows:
        small, large = median[name, engine, 32], median[name, engine, 64]
        per_review = (large - small) / 32 / TIME
        fixed = small / TIME - 32 * per_review
        title = f"{name} (Keras)" if (name, engine) == rows[-1] else name
        relative = (small + large) / (median["gru", "custom", 32] + median["gru", "custom", 64])
        print(f"{title:28}{small * 1e3:14.1f}{large * 1e3:14.1f}{fixed * 1e6:18.0f}{per_review * 1e6:15.2f}{relative:8.2f}")


def _contender(name: str, engine: str, batch: int) -> Callable[[], float]:
    """A function that trains STEPS steps and gives seconds per step; the first call, which compiles, is made here."""
    from experiment.network import ModelCache
    from models.classifier import NetworkShape

    shape = NetworkShape(
        architecture=name, engine=engine, vocab_size=VOCABULARY, embedding_dim=EMBEDDING, units=UNITS, pooling="mean"
    )
    model = ModelCache(np.array([TIME])).get(shape, batch, clip_norm=1.0).model
    rng = np.random.default_rng(0)
    ids = rng.integers(4, VOCABULARY, (STEPS, batch, TIME)).astype(np.int32)
    labels = rng.integers(0, 2, (batch, 1)).astype(np.float32)

    def run() -> float:
        started = time.perf_counter()
        for step in ids:
            model.train_on_batch(step, labels)
        return (time.perf_counter() - started) / STEPS

    run()
    return run


if __name__ == "__main__":
    main()
