"""Made-up counts of n-grams, and networks that read them, for tests of what reads evidence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data.ngrams import collect
from data.types import Sequences
from data.vocabulary import FIRST_WORD, START
from inference.run import FinishedRun
from models.evidence import Counts, Evidence
from records.study import Study

NEITHER = 2  # the class of a review that is not counted


def an_evidence(highest: int, order: int = 3, sources: int = 1) -> Evidence:
    """Of made-up reviews of ids up to the highest.

    Neighbours often follow one another, so that pairs and triples are known; positive reviews have more of the low ids.
    """
    rng = np.random.default_rng(11)
    labels = rng.integers(2, size=80)
    ids = (rng.random((80, 40)) ** (1 + 2 * labels[:, None]) * (highest + 1 - FIRST_WORD)).astype(int)
    for place in range(1, ids.shape[1]):
        ids[:, place] = np.where(rng.random(len(ids)) < 0.6, ids[:, place - 1] + 1, ids[:, place])
    ids = FIRST_WORD + ids % (highest + 1 - FIRST_WORD)
    return counted([[START, *review] for review in ids], labels, order, sources)


def counted(reviews: list[Any], labels: np.ndarray, order: int, sources: int) -> Evidence:
    """The evidence of these reviews; each source counts some of its own, so that n-grams are known whose ratios are 0."""
    ngrams, held = collect(Sequences.from_lists(reviews), order, fewest=2)
    counts = []
    for source in range(sources):
        classes = np.where(np.arange(len(reviews)) % (sources + 1) == source, labels, NEITHER)
        counts.append(Counts(held.counts(classes, len(ngrams), 3)[:, :2], np.bincount(classes, minlength=3)[:2]))
    return Evidence(ngrams, tuple(counts))


def a_run_with_evidence(folder: Path, text: str, order: int = 3) -> tuple[FinishedRun, Study]:
    """A finished run, a copy that may be changed, in which a network reads the evidence of made-up pieces of this text.

    With an order of 0 it is a network without evidence.
    """
    import keras

    from models.classifier import NetworkShape, build_classifier

    run = FinishedRun.open(folder)
    study = next(study for study in run.results if not study.is_yardstick)
    repeats = run.results[study].repeats
    informed = [replace(repeat, hyperparameters=repeat.hyperparameters | {"evidence": order}) for repeat in repeats]
    run.folder.save_result(replace(run.results[study], repeats=tuple(informed)))

    rng, ids = np.random.default_rng(5), run.vocabulary.encode(text)[1:]
    labels = rng.integers(2, size=60)
    pieces = [[START, *np.roll(ids, rng.integers(len(ids)))[: 6 + 6 * label]] for label in labels]
    evidence = counted(pieces, labels, 3, 1)
    run.folder.ngrams.mkdir(exist_ok=True)
    evidence.ngrams.save(run.folder.ngrams)
    run.folder.evidence(study).parent.mkdir(parents=True, exist_ok=True)
    evidence.counts[0].save(run.folder.evidence(study))

    shape = NetworkShape(
        architecture="gru",
        engine="keras",
        vocab_size=run.data.vocabulary,
        embedding_dim=8,
        units=8,
        pooling="mean_max",
        evidence=order,
        evidence_width=order,
    )
    keras.utils.set_random_seed(5)
    model = build_classifier(shape, dropout=0.2, spatial_dropout=0.1)
    model.set_weights([weight + 0.3 * rng.normal(size=weight.shape) for weight in model.get_weights()])
    for repeat in repeats:
        model.save(run.folder.checkpoint(study, repeat.number))
    return FinishedRun.open(folder), study
