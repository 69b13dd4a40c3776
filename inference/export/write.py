"""A network of a finished run, as files that others can run: a folder with the model, its words and a card.

Whatever is written is read back and compared with the run's own NumPy reader before the folder takes its name.
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
from typing import Any

import numpy as np

from data.types import IdArray
from data.vocabulary import PADDING, Vocabulary
from engine.cells import Array, sigmoid
from inference.export import onnx as onnx_graph
from inference.export import savedmodel as tensor_graph
from inference.export.card import MARK, Measured, card
from inference.export.keras import checkpoint
from inference.run import FinishedRun, Trained
from records.codec import Record
from records.errors import ExportError
from records.study import YARDSTICK, Study

FORMATS = ("keras", "savedmodel", "onnx", "litert")
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
Reader = Callable[[Sequence[Any]], Array]  # of texts, or of rows of ids, by the format: probabilities


@dataclass(frozen=True)
class Exported(Record):
    """An export that holds what the run says."""

    format: str
    study: str  # its id
    path: str
    bytes: int  # of all files
    latency_ms: float  # median of one warm review of about 178 tokens, from what it takes to the probability
    parity: float  # largest difference in probability from the run's own reader
    takes: str  # "text" or "token ids"


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
    if study.architecture == YARDSTICK:
        raise ExportError("linear: the yardstick is no network and cannot be exported; its terms and weights lie in checkpoints/")
    trained = run.trained(study)
    path = target / format / study.id.replace("/", "-")
    with _replacing(path) as folder, _quiet():
        takes = "text" if format == "savedmodel" else "token ids"
        read = _WRITERS[format](run, trained, folder)
        if takes != "text":
            shutil.copyfile(run.folder.vocabulary, folder / "vocabulary.json")
        texts = _texts(run.vocabulary, trained)
        parity = _parity(run, trained, read, texts, takes)
        if not parity <= TOLERANCE:
            raise ExportError(
                f"{study.id}: as {format} its probabilities differ by {parity:.1e} from the run's own, over {TOLERANCE:.0e}; "
                f"nothing was exported. Another format may hold: {', '.join(f for f in FORMATS if f != format)}"
            )
        latency = _milliseconds(read, _given(run, trained, [_text(run.vocabulary, _TYPICAL - 1, trained.vocab_size)], takes))
        measured = Measured(_sizes(folder), takes, latency, parity, len(texts))
        (folder / "README.md").write_text(card(run, study, format, measured), encoding="utf-8")
        return Exported(format, study.id, str(path), _bytes(folder), latency, parity, takes)


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


def _given(run: FinishedRun, trained: Trained, texts: list[str], takes: str) -> Sequence[Any]:
    return texts if takes == "text" else [trained.row(run.vocabulary.encode(text)) for text in texts]


def _parity(run: FinishedRun, trained: Trained, read: Reader, texts: list[str], takes: str) -> float:
    expected = trained.probabilities([run.vocabulary.encode(text) for text in texts])
    return float(np.abs(read(_given(run, trained, texts, takes)) - expected).max())


def _milliseconds(read: Reader, review: Sequence[Any]) -> float:
    seconds = []
    for _ in range(1 + _CALLS):
        started = time.perf_counter()
        read(review)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[1:])  # the first one warms up


def _padded(rows: Sequence[IdArray]) -> Array:
    """`<int32>[reviews, time]`."""
    padded = np.full((len(rows), max(map(len, rows))), PADDING, np.int32)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return padded


# -- the formats: each writes its files and gives what reads them -------------------------------------------------------


def _write_keras(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    file = folder / "model.keras"
    shutil.copyfile(run.folder.checkpoint(trained.study, trained.repeat.number), file)
    model = checkpoint(file)
    return lambda rows: sigmoid(np.asarray(model.predict_on_batch(_padded(rows)))[:, 0] / trained.temperature)


def _write_onnx(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    onnx, onnxruntime = _library("onnx", "onnx"), _library("onnxruntime", "onnx")
    try:
        written = onnx_graph.model(trained.model, trained.temperature)  # type: ignore[arg-type]
    except NotImplementedError as error:
        raise ExportError(f"{trained.study.id}: ONNX's graph of {error} is not written; --export savedmodel takes any") from error
    onnx.checker.check_model(written, full_check=True)
    onnx.save(written, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return lambda rows: session.run(["probability"], {"token_ids": _padded(rows)})[0]


def _write_litert(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    interpreter_of = _library("ai_edge_litert.interpreter", "litert").Interpreter
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    owner = tf.Module()
    probability = tensor_graph.probability(run, trained, owner)
    signature = [tf.TensorSpec([1, None], tf.int32, name="token_ids")]
    concrete = tf.function(probability, input_signature=signature, autograph=False).get_concrete_function()
    constant = convert_to_constants.convert_variables_to_constants_v2(concrete)  # LiteRT's loops cannot read variables
    converter = tf.lite.TFLiteConverter.from_concrete_functions([constant], tf.Module())
    try:
        written = converter.convert()
    except Exception as error:  # the converter raises a class that TensorFlow does not name
        raise ExportError(
            f"{trained.study.id}: LiteRT has no operators for it ({str(error)[:200]}); --export onnx does"
        ) from error
    (folder / "model.tflite").write_bytes(written)
    interpreter = interpreter_of(str(folder / "model.tflite"))
    interpreter.allocate_tensors()
    return lambda rows: np.concatenate([_interpret(interpreter, row[None]) for row in rows])


def _interpret(interpreter: Any, ids: Array) -> Array:
    place = interpreter.get_input_details()[0]
    if tuple(place["shape"]) != ids.shape:
        interpreter.resize_tensor_input(place["index"], ids.shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(place["index"], ids)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def _write_savedmodel(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    if run.vocabulary.piece_model:
        raise ExportError(
            f"{trained.study.id}: its words are pieces (data.tokens=subwords), which a TensorFlow graph cannot split without "
            "tensorflow-text; --export keras, onnx or litert take ids"
        )
    import tensorflow as tf

    module = tf.Module()
    probability = tensor_graph.probability(run, trained, module)
    encode = tensor_graph.text_encoder(run.vocabulary, trained, module)
    texts, ids = tf.TensorSpec([None], tf.string, name="texts"), tf.TensorSpec([None, None], tf.int32, name="token_ids")
    module.of_texts = tf.function(lambda texts: probability(encode(texts)), input_signature=[texts], autograph=False)
    module.of_token_ids = tf.function(probability, input_signature=[ids], autograph=False)
    signatures = {"serving_default": module.of_texts, "token_ids": module.of_token_ids}
    tf.saved_model.save(module, str(folder / "saved_model"), signatures=signatures)
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    return lambda texts: loaded.signatures["serving_default"](texts=tf.constant(texts))["probability"].numpy()


_WRITERS: dict[str, Callable[[FinishedRun, Trained, Path], Reader]] = {
    "keras": _write_keras,
    "savedmodel": _write_savedmodel,
    "onnx": _write_onnx,
    "litert": _write_litert,
}


def _library(name: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ExportError(f"--export {extra} needs {name.split('.')[0]}; make run EXTRAS={extra} installs it") from error
