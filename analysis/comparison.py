"""Who is better than whom on the same test reviews, and how sure that is, over all comparisons of a run.

Two questions have to be answered with yes before one study is called better than another: does the difference hold for
other reviews (McNemar's exact test of one trained model of each, the one that was best on validation, corrected for
the number of comparisons), and does it hold for other reviews and other seeds (an interval for both, of each comparison by
itself)? With one repeat nothing is known about other seeds, and "better" is said of these trainings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.stats import binomtest

from analysis.calibration import fit_temperature
from analysis.evaluation import LEVEL, accuracy_interval, difference_interval, is_right, log_loss
from analysis.scores import without_leaked
from engine.arrays import class_probabilities
from models.roster import Roster
from records.findings import BEST, BucketVerdict, Comparison, Ensemble, Standing
from records.study import Study


@dataclass(frozen=True)
class Predictions:
    """What a study's repeats say about the reviews of one bucket: logits of all classes but the first."""

    test: np.ndarray  # <float>[repeats, test reviews, classes - 1]
    validation: np.ndarray  # <float>[repeats, validation reviews, classes - 1]; of no reviews for a yardstick

    @property
    def probabilities(self) -> np.ndarray:
        """Of each class, `<float64>[repeats, test reviews, classes]`."""
        return class_probabilities(self.test)


@dataclass(frozen=True)
class Truth:
    """What is known about the reviews of one bucket."""

    test: np.ndarray  # <int>[test reviews], labels
    leaked: np.ndarray  # <bool>[test reviews], whether the text stands in the training part too
    validation: np.ndarray  # <int>[validation reviews], labels


def judge(bucket: str, truth: Truth, predictions: Mapping[Study, Predictions], roster: Roster) -> BucketVerdict:
    """How each study does on a bucket, which network validation would choose, and every pair's comparison, uncorrected.

    Args:
        bucket: the name that stands in the record.
        truth: of the bucket's reviews.
        predictions: of each study that has scored them.
        roster: whose controls are not compared and cannot lead, and whose ablations are compared with their parents only.
    """
    correct = {study: is_right(truth.test, p.probabilities) for study, p in predictions.items()}
    val_losses = {  # at each repeat's best temperature: whoever is merely too sure is not worse for it
        study: [_loss_at_best_temperature(truth.validation, repeat) for repeat in p.validation]
        for study, p in predictions.items()
        if not study.is_yardstick and len(truth.validation)
    }
    means = {study: float(np.mean(losses)) for study, losses in val_losses.items()}
    ranking = tuple(sorted((study for study in means if study.contender not in roster.controls), key=lambda study: means[study]))
    compared = {study: right for study, right in correct.items() if study.contender not in roster.controls}
    chosen = {study: int(np.argmin(val_losses[study])) if study in val_losses else 0 for study in compared}
    chance = float(np.bincount(truth.test).max() / len(truth.test))
    return BucketVerdict(
        bucket=bucket,
        n_test=len(truth.test),
        n_leaked=int(truth.leaked.sum()),
        chance=chance,
        leader=ranking[0] if ranking else None,
        standings=tuple(_standing(study, truth, p, means.get(study), chance) for study, p in predictions.items()),
        comparisons=compare(bucket, compared, chosen, roster.parents),
        ranking=ranking,
    )


def _standing(study: Study, truth: Truth, said: Predictions, val_loss: float | None, chance: float) -> Standing:
    right = is_right(truth.test, said.probabilities)
    low, high = accuracy_interval(right)
    return Standing(
        study=study,
        accuracy=float(right.mean()),
        low=low,
        high=high,
        repeats=len(right),
        accuracy_without_leaked=without_leaked(right, truth.leaked),
        loss=log_loss(truth.test, said.probabilities),
        val_loss=val_loss,
        like_chance=low <= chance,
    )


def exact_mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p-value of the hypothesis that two models err equally often.

    Args:
        only_first: reviews that only the first one gets right.
        only_second: reviews that only the second one gets right.

    Source: McNemar (1947), Psychometrika, with the binomial distribution; Dietterich (1998), Approximate statistical tests for
    comparing supervised classification learning algorithms, Neural Computation.
    """
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values: rejecting those below a level keeps the chance of any false rejection below it, `<float>[comparisons]`.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics.
    """
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(stepped).clip(max=1.0)
    return adjusted


def _loss_at_best_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    return log_loss(labels, class_probabilities(logits / fit_temperature(labels, logits)))


