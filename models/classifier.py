"""The network around a recurrent body: embedding, mask, body, pooling, dropout, one logit."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from data.vocabulary import PADDING
from models.adversarial import AdversarialClassifier, Perturbation
from models.bigrams import bigram_rows
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
    bigrams: int = 0  # rows of the table of vectors for pairs of neighbouring words; 0: none
    bigram_dim: int = 32  # width of those
    is_adversarial: bool = False  # trained by `adversarial.AdversarialClassifier`


def build_classifier(shape: NetworkShape, *, dropout: float | None = None, spatial_dropout: float | None = None) -> keras.Model:
    """An uncompiled binary classifier of token ids.

    Args:
        shape: see there.
        dropout: share of pooled features dropped, and of features between stacked layers; None for rates that can be set.
        spatial_dropout: share of embedding channels dropped for a whole review; None likewise.

    Returns:
        A functional model (of stock Keras, if rates are given) from `<int32>[batch, time]`, right-padded with 0, to logits
        `<float32>[batch, 1]`.

    Raises:
        ValueError: unknown architecture or pooling.
    """

    def drop(name: str) -> Any:
        return TunableDropout(name=name) if dropout is None else keras.layers.Dropout(dropout, name=name)

    if spatial_dropout is None:
        drop_channels: Any = TunableDropout(whole_channels=True, name="spatial_dropout")
    else:
        drop_channels = keras.layers.SpatialDropout1D(spatial_dropout, name="spatial_dropout")
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    embedded = keras.layers.Embedding(shape.vocab_size, shape.embedding_dim, mask_zero=True, name="embedding")(token_ids)
    if shape.bigrams:
        embedded = keras.layers.Concatenate(name="word_and_bigram")([embedded, _bigrams(token_ids, shape)])
    if dropout is None:  # a network to train
        embedded = Perturbation(name="perturbation")(embedded)
    body = resolve(shape.architecture).build(shape.engine, shape.units, shape.pooling != "last", drop)
    features = body(drop_channels(embedded))
    if shape.pooling != "last":
        features = pool(features, ops.not_equal(token_ids, PADDING), shape.pooling)
    logits = keras.layers.Dense(1, name="logit")(drop("dropout")(features))
    return (AdversarialClassifier if shape.is_adversarial and dropout is None else keras.Model)(token_ids, logits)


def _bigrams(token_ids: Any, shape: NetworkShape) -> Any:
    """A vector for each word together with the one before it, `<float32>[batch, time, bigram_dim]`.

    Side by side with the words' vectors, a time step is masked only where both tables' masks say so: row 0 is for padding.
    """
    rows = bigram_rows(ops, token_ids, shape.bigrams)
    initializer = keras.initializers.RandomNormal(stddev=0.05)
    return keras.layers.Embedding(shape.bigrams, shape.bigram_dim, initializer, mask_zero=True, name="bigram_embedding")(rows)


def tunable_dropouts(model: keras.Model) -> list[TunableDropout]:
    """The dropout layers of a classifier that was built without rates, in the order of the network."""
    return [layer for layer in model.layers if isinstance(layer, TunableDropout)]


def layer_sizes(model: keras.Model) -> tuple[LayerSize, ...]:
    """The parameter breakdown, layers with trainable weights only, in the order of the network."""
    sizes = ((layer, sum(int(ops.size(weight)) for weight in layer.trainable_weights)) for layer in model.layers)
    return tuple(LayerSize(layer.name, type(layer).__name__, size) for layer, size in sizes if size)
