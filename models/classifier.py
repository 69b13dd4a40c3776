"""The network around a recurrent body: embedding, evidence, body, pooling, dropout, logits.

Of K classes there are K - 1 logits: that of the first class is 0, see `models/loss.py`. Padding is told by the token ids alone:
every layer that must know of it is given the mask, and no layer hands one on.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from data.bigrams import bigram_rows
from data.vocabulary import PADDING
from models.adversarial import AdversarialClassifier, Perturbation
from models.dropout import TunableDropout
from models.pooling import pool
from models.registry import resolve
from records.study import LayerSize


@dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """What fixes a network's arrays, and so its compiled step; dropout, learning rate and seeds do not."""

    architecture: str  # a name in the registry
    engine: str  # whose recurrent layers: `keras` or `custom`
    vocab_size: int  # ids are below this
    embedding_dim: int  # width of a word's vector
    units: int  # width of the recurrent state (of each direction)
    pooling: str  # `last`, or a kind of `pooling.pool`
    classes: int = 2  # that reviews are put into
    bigrams: int = 0  # rows of the table of vectors for pairs of neighbouring words; 0: none
    bigram_dim: int = 32  # width of those
    is_adversarial: bool = False  # trained by `adversarial.AdversarialClassifier`
    evidence: int = 0  # words of the longest n-grams whose evidence stands beside a word's vector; see `models/evidence.py`
    evidence_width: int = 0  # numbers that evidence has in all
    trains_vectors: bool = True  # whether the words' vectors change in training
    pairs_are_learned: bool = False  # whether the pairs' vectors are given like the words', and change only where these do


def build_classifier(shape: NetworkShape, *, dropout: float | None = None, spatial_dropout: float | None = None) -> keras.Model:
    """An uncompiled classifier of token ids, and of evidence where the shape has some.

    Args:
        shape: see there.
        dropout: share of pooled features dropped, and of features between stacked layers; None for rates that can be set.
        spatial_dropout: share of embedding channels dropped for a whole review; None likewise.

    Returns:
        A functional model (of stock Keras, if rates are given) to logits `<float32>[batch, classes - 1]`, from `token_ids`
        `<int32>[batch, time]`, right-padded with 0; with evidence also from `evidence <float32>[batch, time, numbers]` and from
        its sums `evidence_sums <float32>[batch, numbers]`.

    Raises:
        ValueError: unknown architecture or pooling.
    """

    def drop(name: str) -> Any:
        return TunableDropout(name=name) if dropout is None else keras.layers.Dropout(dropout, name=name)

    drop_channels = _drop_channels(spatial_dropout)  # made first: the order of layers decides which seed each of them draws
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    is_word = ops.not_equal(token_ids, PADDING)
    vectors = _vectors(token_ids, shape)
    if dropout is None:  # a network to train
        vectors = Perturbation(name="perturbation")(vectors, mask=is_word)
    vectors = drop_channels(vectors)
    inputs = token_ids
    if shape.evidence:
        evidence = keras.Input((None, shape.evidence_width), name="evidence")
        sums = keras.Input((shape.evidence_width,), name="evidence_sums")
        inputs = [token_ids, evidence, sums]
        vectors = keras.layers.Concatenate(name="words_and_evidence")([vectors, evidence])
    features = resolve(shape.architecture).build(shape.engine, shape.units, shape.pooling != "last", drop)(vectors, is_word)
    if shape.pooling != "last":
        features = pool(features, is_word, shape.pooling)
    if shape.evidence:
        features = keras.layers.Concatenate(name="features_and_sums")([features, sums])
    logits = keras.layers.Dense(shape.classes - 1, name="logit")(drop("dropout")(features))
    return (AdversarialClassifier if shape.is_adversarial and dropout is None else keras.Model)(inputs, logits)


def _vectors(token_ids: Any, shape: NetworkShape) -> Any:
    """Each word's vector, `<float32>[batch, time, width]`, and beside it, if asked for, that of the word and the one before."""
    words = keras.layers.Embedding(shape.vocab_size, shape.embedding_dim, trainable=shape.trains_vectors, name="embedding")
    if not shape.bigrams:
        return words(token_ids)
    pairs = keras.layers.Embedding(
        shape.bigrams,
        shape.bigram_dim,
        keras.initializers.RandomNormal(stddev=0.05),
        trainable=shape.trains_vectors or not shape.pairs_are_learned,
        name="bigram_embedding",
    )
    rows = bigram_rows(ops, token_ids, shape.bigrams)
    return keras.layers.Concatenate(name="word_and_bigram")([words(token_ids), pairs(rows)])


def tables(model: keras.Model) -> list[keras.Variable]:
    """The vectors of words, `<float32>[ids, width]`, and after them those of pairs, if a classifier has some."""
    return [layer.embeddings for layer in model.layers if layer.name in ("embedding", "bigram_embedding")]


def _drop_channels(rate: float | None) -> Any:
    if rate is None:
        return TunableDropout(whole_channels=True, name="spatial_dropout")
    return keras.layers.SpatialDropout1D(rate, name="spatial_dropout")


def tunable_dropouts(model: keras.Model) -> list[TunableDropout]:
    """The dropout layers of a classifier that was built without rates, in the order of the network."""
    return [layer for layer in model.layers if isinstance(layer, TunableDropout)]


def layer_sizes(model: keras.Model) -> tuple[LayerSize, ...]:
    """The parameter breakdown, layers with trainable weights only, in the order of the network."""
    sizes = ((layer, sum(int(ops.size(weight)) for weight in layer.trainable_weights)) for layer in model.layers)
    return tuple(LayerSize(layer.name, type(layer).__name__, size) for layer, size in sizes if size)
