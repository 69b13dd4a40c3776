"""Finished studies as tables: `final_stats/` holds everything the report shows, as data."""

import json
import re
from dataclasses import asdict, astuple, fields, replace
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from analysis.calibration import reliability, with_temperature
from analysis.comparison import Predictions, Truth, corrected, ensembles, judge
from analysis.evaluation import accuracy_interval, difference_interval, is_right, over_length
from analysis.importance import importances
from data.types import Bucket
from models.registry import ARCHITECTURES, in_order
from records.findings import BucketVerdict, ControlComparison, Ensemble, Findings, LearningCurve, LengthCurve, Reliability
from records.study import ALL, Repeat, Score, Seconds, Study, StudyResult, bucket_order
from records.summary import DataSummary
from saver import RunFolder, atomic, write_text

SPENT = tuple(f"{item.name}_seconds" for item in fields(Seconds))  # importing, compiling, training, evaluating
SCORE_COLUMNS = {  # field of Score -> column: what is measured on test reviews says so
    item.name: f"test_{item.name}" if re.match("accuracy|loss|brier|calibration", item.name) else item.name
    for item in fields(Score)
    if item.name != "bucket"
}
TIME_COLUMNS = ("train_seconds", "seconds_per_epoch", "search_seconds", "seconds", "step_milliseconds", *SPENT)  # vary by run


Stored = dict[Study, list[dict[str, np.ndarray]]]  # what each repeat of a study predicted


