"""One study in stages: a search, then one final training per repeat. What finished before an interruption is read, not repeated.

The stages are apart so that idle workers can take the repeats of a study whose search has ended.
"""

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

import tuner
from analysis.calibration import fit_temperature
from analysis.evaluation import accuracy, by_distance, log_loss
from analysis.scores import score
from config import Config
from data import word_vectors
from data.batches import ladder, network_ids
from data.types import Dataset, IdArray, Reviews
from experiment import baseline
from experiment import plan as budget
from experiment.devices import memory_of_process, return_freed_memory
from experiment.network import Examples, FitSettings, Network, Networks, load_weights
from models.classifier import NetworkShape, layer_sizes
from models.registry import ARCHITECTURES, resolve
from records.files import atomic
from records.study import ALL, YARDSTICK, Epoch, Hyperparameters, Progress, Repeat, Score, Study, StudyResult, Trial, one_line
from saver import RunFolder

log = logging.getLogger(__name__)
Report = Callable[[Progress], None]
REVIEWS_FOR_INFLUENCE = 32  # the longest ones of validation


class Overgrown(BaseException):
    """This process has become too large. What it has finished is on disk; another process goes on from there."""


class Workshop:
    """What a process keeps from study to study: the data and the compiled networks."""

    def __init__(
        self, config: Config, dataset: Dataset, device: str, vectors: dict[int, Path], largest: float = math.inf
    ) -> None:
        """Choose the padded lengths from the training reviews; the last one holds the longest review there is.

        Keras's layers, where they are compiled, read all of the padding, so that they get lengths of their own.

        Args:
            config: of the run.
            dataset: all of it.
            device: its name.
            vectors: width -> file of word vectors; none where networks start from random ones.
            largest: bytes of memory that this process should take at most.
        """
        self.config, self.dataset, self.device, self._largest = config, dataset, device, largest
        self._vectors = vectors
        limit = config.data.max_length
        lengths = dataset.train.sequences.lengths.clip(max=limit)
        custom, stock = (ladder(lengths, budget.cost_of_rung(config, stops_early=stops_early)) for stops_early in (True, False))
        parts = (dataset.train, dataset.validation, dataset.test)
        custom[-1] = stock[-1] = max(int(part.sequences.lengths.clip(max=limit).max(initial=1)) for part in parts)
        self.networks = Networks(custom, config.training.clip_norm, of_keras=stock)

    def vectors(self, width: int) -> np.ndarray | None:
        """What networks start from, `<float32>[ids, width]`; None: random vectors."""
        return word_vectors.load(self._vectors[width]).matrix if self._vectors else None

    def is_overgrown(self) -> bool:
        """Whether another process should go on: programs once compiled stay in memory, and TensorFlow keeps more than that.

        What is merely kept for the next step is handed back first: it does not count.
        """
        return_freed_memory()
        return memory_of_process(os.getpid()) > self._largest

    def engine(self, architecture: str) -> str:
        """Whose recurrent layers train this architecture here."""
        by_device = "keras" if self.device.startswith("gpu") else "custom"
        chosen = self.config.run.engine
        return resolve(architecture).engine or (by_device if chosen == "auto" else chosen)


def open_study(study: Study, workshop: Workshop, folder: RunFolder, report: Report) -> "_Yardstick | _Network":
    """The stages of a study: `search`, which gives its record without repeats, and `repeat`."""
    return (_Yardstick if study.architecture == YARDSTICK else _Network)(study, workshop, folder, report)


