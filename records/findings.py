"""What follows from all results of a run: who is better than whom, and how sure that is."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from records.codec import Record
from records.study import Scope, Seconds, Study

Verdict = Literal["better than", "worse than", "cannot be told from"]
BEST = 3  # networks of the ensemble that validation chooses


@dataclass(frozen=True)
class Standing(Record):
    """How one study stands on one bucket's test reviews."""

    study: Study
    accuracy: float  # mean over repeats
    low: float  # 95 % interval for other test reviews and, with several repeats, for other seeds
    high: float
    repeats: int
    accuracy_without_leaked: float  # without the reviews whose text stands in the training part too
    loss: float
    val_loss: float | None  # mean over repeats on the bucket's validation reviews, at their temperature; None for a yardstick
    like_chance: bool  # the interval of the accuracy reaches down to the share of the largest class


@dataclass(frozen=True)
class Comparison(Record):
    """Two studies on the same test reviews of a bucket."""

    bucket: str
    first: Study
    second: Study
    difference: float  # in mean accuracy over repeats, first minus second
    low: float  # 95 % paired interval of it, for other test reviews and other seeds
    high: float
    only_first: int  # reviews that only the first one's best repeat (by validation) gets right
    only_second: int
    p_value: float  # McNemar's exact test of these two numbers
    p_adjusted: float  # after Holm's correction for all comparisons of the run
    verdict: Verdict  # the first, of the second

    @property
    def is_sure(self) -> bool:
        """Whether one of the two is better."""
        return self.verdict != "cannot be told from"

    @property
    def turned(self) -> "Comparison":
        """The same, of the second with the first."""
        return dataclasses.replace(
            self,
            first=self.second,
            second=self.first,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            only_first=self.only_second,
            only_second=self.only_first,
            verdict=_TURNED[self.verdict],
        )


_TURNED: dict[str, Verdict] = {
    "better than": "worse than",
    "worse than": "better than",
    "cannot be told from": "cannot be told from",
}


@dataclass(frozen=True)
class Climbed:
    """One rung of a ladder of contenders on one bucket."""

    standing: Standing
    gain: Comparison | None  # with the rung below; None for the lowest one, and where the two were not compared


@dataclass(frozen=True)
class BucketVerdict(Record):
    """What the numbers say about one bucket; networks only compete with networks for the lead."""

    bucket: str  # or `all` test reviews, which only generalists read
    n_test: int
    n_leaked: int  # test reviews whose text stands in the training part too
    chance: float  # share of the largest class among the test reviews
    leader: Study | None  # the first of the ranking; None when no network has a result
    standings: tuple[Standing, ...]  # in the order of the studies, yardsticks last
    comparisons: tuple[Comparison, ...]
    ranking: tuple[Study, ...] = ()  # networks that may lead, all but controls: that with the lowest mean val_loss first

    def best(self) -> tuple[Study, ...]:
        """The `BEST` networks of the leader's scope, for an ensemble."""
        return tuple(study for study in self.ranking if self.leader and study.scope == self.leader.scope)[:BEST]

    def verdict_on(self, study: Study, other: Study) -> str | None:
        """How a study compares with another; None where they were not compared."""
        compared = self.comparison(study, other)
        return compared.verdict if compared else None

    def comparison(self, study: Study, other: Study) -> Comparison | None:
        """A study with another; None where they were not compared."""
        both_ways = (c for comparison in self.comparisons for c in (comparison, comparison.turned))
        return next((c for c in both_ways if (c.first, c.second) == (study, other)), None)

    def climb(self, ladder: Sequence[str]) -> tuple["Climbed | None", ...]:
        """How far each rung of a ladder gets: of specialists, or else of generalists; None for one that has no result.

        Args:
            ladder: ids of contenders, from the lowest rung on.
        """
        there = [s for s in self.standings if s.study.contender in ladder]
        scope = min((s.study.scope for s in there), key=("bucket", "all", "fine-tuned").index, default="bucket")
        standings = [next((s for s in there if (s.study.contender, s.study.scope) == (id, scope)), None) for id in ladder]
        return tuple(
            Climbed(rung, self.comparison(rung.study, below.study) if below else None) if rung else None
            for below, rung in zip([None, *standings], standings, strict=False)
        )


