"""`python -m benchmarks.word_vectors`: what word vectors are worth on validation reviews, and how long they take.

One GRU a bucket, mean and maximum pooling: its random word vectors trained, or learned ones left as they are. No test review is
read by a network. `--reviews 0` trains on all of a bucket's reviews. One CPU thread.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

import logger
from config import PROFILES, Config, Vectors
from data import word_vectors
from data.batches import ladder, network_ids
from data.types import Dataset, Reviews
from data_preprocessing import prepare
from experiment.devices import Device, restrict_process
from experiment.options import with_overrides
from experiment.plan import cost_of_rung
from records.study import Setting

SETTING = Setting(
    units=32, embedding_dim=64, dropout=0.3, spatial_dropout=0.2, adversarial=0.0, learning_rate=3e-3, batch_size=64
)
FROZEN = 1_000  # epochs: for good
CONTENDERS = {
    "random, trained": Vectors(),
    "word2vec": Vectors(source="learned", method="word2vec", frozen_epochs=FROZEN),
    "svd": Vectors(source="learned", frozen_epochs=FROZEN),
}


def main() -> None:
    """Print seconds, and validation accuracy and loss by bucket, means and standard deviations over seeds."""
    parser = argparse.ArgumentParser(description="Word vectors compared on validation reviews, one CPU thread.")
    parser.add_argument("--reviews", type=int, default=1_500, help="of the training part, a bucket, validation included; 0: all")
    parser.add_argument("--buckets", nargs="+", default=["0-129", "176-284"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    restrict_process(Device("cpu", 0, "cpu"), "tensorflow")
    scratch = Path(mkdtemp())
    logger.silence_libraries(scratch / "libraries.log")
    changes = ["data.source=imdb", "data.validation_fraction=0.3", f"data.max_train_per_bucket={options.reviews}"]
    config = with_overrides(PROFILES["quick"].config, changes)
    dataset = prepare(config)
    for name, vectors in CONTENDERS.items():
        started = time.process_time()
        matrix = _matrix(replace(config, vectors=vectors), dataset, scratch)
        print(f"{name}: {time.process_time() - started:.1f} s of processor time for the vectors", flush=True)
        for bucket in options.buckets:
            scope, seeds = dataset.scope(bucket), range(1, options.seeds + 1)
            found = [_train(replace(config, vectors=vectors), scope, matrix, seed, options.epochs) for seed in seeds]
            accuracies, losses = zip(*found, strict=True)
            print(
                f"  {bucket:9}{100 * statistics.mean(accuracies):6.2f} % (deviation {100 * statistics.stdev(accuracies):.2f})"
                f"  loss {statistics.mean(losses):.4f} ({statistics.stdev(losses):.4f})",
                flush=True,
            )


def _matrix(config: Config, dataset: Dataset, folder: Path) -> np.ndarray | None:
    files = word_vectors.load_or_build(config, dataset, folder, say=lambda _: None)
    return word_vectors.load(files[SETTING.embedding_dim]).matrix if files else None


def _train(config: Config, scope: Dataset, matrix: np.ndarray | None, seed: int, epochs: int) -> tuple[float, float]:
    """Accuracy and loss on validation, after the epoch with the lowest loss."""
    from experiment.network import Examples, FitPlan, ModelCache
    from models.classifier import NetworkShape

    def examples(reviews: Reviews) -> Examples:
        rows = network_ids(reviews.sequences, scope.vocab_size, config.data.max_length, config.data.truncate)
        return Examples(rows, reviews.labels)

    train, validation = examples(scope.train), examples(scope.validation)
    shape = NetworkShape(
        architecture="gru",  # the plain one
        engine="custom",
        vocab_size=scope.vocab_size,
        embedding_dim=SETTING.embedding_dim,
        units=SETTING.units,
        pooling="mean_max",
    )
    lengths = np.array([len(row) for row in (*train.rows, *validation.rows)])
    if (key := scope.buckets[0].name) not in _CACHES:
        _CACHES[key] = ModelCache(ladder(lengths, cost_of_rung(config, stops_early=True)), config.training.clip_norm)
    network = _CACHES[key].get(shape, SETTING.batch_size)
    plan = FitPlan(
        training=config.training,
        setting=SETTING,
        epochs=epochs,
        patience=epochs,
        seed=seed,
        frozen_epochs=config.vectors.frozen_epochs,
    )
    network.start(plan, matrix)
    history = network.fit(train, validation, plan, lambda *_: False)
    best = min(history, key=lambda epoch: epoch.val_loss)
    return best.val_accuracy, best.val_loss


_CACHES: dict[str, Any] = {}  # bucket -> its compiled networks

if __name__ == "__main__":
    main()