class _Yardstick:
    """The linear row of a scope."""

    def __init__(self, study: Study, workshop: Workshop, folder: RunFolder, report: Report) -> None:
        self._study, self._workshop, self._folder = study, workshop, folder
        self._data = budget.reviews_of(study, workshop.dataset)
        self._seed = study.seed(workshop.config.run.seed)
        self._stopwatch = workshop.networks.stopwatch

    def search(self, setting: Hyperparameters | None = None) -> StudyResult:
        """Nothing is searched."""
        return StudyResult(
            study=self._study,
            status="completed",
            message="",
            device="cpu",
            n_train=self._data.n_labelled,
            n_validation=0,
            padding_share=0.0,
            hyperparameters={"C": baseline.INVERSE_REGULARISATION},
            layers=(),
            trials=(),
            repeats=(),
            search_seconds=0.0,
        )

    def repeat(self, setting: Hyperparameters, number: int) -> Repeat:
        """Fit on training and validation, read the test reviews."""
        if finished := self._folder.load_repeat(self._study, number, setting):
            return finished
        data, started = self._data, time.perf_counter()
        with self._stopwatch.on("training"):
            pipeline = baseline.fit([data.train, data.validation])
        seconds = time.perf_counter() - started
        with self._stopwatch.on("evaluating"):
            train_accuracy = accuracy(data.train.labels, baseline.predict(pipeline, data.train))
            probabilities = baseline.predict(pipeline, data.test)
            elsewhere = _elsewhere(self._study, self._workshop, lambda reviews: baseline.predict(pipeline, reviews), None)
        with atomic(self._folder.linear_model(self._study, number)) as temporary:
            baseline.save(pipeline, temporary)
        repeat = Repeat(
            number=number,
            seed=self._seed,
            hyperparameters=setting,
            epochs=0,
            parameters=baseline.parameters(pipeline),
            train_accuracy=train_accuracy,
            val_accuracy=None,
            val_loss=None,
            train_seconds=seconds,
            history=(),
            scores=(),
            scores_elsewhere=elsewhere,
            spent=self._stopwatch.read(),
        )
        return _test(repeat, self._study, data, self._folder, probabilities, np.zeros(0), None)


