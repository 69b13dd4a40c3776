"""What a report shows of its models beyond scores: behavioural tests, sample predictions, and the worst mistakes explained.

Nothing here chooses anything: the test reviews have been read, and what was said of them is looked up.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.types import IdArray
from data_preprocessing import Dataset, Reviews
from engine.arrays import sigmoid
from inference.explain import DeletionCurve, Explanation, explain, faithfulness
from inference.probes import PassRate, measure
from inference.run import Encoded, FinishedRun, Trained
from records.codec import Record
from records.files import write_text
from records.study import Study
from saver import RunFolder

SAMPLES = 2  # reviews a bucket, one of each class
EXPLAINED = 10  # test reviews a bucket that deletion curves are taken of, at most,
TOKENS_EXPLAINED = 2_000  # and their tokens in all: a wide network takes milliseconds for each
LONGEST_EXPLAINED = 1_000  # tokens of one of them, and of a mistake


@dataclass(frozen=True)
class Verdict(Record):
    """What one model said of a review."""

    study: Study
    probability: float  # that it is positive, calibrated


@dataclass(frozen=True)
class Sample(Record):
    """A test review and what every architecture said of it."""

    bucket: str
    row: int  # in the source
    text: str
    label: int
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Mistake(Record):
    """The test review that a bucket's chosen network was most sure of and wrong about."""

    bucket: str
    row: int
    label: int
    explanation: Explanation


@dataclass(frozen=True)
class Faithfulness(Record):
    """What explanations of a bucket's chosen network are worth, on test reviews."""

    bucket: str
    study: Study
    n: int
    curves: tuple[DeletionCurve, ...]


@dataclass(frozen=True)
class Evidence(Record):
    """All of it, and what it was made from."""

    key: str
    probes: tuple[PassRate, ...]
    samples: tuple[Sample, ...]
    mistakes: tuple[Mistake, ...]
    faithfulness: tuple[Faithfulness, ...]


def stored(folder: RunFolder) -> Evidence | None:
    """What has been gathered of a run, whatever has become of it since; None when nothing has."""
    try:
        return Evidence.from_json(folder.final_stats("evidence.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # of an interrupted run, or an older program's: it is only derived
        return None


def fetch(folder: RunFolder, dataset: Dataset) -> Evidence:
    """The evidence of a run that has ended: read when its studies are the same, else gathered and written.

    Raises:
        InferenceError: the run cannot be asked.
    """
    run, kept = FinishedRun.open(folder.path), stored(folder)
    if kept is not None and kept.key == _key(run):
        return kept
    found = gather(run, dataset)
    write_text(folder.final_stats("evidence.json"), found.to_json())
    return found


def _key(run: FinishedRun) -> str:
    """Digest of the studies that it was gathered from."""
    return hashlib.sha256("".join(result.to_json() for result in run.results.values()).encode()).hexdigest()


def gather(run: FinishedRun, dataset: Dataset) -> Evidence:
    """Everything; seconds for small networks, more for long reviews.

    Raises:
        CheckpointError: a checkpoint cannot be read.
    """
    rng = np.random.default_rng([run.config.run.seed, len(dataset.test)])
    samples, mistakes, worth = list[Sample](), list[Mistake](), list[Faithfulness]()
    for bucket in dataset.buckets:
        reviews = dataset.test.within(bucket)
        samples += _samples(run, dataset, bucket.name, reviews, rng)
        leader = run.leaders.get(bucket.name)
        if leader is None:
            continue
        model = run.trained(leader)
        if mistake := _worst_mistake(dataset, bucket.name, reviews, model):
            mistakes.append(mistake)
        if few := _readable(reviews, model, rng):
            worth.append(Faithfulness(bucket.name, leader, len(few), faithfulness(model, few)))
    return Evidence(_key(run), measure(run), tuple(samples), tuple(mistakes), tuple(worth))


def mean_curves(each: Sequence[Faithfulness]) -> tuple[DeletionCurve, ...]:
    """The deletion curves over all buckets, every bucket with the same weight; of methods that all of them have."""
    methods = [curve.method for curve in each[0].curves]
    found = []
    for method in methods:
        mine = [curve for one in each for curve in one.curves if curve.method == method]
        if len(mine) == len(each):
            found.append(replace(mine[0], probabilities=tuple(np.mean([c.probabilities for c in mine], axis=0).tolist())))
    return tuple(found)


def _samples(run: FinishedRun, dataset: Dataset, bucket: str, reviews: Reviews, rng: np.random.Generator) -> list[Sample]:
    """Drawn, not chosen: a review of each class."""
    found = []
    studies = [study for name in run.architectures if (study := run.of_architecture(name, bucket))]
    said = {study: _said(run.trained(study)) for study in studies}
    for label in (1, 0):
        members = np.flatnonzero(reviews.labels == label)
        for index in rng.permutation(members)[: SAMPLES // 2]:
            row = int(reviews.rows[index])
            verdicts = tuple(Verdict(study, said[study][row]) for study in studies)
            found.append(Sample(bucket, row, dataset.vocabulary.decode(reviews.sequences[int(index)]), label, verdicts))
    return found


def _said(model: Trained) -> dict[int, float]:
    """The calibrated probability by row of the source, as it was stored when the test reviews were read."""
    calibrated = sigmoid(model.tested_logits / model.temperature)
    return dict(zip(model.tested_rows.tolist(), calibrated.tolist(), strict=True))


def _worst_mistake(dataset: Dataset, bucket: str, reviews: Reviews, model: Trained) -> Mistake | None:
    said = _said(model)
    short = reviews.sequences.lengths.clip(max=model.max_length) <= LONGEST_EXPLAINED
    sureness = np.array([said[int(row)] for row in reviews.rows]) - 0.5
    wrongness = np.where(short, np.where(reviews.labels == 1, -sureness, sureness), -1.0)
    worst = int(wrongness.argmax()) if len(reviews) else 0
    if not len(reviews) or wrongness[worst] <= 0:
        return None
    encoded = _encoded(dataset, reviews.sequences[worst])
    return Mistake(bucket, int(reviews.rows[worst]), int(reviews.labels[worst]), explain(model, encoded))


def _encoded(dataset: Dataset, ids: IdArray) -> Encoded:
    return Encoded(ids, tuple(dataset.vocabulary.word(i) for i in ids[1:].tolist()), (), ())


def _readable(reviews: Reviews, model: Trained, rng: np.random.Generator) -> Sequence[IdArray]:
    """Some test reviews, drawn, that have enough words to leave out and not too many to explain."""
    found, tokens = list[IdArray](), 0
    for index in rng.permutation(len(reviews)):
        ids = reviews.sequences[int(index)]
        length = len(model.row(ids))
        if 10 < length <= LONGEST_EXPLAINED:
            found.append(ids)
            tokens += length
        if len(found) == EXPLAINED or tokens >= TOKENS_EXPLAINED:
            break
    return found
