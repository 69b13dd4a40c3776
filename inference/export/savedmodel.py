"""The SavedModel format: texts in, probabilities out, in TensorFlow's own operators; written by Keras's `ExportArchive`.

Only IMDB's rule for words can be written in those operators. Where a run's tokens are others, ids go in.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data.vocabulary import FIRST_WORD, OOV, PADDING, START, Vocabulary
from engine.arrays import Array
from inference.export import Reader, Review, inputs, keras
from inference.export.evidence import ngrams_by_length
from inference.export.text import separators
from inference.run import FinishedRun, Trained
from models.evidence import Evidence

_Function = Callable[[Any], Any]


def write(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    """Write `folder/saved_model`, with the signatures `serving_default` and `token_ids`.

    The second takes a network's inputs; the first takes texts, or else what the second takes.

    Raises:
        ExportError: Keras does not run on TensorFlow.
    """
    import tensorflow as tf
    from keras.export import ExportArchive

    model = keras.portable(run, trained)
    signature = keras.signature(model, None)

    def of_inputs(*given: Any) -> dict[str, Any]:
        return {"probabilities": model(list(given) if len(given) > 1 else given[0])}

    archive, texts = ExportArchive(), tf.TensorSpec([None], tf.string, name="texts")
    if takes_texts(run):
        encode, table = text_encoder(run.vocabulary)
        give = inputs_from_ids(trained)
        archive.track(table)  # not the model: its weights come with the endpoints, and would be stored twice
        archive.add_endpoint("serving_default", lambda texts: of_inputs(*give(encode(texts))), input_signature=[texts])
    else:
        archive.add_endpoint("serving_default", of_inputs, input_signature=signature)
    archive.add_endpoint("token_ids", of_inputs, input_signature=signature)
    archive.write_out(str(folder / "saved_model"), verbose=False)
    serve = tf.saved_model.load(str(folder / "saved_model")).signatures["serving_default"]

    def read(reviews: Sequence[Review]) -> Array:
        if takes_texts(run):
            return serve(texts=tf.constant([review.text for review in reviews]))["probabilities"].numpy()
        return serve(**{name: tf.constant(value) for name, value in inputs(reviews).items()})["probabilities"].numpy()

    return read


def takes_texts(run: FinishedRun) -> bool:
    """Whether the graph makes tokens of a text by itself: others than IMDB's words need more than TensorFlow."""
    return run.vocabulary.tokenizer.rule == "imdb"


def text_encoder(vocabulary: Vocabulary) -> tuple[_Function, Any]:
    """`Vocabulary.encode` in TensorFlow's own operators, and the table of words that it reads.

    The first takes `<string>[batch]` and gives the ids of whole reviews, a ragged `<int32>[batch, time]`.
    """
    import tensorflow as tf

    dropped = -1
    words = tf.constant(["", *vocabulary.words])  # nothing stands between two spaces
    numbers = tf.constant([dropped, *range(FIRST_WORD, FIRST_WORD + len(vocabulary.words))], tf.int32)
    unknown = dropped if vocabulary.drops_unknown else OOV
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, numbers), unknown)
    pattern = "[" + "".join(c if c.isspace() else f"\\{c}" for c in separators()) + "]"

    def encode(texts: Any) -> Any:
        spaced = tf.strings.regex_replace(tf.strings.lower(texts), pattern, " ")  # lower: ASCII letters only, as said there
        ids = tf.ragged.map_flat_values(table.lookup, tf.strings.split(spaced, sep=" "))
        ids = tf.ragged.boolean_mask(ids, ids != dropped)
        return tf.concat([tf.fill([tf.shape(texts)[0], 1], START), ids], axis=1)

    return encode, table


def inputs_from_ids(trained: Trained) -> _Function:
    """`Trained.readings` in TensorFlow's own operators: from ids of whole reviews, ragged, to what a network is given."""
    import tensorflow as tf

    n = trained.max_length
    head = {"head": n, "tail": 0, "both": n // 2}[trained.truncate]
    read_evidence = None if trained.evidence is None else evidence_reader(trained.evidence, trained.order)

    def give(ids: Any) -> list[Any]:
        lengths = ids.row_lengths()
        places = tf.ragged.range(lengths)
        is_read = (places < head) | (places >= tf.expand_dims(lengths - (n - head), 1))
        known = tf.ragged.map_flat_values(lambda each: tf.where(each < trained.vocab_size, each, OOV), ids)
        token_ids = tf.ragged.boolean_mask(known, is_read).to_tensor(PADDING)
        if read_evidence is None:
            return [token_ids]
        evidence = read_evidence(ids.to_tensor(PADDING))
        sums = tf.reduce_sum(evidence, axis=1) / tf.sqrt(tf.cast(lengths, tf.float32))[:, None]
        of_words = tf.RaggedTensor.from_tensor(evidence, lengths)
        read = tf.ragged.boolean_mask(of_words, is_read).to_tensor(shape=[None, None, evidence.shape[-1]])
        return [token_ids, read, sums]

    return give


def evidence_reader(evidence: Evidence, order: int) -> _Function:
    """`Evidence.read` in TensorFlow's own operators: padded ids `<int32>[batch, time]` to `<float32>[batch, time, width]`.

    Keys and ratios are variables, which lie beside the graph: as constants, and so in a hash table, they would be in it, and
    a graph may have at most 2 GB.
    """
    import tensorflow as tf

    levels = [
        (tf.Variable(each.keys, trainable=False), tf.Variable(each.ratios, trainable=False))
        for each in ngrams_by_length(evidence, order)
    ]

    def read(ids: Any) -> Any:
        last, columns, before = tf.cast(ids, tf.int64), [], tf.zeros_like(ids, tf.int64)
        for keys, ratios in levels:
            wanted = before * (1 << 32) + last
            flat = tf.searchsorted(keys, tf.reshape(wanted, [-1]), out_type=tf.int64)
            place, nothing = tf.reshape(flat, tf.shape(ids)), tf.size(keys, tf.int64) - 1
            place = tf.where(tf.gather(keys, place) == wanted, place, nothing)
            columns.append(tf.gather(ratios, place))  # [batch, time, sources, numbers]
            before = tf.concat([tf.fill([tf.shape(ids)[0], 1], nothing), place[:, :-1]], axis=1)
        return tf.reshape(tf.stack(columns, axis=3), [*tf.unstack(tf.shape(ids)), evidence.width(order)])

    return read