class _Network:
    """A recurrent architecture: search on validation, then the chosen setting once per repeat, each read on test once."""

    def __init__(self, study: Study, workshop: Workshop, folder: RunFolder, report: Report) -> None:
        self._study, self._workshop, self._folder, self._report = study, workshop, folder, report
        self._config, self._data = workshop.config, budget.reviews_of(study, workshop.dataset)
        self._architecture = ARCHITECTURES[study.architecture]
        self._train, self._validation = self._examples("train"), self._examples("validation")
        self._best_val_accuracy = 0.0
        self._trials: list[Trial] = []  # of this search, as far as it got

    def search(self, setting: Hyperparameters | None = None) -> StudyResult:
        """The study's record without repeats; the setting is searched for unless given.

        Raises:
            SearchError: no trial completed.
        """
        trials: tuple[Trial, ...] = ()
        setting = setting or tuner.only_setting(self._config.space)
        if setting is None:
            trials = tuner.search(
                self._config.space,
                self._config.search,
                seed=self._study.seed(self._config.run.seed, "search"),
                folder=self._folder.tuning(self._study),
                run_trial=self._trial,
            )
            self._folder.remove_weights(self._study)
            setting = tuner.best(trials, self._config.search.objective).hyperparameters
        network = self._network(setting)
        return StudyResult(
            study=self._study,
            status="completed",
            message="",
            device=self._workshop.device,
            n_train=len(self._train.labels),
            n_validation=len(self._validation.labels),
            padding_share=network.padding_share(self._train.lengths),
            hyperparameters=setting,
            layers=layer_sizes(network.model),
            trials=trials,
            repeats=(),
            search_seconds=sum(trial.seconds for trial in trials),
        )

    def repeat(self, setting: Hyperparameters, number: int) -> Repeat:
        """One final training; then, with nothing left to choose, its only look at the test reviews.

        Raises:
            NonFiniteLossError: it diverged.
        """
        if finished := self._folder.load_repeat(self._study, number, setting):
            return finished
        training, started = self._config.training, time.perf_counter()
        epochs = budget.final_epochs(training, len(self._train.labels), setting["batch_size"])
        network, settings = self._start(setting, ("repeat", number), epochs, training.patience)
        if self._study.is_fine_tuned:
            network.weights = load_weights(self._folder.checkpoint(Study(self._study.architecture, ALL), number))
        seed = settings.seed

        def on_epoch(epoch: Epoch) -> bool:
            self._tell(epoch, "final", number + 1, training.repeats, epochs)
            return False

        history = network.fit(self._train, self._validation, settings, on_epoch)
        seconds = time.perf_counter() - started
        with atomic(self._folder.checkpoint(self._study, number)) as temporary:
            network.stock(dropout=settings.dropout, spatial_dropout=settings.spatial_dropout).save(temporary)
        validation = network.predict(self._validation.rows)
        repeat = Repeat(
            number=number,
            seed=seed,
            hyperparameters=setting,
            epochs=len(history),
            parameters=network.parameters,
            train_accuracy=accuracy(self._train.labels, network.predict(self._train.rows)),
            val_accuracy=accuracy(self._validation.labels, validation),
            val_loss=log_loss(self._validation.labels, validation),
            train_seconds=seconds,
            history=history,
            scores=(),
        )
        probabilities = network.predict(self._examples("test").rows)
        temperature = fit_temperature(self._data.validation.labels, validation)
        elsewhere = _elsewhere(self._study, self._workshop, lambda some: network.predict(self._rows(some)), temperature)
        influence = self._influence(network)
        spent = self._workshop.networks.stopwatch.read()
        repeat = replace(repeat, scores_elsewhere=elsewhere, influence=influence, spent=spent)
        return _test(repeat, self._study, self._data, self._folder, probabilities, validation, temperature)

    def _influence(self, network: Network) -> tuple[tuple[int, float], ...]:
        """How far back the network reads, on the longest validation reviews; asked where the longest reviews are."""
        if self._study.n_reviews or self._study.bucket not in (ALL, self._workshop.dataset.buckets[-1].name):
            return ()
        longest = sorted(self._validation.rows, key=len)[-REVIEWS_FOR_INFLUENCE:]
        return by_distance(network.influence(longest))

    def _trial(self, setting: Hyperparameters, number: int, epochs: int, parent: int | None) -> Trial:
        """Train one setting on behalf of the search; any failure is the trial's, and is recorded with its reason."""
        trial = self._folder.load_trial(self._study, number, setting)
        if trial is None:
            started = time.perf_counter()
            trial = self._train_trial(Trial(number, setting, "completed", None, 0, 0.0, 0, "", ()), epochs, parent)
            spent = self._workshop.networks.stopwatch.read()
            trial = replace(trial, seconds=time.perf_counter() - started, spent=spent)
            self._folder.save_trial(self._study, trial)
            if number + 1 < budget.planned(self._config.space, self._config.search)[0] and self._workshop.is_overgrown():
                raise Overgrown
        self._trials.append(trial)
        return trial

    def _train_trial(self, trial: Trial, epochs: int, parent: int | None) -> Trial:
        search = self._config.search
        history: list[Epoch] = []

        def on_epoch(epoch: Epoch) -> bool:
            history.append(epoch)
            self._tell(epoch, "search", trial.number + 1, budget.planned(self._config.space, search)[0], epochs)
            return self._is_hopeless(history)

        try:
            network, settings = self._start(trial.hyperparameters, ("trial", trial.number), epochs, search.patience)
            trial = replace(trial, parameters=network.parameters)
            if parent is not None:
                with np.load(self._folder.trial_weights(self._study, parent), allow_pickle=False) as weights:
                    network.weights = [weights[name] for name in weights.files]
            network.fit(self._train, self._validation, settings, on_epoch)
            if search.tuner == "hyperband":
                with atomic(self._folder.trial_weights(self._study, trial.number)) as temporary, temporary.open("wb") as file:
                    np.savez(file, allow_pickle=False, **{f"{i:02}": w for i, w in enumerate(network.weights)})  # type: ignore[arg-type]
        except OSError:  # the folder, not the setting
            raise
        except Exception as error:  # noqa: BLE001 - a setting may fail in any way; three in a row end the search
            log.warning("%s trial %d failed: %s", self._study.id, trial.number + 1, one_line(error))
            return replace(trial, status="failed", message=one_line(error))
        scores = [getattr(epoch, search.objective) for epoch in history]
        best = max(scores) if search.objective == "val_accuracy" else min(scores)
        if self._config.training.keep == "last":
            best = scores[-1]
        trial = replace(trial, score=best, epochs=len(history), history=tuple(history))
        if len(history) < epochs and self._is_hopeless(history):
            return replace(trial, status="pruned", message=f"worse than the median of earlier trials after epoch {len(history)}")
        return trial

    def _is_hopeless(self, history: list[Epoch]) -> bool:
        """Whether the search prunes a trial that went like this."""
        search = self._config.search
        if search.pruning == "none" or search.tuner == "hyperband":  # Hyperband prunes by itself
            return False
        return tuner.is_unpromising(history, self._trials, search.objective)

    def _network(self, setting: Hyperparameters) -> Network:
        shape = NetworkShape(
            architecture=self._study.architecture,
            engine=self._workshop.engine(self._study.architecture),
            vocab_size=self._data.vocab_size,
            embedding_dim=int(setting["embedding_dim"]),
            units=int(setting["units"]),
            bigrams=self._config.model.bigrams,
            bigram_dim=self._config.model.bigram_dim,
            is_adversarial=setting["adversarial"] > 0,
            pooling=self._architecture.pooling or self._config.model.pooling,
        )
        return self._workshop.networks.get(shape, int(setting["batch_size"]))

    def _start(
        self, setting: Hyperparameters, purpose: tuple[str, int], epochs: int, patience: int
    ) -> tuple[Network, FitSettings]:
        """The network of this setting with new weights. A control draws the same weights as what it controls."""
        training = self._config.training
        seeded = replace(self._study, architecture=self._architecture.control_of or self._study.architecture)
        settings = FitSettings(
            epochs=epochs,
            patience=patience,
            keep=training.keep,
            schedule=training.schedule,
            reduce_patience=training.reduce_patience,
            reduce_factor=training.reduce_factor,
            learning_rate=setting["learning_rate"] * (training.fine_tuning_rate if self._study.is_fine_tuned else 1),
            is_fine_tuning=self._study.is_fine_tuned,
            dropout=setting["dropout"],
            spatial_dropout=setting["spatial_dropout"],
            adversarial=setting["adversarial"],
            frozen_epochs=self._config.vectors.frozen_epochs,
            seed=seeded.seed(self._config.run.seed, *purpose),
        )
        network = self._network(setting)
        network.start(settings, self._workshop.vectors(int(setting["embedding_dim"])))
        return network, settings

    def _tell(self, epoch: Epoch, phase: str, step: int, steps: int, epochs: int) -> None:
        self._best_val_accuracy = max(self._best_val_accuracy, epoch.val_accuracy)
        self._report(Progress(self._study, phase, step, steps, epoch.epoch, epochs, self._best_val_accuracy))

    def _examples(self, part: str) -> Examples:
        reviews: Reviews = getattr(self._data, part)
        return Examples(self._rows(reviews), reviews.labels)

    def _rows(self, reviews: Reviews) -> list[IdArray]:
        data = self._config.data
        return network_ids(reviews.sequences, self._data.vocab_size, data.max_length, data.truncate)


