"""A finished run, opened to be asked: its words, its buckets, its studies, and whatever model of it is wanted."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from config import Config
from data.types import Bucket, IdArray
from data.vocabulary import OOV, Vocabulary
from engine import checkpoint, linear
from engine.arrays import Array
from engine.linear import LinearModel
from experiment.options import config_of
from inference.trained import Network, Trained
from models import evidence
from models.evidence import Evidence
from models.roster import Roster
from records.about import About
from records.errors import TRAIN_AGAIN, ArtifactsError, CheckpointError, DivergedError, RunError, closest
from records.files import user_path
from records.links import followed
from records.study import ALL, ENGINE_TOLERANCE, Repeat, Study, StudyResult, on_all_reviews
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
            RunError: there is no run, it has not ended, it has no completed study, another version made it, or it was changed.
        """
        folder = RunFolder(followed(user_path(path)))
        about = folder.about()
        if not folder.has_ended:
            raise RunError(
                f"{path}: the run has not ended (profile {about.profile}, status {about.status}); the command that began it goes "
                "on with it"
            )
        with _told_as_run_error(path):
            config, data, verdicts = config_of(folder), folder.summary(), folder.findings().verdicts
            vocabulary = Vocabulary.from_json(folder.vocabulary.read_text(encoding="utf-8"))
            ended = on_all_reviews(Roster.of(config).in_order(folder.load_results()))
            results = {result.study: result for result in ended if result.status == "completed" and result.repeats}
            leaders = {verdict.bucket: verdict.leader for verdict in verdicts if verdict.leader in results}
            ranking = {verdict.bucket: tuple(study for study in verdict.best() if study in results) for verdict in verdicts}
        if not vocabulary.words:
            raise RunError(f"{path}: its reviews came as ids without a word index, so that it cannot read texts")
        if not results:
            raise RunError(
                f"{path}: no study of the run has completed (status {about.status}); its main.py command goes on with it"
            )
        return cls(folder, about, config, data, vocabulary, results, leaders, ranking)

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.path.name

    @cached_property
    def roster(self) -> Roster:
        """Who the contenders are."""
        return Roster.of(self.config)

    @cached_property
    def buckets(self) -> tuple[Bucket, ...]:
        """Ascending; together they hold every length."""
        return tuple(Bucket(each.low, each.high) for each in self.data.buckets)

    @property
    def contenders(self) -> list[str]:
        """The ids of those with a completed study, in the order of the config, the yardsticks last."""
        there = {study.contender for study in self.results}
        return [id for id in self.roster.ids if id in there]

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
            wanted: None for the network that validation chose for the bucket; a study's id; a contender's id, whose study for the
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
        found = by_id.get(str(wanted)) or self.of_contender(str(wanted), bucket)
        if found is None:
            known = [*self.contenders, ENSEMBLE, *by_id]
            raise RunError(f"{self.name}: no study is named {wanted!r} for reviews of {bucket}{closest(str(wanted), known)}")
        return (found,)

    def of_contender(self, contender: str, bucket: str) -> Study | None:
        """Its specialist for the bucket, else its generalist, else None."""
        wanted = (Study(contender, bucket), Study(contender, ALL))
        return next((study for study in wanted if study in self.results), None)

    def refusal(self, study: Study) -> str | None:
        """Why the NumPy engine is not asked for a study, in a sentence; None where it answers like the trained network."""
        repeat = self.results[study].best_repeat
        if study.is_yardstick or repeat.is_read_by_engine:
            return None
        why = repeat.engine_refusal or "nobody has compared its answers with those of the trained network"
        if repeat.engine_difference is not None:
            why = (
                f"its probabilities differ by up to {repeat.engine_difference:.2g} from those of the trained network, "
                f"and at most {ENGINE_TOLERANCE} is allowed"
            )
        return f"{study.id} is not read by the NumPy engine: {why}"

    def by_engine(self, study: Study) -> Trained:
        """The study's best repeat, read by the NumPy engine.

        Raises:
            RunError: the engine does not reproduce it.
            CheckpointError: its file is missing, damaged, no model of this project, or of a network that diverged.
        """
        if refusal := self.refusal(study):
            raise RunError(refusal)
        return self.trained(study)

    def trained(self, study: Study) -> Trained:
        """The study's repeat with the lowest validation loss, read by Keras where the NumPy engine does not reproduce it.

        Raises:
            CheckpointError: its file is missing, damaged, no model of this project, or of a network that diverged.
        """
        if study not in self._models:
            self._models[study] = self._load(study)
        return self._models[study]

    def _load(self, study: Study) -> Trained:
        repeat, data = self.results[study].best_repeat, self.config.data
        rows, logits = self._said_of_tests(study, repeat)
        model = self._model(study, repeat)
        return Trained(
            study,
            repeat,
            model,
            vocab_size=self.data.vocabulary,
            max_length=data.max_length,
            truncate=data.truncate,
            tested_rows=rows,
            tested_logits=logits,
            evidence=None if isinstance(model, LinearModel) else self._evidence(study, repeat, model.evidence),
        )

    def _evidence(self, study: Study, repeat: Repeat, width: int) -> Evidence | None:
        """What a network was given beside the words, so many numbers at each; None for one that was given nothing."""
        order = int(repeat.hyperparameters.get("evidence", 0))
        pseudo_labels = self.roster[study.contender].config.model.pseudo_labels
        try:
            found = evidence.load(self.folder, study, with_pseudo_labels=pseudo_labels) if order else None
            told = found.width(order) if found else 0
            if told != width:
                raise ValueError(f"they give {told} numbers a word, and the network reads {width}")
            return found
        except (OSError, ValueError, EOFError) as error:
            raise CheckpointError(
                f"the counts of n-grams that {study.id} reads, in {self.folder.ngrams}, are missing or damaged ({error}); "
                f"{TRAIN_AGAIN}"
            ) from error

    def _model(self, study: Study, repeat: Repeat) -> LinearModel | Network:
        if study.is_yardstick:
            return linear.load(self.folder.linear_model(study, repeat.number))
        path = self.folder.checkpoint(study, repeat.number)
        if refusal := self.refusal(study):
            from inference.export.network import KerasNetwork

            try:
                return KerasNetwork(path)
            except CheckpointError as error:
                raise CheckpointError(f"{refusal}; {error}") from error
        model = checkpoint.load(path)
        if len(model.bias) + 1 != len(self.data.classes):
            raise CheckpointError(
                f"{path} knows {len(model.bias) + 1} classes, this run {len(self.data.classes)}: it is another run's checkpoint"
            )
        if len(model.embedding) != self.data.vocabulary:
            raise CheckpointError(
                f"{path} knows {len(model.embedding)} ids, this run {self.data.vocabulary}: it is another run's checkpoint"
            )
        return model

    def _said_of_tests(self, study: Study, repeat: Repeat) -> tuple[np.ndarray, Array]:
        """Rows and logits of the test reviews, as they were stored when they were read."""
        try:
            stored = self.folder.load_predictions(study, repeat.number)
            rows, logits = stored["rows"], stored["logits"].astype(np.float64)
            if logits.shape != (len(rows), len(self.data.classes) - 1):
                raise ValueError(f"logits of shape {logits.shape} for {len(rows)} reviews of {len(self.data.classes)} classes")
        except (ArtifactsError, KeyError, ValueError) as error:  # an array may be missing, or of another kind
            raise CheckpointError(f"the stored predictions of {study.id} are damaged or missing: {error}") from error
        if not np.isfinite(logits).all():
            raise DivergedError(f"{study.id}: what it said of the test reviews is not finite, because its training diverged")
        return rows, logits


@contextlib.contextmanager
def _told_as_run_error(path: Path | str) -> Iterator[None]:
    """Turns whatever a damaged file raises into a `RunError` that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise RunError(
            f"{path}: {Path(error.filename).name} is missing; the same command (python main.py ...) writes it again"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{path} was changed or cut short and cannot be read ({type(error).__name__}: {error}); "
            "give the run's main.py command again, with --fresh where that does not mend it"
        ) from error
