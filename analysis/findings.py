"""What follows from all results of a run: the findings, from the records and stored predictions of its studies."""

from dataclasses import replace
from itertools import groupby

import numpy as np

from analysis.calibration import foretold, reliability
from analysis.comparison import Predictions, Truth, corrected, ensembles, judge
from analysis.evaluation import accuracy_interval, difference_interval, is_right, over_length
from analysis.importance import importances
from analysis.tables import averages
from data.types import Bucket
from engine.arrays import class_probabilities
from models.roster import Roster
from records.findings import BucketVerdict, ControlComparison, Ensemble, Findings, LearningCurve, LengthCurve, Reliability
from records.study import ALL, Study, StudyResult, on_all_reviews
from saver import RunFolder

Stored = dict[Study, list[dict[str, np.ndarray]]]  # what each repeat of a study predicted


def _right(repeats: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Which test reviews each repeat gets right, `<bool>[repeats, reviews]`."""
    return np.stack([is_right(repeat["labels"], class_probabilities(repeat["logits"])) for repeat in repeats])


def find(results: list[StudyResult], folder: RunFolder, buckets: tuple[Bucket, ...], roster: Roster) -> Findings:
    """Everything that the stored predictions of the completed studies say; comparisons are corrected over all buckets.

    Studies of a learning curve give that and nothing else.
    """
    finished = [result for result in results if result.status == "completed" and result.repeats]
    completed = on_all_reviews(finished)
    everything = {result.study: [folder.load_predictions(result.study, r.number) for r in result.repeats] for result in finished}
    stored = {result.study: everything[result.study] for result in completed}
    verdicts, together = list[BucketVerdict](), list[Ensemble]()
    whole = [(ALL, Bucket(0, None))] if len(buckets) > 1 else []
    for name, bucket in [*((bucket.name, bucket) for bucket in buckets), *whole]:
        truth, predictions = _on_bucket(name, bucket, stored)
        if truth is not None:
            verdicts.append(judge(name, truth, predictions, roster))
            together += ensembles(verdicts[-1], truth, predictions)
    return Findings(
        verdicts=corrected(verdicts),
        controls=_controls(completed, stored, roster),
        reliabilities=_reliabilities(completed, stored),
        ensembles=tuple(together),
        length_curves=_length_curves(stored),
        importances=importances(results),
        learning_curves=_learning_curves(finished, everything),
        contenders=averages(on_all_reviews(results), roster),
    )


def _learning_curves(finished: list[StudyResult], stored: Stored) -> tuple[LearningCurve, ...]:
    """Of each contender and scope that was trained on several numbers of reviews."""
    found = []
    for study in (result.study for result in on_all_reviews(finished)):
        points = [result for result in finished if replace(result.study, n_reviews=0) == study]
        points.sort(key=lambda result: result.n_train + result.n_validation)
        if len(points) > 1:
            right = [_right(stored[point.study]) for point in points]
            low, high = zip(*map(accuracy_interval, right), strict=True)
            sizes = tuple(point.n_train + point.n_validation for point in points)
            found.append(LearningCurve(study, sizes, tuple(float(each.mean()) for each in right), low, high))
    return tuple(found)


def _on_bucket(name: str, bucket: Bucket, stored: Stored) -> tuple[Truth | None, dict[Study, Predictions]]:
    """The labels of a bucket's reviews, if anyone has scored some, and what each study says about them.

    On `all` reviews only generalists have something to say.
    """
    truth, predictions = None, {}
    for study, repeats in stored.items():
        one = repeats[0]
        inside, validated = bucket.holds(one["lengths"]), bucket.holds(one["validation_lengths"])
        if study.bucket in (name, ALL) and inside.any():
            predictions[study] = Predictions(
                np.stack([repeat["logits"][inside] for repeat in repeats]),
                np.stack([repeat["validation_logits"][validated] for repeat in repeats]),
            )
            if truth is None or validated.any():
                truth = Truth(one["labels"][inside], one["leaked"][inside], one["validation_labels"][validated])
    return truth, predictions


def _length_curves(stored: Stored) -> tuple[LengthCurve, ...]:
    """Accuracy over length of each study; the specialists of neighbouring buckets are different networks."""
    found = []
    for study, repeats in stored.items():
        curve = over_length(repeats[0]["lengths"], _right(repeats).mean(axis=0))
        found.append(LengthCurve(study, *(tuple(values.tolist()) for values in curve)))
    return tuple(found)


def _controls(completed: list[StudyResult], stored: Stored, roster: Roster) -> tuple[ControlComparison, ...]:
    """Each control beside the trainings that it repeats, where both completed, in the order of the results."""
    by_study, found = {result.study: result for result in completed}, []
    for control in (result for result in completed if result.study.contender in roster.controls):
        result = by_study.get(Study(roster[control.study.contender].control_of or "", control.study.bucket))
        if result is not None:
            theirs = _right(stored[control.study])
            mine = _right(stored[result.study])[: len(theirs)]
            seconds = (result.step_seconds, control.step_seconds)
            accuracies = (float(mine.mean()), float(theirs.mean()))
            found.append(
                ControlComparison(
                    result.study, control.study, *accuracies, *difference_interval(mine, theirs, same_seeds=True), *seconds
                )
            )
    return tuple(found)


def _reliabilities(completed: list[StudyResult], stored: Stored) -> tuple[Reliability, ...]:
    """What the probabilities of each contender and scope are worth, before and after the temperature."""
    found = []
    for _, group in groupby(completed, key=lambda result: (result.study.contender, result.study.scope)):
        members = list(group)
        before, after = [], []
        for result in members:
            for repeat, one in zip(result.repeats, stored[result.study], strict=True):
                before.append(foretold(one["labels"], class_probabilities(one["logits"])))
                temperature = repeat.scores[0].temperature if repeat.scores else None
                after += [foretold(one["labels"], class_probabilities(one["logits"] / temperature))] if temperature else []
        found.append(Reliability(members[0].study, _points(before), _points(after)))
    return tuple(found)


def _points(foretold: list[tuple[np.ndarray, np.ndarray]]) -> tuple[tuple[float, float, int], ...]:
    """The bins of what happened and of its probabilities, all reviews together."""
    if not foretold:
        return ()
    happened, probabilities = (np.concatenate(each) for each in zip(*foretold, strict=True))
    return tuple(reliability(happened, probabilities))
