"""What a report shows of a run's models beyond scores: behavioural tests, sample predictions, and the worst mistakes explained.

Nothing here chooses anything: the test reviews have been read, and what was said of them is looked up. A model that cannot be
asked, or whose numbers are not finite, is left out with a sentence; all the others are gathered.
"""

import contextlib
import hashlib
import multiprocessing
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from analysis.evaluation import is_right
from data.types import Dataset, IdArray, Reviews
from engine.arrays import class_probabilities, predicted
from experiment.crew import processes
from inference.explain import DeletionCurve, Explanation, explain, faithfulness
from inference.probes import CAPABILITIES, PassRate, measure
from inference.run import Encoded, FinishedRun
from inference.trained import Trained
from records.codec import Record
from records.errors import ArtifactsError, InferenceError
from records.files import read_record, write_record
from records.study import Study
from saver import RunFolder

MOST_SAMPLES = 5  # reviews a bucket, one of each class; of more classes, of some that are evenly spaced
EXPLAINED = 10  # test reviews a bucket that deletion curves are taken of, at most,
TOKENS_EXPLAINED = 2_000  # and their tokens in all: a wide network takes milliseconds for each
LONGEST_EXPLAINED = 1_000  # tokens of one of them, and of a mistake
FEW_BUCKETS = 2  # are gathered sooner than other processes have started
A_PROCESS = 0.5e9  # bytes that one of those takes, with the networks of a run


_Said = dict[int, tuple[float, ...]]  # the calibrated probability of each class by a test review's row of the source


@dataclass(frozen=True)
class Verdict(Record):
    """The probabilities that one model gave a review."""

    study: Study
    probabilities: tuple[float, ...]  # of each class, calibrated

    @property
    def label(self) -> int:
        """The number of the class that it says."""
        return int(predicted(np.array(self.probabilities)))


@dataclass(frozen=True)
class Sample(Record):
    """A test review and what every contender said of it."""

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

    @property
    def said(self) -> int:
        """The number of the class that the network said."""
        return int(predicted(np.array(self.explanation.probabilities)))


@dataclass(frozen=True)
class Faithfulness(Record):
    """Deletion curves of a bucket's chosen network on test reviews: what its explanations are worth."""

    bucket: str
    study: Study
    n: int
    curves: tuple[DeletionCurve, ...]


@dataclass(frozen=True)
class Examples(Record):
    """Everything that was gathered, and what it was gathered from."""

    key: str  # see `_key`
    probes: tuple[PassRate, ...]
    samples: tuple[Sample, ...]
    mistakes: tuple[Mistake, ...]
    faithfulness: tuple[Faithfulness, ...]
    left_out: tuple[str, ...]  # sentences, each on a model that is missing from some of the above

    @property
    def contenders(self) -> tuple[str, ...]:
        """The contenders that have a verdict on some sample, in the order in which they appear."""
        return tuple(dict.fromkeys(verdict.study.contender for sample in self.samples for verdict in sample.verdicts))


def stored(folder: RunFolder) -> Examples | None:
    """What has been gathered of a run, whatever has become of it since; None when nothing has.

    Raises:
        ArtifactsError: someone changed the file.
    """
    return read_record(Examples, folder.final_stats("examples.json"))


def load_or_gather(folder: RunFolder, dataset: Dataset) -> Examples:
    """The examples of a run that has ended: read when they are whole and of the same studies, else gathered and written.

    Raises:
        RunError: the run cannot be asked.
    """
    run, kept = FinishedRun.open(folder.path), None
    with contextlib.suppress(ArtifactsError):  # examples are derived from what else the folder holds
        kept = stored(folder)
    if kept is not None and kept.key == _key(run) and not kept.left_out:
        return kept
    found = gather(run, dataset)
    write_record(folder.final_stats("examples.json"), found)
    return found


def _key(run: FinishedRun) -> str:
    """Digest of the studies that examples were gathered from, and of the behavioural tests that they were put to."""
    tests = [repr((capability.name, capability.kind, *capability.make())) for capability in CAPABILITIES]
    return hashlib.sha256("".join([*(result.to_json() for result in run.results.values()), *tests]).encode()).hexdigest()


class _Omissions:
    """Collects why something is left out, so that the rest is gathered."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Ends the block quietly where a model cannot be asked."""
        try:
            yield
        except InferenceError as error:
            self._sentences[str(error)] = None

    @property
    def sentences(self) -> tuple[str, ...]:
        """Each once, in the order in which they came."""
        return tuple(self._sentences)


@dataclass(frozen=True)
class _OfBucket:
    """What is gathered of one bucket."""

    samples: list[Sample]
    mistake: Mistake | None
    worth: Faithfulness | None
    left_out: tuple[str, ...]


