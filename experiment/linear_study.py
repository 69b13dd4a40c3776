"""The study of the linear yardstick: nothing is searched, and its one repeat is fitted in seconds."""

import time

import numpy as np

from analysis.evaluation import accuracy
from experiment import baseline
from experiment.context import StudyContext
from experiment.plan import reviews_of
from experiment.scoring import predictions, scores_by_bucket, scores_elsewhere
from records.files import atomic
from records.study import Hyperparameters, Repeat, Study, StudyResult


class LinearStudy:
    """The stages of `experiment.study.StudyStages` for the yardstick on one scope."""

    def __init__(self, study: Study, context: StudyContext) -> None:
        """Read the scope's reviews."""
        self._study, self._context = study, context
        self._data = reviews_of(study, context.dataset)

    def search(self, hyperparameters: Hyperparameters | None = None) -> StudyResult:
        """The study's result without repeats; nothing is searched."""
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

    def repeat(self, hyperparameters: Hyperparameters, number: int) -> Repeat:
        """Fit on training and validation, read the test reviews."""
        study, context, data, folder = self._study, self._context, self._data, self._context.folder
        if finished := folder.load_repeat(study, number, hyperparameters):
            return finished
        started = time.perf_counter()
        with context.stopwatch.on("training"):
            pipeline = baseline.fit([data.train, data.validation])
        seconds = time.perf_counter() - started
        with context.stopwatch.on("evaluating"):
            probabilities = baseline.predict(pipeline, data.test)
            train_accuracy = accuracy(data.train.labels, baseline.predict(pipeline, data.train))
            elsewhere = scores_elsewhere(
                study, context.config, context.dataset, lambda reviews: baseline.predict(pipeline, reviews), None
            )
        with atomic(folder.linear_model(study, number)) as temporary:
            baseline.save(pipeline, temporary)
        repeat = Repeat(
            number=number,
            seed=study.seed(context.config.run.seed),
            hyperparameters=hyperparameters,
            epochs=0,
            parameters=baseline.parameters(pipeline),
            train_accuracy=train_accuracy,
            val_accuracy=None,
            val_loss=None,
            train_seconds=seconds,
            history=(),
            scores=scores_by_bucket(data, probabilities, None),
            scores_elsewhere=elsewhere,
            spent=context.stopwatch.read(),
        )
        folder.save_repeat(study, repeat, predictions(data, probabilities, np.zeros(0)))
        return repeat