def _right(repeats: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Which test reviews each repeat gets right, `<bool>[repeats, reviews]`."""
    return np.stack([is_right(repeat["labels"], repeat["probabilities"]) for repeat in repeats])


def find(results: list[StudyResult], folder: RunFolder, buckets: tuple[Bucket, ...]) -> Findings:
    """Everything that the stored predictions of the completed studies say; comparisons are corrected over all buckets.

    Studies of a learning curve give that and nothing else.
    """
    finished = [result for result in results if result.status == "completed" and result.repeats]
    completed = on_all_reviews(finished)
    everything = {result.study: [folder.load_predictions(result.study, r.number) for r in result.repeats] for result in finished}
    stored = {result.study: everything[result.study] for result in completed}
    apart = frozenset(name for name, architecture in ARCHITECTURES.items() if architecture.control_of)
    verdicts, together = list[BucketVerdict](), list[Ensemble]()
    whole = [(ALL, Bucket(0, None))] if len(buckets) > 1 else []
    for name, bucket in [*((bucket.name, bucket) for bucket in buckets), *whole]:
        truth, predictions = _on_bucket(name, bucket, stored)
        if truth is not None:
            verdicts.append(judge(name, truth, predictions, apart))
            together += ensembles(verdicts[-1], truth, predictions)
    return Findings(
        verdicts=corrected(verdicts),
        controls=_controls(completed, stored),
        reliabilities=_reliabilities(completed, stored),
        ensembles=tuple(together),
        length_curves=_length_curves(stored),
        importances=importances(results),
        learning_curves=_learning_curves(finished, everything),
    )


def on_all_reviews(results: list[StudyResult]) -> list[StudyResult]:
    """The results but those on part of a scope's reviews, the points of learning curves."""
    return [result for result in results if not result.study.n_reviews]


def _learning_curves(finished: list[StudyResult], stored: Stored) -> tuple[LearningCurve, ...]:
    """Of each architecture and scope that was trained on several numbers of reviews."""
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
                np.stack([repeat["probabilities"][inside] for repeat in repeats]),
                np.stack([repeat["validation_probabilities"][validated] for repeat in repeats]),
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


def _controls(completed: list[StudyResult], stored: Stored) -> tuple[ControlComparison, ...]:
    """Each control beside what it controls, where both completed, in the order of the results."""
    by_study = {result.study: result for result in completed}

    found = []
    for control in completed:
        architecture = ARCHITECTURES.get(control.study.architecture)
        result = by_study.get(Study(architecture.control_of or "", control.study.bucket)) if architecture else None
        if result is not None:
            mine, theirs = _right(stored[result.study]), _right(stored[control.study])
            seconds = (result.step_seconds, control.step_seconds)
            accuracies = (float(mine.mean()), float(theirs.mean()))
            found.append(
                ControlComparison(
                    result.study, control.study, *accuracies, *difference_interval(mine, theirs, same_seeds=True), *seconds
                )
            )
    return tuple(found)


def _reliabilities(completed: list[StudyResult], stored: Stored) -> tuple[Reliability, ...]:
    """What the probabilities of each architecture and scope are worth, before and after the temperature."""
    found = []
    for _, group in groupby(completed, key=lambda result: (result.study.architecture, result.study.scope)):
        members = list(group)
        labels, before, after = [], [], []
        for result in members:
            for repeat, one in zip(result.repeats, stored[result.study], strict=True):
                labels.append(one["labels"])
                before.append(one["probabilities"])
                temperature = repeat.scores[0].temperature if repeat.scores else None
                after += [with_temperature(before[-1], temperature)] if temperature else []
        points = [tuple(reliability(np.concatenate(labels), np.concatenate(p))) if p else () for p in (before, after)]
        found.append(Reliability(members[0].study, points[0], points[1]))
    return tuple(found)


def results_table(results: list[StudyResult]) -> pd.DataFrame:
    """One row per architecture, scope, bucket and repeat; a failed study is one row with its message."""
    return pd.DataFrame([row for result in results for row in _rows(result)])


def _rows(result: StudyResult) -> list[dict[str, Any]]:
    if result.status == "failed":
        return [_row(result, None, None) | {"bucket": result.study.bucket, "message": result.message}]
    return [_row(result, repeat, score) for repeat in result.repeats for score in repeat.scores]


def _row(result: StudyResult, repeat: Repeat | None, score: Score | None) -> dict[str, Any]:
    """The columns in their order; what a failed study does not have stays empty."""
    return {
        "architecture": result.study.architecture,
        "scope": result.study.scope,
        "bucket": score.bucket if score else None,
        "repeat": repeat.number if repeat else None,
        "n_train": result.n_train,
        **{column: getattr(score, name, None) for name, column in SCORE_COLUMNS.items()},
        "val_accuracy": repeat.val_accuracy if repeat else None,
        "val_loss": repeat.val_loss if repeat else None,
        "train_accuracy": repeat.train_accuracy if repeat else None,
        "train_test_gap": repeat.train_accuracy - score.accuracy if repeat and score else None,
        "parameters": result.parameters,
        "epochs": repeat.epochs if repeat else None,
        "train_seconds": repeat.train_seconds if repeat else None,
        "seconds_per_epoch": repeat.train_seconds / repeat.epochs if repeat and repeat.epochs else None,
        "search_seconds": result.search_seconds,
        "trials": len(result.trials),
        "step_milliseconds": 1000 * result.step_seconds if result.step_seconds else None,
        **dict(zip(SPENT, astuple(repeat.spent) if repeat else (None,) * len(SPENT), strict=True)),
        "padding_share": result.padding_share,
        "device": result.device,
        "status": result.status,
        "message": result.message,
    }


def cross_lengths_table(results: list[StudyResult]) -> pd.DataFrame:
    """One row per specialist, repeat and bucket, its own included, where specialists were tested elsewhere too."""
    return pd.DataFrame(
        [
            {
                "architecture": result.study.architecture,
                "trained_on": result.study.bucket,
                "repeat": repeat.number,
                "bucket": score.bucket,
                "n_test": score.n_test,
                **{column: getattr(score, name) for name, column in SCORE_COLUMNS.items() if column.startswith("test_accuracy")},
            }
            for result in results
            for repeat in result.repeats
            if repeat.scores_elsewhere
            for score in sorted(repeat.scores + repeat.scores_elsewhere, key=lambda score: bucket_order(score.bucket))
        ]
    )


def influence_table(results: list[StudyResult]) -> pd.DataFrame:
    """One row per study that was asked, repeat and distance from the end of a review: the influence of a word."""
    rows = [
        (result.study.architecture, result.study.scope, result.study.bucket, repeat.number, distance, influence)
        for result in results
        for repeat in result.repeats
        for distance, influence in repeat.influence
    ]
    return pd.DataFrame(rows, columns=["architecture", "scope", "bucket", "repeat", "distance", "influence"])


def learning_curve_table(curves: tuple[LearningCurve, ...]) -> pd.DataFrame:
    """One row per architecture, scope and number of reviews: accuracy with its interval."""
    rows = [
        {"architecture": curve.study.architecture, "trained_on": curve.study.bucket, "n_reviews": n, "test_accuracy": accuracy,
         "test_accuracy_low": low, "test_accuracy_high": high}
        for curve in curves
        for n, accuracy, low, high in zip(curve.n_reviews, curve.accuracy, curve.low, curve.high, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def comparisons_table(found: tuple[BucketVerdict, ...]) -> pd.DataFrame:
    """One row per pair of studies and bucket: difference, interval, McNemar's counts, p-values, verdict."""
    return pd.DataFrame(
        [asdict(c) | {"first": c.first.id, "second": c.second.id} for verdict in found for c in verdict.comparisons]
    )


def trials_table(results: list[StudyResult]) -> pd.DataFrame:
    """One row per trial: every hyperparameter, score, epochs, seconds, parameters, status, message."""
    rows = [
        {
            "architecture": result.study.architecture,
            "scope": result.study.scope,
            "bucket": result.study.bucket,
            "trial": trial.number,
            **trial.hyperparameters,
            "score": trial.score,
            "epochs": trial.epochs,
            "seconds": trial.seconds,
            **dict(zip(SPENT, astuple(trial.spent), strict=True)),
            "parameters": trial.parameters,
            "status": trial.status,
            "message": trial.message,
        }
        for result in results
        for trial in result.trials
    ]
    return pd.DataFrame(rows)


def spent(results: list[StudyResult]) -> list[dict[str, Any]]:
    """What the time went into, per architecture: `architecture, spent, step_seconds` (mean over its studies)."""
    rows = []
    for architecture in dict.fromkeys(result.study.architecture for result in results):
        mine = [result for result in results if result.study.architecture == architecture]
        steps = [result.step_seconds for result in mine if result.step_seconds]
        total = sum((result.spent for result in mine), Seconds())
        rows.append({"architecture": architecture, "spent": total, "step_seconds": float(np.mean(steps)) if steps else None})
    return rows


_AVERAGED = (
    "test_accuracy",
    "test_accuracy_without_leaked",
    "f1",
    "test_brier",
    "test_brier_at_temperature",
    "test_calibration_error",
    "test_calibration_error_at_temperature",
    "temperature",
)


def _mean(column: "pd.Series[float]") -> float | None:
    mean = pd.to_numeric(column).mean()
    return None if pd.isna(mean) else float(mean)


def averages(results: list[StudyResult]) -> list[dict[str, Any]]:
    """Totals and averages per architecture and scope, over buckets and repeats, with equal weight to each bucket."""
    if not results:
        return []
    table = results_table(results)
    rows = []
    for (architecture, scope), group in table.groupby(["architecture", "scope"], sort=False):
        done = group[group["status"] == "completed"].infer_objects()
        mine = [r for r in results if (r.study.architecture, r.study.scope) == (architecture, scope)]
        per_bucket = done.groupby("bucket")[list(_AVERAGED)].mean() if len(done) else None
        rows.append(
            {
                "architecture": architecture,
                "scope": scope,
                "studies_completed": sum(r.status == "completed" for r in mine),
                "studies_failed": sum(r.status == "failed" for r in mine),
                "buckets_scored": 0 if per_bucket is None else len(per_bucket),
                **{f"mean_{name}": None if per_bucket is None else _mean(per_bucket[name]) for name in _AVERAGED},
                "mean_parameters": float(np.mean([r.parameters for r in mine if r.status == "completed"])) if len(done) else None,
                "search_seconds": sum(r.search_seconds for r in mine),
                "train_seconds": sum(r.train_seconds for r in mine),
                "trials": sum(len(r.trials) for r in mine),
            }
        )
    return rows


def write(results: list[StudyResult], findings: Findings, data: DataSummary, folder: RunFolder) -> None:
    """Write the tables, predictions.csv.gz, results.json and data.json, each atomically."""
    results = on_all_reviews(results)
    tables = {
        "results": results_table(results),
        "trials": trials_table(results),
        "comparisons": comparisons_table(findings.verdicts),
        "cross_lengths": cross_lengths_table(results),
        "influence": influence_table(results),
        "learning_curve": learning_curve_table(findings.learning_curves),
        "ensembles": pd.DataFrame(
            [asdict(e) | {"members": " ".join(study.id for study in e.members)} for e in findings.ensembles]
        ),
    }
    for name, table in tables.items():
        with atomic(folder.final_stats(f"{name}.csv")) as temporary:
            table.to_csv(temporary, index=False)
    with atomic(folder.final_stats("predictions.csv.gz")) as temporary:
        _predictions(results, folder).to_csv(temporary, index=False, compression={"method": "gzip", "mtime": 1})
    about = {"architectures": averages(results), "verdicts": [asdict(verdict) for verdict in findings.verdicts]}
    write_text(folder.final_stats("data.json"), data.to_json())
    write_text(folder.final_stats("results.json"), json.dumps(about, indent=1, allow_nan=False) + "\n")


def _predictions(results: list[StudyResult], folder: RunFolder) -> pd.DataFrame:
    """One row per study, repeat and test review: its row in the source, length, label and probability."""
    frames = []
    for result in results:
        for repeat in result.repeats:
            stored = folder.load_predictions(result.study, repeat.number)
            frame = pd.DataFrame(
                {
                    "study": result.study.id,
                    "repeat": repeat.number,
                    "row": stored["rows"],
                    "length": stored["lengths"],
                    "label": stored["labels"],
                    "probability": stored["probabilities"].round(6),
                }
            )
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def recorded(folder: RunFolder) -> list[StudyResult]:
    """Every study that has a record, failures included, in the registry's order and then by length."""
    return in_order(folder.load_results())
