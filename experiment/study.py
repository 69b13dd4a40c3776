"""One study in stages: a search, then one final training per repeat. What finished before an interruption is read, not repeated.

The stages are apart so that idle workers can take the repeats of a study whose search has ended.
"""

from typing import Protocol

from experiment.context import StudyContext
from experiment.linear_study import LinearStudy
from experiment.network_study import NetworkStudy
from records.study import Hyperparameters, Repeat, Study, StudyResult


class StudyStages(Protocol):
    """What a worker does for a study, one call a task."""

    def search(self, hyperparameters: Hyperparameters | None) -> StudyResult:
        """The study's result without repeats; the hyperparameters are searched for unless given.

        Raises:
            SearchError: no trial completed.
        """

    def repeat(self, hyperparameters: Hyperparameters, number: int) -> Repeat:
        """One final training, the number counted from 0; then, with nothing left to choose, its only look at the test reviews.

        Its record and predictions are in the run folder when this returns.

        Raises:
            NonFiniteError: the training diverged.
        """


def open_study(study: Study, context: StudyContext) -> StudyStages:
    """The stages of a study."""
    return LinearStudy(study, context) if study.is_yardstick else NetworkStudy(study, context)
