"""The study of a network: a search on validation, then repeats of the chosen setting, each read on test once."""

import logging
import time
from dataclasses import dataclass, replace

import numpy as np

import tuner
from analysis.calibration import fit_temperature
from analysis.evaluation import accuracy, by_distance, log_loss
from analysis.search_size import only_setting, search_size
from data.batches import network_ids
from data.types import Reviews
from data.word_vectors import pair_table
from engine.arrays import class_probabilities
from engine.checkpoint import load
from engine.network import largest_difference, spaced_by_length
from experiment.context import OvergrownError, StudyContext
from experiment.network import Examples, FitPlan, TrainableNetwork, check_finite
from experiment.plan import final_epochs, repeats, reviews_of
from experiment.scoring import predictions, scores_by_bucket, scores_elsewhere
from models.classifier import NetworkShape, layer_sizes
from models.evidence import Informed, load_by_fold
from models.saved_network import load_weights, logits_on_cpu
from records.errors import LengthwiseError
from records.files import atomic
from records.study import (
    ALL,
    ENGINE_TOLERANCE,
    Epoch,
    Hyperparameters,
    Progress,
    Repeat,
    Setting,
    Study,
    StudyResult,
    Trial,
    one_line,
)

log = logging.getLogger(__name__)
REVIEWS_FOR_INFLUENCE = 32  # the longest ones of validation
REVIEWS_FOR_ENGINE = 64  # of the test part, spaced by length


@dataclass(frozen=True)
class _Trained:
    """What a final training leaves."""

    network: TrainableNetwork
    plan: FitPlan
    history: tuple[Epoch, ...]
    seconds: float


