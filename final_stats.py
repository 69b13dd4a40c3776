"""Finished studies as tables: `final_stats/` holds everything the report shows, as data."""

import json
from dataclasses import asdict, astuple, fields
from typing import Any

import numpy as np
import pandas as pd

from data_preprocessing import Bucket
from evaluation import difference_interval, is_right, judge
from models.registry import ARCHITECTURES
from results import (
    ALL,
    YARDSTICK,
    BucketVerdict,
    ControlComparison,
    DataSummary,
    Repeat,
    Seconds,
    Study,
    StudyResult,
    bucket_order,
)
from saver import RunFolder, atomic, write_text

SPENT = tuple(f"{item.name}_seconds" for item in fields(Seconds))  # importing, compiling, training, evaluating
TIME_COLUMNS = ("train_seconds", "seconds_per_epoch", "search_seconds", "seconds", "step_milliseconds", *SPENT)  # vary by run


def verdicts(results: list[StudyResult], folder: RunFolder, buckets: tuple[Bucket, ...]) -> tuple[BucketVerdict, ...]:
    """One verdict a bucket, from the stored predictions of the completed studies; None of the labels is read elsewhere."""
    completed = [result for result in results if result.status == "completed"]
    stored = {result.study: [folder.load_predictions(result.study, r.number) for r in result.repeats] for result in completed}
    found = []
    for bucket in buckets:
        labels, probabilities = None, {}
        for study, repeats in stored.items():
            if study.bucket in (bucket.name, ALL) and repeats:
                inside = bucket.holds(repeats[0]["lengths"])
                labels = repeats[0]["labels"][inside]
                probabilities[study] = np.stack([repeat["probabilities"][inside] for repeat in repeats])
        if labels is not None and len(labels):
            found.append(judge(bucket.name, labels, probabilities))
    return tuple(found)


def controls(results: list[StudyResult], folder: RunFolder) -> tuple[ControlComparison, ...]:
    """Each control beside what it controls, where both completed, in the order of the results."""
    completed = {result.study: result for result in results if result.status == "completed"}

    def correct(result: StudyResult) -> np.ndarray:
        """`<bool>[repeats, reviews]`."""
        stored = [folder.load_predictions(result.study, repeat.number) for repeat in result.repeats]
        return np.stack([is_right(one["labels"], one["probabilities"]) for one in stored])

    found = []
    for control in completed.values():
        architecture = ARCHITECTURES.get(control.study.architecture)
        result = completed.get(Study(architecture.control_of or "", control.study.bucket)) if architecture else None
        if result is not None:
            mine, theirs = correct(result), correct(control)
            seconds = (result.step_seconds, control.step_seconds)
            accuracies = (float(mine.mean()), float(theirs.mean()))
            found.append(
                ControlComparison(result.study, control.study, *accuracies, *difference_interval(mine, theirs), *seconds)
            )
    return tuple(found)


def results_table(results: list[StudyResult]) -> pd.DataFrame:
    """One row per architecture, scope, bucket and repeat; a failed study is one row with its message."""
    return pd.DataFrame([row for result in results for row in _rows(result)])


def _rows(result: StudyResult) -> list[dict[str, Any]]:
    if result.status == "failed":
        return [_row(result, None, result.study.bucket) | {"message": result.message}]
    return [
        _row(result, repeat, score.bucket)
        | {
            "n_test": score.n_test,
            "test_accuracy": score.accuracy,
            "test_accuracy_low": score.accuracy_low,
            "test_accuracy_high": score.accuracy_high,
            "test_loss": score.loss,
            "precision": score.precision,
            "recall": score.recall,
            "f1": score.f1,
            "roc_auc": score.roc_auc,
            "true_negative": score.true_negative,
            "false_positive": score.false_positive,
            "false_negative": score.false_negative,
            "true_positive": score.true_positive,
            "train_test_gap": repeat.train_accuracy - score.accuracy,
        }
        for repeat in result.repeats
        for score in repeat.scores
    ]


def _row(result: StudyResult, repeat: Repeat | None, bucket: str) -> dict[str, Any]:
    """The columns in their order; what a failed study does not have stays empty."""
    test = (
        "n_test",
        "test_accuracy",
        "test_accuracy_low",
        "test_accuracy_high",
        "test_loss",
        "precision",
        "recall",
        "f1",
        "roc_auc",
    )
    return {
        "architecture": result.study.architecture,
        "scope": result.study.scope,
        "bucket": bucket,
        "repeat": repeat.number if repeat else None,
        "n_train": result.n_train,
        **dict.fromkeys(test),
        "val_accuracy": repeat.val_accuracy if repeat else None,
        "train_accuracy": repeat.train_accuracy if repeat else None,
        "train_test_gap": None,
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
        **dict.fromkeys(("true_negative", "false_positive", "false_negative", "true_positive")),
        "status": result.status,
        "message": result.message,
    }


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


def averages(results: list[StudyResult]) -> list[dict[str, Any]]:
    """Totals and averages per architecture and scope, over buckets and repeats, with equal weight to each bucket."""
    if not results:
        return []
    table = results_table(results)
    rows = []
    for (architecture, scope), group in table.groupby(["architecture", "scope"], sort=False):
        done = group[group["status"] == "completed"]
        mine = [r for r in results if (r.study.architecture, r.study.scope) == (architecture, scope)]
        per_bucket = done.groupby("bucket")[["test_accuracy", "f1", "roc_auc"]].mean() if len(done) else None
        rows.append(
            {
                "architecture": architecture,
                "scope": scope,
                "studies_completed": sum(r.status == "completed" for r in mine),
                "studies_failed": sum(r.status == "failed" for r in mine),
                "buckets_scored": 0 if per_bucket is None else len(per_bucket),
                "mean_test_accuracy": None if per_bucket is None else float(per_bucket["test_accuracy"].mean()),
                "mean_f1": None if per_bucket is None else float(per_bucket["f1"].mean()),
                "mean_parameters": float(np.mean([r.parameters for r in mine if r.status == "completed"])) if len(done) else None,
                "search_seconds": sum(r.search_seconds for r in mine),
                "train_seconds": sum(r.train_seconds for r in mine),
                "trials": sum(len(r.trials) for r in mine),
            }
        )
    return rows


def write(results: list[StudyResult], found: tuple[BucketVerdict, ...], data: DataSummary, folder: RunFolder) -> None:
    """Write results.csv, trials.csv, predictions.csv.gz, results.json and data.json, each atomically."""
    for name, table in (("results.csv", results_table(results)), ("trials.csv", trials_table(results))):
        with atomic(folder.final_stats(name)) as temporary:
            table.to_csv(temporary, index=False)
    with atomic(folder.final_stats("predictions.csv.gz")) as temporary:
        _predictions(results, folder).to_csv(temporary, index=False, compression={"method": "gzip", "mtime": 1})
    about = {"architectures": averages(results), "verdicts": [asdict(verdict) for verdict in found]}
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


def recorded(planned: list[Study], folder: RunFolder) -> list[StudyResult]:
    """Every planned study that has a record, failures included, in the registry's order and then by length."""
    order = {name: number for number, name in enumerate([*ARCHITECTURES, YARDSTICK])}
    studies = sorted(planned, key=lambda study: (order[study.architecture], bucket_order(study.bucket)))
    return [result for study in studies if (result := folder.load_result(study)) is not None]
