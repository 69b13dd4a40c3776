"""Cross-validation of whole runs: means over folds, with an interval that knows that folds share their training reviews.

Each fold is a run of its own: it searches, trains and tests on a test part that no other fold has. Of K folds any two share most
of what they learn from, so that their accuracies are no independent sample, and Student's t over them is too sure. Nadeau and
Bengio (2003), Inference for the generalization error, Machine Learning, section 3, correct the variance of the mean:

    (1 / K + n_test / n_train) * variance of the K numbers,

which for cross-validation is (1 / K + 1 / (K - 1)) times the variance: more than twice as much.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import t

from analysis.comparison import holm
from analysis.evaluation import LEVEL
from models.roster import Roster
from records.findings import Verdict
from records.folds import Folded, FoldedDifference, FoldedScore
from records.study import ALL, YARDSTICKS, Scope
from records.summary import DataSummary

_Key = tuple[str, Scope, str]  # a contender, a scope and a bucket


def corrected_interval(values: Sequence[float], step: float = 0.0) -> tuple[float, float, float]:
    """The 95 % interval of the mean of a number over the folds of a cross-validation, and the p-value of a mean of 0.

    Args:
        values: one a fold, two or more.
        step: by which a value can differ: 1 / n for an accuracy on n reviews. The standard deviation counts as no less, since
            numbers of few reviews are soon the same by chance.
    """
    k, mean = len(values), float(np.mean(values))
    error = max(float(np.std(values, ddof=1)), step) * np.sqrt(1 / k + 1 / (k - 1))
    if error == 0:
        return mean, mean, float(mean == 0)
    reach = float(t.ppf((1 + LEVEL) / 2, k - 1)) * error
    return mean - reach, mean + reach, float(2 * t.sf(abs(mean) / error, k - 1))


def scores(results: Sequence[pd.DataFrame]) -> tuple[FoldedScore, ...]:
    """Every contender and scope on every bucket that all folds have a result on, and on `all` lengths of several buckets.

    Args:
        results: the table `results.csv` of each fold's run; numbers of a bucket count by its test reviews on all lengths.
    """
    per_fold = [_of_fold(table) for table in results]
    found = []
    for key in per_fold[0]:
        if all(key in each for each in per_fold):
            rows = [each[key] for each in per_fold]
            accuracies = tuple(accuracy for accuracy, _, _ in rows)
            macro, tested = float(np.mean([f1 for _, f1, _ in rows])), sum(n for _, _, n in rows)
            interval = corrected_interval(accuracies, len(rows) / tested)
            low, high = np.clip(interval[:2], 0, 1).tolist()  # an accuracy is a share
            found.append(FoldedScore(*key, tested, accuracies, float(np.mean(accuracies)), low, high, macro))
    return tuple(found)


def _of_fold(table: pd.DataFrame) -> dict[_Key, tuple[float, float, int]]:
    """Contender, scope and bucket -> accuracy, macro-F1 and test reviews, means over repeats."""
    done = table[table["status"] == "completed"]
    n_buckets = done["bucket"].nunique()
    found: dict[_Key, tuple[float, float, int]] = {}
    for (contender, scope), mine in done.groupby(["contender", "scope"], sort=False):
        by_bucket = mine.groupby("bucket", sort=False)[["test_accuracy", "macro_f1", "n_test"]].mean()
        for bucket, row in by_bucket.iterrows():
            found[str(contender), scope, str(bucket)] = (float(row["test_accuracy"]), float(row["macro_f1"]), int(row["n_test"]))
        if len(by_bucket) == n_buckets > 1:  # else a bucket failed, and the others are not all lengths
            weights = by_bucket["n_test"] / by_bucket["n_test"].sum()
            accuracy, f1 = (float((by_bucket[name] * weights).sum()) for name in ("test_accuracy", "macro_f1"))
            found[contender, scope, "all"] = (accuracy, f1, int(by_bucket["n_test"].sum()))
    return found


def chances(summaries: Sequence[DataSummary]) -> dict[str, float]:
    """Bucket, and `all`: the share of the largest class among the texts that the folds test together."""
    counts = {ALL: np.sum([summary.class_counts["test"] for summary in summaries], axis=0)}
    for summary in summaries:
        for bucket in summary.buckets:
            counts[bucket.name] = counts.get(bucket.name, 0) + bucket.n_test * np.array(bucket.class_shares_test)
    return {name: float(of_classes.max() / of_classes.sum()) for name, of_classes in counts.items()}


def differences(found: Iterable[FoldedScore], roster: Roster) -> tuple[FoldedDifference, ...]:
    """Each network with both linear models, these with each other, and any two networks; of one scope and bucket.

    Args:
        found: of all folds.
        roster: whose controls are not compared, and whose ablations are compared with their parents only.
    """
    groups: dict[tuple[str, str], list[FoldedScore]] = {}
    for each in found:
        if each.contender not in roster.controls:
            groups.setdefault((each.scope, each.bucket), []).append(each)
    pairs = [
        pair
        for group in groups.values()
        for pair in combinations(group, 2)
        if _are_compared(pair[0].contender, pair[1].contender, roster)
    ]
    apart = [np.subtract(one.accuracies, other.accuracies).tolist() for one, other in pairs]
    steps = [len(one.accuracies) / one.n_tested for one, _ in pairs]
    intervals = [corrected_interval(values, step) for values, step in zip(apart, steps, strict=True)]
    adjusted = holm(np.array([p for _, _, p in intervals])).tolist() if pairs else []
    return tuple(
        FoldedDifference(
            first=one.contender,
            second=other.contender,
            scope=one.scope,
            bucket=one.bucket,
            difference=float(np.mean(values)),
            low=low,
            high=high,
            p_value=p,
            p_adjusted=sure,
            verdict=_verdict(low, high, sure),
        )
        for (one, other), values, (low, high, p), sure in zip(pairs, apart, intervals, adjusted, strict=True)
    )


def _are_compared(first: str, second: str, roster: Roster) -> bool:
    if first in YARDSTICKS or second in YARDSTICKS or not {first, second} & roster.parents.keys():
        return True
    return roster.parents.get(first) == second or roster.parents.get(second) == first


def _verdict(low: float, high: float, p_adjusted: float) -> Verdict:
    if p_adjusted >= 1 - LEVEL:
        return "cannot be told from"
    return "better than" if low > 0 else "worse than" if high < 0 else "cannot be told from"


def tables(folded: Folded) -> dict[str, pd.DataFrame]:
    """`folds`: a row a contender, scope and bucket, each fold's accuracy a column; `fold_differences`: a row a pair."""
    rows = [
        {
            **{name: value for name, value in asdict(score).items() if name != "accuracies"},
            **{f"fold_{number}": accuracy for number, accuracy in enumerate(score.accuracies, start=1)},
        }
        for score in folded.scores
    ]
    return {"folds": pd.DataFrame(rows), "fold_differences": pd.DataFrame([asdict(each) for each in folded.differences])}