class NetworkStudy:
    """The stages of `experiment.study.StudyStages` for a network on one scope."""

    def __init__(self, study: Study, context: StudyContext) -> None:
        """Read the scope's reviews."""
        self._study, self._context, self._folder = study, context, context.folder
        self._contender, self._data = context.roster[study.contender], reviews_of(study, context.dataset)
        self._config = self._contender.config  # with its own settings
        self._evidence = context.load_evidence(study)
        self._train = self._examples(self._data.train, are_counted=True)
        self._validation = self._examples(self._data.validation)
        self._best_val_accuracy = 0.0
        self._trials: list[Trial] = []  # of this search, as far as it got

    # -- the search -------------------------------------------------------------------------------------------------

    def search(self, hyperparameters: Hyperparameters | None = None) -> StudyResult:
        """The study's result without repeats; the setting is searched for unless given.

        Raises:
            SearchError: no trial completed.
        """
        trials: tuple[Trial, ...] = ()
        setting = Setting.of(hyperparameters) if hyperparameters else only_setting(self._config.space)
        if setting is None:
            trials = tuner.search(
                self._config.space,
                self._config.search,
                seed=self._study.seed(self._config.run.seed, "search"),
                folder=self._folder.tuning(self._study),
                run_trial=self._trial,
            )
            self._folder.remove_weights(self._study)
            setting = Setting.of(tuner.best(trials, self._config.search.objective).hyperparameters)
        network = self._network(setting)
        return StudyResult(
            study=self._study,
            status="completed",
            message="",
            device=self._context.device,
            n_train=len(self._train.labels),
            n_validation=len(self._validation.labels),
            padding_share=network.padding_share(self._train.lengths),
            hyperparameters=setting.hyperparameters,
            layers=layer_sizes(network.model),
            trials=trials,
            repeats=(),
            search_seconds=sum(trial.seconds for trial in trials),
        )

    def _trial(self, setting: Setting, number: int, epochs: int, parent: int | None) -> Trial:
        """Train one setting on behalf of the search; any failure is the trial's, and is recorded with its reason."""
        trial = self._folder.load_trial(self._study, number, setting.hyperparameters)
        if trial is None:
            started = time.perf_counter()
            trial = self._train_trial(setting, number, epochs, parent)
            trial = replace(trial, seconds=time.perf_counter() - started, spent=self._context.stopwatch.read())
            self._folder.save_trial(self._study, trial)
            if number + 1 < self._planned_trials and self._context.is_overgrown():
                raise OvergrownError
        self._trials.append(trial)
        return trial

    @property
    def _planned_trials(self) -> int:
        return search_size(self._config.space, self._config.search).trials

    def _train_trial(self, setting: Setting, number: int, epochs: int, parent: int | None) -> Trial:
        trial = Trial(number, setting.hyperparameters, "completed", None, 0, 0.0, 0, "", ())
        history: list[Epoch] = []

        def on_epoch(epoch: Epoch) -> bool:
            history.append(epoch)
            self._tell(epoch, "search", number + 1, self._planned_trials, epochs)
            return self._is_hopeless(history)

        try:
            plan = self._plan(setting, ("trial", number), epochs, self._config.search.patience)
            network = self._start(plan)
            trial = replace(trial, parameters=network.parameters)
            if parent is not None:
                with np.load(self._folder.trial_weights(self._study, parent), allow_pickle=False) as weights:
                    network.weights = [weights[name] for name in weights.files]
            network.fit(self._train, self._validation, plan, on_epoch)
            if self._config.search.tuner == "hyperband":
                self._save_weights(network, number)
        except OSError:  # the folder, not the setting
            raise
        except Exception as error:  # noqa: BLE001 - a setting may fail in any way; three in a row end the search
            log.warning("%s trial %d failed: %s", self._study.id, number + 1, one_line(error))
            return replace(trial, status="failed", message=one_line(error))
        trial = replace(trial, score=self._score(history), epochs=len(history), history=tuple(history))
        if len(history) < epochs and self._is_hopeless(history):
            return replace(trial, status="pruned", message=f"worse than the median of earlier trials after epoch {len(history)}")
        return trial

    def _save_weights(self, network: TrainableNetwork, number: int) -> None:
        """Keep a trial's weights for a later round of Hyperband."""
        with atomic(self._folder.trial_weights(self._study, number)) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **{f"{i:02}": w for i, w in enumerate(network.weights)})  # type: ignore[arg-type]

    def _score(self, history: list[Epoch]) -> float:
        """The objective of a trial: at its best epoch, or at the last one where the last weights are kept."""
        objective = self._config.search.objective
        scores: list[float] = [getattr(epoch, objective) for epoch in history]
        if self._config.training.keep == "last":
            return scores[-1]
        return max(scores) if objective in tuner.RISING else min(scores)

    def _is_hopeless(self, history: list[Epoch]) -> bool:
        """Whether the search prunes a trial that went like this."""
        search = self._config.search
        if search.pruning == "none" or search.tuner == "hyperband":  # Hyperband prunes by itself
            return False
        return tuner.is_unpromising(history, self._trials, search.objective)

    # -- the repeats ------------------------------------------------------------------------------------------------

    def repeat(self, hyperparameters: Hyperparameters, number: int) -> Repeat:
        """One final training; then, with nothing left to choose, its only look at the test reviews.

        Raises:
            NonFiniteError: it diverged.
        """
        if finished := self._folder.load_repeat(self._study, number, hyperparameters):
            return finished
        trained = self._train_repeat(Setting.of(hyperparameters), number)
        repeat, kept = self._evaluate(trained, number)
        self._folder.save_repeat(self._study, repeat, kept)
        return repeat

    def _train_repeat(self, setting: Setting, number: int) -> _Trained:
        """One final training, whose network is saved."""
        training, started = self._config.training, time.perf_counter()
        epochs = final_epochs(training, len(self._train.labels), setting.batch_size)
        plan = self._plan(setting, ("repeat", number), epochs, training.patience)
        network = self._start(plan)
        if self._study.is_fine_tuned:
            network.weights = load_weights(self._folder.checkpoint(Study(self._study.contender, ALL), number))

        def on_epoch(epoch: Epoch) -> bool:
            self._tell(epoch, "final", number + 1, repeats(self._study, self._context.roster), epochs)
            return False

        history = network.fit(self._train, self._validation, plan, on_epoch)
        seconds = time.perf_counter() - started
        with atomic(self._folder.checkpoint(self._study, number)) as temporary:
            network.stock(setting).save(temporary)
        return _Trained(network, plan, history, seconds)

    def _evaluate(self, trained: _Trained, number: int) -> tuple[Repeat, dict[str, np.ndarray]]:
        """The record of a repeat, and the logits to keep with it."""
        network, data = trained.network, self._data

        def predict(examples: Examples, part: str) -> np.ndarray:
            logits = network.predict(examples)
            check_finite(f"logit of a {part} review in repeat {number + 1}", logits)
            return logits

        def of_tests(reviews: Reviews) -> np.ndarray:
            return predict(self._examples(reviews), "test")

        validation, train = predict(self._validation, "validation"), predict(self._train, "training")
        logits, temperature = of_tests(data.test), fit_temperature(data.validation.labels, validation)
        of_validation = class_probabilities(validation)
        repeat = Repeat(
            number=number,
            seed=trained.plan.seed,
            hyperparameters=trained.plan.setting.hyperparameters,
            epochs=len(trained.history),
            parameters=network.parameters,
            train_accuracy=accuracy(data.train.labels, class_probabilities(train)),
            val_accuracy=accuracy(data.validation.labels, of_validation),
            val_loss=log_loss(data.validation.labels, of_validation),
            train_seconds=trained.seconds,
            history=trained.history,
            scores=scores_by_bucket(data, logits, temperature),
            scores_elsewhere=scores_elsewhere(self._study, self._config, self._context.dataset, of_tests, temperature),
            influence=self._influence(network, number),
        )
        repeat = self._compare_engine(repeat, logits)
        return replace(repeat, spent=self._context.stopwatch.read()), predictions(data, logits, validation)

    def _influence(self, network: TrainableNetwork, number: int) -> tuple[tuple[int, float], ...]:
        """How far back the network reads, on the longest validation reviews; asked where the longest reviews are."""
        if self._study.n_reviews or self._study.bucket not in (ALL, self._context.dataset.buckets[-1].name):
            return ()
        longest = np.argsort(self._validation.lengths, kind="stable")[-REVIEWS_FOR_INFLUENCE:]
        norms = network.influence(self._validation, longest)
        check_finite(f"gradient of a verdict with respect to a word in repeat {number + 1}", np.concatenate(norms))
        return by_distance(norms)

    def _compare_engine(self, repeat: Repeat, logits: np.ndarray) -> Repeat:
        """The repeat with what a comparison of the NumPy engine with the trained network found.

        Args:
            repeat: its checkpoint is saved.
            logits: by the trained network, `<float>[test reviews, classes - 1]`.
        """
        test, checkpoint = self._data.test, self._folder.checkpoint(self._study, repeat.number)
        with self._context.stopwatch.on("evaluating"), np.errstate(all="ignore"):
            lengths_read = test.sequences.lengths.clip(max=self._config.data.max_length)
            chosen = spaced_by_length(lengths_read, REVIEWS_FOR_ENGINE)
            order = int(repeat.hyperparameters["evidence"])
            some, expected = self._examples(test.take(chosen)).read(range(len(chosen)), order), logits[chosen]
            try:
                if self._context.device.startswith("gpu"):
                    expected = logits_on_cpu(checkpoint, some)
                difference = largest_difference(load(checkpoint), some, expected)
                check_finite("difference in probability", difference)
            except Exception as error:  # noqa: BLE001 - whatever the engine makes of it, the network is trained and scored
                refusal = str(error) if isinstance(error, LengthwiseError) else one_line(error)
                log.warning("%s: the NumPy engine does not read repeat %d: %s", self._study.id, repeat.number + 1, refusal)
                return replace(repeat, engine_refusal=refusal)
        if difference > ENGINE_TOLERANCE:
            log.warning("%s: the NumPy engine differs by %.2g in repeat %d", self._study.id, difference, repeat.number + 1)
        return replace(repeat, engine_difference=difference)

    # -- networks and reviews ---------------------------------------------------------------------------------------

    def _network(self, setting: Setting) -> TrainableNetwork:
        shape = NetworkShape(
            architecture=self._contender.architecture,
            classes=len(self._data.classes),
            engine=self._context.engine(self._contender),
            vocab_size=self._data.vocab_size,
            embedding_dim=setting.embedding_dim,
            units=setting.units,
            bigrams=self._config.model.bigrams,
            bigram_dim=self._config.model.bigram_dim,
            is_adversarial=setting.adversarial > 0,
            pooling=self._contender.registered.pooling or self._config.model.pooling,
            evidence=setting.evidence,
            evidence_width=self._evidence.width(setting.evidence) if self._evidence else 0,
            trains_vectors=self._config.vectors.frozen_epochs < self._config.training.epochs,
            pairs_are_learned=pair_table(self._config) is not None,
        )
        return self._context.models.get(shape, setting.batch_size, self._config.training.clip_norm)

    def _plan(self, setting: Setting, purpose: tuple[str, int], epochs: int, patience: int) -> FitPlan:
        """A training of this setting. A control draws the same weights as what it controls."""
        seeded = replace(self._study, contender=self._contender.control_of or self._contender.id)
        return FitPlan(
            training=self._config.training,
            setting=setting,
            epochs=epochs,
            patience=patience,
            seed=seeded.seed(self._config.run.seed, *purpose),
            is_fine_tuning=self._study.is_fine_tuned,
            frozen_epochs=self._config.vectors.frozen_epochs,
        )

    def _start(self, plan: FitPlan) -> TrainableNetwork:
        """The network of a plan's setting with new weights."""
        network = self._network(plan.setting)
        network.start(plan, self._context.load_vectors(self._config, plan.setting.embedding_dim))
        return network

    def _tell(self, epoch: Epoch, phase: str, step: int, steps: int, epochs: int) -> None:
        self._best_val_accuracy = max(self._best_val_accuracy, epoch.val_accuracy)
        self._context.on_progress(Progress(self._study, phase, step, steps, epoch.epoch, epochs, self._best_val_accuracy))

    def _examples(self, reviews: Reviews, *, are_counted: bool = False) -> Examples:
        """What the network reads of some reviews; `are_counted` where they are those whose labels are counted for evidence."""
        data, alike = self._config.data, self._config.training.class_weights == "balanced"
        rows = network_ids(reviews.sequences, self._data.vocab_size, data.max_length, data.truncate)
        if self._evidence is None:
            return Examples(rows, reviews.labels, weigh_classes_alike=alike)
        informed = Informed(reviews, data.max_length, data.truncate, (self._evidence,))
        if are_counted:
            folds, by_fold = load_by_fold(self._folder, self._study, self._evidence, reviews)
            informed = replace(informed, folds=folds, evidence=by_fold)
        return Examples(rows, reviews.labels, informed, weigh_classes_alike=alike)
