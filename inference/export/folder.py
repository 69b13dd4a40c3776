"""An export is a folder with the model, its words and a card.

Whatever is written is read back and compared with the checkpoint as Keras runs it before the folder takes its name: not with
the NumPy engine, which the ONNX graph is made from, so that a mistake of the engine cannot hide in both.
"""

import contextlib
import logging
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.vocabulary import Vocabulary
from inference.export import Reader, Review, evidence, keras, litert, onnx, savedmodel
from inference.export.card import MARK, Measured, card
from inference.run import FinishedRun, Trained
from records.codec import Record
from records.errors import ExportError
from records.study import Study

_WRITERS: dict[str, Callable[[FinishedRun, Trained, Path], Reader]] = {  # each writes its files and gives what reads them
    "keras": keras.write,
    "savedmodel": savedmodel.write,
    "onnx": onnx.write,
    "litert": litert.write,
}
FORMATS = tuple(_WRITERS)
TOLERANCE = 1e-5  # in probability; float32 sums in another order differ by about 1e-7
_CALLS = 5  # timed
_TYPICAL = 178  # tokens: the median review of IMDB
_LENGTHS = (*range(1, 6), *range(7, 280, 13))  # words of the texts that are compared
_ODD_TEXTS = (
    "",
    "Great",
    "GREAT film!!!<br /><br />Not a   dull\tminute;\nwell (almost).",
    "l'été à la plage \u00a0 na\u00efve caf\u00e9 \u0130stanbul stra\u00dfe \U0001f600 \u3000wide",
    "don't can't 'quoted' 10/10 a_b-c~d `e` {f} [g] \\h\\ ^i^ $5 #1 @you a=b <i>k</i>",
    "zzqqx vvkkj qxqxq",
)


@dataclass(frozen=True)
class Exported(Record):
    """An export that holds what the run says."""

    format: str
    study: str  # its id
    path: str
    bytes: int  # of all files
    latency_ms: float  # median of one warm review of about 178 tokens, from what it takes to the probability
    parity: float  # largest difference in probability from the checkpoint as Keras runs it
    takes: str  # "text", "token ids" or "token ids and evidence"


def export(run: FinishedRun, study: Study, format: str, target: Path) -> Exported:
    """Write the best repeat of a study to `target/<format>/<study's id, - for />`; an older export there is replaced.

    Args:
        run: a finished one.
        study: a network of it.
        format: one of `FORMATS`.
        target: a folder; it is made where there is none.

    Raises:
        ExportError: see there.
        CheckpointError: the network cannot be read.
        OSError: the folder cannot be written to.
    """
    if format not in FORMATS:
        raise ExportError(f"--export: expected one of {', '.join(FORMATS)}, got {format!r}")
    if study.is_yardstick:
        raise ExportError(
            f"{study.id}: a yardstick is no network and cannot be exported; its n-grams and weights lie in checkpoints/"
        )
    trained = run.trained(study)
    path = target / format / study.id.replace("/", "-")
    with _replacing(path) as folder, _quiet():
        takes = _takes(run, trained, format)
        read = _WRITERS[format](run, trained, folder)
        if takes != "text":
            shutil.copyfile(run.folder.vocabulary, folder / "vocabulary.json")
            evidence.write(trained, folder)
        reviews = _reviews(run.vocabulary, trained, _texts(run.vocabulary, trained))
        parity = _parity(run, trained, read, reviews)
        if not parity <= TOLERANCE:
            raise ExportError(
                f"{study.id}: as {format} its probabilities differ by {parity:.1e} from what Keras gives, over {TOLERANCE:.0e}; "
                f"nothing was exported. Another format may hold: {', '.join(f for f in FORMATS if f != format)}"
            )
        typical = _text(run.vocabulary, _TYPICAL - 1, trained.vocab_size)
        latency = _milliseconds(read, _reviews(run.vocabulary, trained, [typical]))
        measured = Measured(_sizes(folder), takes, latency, parity, len(reviews))
        (folder / "README.md").write_text(card(run, study, format, measured), encoding="utf-8")
        return Exported(format, study.id, str(path), _bytes(folder), latency, parity, takes)


def _takes(run: FinishedRun, trained: Trained, format: str) -> str:
    if format == "savedmodel" and savedmodel.takes_texts(run):
        return "text"
    return "token ids" if trained.evidence is None else "token ids and evidence"


def table(exported: Sequence[Exported]) -> str:
    """Sizes, times and parity, aligned."""
    head = ("format", "study", "takes", "MB", "ms", "differs by", "folder")
    rows = [
        (e.format, e.study, e.takes, f"{e.bytes / 1e6:.2f}", f"{e.latency_ms:.2f}", f"{e.parity:.1e}", e.path) for e in exported
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    )


# -- the folder --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A folder beside `path` that takes its name when the block ends well, and is gone otherwise."""
    readme = path / "README.md"
    if path.exists() and not (readme.is_file() and MARK in readme.read_text(encoding="utf-8", errors="replace")):
        raise ExportError(f"{path} exists and is no export of this program: remove it, or choose another folder")
    made = [folder for folder in (path.parent, path.parent.parent) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = (path.with_name(f".{path.name}-{os.getpid()}{suffix}") for suffix in ("", ".old"))
    try:
        temporary.mkdir()
        yield temporary
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        for folder in made:
            with contextlib.suppress(OSError):  # another export is in it
                folder.rmdir()
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """TensorFlow's own warnings of tables and retracing are of no use to who exports."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in _files(folder))


def _sizes(folder: Path) -> str:
    return ", ".join(f"`{file.relative_to(folder)}` {file.stat().st_size:,} bytes" for file in _files(folder))


# -- comparing and timing ----------------------------------------------------------------------------------------------


def _text(vocabulary: Vocabulary, words: int, vocab_size: int) -> str:
    """Made of words of the vocabulary, frequent ones more often; some are outside the network's ids."""
    rng = np.random.default_rng(words)
    highest = min(len(vocabulary.words), 2 * vocab_size)
    ranks = (highest ** rng.random(words)).astype(int).clip(max=highest) - 1
    return " ".join(vocabulary.words[rank] for rank in ranks)


def _texts(vocabulary: Vocabulary, trained: Trained) -> list[str]:
    n = trained.max_length
    lengths = {*_LENGTHS, n - 2, n - 1, n, n + 1, 2 * n + 3}
    return [*_ODD_TEXTS, *(_text(vocabulary, length, trained.vocab_size) for length in sorted(lengths))]


def _reviews(vocabulary: Vocabulary, trained: Trained, texts: list[str]) -> list[Review]:
    """These texts, and what the network reads of them."""
    readings = trained.readings([trained.row(vocabulary.encode(text)) for text in texts])
    return [Review(text, reading) for text, reading in zip(texts, readings, strict=True)]


def _parity(run: FinishedRun, trained: Trained, read: Reader, reviews: list[Review]) -> float:
    expected = keras.probabilities(run, trained, [review.reading for review in reviews])
    return float(np.abs(read(reviews) - expected).max())


def _milliseconds(read: Reader, review: Sequence[Review]) -> float:
    seconds = []
    for _ in range(1 + _CALLS):
        started = time.perf_counter()
        read(review)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[1:])  # the first one warms up