def _elsewhere(
    study: Study, workshop: Workshop, predict: Callable[[Reviews], np.ndarray], temperature: float | None
) -> tuple[Score, ...]:
    """What a specialist scores on the test reviews of the buckets it is not for, if the config asks."""
    if not workshop.config.compare.cross_lengths or study.scope != "bucket" or study.n_reviews:
        return ()
    scores, data = [], workshop.dataset
    for bucket in data.buckets:
        reviews = data.test.within(bucket)
        if bucket.name != study.bucket and len(reviews):
            leaked = np.isin(reviews.rows, data.leaked)
            scores.append(score(bucket.name, reviews.labels, predict(reviews), leaked, temperature))
    return tuple(scores)


def _test(
    repeat: Repeat,
    study: Study,
    data: Dataset,
    folder: RunFolder,
    probabilities: np.ndarray,
    validation: np.ndarray,
    temperature: float | None,
) -> Repeat:
    """The repeat with its test scores, one per bucket, saved with its predictions.

    Args:
        repeat: without scores.
        study: whose repeat it is.
        data: of the study's scope.
        folder: where to save it.
        probabilities: `<float>[test reviews]`.
        validation: `<float>[validation reviews]`, or none.
        temperature: fitted on those; None without them.
    """
    test, lengths, scores = data.test, data.test.sequences.lengths, list[Score]()
    leaked = np.isin(test.rows, data.leaked)
    for bucket in data.buckets:
        inside = bucket.holds(lengths)
        if inside.any():
            scores.append(score(bucket.name, test.labels[inside], probabilities[inside], leaked[inside], temperature))
    repeat = replace(repeat, scores=tuple(scores))
    predictions = {
        "rows": test.rows,
        "labels": test.labels,
        "probabilities": probabilities,
        "lengths": lengths,
        "leaked": leaked,
        "validation_labels": data.validation.labels[: len(validation)],
        "validation_probabilities": validation,
        "validation_lengths": data.validation.sequences.lengths[: len(validation)],
    }
    folder.save_repeat(study, repeat, predictions)
    return repeat
