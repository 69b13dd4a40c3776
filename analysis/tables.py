"""Finished studies as tables: `final_stats/` holds everything the report shows, as data."""

import re
from dataclasses import asdict, astuple, fields
from typing import Any

import numpy as np
import pandas as pd

from engine.arrays import class_probabilities
from models.roster import Roster
from records.classes import Classes
from records.files import atomic
from records.findings import BucketVerdict, ContenderAverages, ContenderTimes, Findings, LearningCurve
from records.study import Repeat, Score, Seconds, Study, StudyResult, bucket_order, on_all_reviews
from saver import RunFolder

SPENT = tuple(f"{item.name}_seconds" for item in fields(Seconds))  # importing, compiling, training, evaluating
OF_EACH_CLASS = ("precision", "recall", "f1", "roc_auc", "average_precision")  # fields of Score with a number a class
SCORE_COLUMNS = {  # field of Score -> column: what is measured on test reviews says so
    item.name: f"test_{item.name}" if re.match("accuracy|loss|brier|calibration", item.name) else item.name
    for item in fields(Score)
    if item.name not in ("bucket", "confusion", *OF_EACH_CLASS)
}
TIME_COLUMNS = ("train_seconds", "seconds_per_epoch", "search_seconds", "seconds", "step_milliseconds", *SPENT)  # vary by run


def _who(study: Study, roster: Roster) -> dict[str, str]:
    """The columns that a table begins with: the contender's id, and its architecture's name in the registry."""
    return {"contender": study.contender, "architecture": roster.architecture(study.contender)}


def results_table(results: list[StudyResult], roster: Roster, classes: Classes) -> pd.DataFrame:
    """One row per contender, scope, bucket and repeat; a failed study is one row with its message.

    What every class has a number of has a column each, `f1_positive` for example.
    """
    return pd.DataFrame([row | _of_classes(score, classes) for result in results for row, score in _rows(result, roster)])


def _rows(result: StudyResult, roster: Roster) -> list[tuple[dict[str, Any], Score | None]]:
    if result.status == "failed":
        return [(_row(result, None, None, roster) | {"bucket": result.study.bucket, "message": result.message}, None)]
    return [(_row(result, repeat, score, roster), score) for repeat in result.repeats for score in repeat.scores]


def _of_classes(score: Score | None, classes: Classes) -> dict[str, float | None]:
    return {
        f"{measure}_{name}": getattr(score, measure)[label] if score else None
        for measure in OF_EACH_CLASS
        for label, name in enumerate(classes.names)
    }