def compare(
    bucket: str, correct: Mapping[Study, np.ndarray], chosen: Mapping[Study, int], parents: Mapping[str, str]
) -> tuple[Comparison, ...]:
    """The pairs that `are_compared`, not yet corrected for how many there are.

    Args:
        bucket: the name that stands in the records.
        correct: for each study, which test reviews each repeat gets right, `<bool>[repeats, reviews]`, the same reviews for all.
        chosen: the repeat of each study that was best on validation.
        parents: contender -> the one that it is an ablation of.
    """
    found = []
    for first, second in combinations(correct, 2):
        if are_compared(first, second, correct, parents):
            low, high = difference_interval(correct[first], correct[second])
            mine, theirs = correct[first][chosen[first]], correct[second][chosen[second]]
            only_first, only_second = int((mine & ~theirs).sum()), int((theirs & ~mine).sum())
            difference = float(correct[first].mean() - correct[second].mean())
            p_value = exact_mcnemar(only_first, only_second)
            about = (difference, low, high, only_first, only_second, p_value, p_value)
            found.append(Comparison(bucket, first, second, *about, verdict="cannot be told from"))
    return tuple(found)


def are_compared(first: Study, second: Study, everybody: Iterable[Study], parents: Mapping[str, str]) -> bool:
    """Whether two studies are asked which is better: a network and its yardsticks, one contender's scopes, or two of a scope.

    Among networks an ablation is compared with its parent only: in a scope that both are trained on, or where there is none in
    the scopes that they have.

    Args:
        first: one study.
        second: the other.
        everybody: all studies with a result on the same reviews.
        parents: contender -> the one that it is an ablation of.
    """
    if first.is_yardstick != second.is_yardstick:
        return second in first.yardsticks or first in second.yardsticks
    if first.contender == second.contender:
        return True
    if not {first.contender, second.contender} & parents.keys():
        return first.scope == second.scope
    of_first, of_second = ({s.scope for s in everybody if s.contender == each.contender} for each in (first, second))
    is_parent = parents.get(first.contender) == second.contender or parents.get(second.contender) == first.contender
    return is_parent and (first.scope == second.scope or not of_first & of_second)


def corrected(verdicts: Iterable[BucketVerdict]) -> tuple[BucketVerdict, ...]:
    """The verdicts with each comparison judged, corrected for all comparisons in them."""
    verdicts = tuple(verdicts)
    adjusted = iter(holm(np.array([c.p_value for verdict in verdicts for c in verdict.comparisons])).tolist())
    return tuple(
        replace(verdict, comparisons=tuple(_judged(c, next(adjusted)) for c in verdict.comparisons)) for verdict in verdicts
    )


def ensembles(verdict: BucketVerdict, truth: Truth, predictions: Mapping[Study, Predictions]) -> tuple[Ensemble, ...]:
    """The mean of each network's repeats, and of all repeats of the networks of a scope that were best on validation.

    Args:
        verdict: on a bucket; the networks of its ranking take part.
        truth: of the bucket's reviews.
        predictions: of each study.
    """
    networks = [standing.study for standing in verdict.standings if standing.study in verdict.ranking]
    groups: list[tuple[Study, ...]] = [(study,) for study in networks if len(predictions[study].test) > 1]
    for scope in dict.fromkeys(study.scope for study in networks):
        best = tuple(study for study in verdict.ranking if study.scope == scope)[:BEST]
        groups += [best] if len(best) > 1 else []
    found = []
    for members in groups:
        probabilities = np.concatenate([predictions[study].probabilities for study in members])
        right = is_right(truth.test, probabilities.mean(axis=0))
        about = (len(probabilities), float(right.mean()), *accuracy_interval(right[None]))
        found.append(Ensemble(verdict.bucket, members, *about, without_leaked(right, truth.leaked)))
    return tuple(found)


def _judged(comparison: Comparison, p_adjusted: float) -> Comparison:
    advantage = comparison.only_first - comparison.only_second
    sure = p_adjusted < 1 - LEVEL
    if sure and comparison.low > 0 and advantage > 0:
        return replace(comparison, p_adjusted=p_adjusted, verdict="better than")
    if sure and comparison.high < 0 and advantage < 0:
        return replace(comparison, p_adjusted=p_adjusted, verdict="worse than")
    return replace(comparison, p_adjusted=p_adjusted, verdict="cannot be told from")
