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

from inference import onnx_graph
from inference.cells import Array, sigmoid
from inference.errors import InferenceError
from inference.model_card import MARK, Measured, card, separators
from inference.run import FinishedRun, Trained
from results import YARDSTICK, Record, Study
from sources.records import IdArray
from text_encoding import FIRST_WORD, OOV, PADDING, START, Vocabulary

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


class ExportError(InferenceError):
    """The network cannot be exported; the message says why and what to do. Nothing is left behind."""


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
    model = _checkpoint(file)
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
    probability = _probability(run, trained, owner)
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
    probability = _probability(run, trained, module)
    encode = _text_encoder(run.vocabulary, trained, module)
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


# -- Keras and TensorFlow ----------------------------------------------------------------------------------------------


def _checkpoint(path: Path) -> Any:
    """The network in a checkpoint that `inference.network.load` has read, and so holds no layer of strangers."""
    import keras

    from models import recurrent, transformer  # noqa: F401 - so that Keras knows their layers

    return keras.saving.load_model(path, compile=False, safe_mode=True)


def _portable(path: Path) -> Any:
    """The same network of Keras's own layers, which need no project, no XLA and no cuDNN where the graph is run."""
    import keras

    from models import recurrent

    if keras.backend.backend() != "tensorflow":
        raise ExportError(f"KERAS_BACKEND is {keras.backend.backend()}: TensorFlow's formats are written with tensorflow")
    kinds = {
        recurrent.CustomSimpleRNN: keras.layers.SimpleRNN,
        recurrent.CustomLSTM: keras.layers.LSTM,
        recurrent.CustomGRU: keras.layers.GRU,
    }

    def stock(layer: Any) -> Any:
        if kind := kinds.get(type(layer)):
            return kind(layer.units, return_sequences=layer.return_sequences, name=layer.name)
        return type(layer).from_config(layer.get_config())

    trained = _checkpoint(path)
    model = keras.models.clone_model(trained, clone_function=stock)
    model.set_weights(trained.get_weights())
    for layer in model.layers:
        for each in (layer, getattr(layer, "forward_layer", layer), getattr(layer, "backward_layer", layer)):
            if hasattr(each, "use_cudnn"):
                each.use_cudnn = False
    return model


def _probability(run: FinishedRun, trained: Trained, owner: Any) -> Callable[[Any], dict[str, Any]]:
    """Token ids to calibrated probabilities, in TensorFlow; `owner` keeps the weights."""
    import keras
    import tensorflow as tf

    model = _portable(run.folder.checkpoint(trained.study, trained.repeat.number))
    owner.weights = [variable.value for variable in model.variables]
    rows = getattr(trained.model, "bigrams", None)
    if rows is not None:
        model = keras.Model([model.input, model.get_layer("bigram_embedding").input], model.output)

    def probability(token_ids: Any) -> dict[str, Any]:
        given = token_ids if rows is None else [token_ids, _bigram_rows(token_ids, len(rows))]
        return {"probability": tf.sigmoid(model(given, training=False)[:, 0] / trained.temperature)}

    return probability


def _bigram_rows(token_ids: Any, count: int) -> Any:
    """The rows that `models.classifier` finds, by operators that LiteRT has too: its `FloorMod` has no unsigned numbers."""
    import tensorflow as tf

    before = tf.cast(tf.pad(token_ids[:, :-1], ((0, 0), (1, 0))), tf.uint32)
    factors = tf.constant([0x85EBCA6B, 0x9E3779B1], tf.uint32)
    mixed = tf.bitwise.bitwise_xor(tf.cast(token_ids, tf.uint32) * factors[0], before * factors[1])
    mixed = tf.bitwise.bitwise_xor(mixed, tf.bitwise.right_shift(mixed, tf.constant(15, tf.uint32)))
    rows = tf.cast(tf.math.floormod(tf.cast(mixed, tf.int64), count - 1), tf.int32) + 1
    return tf.where(token_ids == PADDING, 0, rows)


def _text_encoder(vocabulary: Vocabulary, trained: Trained, owner: Any) -> Callable[[Any], Any]:
    """`Vocabulary.encode` and `Trained.row` in TensorFlow: `<string>[batch]` to `<int32>[batch, time]`, padded with 0."""
    import tensorflow as tf

    ids = {word: i if i < trained.vocab_size else OOV for i, word in enumerate(vocabulary.words, start=FIRST_WORD)}
    dropped = -1
    words = tf.constant(["", *ids])  # nothing stands between two spaces
    numbers = tf.constant([dropped, *ids.values()], tf.int32)
    unknown = dropped if vocabulary.drops_unknown else OOV
    owner.words = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, numbers), unknown)
    pattern = "[" + "".join(c if c.isspace() else f"\\{c}" for c in separators()) + "]"
    n = trained.max_length
    head = {"head": n, "tail": 0, "both": n // 2}[trained.truncate]

    def encode(texts: Any) -> Any:
        spaced = tf.strings.regex_replace(tf.strings.lower(texts), pattern, " ")  # lower: ASCII letters only, as said there
        ids = tf.ragged.map_flat_values(owner.words.lookup, tf.strings.split(spaced, sep=" "))
        ids = tf.ragged.boolean_mask(ids, ids != dropped)
        ids = tf.concat([tf.fill([tf.shape(texts)[0], 1], START), ids], axis=1)
        lengths = ids.row_lengths()
        places = tf.ragged.range(lengths)
        is_read = (places < head) | (places >= tf.expand_dims(lengths - (n - head), 1))
        return tf.ragged.boolean_mask(ids, is_read).to_tensor(PADDING)

    return encode
