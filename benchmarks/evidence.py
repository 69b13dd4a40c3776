"""`python -m benchmarks.evidence`: what evidence is worth on validation reviews, by how it is made, and whether it leaks.

One network a bucket and seed, mean and maximum pooling, learned word vectors left as they are; a seed draws the reviews too. No
network reads a test review. `--reviews 0` trains on all of a bucket's reviews. One CPU thread.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

import logger
from config import PROFILES, Config
from data import word_vectors
from data.batches import ladder, network_ids
from data.types import Dataset, Reviews
from data_preprocessing import prepare
from experiment.devices import Device, restrict_process
from experiment.options import with_overrides
from experiment.plan import cost_of_rung
from models.evidence import Counts, Evidence, Informed
from records.study import Setting

SETTING = Setting(units=32, embedding_dim=64, dropout=0.3, spatial_dropout=0.2, adversarial=0, learning_rate=6e-3, batch_size=64)


@dataclass(frozen=True)
class Form:
    """A way to make evidence."""

    order: int = 3
    leaves_out: bool = True  # a training review reads no label of its own
    pseudo: str = ""  # of texts without labels: `fitted` by one model, or `cross-fitted`
    is_shuffled: bool = False  # the training labels are: whatever a network learns of them it has from a leak


FORMS = {
    "none": Form(order=0),
    "words": Form(order=1),
    "pairs": Form(order=2),
    "triples": Form(),
    "pseudo-labels": Form(pseudo="cross-fitted"),
    "pseudo-labels, fitted": Form(pseudo="fitted"),
    "nothing left out": Form(leaves_out=False),
    "shuffled, no evidence": Form(order=0, is_shuffled=True),
    "shuffled": Form(is_shuffled=True),
    "shuffled, nothing left out": Form(is_shuffled=True, leaves_out=False),
    "shuffled, pseudo-labels": Form(is_shuffled=True, pseudo="cross-fitted"),
    "shuffled, pseudo-labels, fitted": Form(is_shuffled=True, pseudo="fitted"),
}


def main() -> None:
    """Print accuracy in training and on validation, and the loss there, by form: means over buckets and seeds."""
    parser = argparse.ArgumentParser(description="Evidence compared on validation reviews, one CPU thread.")
    parser.add_argument("--reviews", type=int, default=1_500, help="of the training part, a bucket, validation included; 0: all")
    parser.add_argument("--buckets", nargs="+", default=["0-129", "176-284", "598-end"])
    parser.add_argument("--architecture", default="gru")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--set", nargs="+", default=[], metavar="FIELD=VALUE", help="of the setting: learning_rate=0.003")
    options = parser.parse_args()
    restrict_process(Device("cpu", 0, "cpu"), "tensorflow")
    logger.silence_libraries(Path(mkdtemp()) / "libraries.log")
    changes = {name: type(getattr(SETTING, name))(value) for name, _, value in (each.partition("=") for each in options.set)}
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in options.forms}
    for seed in range(1, options.seeds + 1):
        config = _config(options, seed)
        dataset = prepare(config)
        for bucket in options.buckets:
            for name, scores in _scores(config, dataset, bucket, replace(SETTING, **changes), options.forms):
                found[name].append(scores)
    print(f"{'evidence':34}{'training':>9}{'validation':>11}{'loss':>9}")
    for name, each in found.items():
        train, validation, loss = np.mean(each, axis=0)
        print(f"{name:34}{100 * train:8.1f} {100 * validation:10.2f} {loss:9.4f}")


def _config(options: argparse.Namespace, seed: int) -> Config:
    changes = [
        "data.source=imdb",
        f"data.max_train_per_bucket={options.reviews}",
        f"training.epochs={options.epochs}",
        f"compare.architectures=('{options.architecture}',)",
        f"run.seed={seed}",
        "vectors.source=learned",
        f"vectors.frozen_epochs={options.epochs}",
        "training.schedule=linear",
        "training.keep=last",
    ]
    return with_overrides(PROFILES["quick"].config, changes)


def _scores(  # long: one training
    config: Config, dataset: Dataset, bucket: str, setting: Setting, names: list[str]
) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Each form's accuracy in training and on validation, and its loss there."""
    from analysis.evaluation import accuracy, log_loss
    from experiment.evidence import Corpus, folds_of
    from experiment.network import Examples, FitPlan, ModelCache
    from models.classifier import NetworkShape

    data, corpus = dataset.scope(bucket), Corpus(dataset, 3)
    files = word_vectors.load_or_build(config, dataset, Path(mkdtemp()), say=lambda _: None)
    lengths = ladder(data.train.sequences.lengths.clip(max=config.data.max_length), cost_of_rung(config, stops_early=True))
    models = ModelCache(lengths)
    plan = FitPlan(
        training=config.training,
        setting=setting,
        epochs=config.training.epochs,
        patience=config.training.epochs,
        seed=config.run.seed,
        frozen_epochs=config.vectors.frozen_epochs,
    )
    architecture = str(config.compare.architectures[0])
    for name in names:
        form, train = FORMS[name], data.train
        if form.is_shuffled:
            train = replace(train, labels=np.random.default_rng(config.run.seed).permutation(train.labels))
        folds = folds_of(train)
        pseudo = corpus.pseudo_counts(replace(data, train=train), folds) if form.pseudo else {}
        evidence = _evidence(corpus.ngrams, corpus.counts(train), pseudo.get(None))
        by_fold: tuple[Evidence, ...] = (evidence, evidence)
        if form.pseudo == "cross-fitted":
            by_fold = tuple(_evidence(evidence.ngrams, evidence.counts[0], pseudo[fold]) for fold in (0, 1))

        def examples(reviews: Reviews, of: tuple[Evidence, ...], folds: np.ndarray | None) -> Examples:
            rows = network_ids(reviews.sequences, data.vocab_size, config.data.max_length, config.data.truncate)
            return Examples(rows, reviews.labels, Informed(reviews, config.data.max_length, config.data.truncate, of, folds))

        shown = examples(train, by_fold, folds) if form.leaves_out else examples(train, (evidence,), None)
        held = examples(data.validation, (evidence,), None)
        shape = NetworkShape(
            architecture=architecture,
            engine="custom",
            vocab_size=data.vocab_size,
            embedding_dim=setting.embedding_dim,
            units=setting.units,
            pooling="mean_max",
            evidence=form.order,
            evidence_width=evidence.width(form.order),
            trains_vectors=False,
        )
        network = models.get(shape, setting.batch_size, config.training.clip_norm)
        network.start(plan, word_vectors.load(files[setting.embedding_dim]))
        network.fit(shown, held, plan, lambda _: False)
        said = network.predict(held)
        yield (
            name,
            (
                accuracy(shown.labels, network.predict(shown)),
                accuracy(held.labels, said),
                log_loss(held.labels, said),
            ),
        )


def _evidence(ngrams: object, labels: Counts, pseudo: Counts | None) -> Evidence:
    return Evidence(ngrams, (labels, pseudo) if pseudo else (labels,))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
