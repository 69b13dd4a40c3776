"""A finished run, opened to be asked: its words, its buckets, its studies, and whatever model of it is wanted."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from config import Config
from data.types import IdArray
from data.vocabulary import OOV, Vocabulary
from data_preprocessing import Bucket, truncated
from engine import checkpoint, linear
from engine.arrays import Array, sigmoid
from engine.network import NumpyNetwork
from experiment.options import config_of
from models.registry import ARCHITECTURES, in_order
from records.about import About
from records.errors import CheckpointError, RunError, closest
from records.study import ALL, YARDSTICK, Repeat, Study, StudyResult
from records.summary import DataSummary
from saver import RunFolder

ENSEMBLE = "ensemble"  # the mean of the networks that were best on validation


@dataclass(frozen=True)
class Encoded:
    """A text as a run reads it."""

    ids: IdArray  # the whole review, <int32>[time], the start token first
    words: tuple[str, ...]  # of all ids but the start token
    dropped: tuple[str, ...]  # words that the data's index does not have, as Keras IMDB drops them
    unknown: tuple[str, ...]  # words of the index that networks do not know: they read "out of vocabulary"

    @property
    def is_empty(self) -> bool:
        """Whether there is no word in it at all."""
        return not self.words and not self.dropped

    @property
    def is_unknown(self) -> bool:
        """Whether a network knows none of its words."""
        return len(self.unknown) == len(self.words)


@dataclass(frozen=True)
class Trained:
    """One trained model of a run: the repeat of a study that was best on validation."""

    study: Study
    repeat: Repeat
    model: NumpyNetwork | linear.LinearModel
    vocab_size: int
    max_length: int
    truncate: str
    tested_rows: np.ndarray = field(repr=False)  # its test reviews' places in the source, `<int64>[test reviews]`
    tested_logits: Array = field(repr=False)  # what it said of them, before the temperature, `<float64>[test reviews]`

    @cached_property
    def _strengths(self) -> Array:
        """Of its verdicts on the test reviews, ascending: the logits' distance from 0."""
        return np.sort(np.abs(self.tested_logits))

    @property
    def temperature(self) -> float:
        """What logits are divided by so that probabilities mean what they say; fitted on validation, 1 for the yardstick."""
        return next((score.temperature for score in self.repeat.scores if score.temperature), 1.0)

    def positions(self, ids: IdArray) -> np.ndarray:
        """Which tokens of a whole review it reads, `<int32>[time]`."""
        if isinstance(self.model, linear.LinearModel):
            return np.arange(len(ids))
        return truncated(np.arange(len(ids), dtype=np.int32), self.max_length, self.truncate)

    def row(self, ids: IdArray) -> IdArray:
        """What it reads of a whole review."""
        if isinstance(self.model, linear.LinearModel):
            return ids
        read = truncated(ids, self.max_length, self.truncate)
        return np.where(read < self.vocab_size, read, OOV).astype(np.int32)

    def logits(self, reviews: Sequence[IdArray]) -> Array:
        """The logit of each whole review at the temperature, `<float64>[reviews]`."""
        return self.logits_of_rows([self.row(ids) for ids in reviews])

    def logits_of_rows(self, rows: Sequence[IdArray]) -> Array:
        """The same for what it reads."""
        return self.model.logits(rows) / self.temperature

    def probabilities(self, reviews: Sequence[IdArray]) -> Array:
        """The calibrated probability that each whole review is positive, `<float64>[reviews]`."""
        return sigmoid(self.logits(reviews))

    def intensity(self, logits: Array) -> Array:
        """Share of the test reviews that it had a weaker opinion of, `<float64>[reviews]`, of logits at the temperature."""
        weaker = np.searchsorted(self._strengths, np.abs(logits * self.temperature))
        return weaker / len(self._strengths)


