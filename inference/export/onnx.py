"""A plain network as an ONNX graph, written operator by operator from its arrays: no converter, no Keras.

Sequences are time first, as in ONNX's recurrent operators. The operators are those of opset 18; whatever onnxruntime has no
integer kernel for is done in `int64`.
"""

from typing import Any

import numpy as np

from engine.cells import Array, GRUCell, LSTMCell, SimpleRNNCell
from engine.layers import Attention, Bidirectional, Last, Max, Mean, Recurrent, SideBySide
from engine.network import PlainNetwork
from engine.transformer import Dense, Encoder, LocalAttention, Normalisation

OPSET, IR_VERSION = 18, 9  # of 2022 and 2023: older readers can use the file
_OPERATORS = {SimpleRNNCell: "RNN", LSTMCell: "LSTM", GRUCell: "GRU"}
_GATES = {SimpleRNNCell: (0,), LSTMCell: (0, 3, 1, 2), GRUCell: (0, 1, 2)}  # Keras's gates in ONNX's order: LSTM i, o, f, c
_LOWEST = np.float32(-3e38)


def model(network: PlainNetwork, temperature: float) -> Any:
    """`token_ids` `<int32>[batch, time]`, right-padded with 0, to `probability` `<float32>[batch]`, as an `onnx.ModelProto`.

    Every row must hold at least one token, the start token.

    Args:
        network: any of this project.
        temperature: what its logits are divided by.

    Raises:
        NotImplementedError: a layer that this module does not know.
    """
    from onnx import TensorProto, helper

    graph = _Graph()
    features = _features(graph, network)
    logits = graph("Add", graph("MatMul", features, graph.constant(network.kernel)), graph.constant(network.bias))
    cooled = graph("Div", graph("Squeeze", logits, graph.axes(1)), graph.constant(np.float32(temperature)))
    graph("Sigmoid", cooled, name="probability")
    given = helper.make_tensor_value_info("token_ids", TensorProto.INT32, ["batch", "time"])
    wanted = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch"])
    return helper.make_model(
        helper.make_graph(graph.nodes, "review", [given], [wanted], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lengthwise",
    )


class _Graph:
    """Nodes and constants so far; calling it adds a node and gives the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.is_word = ""  # <bool>[batch, time], once `_features` has read the ids
        self.lengths = ""  # <int32>[batch]

    def __call__(self, operator: str, *inputs: str, name: str = "", outputs: int = 1, **attributes: Any) -> Any:
        from onnx import helper

        names = [name] if name else [f"{operator}_{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array: Any) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name))
        return name

    def axes(self, *axes: int) -> str:
        return self.constant(np.array(axes, np.int64))

    def cast(self, value: str, kind: str) -> str:
        from onnx import TensorProto

        return self("Cast", value, to=getattr(TensorProto, kind))

    @property
    def words(self) -> str:
        """`<bool>[time, batch, 1]`."""
        return self("Unsqueeze", self("Transpose", self.is_word, perm=[1, 0]), self.axes(2))

    @property
    def counts(self) -> str:
        """Words of each review, `<float32>[batch, 1]`."""
        return self("Unsqueeze", self.cast(self.lengths, "FLOAT"), self.axes(1))


def _features(graph: _Graph, network: PlainNetwork) -> str:
    """`<float32>[batch, features]`, what the logit is made of."""
    graph.is_word = graph("Not", graph("Equal", "token_ids", graph.constant(np.int32(0))))
    graph.lengths = graph("ReduceSum", graph.cast(graph.is_word, "INT32"), graph.axes(1), keepdims=0)
    vectors = graph("Gather", graph.constant(network.embedding), "token_ids")
    if network.bigrams is not None:
        pairs = graph("Gather", graph.constant(network.bigrams), _bigram_rows(graph, len(network.bigrams)))
        vectors = graph("Concat", vectors, pairs, axis=-1)
    sequences, final = graph("Transpose", vectors, perm=[1, 0, 2]), ""
    for layer in network.body[:-1]:
        sequences, final = _layer(graph, layer, sequences)
    return _pooled(graph, network.body[-1], sequences, final)


def _bigram_rows(graph: _Graph, count: int) -> str:
    """The row of each word and the one before it, as `network.bigram_rows` finds it; `<int64>[batch, time]`."""

    def times(ids: str, factor: int) -> str:  # modulo 2^32, as unsigned numbers overflow
        product = graph("Mul", ids, graph.constant(np.int64(factor)))
        return graph.cast(graph("Mod", product, graph.constant(np.int64(1 << 32))), "UINT32")

    ids = graph.cast("token_ids", "INT64")
    bounds = (graph.axes(0), graph.axes(-1), graph.axes(1))
    first = graph("Slice", ids, graph.axes(0), graph.axes(1), graph.axes(1))
    nothing = graph("Mul", first, graph.constant(np.int64(0)))
    before = graph("Concat", nothing, graph("Slice", ids, *bounds), axis=1)
    mixed = graph("BitwiseXor", times(ids, 0x85EBCA6B), times(before, 0x9E3779B1))
    mixed = graph("BitwiseXor", mixed, graph("BitShift", mixed, graph.constant(np.uint32(15)), direction="RIGHT"))
    rows = graph("Mod", graph.cast(mixed, "INT64"), graph.constant(np.int64(count - 1)))
    one, zero = graph.constant(np.int64(1)), graph.constant(np.int64(0))
    return graph("Where", graph.is_word, graph("Add", rows, one), zero)


def _layer(graph: _Graph, layer: Any, sequences: str) -> tuple[str, str]:
    """What a layer gives after every word, `<float32>[time, batch, units]`, and at the end of its reading `[batch, units]`."""
    if isinstance(layer, Recurrent):
        return _recurrent(graph, (layer,), sequences)
    if isinstance(layer, Bidirectional):
        return _recurrent(graph, (layer.forward, layer.backward), sequences)
    if isinstance(layer, Encoder):
        return _encoder(graph, layer, sequences), ""
    raise NotImplementedError(f"a layer of class {type(layer).__name__}")


def _recurrent(graph: _Graph, directions: tuple[Recurrent, ...], sequences: str) -> tuple[str, str]:
    cell = directions[0].cell
    options: dict[str, Any] = {"linear_before_reset": 1} if cell is GRUCell else {}
    outputs, final = graph(
        _OPERATORS[cell],  # type: ignore[index]
        sequences,
        *(graph.constant(np.stack(arrays)) for arrays in zip(*map(_packed, directions), strict=True)),
        graph.lengths,
        outputs=2,
        hidden_size=len(directions[0].recurrent_kernel),
        direction="bidirectional" if len(directions) == 2 else "reverse" if directions[0].is_reversed else "forward",
        **options,
    )  # [time, directions, batch, units] and [directions, batch, units]
    side_by_side = graph("Transpose", outputs, perm=[0, 2, 1, 3])
    flat = graph("Reshape", side_by_side, graph.axes(0, 0, -1))
    return flat, graph("Reshape", graph("Transpose", final, perm=[1, 0, 2]), graph.axes(0, -1))


def _packed(layer: Recurrent) -> tuple[Array, Array, Array]:
    """Kernel `[gates * units, features]`, recurrent kernel `[gates * units, units]` and both biases `[2 * gates * units]`."""
    units, order = len(layer.recurrent_kernel), _GATES[layer.cell]  # type: ignore[index]

    def turned(array: Array) -> Array:
        return np.concatenate([array[..., gate * units : (gate + 1) * units] for gate in order], axis=-1)

    recurrent_bias = layer.bias[1] if len(layer.bias) == 2 else np.zeros_like(layer.bias[0])
    return (
        turned(layer.kernel).T,
        turned(layer.recurrent_kernel).T,
        np.concatenate([turned(layer.bias[0]), turned(recurrent_bias)]),
    )


def _pooled(graph: _Graph, pooling: Any, sequences: str, final: str) -> str:
    """`<float32>[batch, features]`."""
    if isinstance(pooling, Last):
        return final
    if isinstance(pooling, Mean):
        read = graph("Where", graph.words, sequences, graph.constant(np.float32(0)))
        return graph("Div", graph("ReduceSum", read, graph.axes(0), keepdims=0), graph.counts)
    if isinstance(pooling, Max):
        read = graph("Where", graph.words, sequences, graph.constant(_LOWEST))
        return graph("ReduceMax", read, graph.axes(0), keepdims=0)
    if isinstance(pooling, SideBySide):
        return graph("Concat", *(_pooled(graph, part, sequences, final) for part in pooling.parts), axis=-1)
    if isinstance(pooling, Attention):
        hidden = graph("Tanh", _dense(graph, Dense(pooling.kernel, pooling.bias), sequences))
        scores = graph("Where", graph.words, graph("MatMul", hidden, graph.constant(pooling.query)), graph.constant(_LOWEST))
        weighted = graph("Mul", graph("Softmax", scores, axis=0), sequences)
        return graph("ReduceSum", weighted, graph.axes(0), keepdims=0)
    raise NotImplementedError(f"a pooling of class {type(pooling).__name__}")


# -- the Transformer encoder -------------------------------------------------------------------------------------------


def _encoder(graph: _Graph, encoder: Encoder, sequences: str) -> str:
    """`<float32>[time, batch, features]` to `[time, batch, units]`; inside, reviews come first."""
    reviews = graph("Transpose", sequences, perm=[1, 0, 2])
    stream = _normal(graph, encoder.normal_tokens, _dense(graph, encoder.tokens, reviews))
    stream = graph("Add", stream, _positions(graph, stream, encoder.tokens.kernel.shape[1]))
    heard = _attention(graph, encoder.attention, _normal(graph, encoder.before_attention, stream))
    stream = graph("Add", stream, heard)
    hidden = _gelu(graph, _dense(graph, encoder.hidden, _normal(graph, encoder.before_hidden, stream)))
    encoded = _normal(graph, encoder.normal_encoded, graph("Add", stream, _dense(graph, encoder.after_hidden, hidden)))
    return graph("Transpose", encoded, perm=[1, 0, 2])


def _dense(graph: _Graph, layer: Dense, x: str) -> str:
    return graph("Add", graph("MatMul", x, graph.constant(layer.kernel)), graph.constant(layer.bias))


def _normal(graph: _Graph, layer: Normalisation, x: str) -> str:
    gamma, beta = graph.constant(layer.gamma), graph.constant(layer.beta)
    return graph("LayerNormalization", x, gamma, beta, axis=-1, epsilon=1e-3)


def _gelu(graph: _Graph, x: str) -> str:
    share = graph("Erf", graph("Mul", x, graph.constant(np.float32(np.sqrt(0.5)))))
    return graph("Mul", x, graph("Mul", graph("Add", share, graph.constant(np.float32(1))), graph.constant(np.float32(0.5))))


def _times(graph: _Graph, x: str) -> str:
    """`<int64>[time]`, of `<float32>[batch, time, features]`."""
    time = graph("Squeeze", graph("Shape", x, start=1, end=2), graph.axes(0))
    return graph("Range", graph.constant(np.int64(0)), time, graph.constant(np.int64(1)))


def _positions(graph: _Graph, x: str, features: int) -> str:
    """`<float32>[time, features]`."""
    frequencies = np.exp(np.arange(features // 2) * (-np.log(10_000.0) / (features // 2))).astype(np.float32)
    times = graph("Unsqueeze", graph.cast(_times(graph, x), "FLOAT"), graph.axes(1))
    angles = graph("Mul", times, graph.constant(frequencies))
    return graph("Concat", graph("Sin", angles), graph("Cos", angles), axis=-1)


def _attention(graph: _Graph, layer: LocalAttention, x: str) -> str:
    """All pairs are scored, and those too far apart are masked: the same numbers as in blocks, at more memory."""
    features, heads, size = layer.query[0].shape

    def split(pair: tuple[Array, Array], perm: list[int]) -> str:
        flat = _dense(graph, Dense(pair[0].reshape(features, -1), pair[1].reshape(-1)), x)
        return graph("Transpose", graph("Reshape", flat, graph.axes(0, 0, heads, size)), perm=perm)

    query, value = split(layer.query, [0, 2, 1, 3]), split(layer.value, [0, 2, 1, 3])  # [batch, heads, time, size]
    scores = graph("MatMul", query, split(layer.key, [0, 2, 3, 1]))
    scores = graph("Div", scores, graph.constant(np.float32(np.sqrt(size))))
    times = _times(graph, x)
    distance = graph("Abs", graph("Sub", graph("Unsqueeze", times, graph.axes(1)), graph("Unsqueeze", times, graph.axes(0))))
    is_near = graph("LessOrEqual", distance, graph.constant(np.int64(layer.window)))  # [time, time]
    may_see = graph("And", is_near, graph("Unsqueeze", graph.is_word, graph.axes(1, 2)))  # [batch, 1, time, time]
    shares = graph("Softmax", graph("Where", may_see, scores, graph.constant(np.float32(-1e9))), axis=-1)
    heard = graph("Transpose", graph("MatMul", shares, value), perm=[0, 2, 1, 3])
    flat = graph("Reshape", heard, graph.axes(0, 0, heads * size))
    return _dense(graph, Dense(layer.output[0].reshape(heads * size, -1), layer.output[1]), flat)
