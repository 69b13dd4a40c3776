"""One study from search to test score. Idempotent: what finished before an interruption is read, not repeated."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np

import baseline
import tuner
from budget import planned
from config import Config
from data_preprocessing import Dataset, ladder, network_ids, padding_share
from evaluation import score
from models.classifier import build_classifier, layer_sizes
from models.registry import resolve
from results import YARDSTICK, Epoch, Progress, Repeat, Score, Study, StudyResult, Trial, one_line
from saver import RunFolder, atomic, remove_weights
from training import Examples, FitSettings, fit, predict

log = logging.getLogger(__name__)
Hyperparameters = dict[str, float | int]
Report = Callable[[Progress], None]


def run_study(study: Study, config: Config, dataset: Dataset, folder: RunFolder, device: str, report: Report) -> StudyResult:
    """Run one study, or return its completion record.

    Args:
        study: architecture and training scope.
        config: the whole experiment.
        dataset: all reviews; the study cuts out its own.
        folder: the run's; this study writes only its own files there.
        device: name of what it trains on, for the record.
        report: called as it proceeds.

    Returns:
        The record that was also written.

    Raises:
        SearchError: no trial completed.
        NonFiniteLossError: a final training diverged.
    """
    done = folder.load_result(study)
    if done is not None and done.status == "completed":
        return done
    runner = _Yardstick if study.architecture == YARDSTICK else _Network
    result = runner(study, config, dataset.scope(study.bucket), folder, device, report).run()
    folder.save_result(result)
    return result


class _Yardstick:
    """The linear row of a scope."""

    def __init__(self, study: Study, config: Config, data: Dataset, folder: RunFolder, device: str, report: Report) -> None:
        self._study, self._data, self._folder = study, data, folder
        self._seed = study.seed(config.run.seed)

    def run(self) -> StudyResult:
        data, started = self._data, time.perf_counter()
        pipeline = baseline.fit([data.train, data.validation])
        seconds = time.perf_counter() - started
        hyperparameters: Hyperparameters = {"C": baseline.INVERSE_REGULARISATION}
        repeat = Repeat(
            number=0,
            seed=self._seed,
            hyperparameters=hyperparameters,
            epochs=0,
            train_accuracy=_accuracy(data.train.labels, baseline.predict(pipeline, data.train)),
            val_accuracy=None,
            val_loss=None,
            train_seconds=seconds,
            history=(),
            scores=(),
        )
        repeat = _test(repeat, self._study, data, self._folder, baseline.predict(pipeline, data.test))
        return StudyResult(
            study=self._study,
            status="completed",
            message="",
            device="cpu",
            n_train=len(data.train) + len(data.validation),
            n_validation=0,
            padding_share=0.0,
            hyperparameters=hyperparameters,
            parameters=baseline.parameters(pipeline),
            layers=(),
            trials=(),
            repeats=(repeat,),
            search_seconds=0.0,
        )


class _Network:
    """A recurrent architecture: search on validation, then the chosen setting once per repeat, each read on test once."""

    def __init__(self, study: Study, config: Config, data: Dataset, folder: RunFolder, device: str, report: Report) -> None:
        self._study, self._config, self._data = study, config, data
        self._folder, self._device, self._report = folder, device, report
        self._train = self._examples("train")
        self._validation = self._examples("validation")
        self._best_val_accuracy = 0.0

    def run(self) -> StudyResult:
        config, study = self._config, self._study
        trials = tuner.search(
            config.space,
            config.search,
            seed=study.seed(config.run.seed, "search"),
            folder=self._folder.tuning(study),
            run_trial=self._trial,
        )
        remove_weights(self._folder, study)
        setting = tuner.best(trials, config.search.objective).hyperparameters
        repeats = tuple(self._repeat(setting, number) for number in range(config.training.repeats))
        if config.run.checkpoints == "best":
            best = min(repeats, key=lambda repeat: repeat.val_loss or 0.0)
            for repeat in repeats:
                if repeat is not best:
                    self._folder.checkpoint(study, repeat.number).unlink(missing_ok=True)
        model = self._build(setting, seed=1)
        lengths = self._train.lengths
        return StudyResult(
            study=study,
            status="completed",
            message="",
            device=self._device,
            n_train=len(self._train.labels),
            n_validation=len(self._validation.labels),
            padding_share=padding_share(lengths, ladder(lengths, config.training.padding_rungs), int(setting["batch_size"])),
            hyperparameters=setting,
            parameters=model.count_params(),
            layers=layer_sizes(model),
            trials=trials,
            repeats=repeats,
            search_seconds=sum(trial.seconds for trial in trials),
        )

    def _trial(self, setting: Hyperparameters, number: int, epochs: int, parent: int | None) -> Trial:
        """Train one setting on behalf of the search; any failure is the trial's, and is recorded with its reason."""
        if finished := self._folder.load_trial(self._study, number, setting):
            return finished
        search, started = self._config.search, time.perf_counter()
        trial = Trial(number, setting, "failed", None, 0, 0.0, 0, "", ())
        try:
            model = self._build(setting, seed=self._study.seed(self._config.run.seed, "trial", number))
            trial = replace(trial, parameters=model.count_params())
            if parent is not None:
                model.load_weights(self._folder.trial_weights(self._study, parent))
            history = self._fit(model, setting, ("trial", number), epochs, search.patience, "search", number + 1)
            scores = [getattr(epoch, search.objective) for epoch in history]
            best = max(scores) if search.objective == "val_accuracy" else min(scores)
            trial = replace(trial, status="completed", score=best, epochs=len(history), history=history)
            if search.tuner == "hyperband":
                with atomic(self._folder.trial_weights(self._study, number)) as temporary:
                    model.save_weights(temporary)
        except OSError:  # the folder, not the setting
            raise
        except Exception as error:  # noqa: BLE001 - a setting may fail in any way; three in a row end the search
            log.warning("%s trial %d failed: %s", self._study.id, number + 1, one_line(error))
            trial = replace(trial, status="failed", score=None, message=one_line(error))
        trial = replace(trial, seconds=time.perf_counter() - started)
        self._folder.save_trial(self._study, trial)
        return trial

    def _repeat(self, setting: Hyperparameters, number: int) -> Repeat:
        """One final training; then, with nothing left to choose, its only look at the test reviews."""
        if finished := self._folder.load_repeat(self._study, number, setting):
            return finished
        training, started = self._config.training, time.perf_counter()
        seed = self._study.seed(self._config.run.seed, "repeat", number)
        model = self._build(setting, seed)
        history = self._fit(model, setting, ("repeat", number), training.epochs, training.patience, "final", number + 1)
        seconds = time.perf_counter() - started
        with atomic(self._folder.checkpoint(self._study, number)) as temporary:
            _without_optimizer(model).save(temporary)
        validation = score("validation", self._validation.labels, self._predict(model, self._validation))
        repeat = Repeat(
            number=number,
            seed=seed,
            hyperparameters=setting,
            epochs=len(history),
            train_accuracy=_accuracy(self._train.labels, self._predict(model, self._train)),
            val_accuracy=validation.accuracy,
            val_loss=validation.loss,
            train_seconds=seconds,
            history=history,
            scores=(),
        )
        return _test(repeat, self._study, self._data, self._folder, self._predict(model, self._examples("test")))

    def _build(self, setting: Hyperparameters, seed: int) -> keras.Model:
        """A new model, seeded, in a Keras session that holds nothing else."""
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        return build_classifier(
            resolve(self._study.architecture),
            vocab_size=self._data.vocab_size,
            embedding_dim=int(setting["embedding_dim"]),
            units=int(setting["units"]),
            dropout=setting["dropout"],
            spatial_dropout=setting["spatial_dropout"],
            pooling=self._config.model.pooling,
        )

    def _fit(
        self,
        model: keras.Model,
        setting: Hyperparameters,
        seed_of: tuple[str, int],
        epochs: int,
        patience: int,
        phase: str,
        step: int,
    ) -> tuple[Epoch, ...]:
        training, search = self._config.training, self._config.search
        settings = FitSettings(
            epochs=epochs,
            patience=patience,
            reduce_patience=training.reduce_patience,
            reduce_factor=training.reduce_factor,
            clip_norm=training.clip_norm,
            learning_rate=setting["learning_rate"],
            batch_size=int(setting["batch_size"]),
            padding_rungs=training.padding_rungs,
            seed=self._study.seed(self._config.run.seed, *seed_of, "batches"),
        )
        steps = planned(self._config.space, search)[0] if phase == "search" else training.repeats

        def on_epoch(epoch: Epoch) -> None:
            self._best_val_accuracy = max(self._best_val_accuracy, epoch.val_accuracy)
            self._report(Progress(self._study, phase, step, steps, epoch.epoch, epochs, self._best_val_accuracy))

        return fit(model, self._train, self._validation, settings, on_epoch)

    def _predict(self, model: keras.Model, examples: Examples) -> np.ndarray:
        return predict(model, examples.rows, self._config.training.padding_rungs)

    def _examples(self, part: str) -> Examples:
        reviews, data = getattr(self._data, part), self._config.data
        rows = network_ids(reviews.sequences, self._data.vocab_size, data.max_length, data.truncate)
        return Examples(rows, reviews.labels)


def _test(repeat: Repeat, study: Study, data: Dataset, folder: RunFolder, probabilities: np.ndarray) -> Repeat:
    """The repeat with its test scores, one per bucket, saved with its predictions."""
    test, lengths = data.test, data.test.sequences.lengths
    scores: list[Score] = []
    for bucket in data.buckets:
        inside = bucket.holds(lengths)
        if inside.any():
            scores.append(score(bucket.name, test.labels[inside], probabilities[inside]))
    repeat = replace(repeat, scores=tuple(scores))
    folder.save_repeat(
        study, repeat, {"rows": test.rows, "labels": test.labels, "probabilities": probabilities, "lengths": lengths}
    )
    return repeat


def _without_optimizer(model: keras.Model) -> keras.Model:
    """The same network uncompiled, so that the file holds stock layers only, and a third of the bytes."""
    copy: Any = keras.Model.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def _accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    return float(np.mean((probabilities >= 0.5) == labels))