@dataclass(frozen=True)
class FinishedRun:
    """What a run folder says, checked; models are read when they are first asked for, and kept."""

    folder: RunFolder
    about: About
    config: Config
    data: DataSummary
    vocabulary: Vocabulary
    results: dict[Study, StudyResult]  # completed ones, on all reviews of their scope
    leaders: dict[str, Study]  # bucket -> the network that validation chose
    ranking: dict[str, tuple[Study, ...]]  # bucket -> networks, the best on validation first
    _models: dict[Study, Trained] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: Path | str) -> "FinishedRun":
        """Open a run folder, `artifacts/latest` for example.

        Raises:
            RunError: there is no run, it has not ended, is of an older format, or someone changed it.
        """
        folder = RunFolder(Path(path).resolve())
        try:
            about = folder.about()
            if not folder.has_ended:
                raise RunError(
                    f"{path}: the run has not ended (status {about.status}); python main.py {about.profile} goes on with it"
                )
            config, data, findings = config_of(folder), folder.summary(), folder.findings()
            vocabulary = Vocabulary.from_json(folder.vocabulary.read_text(encoding="utf-8"))
            leaders = {verdict.bucket: verdict.leader for verdict in findings.verdicts if verdict.leader}
            ranking = {verdict.bucket: verdict.best() for verdict in findings.verdicts}
            ended = in_order(folder.load_results())
            results = {r.study: r for r in ended if r.status == "completed" and r.repeats and not r.study.n_reviews}
        except RunError:
            raise
        except FileNotFoundError as error:
            raise RunError(
                f"{path}: {Path(error.filename).name} is missing; the same command (python main.py ...) writes it again"
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"{path} was changed or cut short and cannot be read ({type(error).__name__}: {error}); "
                "run the same command with --fresh"
            ) from error
        if not vocabulary.words:
            raise RunError(f"{path}: its reviews came as ids without a word index, so that it cannot read texts")
        return cls(folder, about, config, data, vocabulary, results, leaders, ranking)

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.path.name

    @cached_property
    def buckets(self) -> tuple[Bucket, ...]:
        """Ascending; together they hold every length."""
        return tuple(Bucket(each.low, each.high) for each in self.data.buckets)

    @property
    def architectures(self) -> list[str]:
        """Those with a completed study, in the registry's order, the yardstick last."""
        there = {study.architecture for study in self.results}
        return [name for name in [*ARCHITECTURES, YARDSTICK] if name in there]

    def bucket(self, ids: IdArray) -> str:
        """The name of the bucket that a whole review falls in."""
        return next(bucket.name for bucket in self.buckets if bucket.holds(np.array(len(ids))))

    def encode(self, text: str) -> Encoded:
        """A text as ids, and what became of its words."""
        ids = self.vocabulary.encode(text)
        words, dropped = self.vocabulary.split(text)
        is_unknown = (ids[1:] >= self.data.vocabulary) | (ids[1:] == OOV)
        return Encoded(ids, words, dropped, tuple(words[i] for i in np.flatnonzero(is_unknown)))

    def choose(self, wanted: str | None, bucket: str) -> tuple[Study, ...]:
        """The studies that answer for a text of this bucket; several are an ensemble.

        Args:
            wanted: None for the network that validation chose for the bucket; a study's id; an architecture, whose study for the
                bucket answers, or else its generalist; or `ensemble`, the networks that were best on the bucket's validation.
            bucket: of the text.

        Raises:
            RunError: no such study has completed.
        """
        by_id = {study.id: study for study in self.results}
        if wanted in (None, ENSEMBLE):
            if bucket not in self.leaders:
                raise RunError(f"{self.name}: no network has completed for {bucket}; choose one with --study: {', '.join(by_id)}")
            return self.ranking[bucket] if wanted else (self.leaders[bucket],)
        found = by_id.get(str(wanted)) or self.of_architecture(str(wanted), bucket)
        if found is None:
            known = [*self.architectures, ENSEMBLE, *by_id]
            raise RunError(f"{self.name}: no study is named {wanted!r} for reviews of {bucket}{closest(str(wanted), known)}")
        return (found,)

    def of_architecture(self, architecture: str, bucket: str) -> Study | None:
        """Its specialist for the bucket, else its generalist, else None."""
        wanted = (Study(architecture, bucket), Study(architecture, ALL))
        return next((study for study in wanted if study in self.results), None)

    def trained(self, study: Study) -> Trained:
        """The study's repeat with the lowest validation loss, ready to read.

        Raises:
            CheckpointError: its file is missing, damaged, or no model of this project.
        """
        if study not in self._models:
            self._models[study] = self._load(study)
        return self._models[study]

    def _load(self, study: Study) -> Trained:
        repeat = self.results[study].best_repeat
        model: NumpyNetwork | linear.LinearModel
        if study.architecture == YARDSTICK:
            model = linear.load(self.folder.linear_model(study, repeat.number))
        else:
            path = self.folder.checkpoint(study, repeat.number)
            model = checkpoint.load(path)
            if len(model.embedding) != self.data.vocabulary:
                raise CheckpointError(
                    f"{path} knows {len(model.embedding)} ids, this run {self.data.vocabulary}: it is another run's checkpoint"
                )
        data, (rows, logits) = self.config.data, self._said_of_tests(study, repeat)
        return Trained(
            study,
            repeat,
            model,
            vocab_size=self.data.vocabulary,
            max_length=data.max_length,
            truncate=data.truncate,
            tested_rows=rows,
            tested_logits=logits,
        )

    def _said_of_tests(self, study: Study, repeat: Repeat) -> tuple[np.ndarray, Array]:
        """Rows and logits of the test reviews, as they were stored when they were read."""
        try:
            stored = self.folder.load_predictions(study, repeat.number)
            probabilities = stored["probabilities"].astype(np.float64).clip(1e-12, 1 - 1e-12)
            return stored["rows"], np.log(probabilities / (1 - probabilities))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"{self.name}: the stored predictions of {study.id} are damaged or missing ({error}); "
                "run the same command with --fresh"
            ) from error
