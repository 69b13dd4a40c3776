"""`python -m benchmarks.word_vectors`: what word vectors are worth on validation reviews, and how long they take.

One network a bucket, mean and maximum pooling: its random word vectors trained, or learned ones left as they are. No network
reads a test review. `--reviews 0` trains on all of a bucket's reviews. One CPU thread; word2vec needs gensim (EXTRAS=word2vec).
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

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
from models.roster import architecture_of
from records.study import Setting

SETTING = Setting(
    units=32, embedding_dim=64, dropout=0.3, spatial_dropout=0.2, adversarial=0, learning_rate=3e-3, batch_size=64, evidence=0
)
FROZEN = 1_000  # epochs: for good
CONTENDERS = {
    "random, trained": Vectors(),
    "word2vec, frozen": Vectors(source="learned", method="word2vec", frozen_epochs=FROZEN),
    "svd, frozen": Vectors(source="learned", frozen_epochs=FROZEN),
    "svd, trained": Vectors(source="learned"),
}


def main() -> None:
    """Print seconds, and validation accuracy and loss by bucket, means and standard deviations over seeds."""
    parser = argparse.ArgumentParser(description="Word vectors compared on validation reviews, one CPU thread.")
    parser.add_argument("--reviews", type=int, default=1_500, help="of the training part, a bucket, validation included; 0: all")
    parser.add_argument("--buckets", nargs="+", default=["0-129", "176-284"])
    parser.add_argument("--architecture", default="gru")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8, help="of a training; that with the lowest validation loss counts")
    options = parser.parse_args()
    restrict_process(Device("cpu", 0, "cpu"), "tensorflow")
    logger.silence_libraries(Path(mkdtemp()) / "libraries.log")
    changes = ["data.source=imdb", "data.validation_fraction=0.3", f"data.max_train_per_bucket={options.reviews}"]
    config = with_overrides(PROFILES["quick"].config, [*changes, f"training.epochs={options.epochs}"])
    config = replace(config, compare=replace(config.compare, architectures=(options.architecture,)))
    dataset = prepare(config)
    configs = {name: replace(config, vectors=vectors) for name, vectors in CONTENDERS.items()}
    vectors = {name: _timed(name, each, dataset) for name, each in configs.items()}
    for bucket in options.buckets:
        scores = _scores(configs, dataset.scope(bucket), vectors, range(1, options.seeds + 1))
        for name, found in scores.items():
            (accuracy, wobble), (loss, of_loss) = ((statistics.mean(n), statistics.stdev(n)) for n in zip(*found, strict=True))
            print(f"{bucket:9}{name:18}{100 * accuracy:6.2f} % ({100 * wobble:.2f})  loss {loss:.4f} ({of_loss:.4f})", flush=True)


def _timed(name: str, config: Config, dataset: Dataset) -> word_vectors.WordVectors | None:
    started = time.process_time()
    files = word_vectors.load_or_build(config, dataset, Path(mkdtemp()), say=lambda _: None)
    print(f"{name}: {time.process_time() - started:.1f} s of processor time for the vectors", flush=True)
    return word_vectors.load(files[SETTING.embedding_dim]) if files else None


def _scores(
    configs: dict[str, Config], scope: Dataset, vectors: dict[str, word_vectors.WordVectors | None], seeds: Sequence[int]
) -> dict[str, list[tuple[float, float]]]:
    """Accuracy and loss on validation by contender and seed."""
    from experiment.network import Examples, FitPlan, ModelCache
    from models.classifier import NetworkShape

    config = next(iter(configs.values()))

    def examples(reviews: Reviews) -> Examples:
        rows = network_ids(reviews.sequences, scope.vocab_size, config.data.max_length, config.data.truncate)
        return Examples(rows, reviews.labels)

    train, validation = examples(scope.train), examples(scope.validation)
    lengths = ladder(np.concatenate([train.lengths, validation.lengths]), cost_of_rung(config, stops_early=True))
    shape = NetworkShape(
        architecture=architecture_of(config.compare.architectures[0]),
        engine="custom",
        vocab_size=scope.vocab_size,
        embedding_dim=SETTING.embedding_dim,
        units=SETTING.units,
        pooling="mean_max",
    )
    network = ModelCache(lengths).get(shape, SETTING.batch_size, config.training.clip_norm)
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in configs}
    for name, each in configs.items():
        training = each.training
        plan = FitPlan(
            training=training,
            setting=SETTING,
            epochs=training.epochs,
            patience=training.epochs,
            seed=0,
            frozen_epochs=each.vectors.frozen_epochs,
        )
        for seed in seeds:
            network.start(replace(plan, seed=seed), vectors[name])
            history = network.fit(train, validation, replace(plan, seed=seed), lambda _: False)
            best = min(history, key=lambda epoch: epoch.val_loss)
            scores[name].append((best.val_accuracy, best.val_loss))
    return scores


if __name__ == "__main__":
    main()
