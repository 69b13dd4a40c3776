"""Labelled reviews from elsewhere as one more test set: how well a finished run's models hold up there."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.evaluation import accuracy_interval, is_right
from data.types import SourceReviews
from inference.predictor import Predictor
from inference.run import ENSEMBLE, Encoded, FinishedRun
from models.roster import Roster
from records.codec import Record
from records.errors import InferenceError, RunError
from records.files import write_record, write_text
from records.findings import BEST
from records.study import ALL
from saver import RunFolder

CHOSEN = "chosen"  # what validation chooses for each text's length


@dataclass(frozen=True)
class OtherScore(Record):
    """One way to answer, on the texts of one length bucket or on all of them."""

    answerer: str  # a contender's id, `chosen` or `ensemble`
    bucket: str
    n: int
    accuracy: float
    low: float  # 95 % interval for other texts of this kind
    high: float


@dataclass(frozen=True)
class OtherReviews(Record):
    """What became of a run's models on a table of other reviews."""

    name: str
    file: str
    text_column: str
    label_column: str
    n: int
    n_unread: int  # texts without a word that the run knows: each counts as right as a guess among the classes is
    positive_share: float
    unknown_share: float  # of the words, for the networks
    seconds: float
    scores: tuple[OtherScore, ...]


def evaluate(
    run: FinishedRun, source: SourceReviews, path: Path, columns: tuple[str, str], note: Callable[[str], None]
) -> tuple[OtherReviews, dict[str, np.ndarray]]:
    """Score every contender of the run, its choice of validation and its ensemble on the texts.

    Args:
        run: to ask.
        source: texts and labels.
        path: where they came from.
        columns: of the texts and of the labels, for the record.
        note: told what is being done.

    Returns:
        The record, and the probabilities that each answerer gives, `<float64>[texts, classes]`, NaN where it can say nothing.

    Raises:
        RunError: no text has a word that the run knows, or no model of the run can be asked.
    """
    started = time.perf_counter()
    encoded = [run.encode(text) for text in source.texts or []]
    is_read = np.array([not each.is_empty and not each.is_unknown for each in encoded])
    if not is_read.any():
        raise RunError(f"{path}: no text has a word that {run.name} knows, which has read {run.data.title}")
    said = _said(run, encoded, is_read, note)
    record = OtherReviews(
        name=path.name.split(".")[0],
        file=path.name,
        text_column=columns[0],
        label_column=columns[1],
        n=len(encoded),
        n_unread=int((~is_read).sum()),
        positive_share=float(source.labels.mean()),
        unknown_share=_unknown_share(encoded),
        seconds=time.perf_counter() - started,
        scores=_scores(run, encoded, source.labels, said),
    )
    return record, said


def _said(run: FinishedRun, encoded: list[Encoded], is_read: np.ndarray, note: Callable[[str], None]) -> dict[str, np.ndarray]:
    """The probabilities that each answerer gives each text; what cannot be asked about all of them is left out and noted.

    Raises:
        RunError: no model can be asked.
    """
    for study in run.results:
        if refusal := run.refusal(study):
            note(f"{refusal}; Keras reads it instead")
    said: dict[str, np.ndarray] = {}
    readable = [each for each, is_one in zip(encoded, is_read, strict=True) if is_one]
    for answerer in (CHOSEN, *run.contenders, *([ENSEMBLE] if run.leaders else [])):
        try:
            predictor = Predictor(run, None if answerer == CHOSEN else answerer)
            found = [list(prediction.probabilities.values()) for prediction in predictor.judge(readable)]
        except InferenceError as error:
            note(f"{answerer} is left out: {error}")
            continue
        note(f"{answerer}: read {len(readable):,} texts")
        said[answerer] = np.full((len(encoded), len(run.data.classes)), np.nan)
        said[answerer][is_read] = found
    if not said:
        raise RunError(f"no model of {run.name} can be asked")
    return said


def _unknown_share(encoded: list[Encoded]) -> float:
    """The share of the words that the networks do not know."""
    words = sum(len(each.words) + len(each.dropped) for each in encoded)
    return sum(len(each.unknown) + len(each.dropped) for each in encoded) / max(1, words)


def _scores(run: FinishedRun, encoded: list[Encoded], labels: np.ndarray, said: dict[str, np.ndarray]) -> tuple[OtherScore, ...]:
    """Every answerer on all texts and on those of each bucket that there are; a text that is not read is as right as a guess."""
    buckets, scores = np.array([run.bucket(each.ids) for each in encoded]), []
    for answerer, probabilities in said.items():
        right = np.where(np.isnan(probabilities[:, 0]), 1 / len(run.data.classes), is_right(labels, probabilities))
        for bucket in (ALL, *(each.name for each in run.buckets)):
            inside = right if bucket == ALL else right[buckets == bucket]
            if len(inside):
                scores.append(OtherScore(answerer, bucket, len(inside), float(inside.mean()), *accuracy_interval(inside[None])))
    return tuple(scores)


def store(folder: RunFolder, found: OtherReviews, said: dict[str, np.ndarray], labels: np.ndarray) -> None:
    """Write `final_stats/other_reviews/<name>.json`, and `<name>.csv` with what everybody said of each text."""
    place, classes = folder.final_stats("other_reviews"), folder.summary().classes
    import pandas as pd

    columns = {
        (f"{answerer}: {name}"): probabilities[:, number].round(6)
        for answerer, probabilities in said.items()
        for number, name in enumerate(classes.names)
    }
    table = pd.DataFrame({"label": np.array(classes.names)[labels], **columns})
    write_text(place / f"{found.name}.csv", table.to_csv(index=False))
    write_record(place / f"{found.name}.json", found)


def paths(folder: RunFolder) -> list[Path]:
    """The files of what has been stored, by name."""
    return sorted(folder.final_stats("other_reviews").glob("*.json"))


def answerer_title(answerer: str, roster: Roster) -> str:
    """How an answerer is called in a table."""
    return {CHOSEN: "Chosen by validation", ENSEMBLE: f"Ensemble of the {BEST} best"}.get(answerer) or roster.title(answerer)
