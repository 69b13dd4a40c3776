"""The SavedModel format: texts in, probabilities out, in TensorFlow's own operators; written by Keras's `ExportArchive`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.vocabulary import FIRST_WORD, OOV, PADDING, START, Vocabulary
from inference.export import Reader, keras
from inference.export.card import separators
from inference.run import FinishedRun, Trained
from records.errors import ExportError


def write(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    """Write `folder/saved_model`, with the signatures `serving_default`, of texts, and `token_ids`.

    Raises:
        ExportError: the run's words are pieces, or Keras does not run on TensorFlow.
    """
    if run.vocabulary.piece_model:
        raise ExportError(
            f"{trained.study.id}: its words are pieces (data.tokens=subwords), which a TensorFlow graph cannot split without "
            "tensorflow-text; --export keras, onnx or litert take ids"
        )
    import tensorflow as tf
    from keras.export import ExportArchive

    model = keras.portable(run, trained)
    encode, table = text_encoder(run.vocabulary, trained)
    texts, ids = tf.TensorSpec([None], tf.string, name="texts"), tf.TensorSpec([None, None], tf.int32, name="token_ids")
    archive = ExportArchive()
    archive.track(table)  # not the model: its weights come with the endpoints, and would be stored twice
    archive.add_endpoint("serving_default", lambda texts: {"probability": model(encode(texts))}, input_signature=[texts])
    archive.add_endpoint("token_ids", lambda token_ids: {"probability": model(token_ids)}, input_signature=[ids])
    archive.write_out(str(folder / "saved_model"), verbose=False)
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    return lambda texts: loaded.signatures["serving_default"](texts=tf.constant(texts))["probability"].numpy()


def text_encoder(vocabulary: Vocabulary, trained: Trained) -> tuple[Callable[[Any], Any], Any]:
    """`Vocabulary.encode` and `Trained.row` in TensorFlow's own operators, and the table of words that they read.

    The first takes `<string>[batch]` and gives `<int32>[batch, time]`, padded with 0.
    """
    import tensorflow as tf

    ids = {word: i if i < trained.vocab_size else OOV for i, word in enumerate(vocabulary.words, start=FIRST_WORD)}
    dropped = -1
    words = tf.constant(["", *ids])  # nothing stands between two spaces
    numbers = tf.constant([dropped, *ids.values()], tf.int32)
    unknown = dropped if vocabulary.drops_unknown else OOV
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, numbers), unknown)
    pattern = "[" + "".join(c if c.isspace() else f"\\{c}" for c in separators()) + "]"
    n = trained.max_length
    head = {"head": n, "tail": 0, "both": n // 2}[trained.truncate]

    def encode(texts: Any) -> Any:
        spaced = tf.strings.regex_replace(tf.strings.lower(texts), pattern, " ")  # lower: ASCII letters only, as said there
        ids = tf.ragged.map_flat_values(table.lookup, tf.strings.split(spaced, sep=" "))
        ids = tf.ragged.boolean_mask(ids, ids != dropped)
        ids = tf.concat([tf.fill([tf.shape(texts)[0], 1], START), ids], axis=1)
        lengths = ids.row_lengths()
        places = tf.ragged.range(lengths)
        is_read = (places < head) | (places >= tf.expand_dims(lengths - (n - head), 1))
        return tf.ragged.boolean_mask(ids, is_read).to_tensor(PADDING)

    return encode, table