@dataclass(frozen=True)
class Reliability(Record):
    """What a contender's probabilities are worth, over all its studies of one scope, on their test reviews.

    Each point is a bin of probabilities: their mean, the share in which it happened, how many reviews. Of two classes they are
    the probabilities of the second one, `positive`; of more those of the predicted class, and it happened if that was right.
    """

    study: Study  # of a generalist, or of any bucket for specialists
    points: tuple[tuple[float, float, int], ...]
    points_at_temperature: tuple[tuple[float, float, int], ...]  # none for a yardstick


@dataclass(frozen=True)
class ControlComparison(Record):
    """The same network, settings and seeds, by layers from scratch and by Keras's own, on one scope's test reviews."""

    study: Study
    control: Study
    accuracy: float  # of the first repeat, which the control repeats
    control_accuracy: float
    low: float  # 95 % interval of the difference, from scratch minus control, paired over reviews
    high: float
    step_seconds: float | None  # of one training step, in this run
    control_step_seconds: float | None


@dataclass(frozen=True)
class Ensemble(Record):
    """The mean of several trained networks' probabilities on one bucket's test reviews. It is not a single model."""

    bucket: str
    members: tuple[Study, ...]  # one: the mean of its repeats; more: those that were best on validation
    n_models: int  # trained networks in all
    accuracy: float
    low: float  # 95 % interval for other test reviews
    high: float
    accuracy_without_leaked: float


@dataclass(frozen=True)
class LengthCurve(Record):
    """Accuracy as a smooth function of length, over a study's repeats."""

    study: Study
    lengths: tuple[float, ...]  # tokens
    accuracy: tuple[float, ...]
    low: tuple[float, ...]  # 95 % of the sampling of test reviews, at each length by itself
    high: tuple[float, ...]


@dataclass(frozen=True)
class LearningCurve(Record):
    """Accuracy of a contender on a scope's test reviews against the number of reviews it was trained and validated on."""

    study: Study  # at the end of the curve: all reviews
    n_reviews: tuple[int, ...]  # ascending
    accuracy: tuple[float, ...]  # means over repeats
    low: tuple[float, ...]  # 95 % interval for other test reviews and seeds; the reviews of a point are the same for all repeats
    high: tuple[float, ...]


@dataclass(frozen=True)
class Importance(Record):
    """What a hyperparameter did to the scores of all trials."""

    name: str
    mean: float  # loss of explained variance (R squared) when its values are shuffled
    deviation: float  # standard deviation of that over folds
    trials: int


@dataclass(frozen=True)
class ContenderAverages(Record):
    """A contender's studies of one scope together: totals, and means over buckets and repeats, each bucket counting the same.

    A mean is None where no study completed, or none has the number.
    """

    contender: str
    scope: Scope
    studies_completed: int
    studies_failed: int
    buckets_scored: int
    mean_test_accuracy: float | None
    mean_test_accuracy_without_leaked: float | None
    mean_macro_f1: float | None
    mean_test_brier: float | None
    mean_test_brier_at_temperature: float | None
    mean_test_calibration_error: float | None
    mean_test_calibration_error_at_temperature: float | None
    mean_temperature: float | None
    mean_parameters: float | None
    search_seconds: float
    train_seconds: float
    trials: int


@dataclass(frozen=True)
class ContenderTimes(Record):
    """What a contender's studies spent their time on."""

    contender: str
    spent: Seconds  # of all workers together
    step_seconds: float | None  # of one training step, mean over its studies; None where nothing was trained in steps


@dataclass(frozen=True)
class Findings(Record):
    """What follows from all results of a run."""

    verdicts: tuple[BucketVerdict, ...] = ()  # one a bucket
    controls: tuple[ControlComparison, ...] = ()
    reliabilities: tuple[Reliability, ...] = ()
    ensembles: tuple[Ensemble, ...] = ()
    length_curves: tuple[LengthCurve, ...] = ()
    importances: tuple[Importance, ...] = ()
    learning_curves: tuple[LearningCurve, ...] = ()
    contenders: tuple[ContenderAverages, ...] = ()