def _row(result: StudyResult, repeat: Repeat | None, score: Score | None, roster: Roster) -> dict[str, Any]:
    """The columns in their order; what a failed study does not have stays empty."""
    return {
        **_who(result.study, roster),
        "scope": result.study.scope,
        "bucket": score.bucket if score else None,
        "repeat": repeat.number if repeat else None,
        "n_train": result.n_train,
        **{column: getattr(score, name, None) for name, column in SCORE_COLUMNS.items()},
        "roc_auc": score.mean_roc_auc if score else None,
        "val_accuracy": repeat.val_accuracy if repeat else None,
        "val_loss": repeat.val_loss if repeat else None,
        "cv_accuracy": result.cv_accuracy,
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


def cross_lengths_table(results: list[StudyResult], roster: Roster) -> pd.DataFrame:
    """One row per specialist, repeat and bucket, its own included, where specialists were tested elsewhere too."""
    return pd.DataFrame(
        [
            {
                **_who(result.study, roster),
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


def confusion_table(results: list[StudyResult], roster: Roster, classes: Classes) -> pd.DataFrame:
    """One row per contender, scope, bucket, repeat, class and class that it was put into: how many test reviews."""
    rows = [
        (*_who(result.study, roster).values(), result.study.scope, score.bucket, repeat.number, label, said, n)
        for result in results
        for repeat in result.repeats
        for score in repeat.scores
        for label, counts in zip(classes.names, score.confusion, strict=True)
        for said, n in zip(classes.names, counts, strict=True)
    ]
    return pd.DataFrame(rows, columns=["contender", "architecture", "scope", "bucket", "repeat", "class", "said", "n_test"])


def influence_table(results: list[StudyResult], roster: Roster) -> pd.DataFrame:
    """One row per study that was asked, repeat and distance from the end of a review: the influence of a word."""
    rows = [
        (*_who(result.study, roster).values(), result.study.scope, result.study.bucket, repeat.number, distance, influence)
        for result in results
        for repeat in result.repeats
        for distance, influence in repeat.influence
    ]
    columns = ["contender", "architecture", "scope", "bucket", "repeat", "distance", "influence"]
    return pd.DataFrame(rows, columns=columns)


def learning_curve_table(curves: tuple[LearningCurve, ...], roster: Roster) -> pd.DataFrame:
    """One row per contender, scope and number of reviews: accuracy with its interval."""
    rows = [
        {**_who(curve.study, roster), "trained_on": curve.study.bucket, "n_reviews": n, "test_accuracy": accuracy,
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


def trials_table(results: list[StudyResult], roster: Roster) -> pd.DataFrame:
    """One row per trial: every hyperparameter, score, epochs, seconds, parameters, status, message."""
    rows = [
        {
            **_who(result.study, roster),
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


def forms_table(results: list[StudyResult], roster: Roster) -> pd.DataFrame:
    """One row per form of a linear model that cross-validation compared: its hyperparameters and accuracy."""
    rows = [
        {**_who(result.study, roster), "bucket": result.study.bucket, **each.form.hyperparameters,
         "cv_accuracy": each.accuracy, "chosen": each.form.hyperparameters == result.hyperparameters}
        for result in results
        for each in result.forms
    ]  # fmt: skip
    return pd.DataFrame(rows)


def times(results: list[StudyResult]) -> tuple[ContenderTimes, ...]:
    """What the time went into, per contender."""
    rows = []
    for contender in dict.fromkeys(result.study.contender for result in results):
        mine = [result for result in results if result.study.contender == contender]
        steps = [result.step_seconds for result in mine if result.step_seconds]
        total = sum((result.spent for result in mine), Seconds())
        rows.append(ContenderTimes(contender, total, float(np.mean(steps)) if steps else None))
    return tuple(rows)


_AVERAGED = (
    "test_accuracy",
    "test_accuracy_without_leaked",
    "macro_f1",
    "test_brier",
    "test_brier_at_temperature",
    "test_calibration_error",
    "test_calibration_error_at_temperature",
    "temperature",
)


def _mean(column: "pd.Series[float]") -> float | None:
    mean = pd.to_numeric(column).mean()
    return None if pd.isna(mean) else float(mean)


def averages(results: list[StudyResult], roster: Roster) -> tuple[ContenderAverages, ...]:
    """Totals and averages per contender and scope, over buckets and repeats, with equal weight to each bucket."""
    if not results:
        return ()
    rows = []
    rows_of_all = pd.DataFrame([row for result in results for row, _ in _rows(result, roster)])
    for (contender, scope), group in rows_of_all.groupby(["contender", "scope"], sort=False):
        done = group[group["status"] == "completed"].infer_objects()
        mine = [r for r in results if (r.study.contender, r.study.scope) == (contender, scope)]
        completed = [result for result in mine if result.status == "completed"]
        per_bucket = done.groupby("bucket")[list(_AVERAGED)].mean() if len(done) else None
        rows.append(
            ContenderAverages(
                contender=contender,
                scope=scope,
                studies_completed=len(completed),
                studies_failed=sum(r.status == "failed" for r in mine),
                buckets_scored=0 if per_bucket is None else len(per_bucket),
                **{f"mean_{name}": None if per_bucket is None else _mean(per_bucket[name]) for name in _AVERAGED},
                mean_parameters=float(np.mean([r.parameters for r in completed])) if len(done) else None,
                search_seconds=sum(r.search_seconds for r in mine),
                train_seconds=sum(r.train_seconds for r in mine),
                trials=sum(len(r.trials) for r in mine),
            )
        )
    return tuple(rows)


def write(results: list[StudyResult], findings: Findings, folder: RunFolder, roster: Roster) -> None:
    """Write every table and predictions.csv.gz, each atomically."""
    results, classes = on_all_reviews(results), folder.summary().classes
    tables = {
        "results": results_table(results, roster, classes),
        "confusion": confusion_table(results, roster, classes),
        "trials": trials_table(results, roster),
        "forms": forms_table(results, roster),
        "comparisons": comparisons_table(findings.verdicts),
        "cross_lengths": cross_lengths_table(results, roster),
        "influence": influence_table(results, roster),
        "learning_curve": learning_curve_table(findings.learning_curves, roster),
        "ensembles": pd.DataFrame(
            [asdict(e) | {"members": " ".join(study.id for study in e.members)} for e in findings.ensembles]
        ),
    }
    for name, table in tables.items():
        with atomic(folder.final_stats(f"{name}.csv")) as temporary:
            table.to_csv(temporary, index=False)
    with atomic(folder.final_stats("predictions.csv.gz")) as temporary:
        _predictions(results, folder, classes).to_csv(temporary, index=False, compression={"method": "gzip", "mtime": 1})


def _predictions(results: list[StudyResult], folder: RunFolder, classes: Classes) -> pd.DataFrame:
    """One row per study, repeat and test review: its row in the source, length, class and the probability of each class."""
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
                    "label": np.array(classes.names, object)[stored["labels"]],
                    **{
                        f"probability_{name}": each.round(6)
                        for name, each in zip(classes.names, class_probabilities(stored["logits"]).T, strict=True)
                    },
                }
            )
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
