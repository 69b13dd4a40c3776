"""Labelled reviews from elsewhere as one more test set: how well a finished run's models hold up there."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.evaluation import accuracy_interval, is_right
from inference.other_texts import OtherTexts, known
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

    name: str  # of what is stored, different for each table
    file: str
    folder: str  # that the file lies in; "" for standard input
    text_column: str
    label_column: str
    n: int
    n_unread: int  # texts without a word that the run knows: each counts as right as a guess among the classes is
    # Texts that stand in the part that the run has learned from; None where it did not keep which those are.
    n_learned: int | None
    n_tested: int | None  # texts that stand in its test part
    class_shares: tuple[float, ...]  # of the texts, one for each class of the run
    unknown_share: float  # of the words, for the networks
    seconds: float
    notes: tuple[str, ...]  # what was read, and what was left out
    scores: tuple[OtherScore, ...]
    new_scores: tuple[OtherScore, ...]  # without the texts that the run has learned from; none where those are none or all

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether the run came with none of the texts, as far as that is known."""
        return self.n_learned == 0 and self.n_tested == 0


def evaluate(run: FinishedRun, texts: OtherTexts, note: Callable[[str], None]) -> tuple[OtherReviews, dict[str, np.ndarray]]:
    """Score every contender of the run, its choice of validation and its ensemble on the texts.

    Args:
        run: to ask.
        texts: with their labels.
        note: told what is being done.

    Returns:
        The record, and the probabilities that each answerer gives, `<float64>[texts, classes]`, NaN where it can say nothing.

    Raises:
        RunError: no text has a word that the run knows, or no model of the run can be asked.
    """
    started = time.perf_counter()
    encoded = [run.encode(text) for text in texts.texts]
    is_read = np.array([not each.is_empty and not each.is_unknown for each in encoded])
    if not is_read.any():
        raise RunError(f"{texts.path}: no text has a word that {run.name} knows, which has read {run.data.title}")
    said = _said(run, encoded, is_read, note)
    learned, tested = known(run, encoded) or (None, None)
    record = OtherReviews(
        name=_name(run.folder, texts.path),
        file=_file(texts.path),
        folder=_folder(texts.path),
        text_column=texts.text_column,
        label_column=texts.label_column,
        n=len(encoded),
        n_unread=int((~is_read).sum()),
        n_learned=None if learned is None else int(learned.sum()),
        n_tested=None if tested is None else int(tested.sum()),
        class_shares=tuple((np.bincount(texts.labels, minlength=len(run.data.classes)) / len(encoded)).tolist()),
        unknown_share=_unknown_share(encoded),
        seconds=time.perf_counter() - started,
        notes=texts.notes,
        scores=_scores(run, encoded, texts.labels, said),
        new_scores=() if learned is None else _new_scores(run, encoded, texts.labels, said, learned),
    )
    return record, said


def _new_scores(
    run: FinishedRun, encoded: list[Encoded], labels: np.ndarray, said: dict[str, np.ndarray], learned: np.ndarray
) -> tuple[OtherScore, ...]:
    """The scores without the texts that the run has learned from, `<bool>[texts]`."""
    if learned.all() or not learned.any():
        return ()
    new = np.flatnonzero(~learned)
    return _scores(run, [encoded[number] for number in new], labels[new], {who: each[new] for who, each in said.items()})


_ENDINGS = r"\.(csv|tsv|tab|txt|jsonl?|ndjson|parquet|arrow|feather|xlsx|gz|bz2|xz|zip|tgz|tar)"


def _file(path: Path) -> str:
    return path.resolve().name if _is_kept(path) else "standard input"


def _folder(path: Path) -> str:
    return str(path.resolve().parent) if _is_kept(path) else ""


def _is_kept(path: Path) -> bool:
    """Whether the texts lie somewhere, and did not come through a pipe."""
    return path.is_file() or path.is_dir()


def _name(folder: RunFolder, path: Path) -> str:
    """The file's name without its endings; with a number behind it where a table from elsewhere is stored under it."""
    plain, number = re.sub(rf"(?<=.)({_ENDINGS})+$", "", _file(path), flags=re.IGNORECASE).replace(" ", "_"), 1
    while True:
        name = plain + (f"-{number}" if number > 1 else "")
        stored = _stored(folder.final_stats("other_reviews") / f"{name}.json")
        if stored is None or (stored.file, stored.folder) == (_file(path), _folder(path)):
            return name
        number += 1


def _stored(path: Path) -> OtherReviews | None:
    """The record of this file; None where there is none that can be read."""
    try:
        return OtherReviews.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


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
        note(f"{answerer}: read {len(readable):,} text{'s' * (len(readable) != 1)}")
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
    table = pd.DataFrame({"label": np.array(classes.names, object)[labels], **columns})
    write_text(place / f"{found.name}.csv", table.to_csv(index=False))
    write_record(place / f"{found.name}.json", found)


def paths(folder: RunFolder) -> list[Path]:
    """The files of what has been stored, by name."""
    return sorted(folder.final_stats("other_reviews").glob("*.json"))


def answerer_title(answerer: str, roster: Roster) -> str:
    """How an answerer is called in a table."""
    titles = {CHOSEN: "Chosen by validation", ENSEMBLE: f"Ensemble of the best, at most {BEST}"}
    return titles.get(answerer) or roster.title(answerer)
