"""What a cross-validation of the whole run found: each contender over all folds, and how it stands to the linear models."""

from dataclasses import dataclass

from records.codec import Record
from records.findings import Verdict
from records.study import Scope

FOLDS = "-folds"  # what the name of the folder ends with that holds the runs of all folds
FOLDED = "folds.json"  # in it: what all folds say together


@dataclass(frozen=True)
class FoldedScore(Record):
    """A contender of one scope on one bucket over the folds: every review of the table was tested once."""

    contender: str
    scope: Scope
    bucket: str  # or `all`
    n_tested: int  # over all folds
    accuracies: tuple[float, ...]  # one a fold, means over repeats
    mean: float  # over the folds
    low: float  # 95 % interval that knows that folds share training reviews, see `analysis.folds`
    high: float
    mean_macro_f1: float  # of several buckets the mean of theirs, by their test reviews


@dataclass(frozen=True)
class FoldedDifference(Record):
    """A contender and another one of the same scope on one bucket, fold by fold."""

    first: str
    second: str
    scope: Scope
    bucket: str
    difference: float  # in accuracy, first minus second, mean over the folds
    low: float
    high: float
    p_value: float  # of the corrected t test
    p_adjusted: float  # after Holm's correction for all differences of the run
    verdict: Verdict


@dataclass(frozen=True)
class Folded(Record):
    """Everything that is said over all folds."""

    profile: str
    title: str  # of the data
    runs: tuple[str, ...]  # the folder of each fold's run
    chance: dict[str, float]  # by bucket, and of `all`: share of the largest class among what the folds test together
    scores: tuple[FoldedScore, ...]
    differences: tuple[FoldedDifference, ...]
