"""The study of a linear model: its form is chosen by cross-validation, and its one repeat is fitted in seconds."""

import time
from collections.abc import Sequence

import numpy as np

from analysis.evaluation import accuracy
from engine import linear
from engine.arrays import class_probabilities
from engine.linear import LinearModel
from experiment import baseline, hashed_baseline
from experiment.context import StudyContext
from experiment.plan import reviews_of
from experiment.scoring import predictions, scores_by_bucket, scores_elsewhere
from records.files import atomic
from records.study import Hyperparameters, LinearForm, Repeat, Study, StudyResult


class LinearStudy:
    """The stages of `experiment.study.StudyStages` for a linear model on one scope."""

    def __init__(self, study: Study, context: StudyContext) -> None:
        """Read the scope's reviews."""
        self._study, self._context = study, context
        self._data = reviews_of(study, context.dataset)

    def search(self, hyperparameters: Hyperparameters | None = None) -> StudyResult:
        """The study's result without repeats; the form that does best in cross-validation on training and validation is chosen.

        The folds are the same for all linear models of a scope.
        """
        kind, data, started = self._study.contender, self._data, time.perf_counter()
        with self._context.stopwatch.on("training"):
            if self._is_large:
                found = hashed_baseline.validate(kind, self._stream, self._seed)
            else:
                found = baseline.cross_validate(kind, self._count(baseline.FORMS[kind]), self._seed)
        chosen = max(found, key=lambda each: each.accuracy).form if found else baseline.FORMS[kind][0]
        return StudyResult(
            study=self._study,
            status="completed",
            message="",
            device="cpu",
            n_train=data.n_labelled,
            n_validation=0,
            padding_share=0.0,
            hyperparameters=chosen.hyperparameters,
            layers=(),
            trials=(),
            repeats=(),
            search_seconds=time.perf_counter() - started,
            forms=found,
        )

    @property
    def _is_large(self) -> bool:
        return hashed_baseline.is_large(self._data.train, self._data.validation)

    @property
    def _stream(self) -> hashed_baseline.Stream:
        """The training and validation reviews, to be read some at a time."""
        data, alike = self._data, self._context.config.training.class_weights == "balanced"
        return hashed_baseline.Stream((data.train, data.validation), len(data.classes), weigh_classes_alike=alike)

    def _fitted(self, form: LinearForm) -> LinearModel:
        kind = self._study.contender
        if form.hash_bits:
            return hashed_baseline.fit(kind, form, self._stream, self._seed)
        return next(baseline.fitted(kind, self._count([form]), [form], self._seed))

    def _count(self, forms: Sequence[LinearForm]) -> baseline.Counted:
        """The training and validation reviews, with the n-grams that these forms need."""
        data, alike = self._data, self._context.config.training.class_weights == "balanced"
        return baseline.count([data.train, data.validation], forms, len(data.classes), weigh_classes_alike=alike)

    @property
    def _seed(self) -> int:
        """Of the folds and of liblinear, the same for all linear models of a scope."""
        return self._study.yardsticks[0].seed(self._context.config.run.seed, "folds")

    def repeat(self, hyperparameters: Hyperparameters, number: int) -> Repeat:
        """Fit on training and validation, read the test reviews."""
        study, context, data, folder = self._study, self._context, self._data, self._context.folder
        if finished := folder.load_repeat(study, number, hyperparameters):
            return finished
        started = time.perf_counter()
        with context.stopwatch.on("training"):
            model = self._fitted(LinearForm.of(hyperparameters))
        seconds = time.perf_counter() - started
        with context.stopwatch.on("evaluating"):
            logits = baseline.predict(model, data.test)
            train_accuracy = accuracy(data.train.labels, class_probabilities(baseline.predict(model, data.train)))
            elsewhere = scores_elsewhere(
                study, context.config, context.dataset, lambda reviews: baseline.predict(model, reviews), None
            )
        with atomic(folder.linear_model(study, number)) as temporary:
            linear.save(model, temporary)
        repeat = Repeat(
            number=number,
            seed=self._seed,
            hyperparameters=hyperparameters,
            epochs=0,
            parameters=model.weights.size + model.intercepts.size,
            train_accuracy=train_accuracy,
            val_accuracy=None,
            val_loss=None,
            train_seconds=seconds,
            history=(),
            scores=scores_by_bucket(data, logits, None),
            scores_elsewhere=elsewhere,
            spent=context.stopwatch.read(),
        )
        folder.save_repeat(study, repeat, predictions(data, logits, np.zeros((0, logits.shape[1]))))
        return repeat
