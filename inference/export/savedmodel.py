"""A network of a finished run, and the encoding of texts, in TensorFlow's own operators: what SavedModel and LiteRT hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.vocabulary import FIRST_WORD, OOV, PADDING, START, Vocabulary
from inference.export.card import separators
from inference.export.keras import checkpoint
from inference.run import FinishedRun, Trained
from records.errors import ExportError


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

    trained = checkpoint(path)
    model = keras.models.clone_model(trained, clone_function=stock)
    model.set_weights(trained.get_weights())
    for layer in model.layers:
        for each in (layer, getattr(layer, "forward_layer", layer), getattr(layer, "backward_layer", layer)):
            if hasattr(each, "use_cudnn"):
                each.use_cudnn = False
    return model


def probability(run: FinishedRun, trained: Trained, owner: Any) -> Callable[[Any], dict[str, Any]]:
    """Token ids to calibrated probabilities, in TensorFlow; `owner` keeps the weights."""
    import keras
    import tensorflow as tf

    model = _portable(run.folder.checkpoint(trained.study, trained.repeat.number))
    owner.weights = [variable.value for variable in model.variables]
    rows = getattr(trained.model, "bigrams", None)
    if rows is not None:
        model = keras.Model([model.input, model.get_layer("bigram_embedding").input], model.output)

    def of_ids(token_ids: Any) -> dict[str, Any]:
        given = token_ids if rows is None else [token_ids, _bigram_rows(token_ids, len(rows))]
        return {"probability": tf.sigmoid(model(given, training=False)[:, 0] / trained.temperature)}

    return of_ids


def _bigram_rows(token_ids: Any, count: int) -> Any:
    """The rows that `models.classifier` finds, by operators that LiteRT has too: its `FloorMod` has no unsigned numbers."""
    import tensorflow as tf

    before = tf.cast(tf.pad(token_ids[:, :-1], ((0, 0), (1, 0))), tf.uint32)
    factors = tf.constant([0x85EBCA6B, 0x9E3779B1], tf.uint32)
    mixed = tf.bitwise.bitwise_xor(tf.cast(token_ids, tf.uint32) * factors[0], before * factors[1])
    mixed = tf.bitwise.bitwise_xor(mixed, tf.bitwise.right_shift(mixed, tf.constant(15, tf.uint32)))
    rows = tf.cast(tf.math.floormod(tf.cast(mixed, tf.int64), count - 1), tf.int32) + 1
    return tf.where(token_ids == PADDING, 0, rows)


def text_encoder(vocabulary: Vocabulary, trained: Trained, owner: Any) -> Callable[[Any], Any]:
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