def gather(run: FinishedRun, dataset: Dataset) -> Examples:
    """Gather everything that the models of a run give; it takes seconds for small networks, and more for long reviews.

    Buckets of more than a few are gathered by other processes, one a core as far as there is memory.
    """
    parts = [(run, bucket.name, dataset.test.within(bucket)) for bucket in dataset.buckets]
    if len(parts) <= FEW_BUCKETS:
        (probes, left_out), found = measure(run), [_of_bucket(*part) for part in parts]
    else:
        with ProcessPoolExecutor(processes(len(parts), A_PROCESS), multiprocessing.get_context("spawn")) as pool:
            packed = pickle.dumps(replace(run, _models={}))  # at once: `measure` adds to what is in `run`
            waiting = [pool.submit(_of_packed, packed, *part[1:]) for part in parts]
            (probes, left_out), found = measure(run), [each.result() for each in waiting]
    return Examples(
        _key(run),
        probes,
        tuple(sample for each in found for sample in each.samples),
        tuple(each.mistake for each in found if each.mistake),
        tuple(each.worth for each in found if each.worth),
        tuple(dict.fromkeys([*left_out, *(sentence for each in found for sentence in each.left_out)])),
    )


def _of_packed(run: bytes, bucket: str, reviews: Reviews) -> _OfBucket:
    return _of_bucket(pickle.loads(run), bucket, reviews)  # noqa: S301 - of the process that asks


def _of_bucket(run: FinishedRun, bucket: str, reviews: Reviews) -> _OfBucket:
    """What is gathered of a bucket, whose test reviews are given."""
    rng, omissions = np.random.default_rng([run.config.run.seed, len(reviews)]), _Omissions()
    samples = _samples(run, bucket, reviews, _verdicts(run, bucket, omissions), rng)
    leader, mistake, worth = run.leaders.get(bucket), None, None
    if leader is not None:
        with omissions.noted():
            model = run.by_engine(leader)
            few = _readable(reviews, model, rng)
            mistake = _worst_mistake(run, bucket, reviews, model)
            if few:
                worth = Faithfulness(bucket, leader, len(few), faithfulness(model, few))
    return _OfBucket(samples, mistake, worth, omissions.sentences)


def mean_curves(each: Sequence[Faithfulness]) -> tuple[DeletionCurve, ...]:
    """The deletion curves over all buckets, every bucket with the same weight, by the methods that all of them have."""
    methods = [curve.method for curve in each[0].curves]
    found = []
    for method in methods:
        mine = [curve for one in each for curve in one.curves if curve.method == method]
        if len(mine) == len(each):
            found.append(replace(mine[0], probabilities=tuple(np.mean([c.probabilities for c in mine], axis=0).tolist())))
    return tuple(found)


def _verdicts(run: FinishedRun, bucket: str, omissions: _Omissions) -> dict[Study, _Said]:
    """What every contender's model for a bucket said of its test reviews."""
    found = {}
    for contender in run.contenders:
        if study := run.of_contender(contender, bucket):
            with omissions.noted():
                found[study] = _said(run.by_engine(study))
    return found


def _samples(run: FinishedRun, bucket: str, reviews: Reviews, said: dict[Study, _Said], rng: np.random.Generator) -> list[Sample]:
    """A review of each class, drawn at random, and what was said of it."""
    found, n_classes = [], len(run.data.classes)
    for label in np.linspace(n_classes - 1, 0, min(n_classes, MOST_SAMPLES)).round().astype(int).tolist():
        members = np.flatnonzero(reviews.labels == label)
        for index in rng.permutation(members)[:1]:
            row = int(reviews.rows[index])
            verdicts = tuple(Verdict(study, probabilities[row]) for study, probabilities in said.items())
            found.append(Sample(bucket, row, run.vocabulary.decode(reviews.sequences[int(index)]), label, verdicts))
    return found


def _said(model: Trained) -> _Said:
    """What a model said of the test reviews, as stored when they were read."""
    calibrated = class_probabilities(model.tested_logits / model.temperature)
    return dict(zip(model.tested_rows.tolist(), map(tuple, calibrated.tolist()), strict=True))


def _worst_mistake(run: FinishedRun, bucket: str, reviews: Reviews, model: Trained) -> Mistake | None:
    """The test review that the model was most sure of and wrong about, explained; None where it made no mistake."""
    if not len(reviews):
        return None
    said = _said(model)
    probabilities = np.array([said[int(row)] for row in reviews.rows])
    is_short = reviews.sequences.lengths.clip(max=model.max_length) <= LONGEST_EXPLAINED
    wrongness = np.where(is_short & ~is_right(reviews.labels, probabilities), probabilities.max(axis=-1), 0.0)
    worst = int(wrongness.argmax())
    if wrongness[worst] == 0:
        return None
    ids = reviews.sequences[worst]
    encoded = Encoded(ids, tuple(run.vocabulary.word(i) for i in ids[1:].tolist()), (), ())
    return Mistake(bucket, int(reviews.rows[worst]), int(reviews.labels[worst]), explain(model, encoded))


def _readable(reviews: Reviews, model: Trained, rng: np.random.Generator) -> Sequence[IdArray]:
    """Some test reviews, drawn at random, that have enough words to leave out and not too many to explain."""
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
