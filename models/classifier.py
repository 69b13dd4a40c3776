"""The network around a recurrent body: embedding, mask, body, pooling, dropout, one logit."""

import keras
from keras import ops

from models.pooling import pool
from models.registry import Architecture
from results import LayerSize
from text_encoding import PADDING


def build_classifier(
    architecture: Architecture,
    *,
    vocab_size: int,
    embedding_dim: int,
    units: int,
    dropout: float,
    spatial_dropout: float,
    pooling: str,
) -> keras.Model:
    """An uncompiled binary classifier of token ids.

    Args:
        architecture: whose recurrent body reads the embedded words.
        vocab_size: ids are below this.
        embedding_dim: width of a word's vector.
        units: width of the recurrent state (of each direction).
        dropout: share of pooled features dropped, and of features between stacked layers.
        spatial_dropout: share of embedding channels dropped for a whole review.
        pooling: `last`, `mean` or `max`.

    Returns:
        A functional model from `<int32>[batch, time]`, right-padded with 0, to logits `<float32>[batch, 1]`.

    Raises:
        ValueError: unknown pooling.
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    embedded = keras.layers.Embedding(vocab_size, embedding_dim, mask_zero=True, name="embedding")(token_ids)
    embedded = keras.layers.SpatialDropout1D(spatial_dropout, name="spatial_dropout")(embedded)
    features = architecture.build(units, pooling != "last", dropout)(embedded)
    if pooling != "last":
        features = pool(features, ops.not_equal(token_ids, PADDING), pooling)
    features = keras.layers.Dropout(dropout, name="dropout")(features)
    logits = keras.layers.Dense(1, name="logit")(features)
    return keras.Model(token_ids, logits)


def layer_sizes(model: keras.Model) -> tuple[LayerSize, ...]:
    """The parameter breakdown, layers with weights only, in the order of the network."""
    return tuple(
        LayerSize(layer.name, type(layer).__name__, layer.count_params()) for layer in model.layers if layer.count_params()
    )
