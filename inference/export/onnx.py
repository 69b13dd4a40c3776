"""A network as an ONNX graph, written operator by operator from the arrays of its NumPy form: no converter, no Keras.

Keras's `Model.export(format="onnx")` is not used: it needs tf2onnx, which Keras has to patch to run with NumPy 2; and here a
recurrent layer is one operator.
Sequences are time first, as in ONNX's recurrent operators. The operators are those of opset 18; whatever onnxruntime has no
integer kernel for is done in `int64`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data.bigrams import FACTORS, SHIFT
from engine.arrays import Array
from engine.layers import (
    Attention,
    Bidirectional,
    Dense,
    Last,
    Layer,
    Max,
    Mean,
    Normalisation,
    Recurrent,
    Residual,
    SideBySide,
)
from engine.network import NumpyNetwork
from engine.transformer import LocalAttention, PositionalEncoding
from inference.export import INPUTS, Reader, inputs, library
from inference.run import FinishedRun, Trained
from models.cells import GRUCell, LSTMCell, SimpleRNNCell
from records.errors import ExportError

OPSET, IR_VERSION = 18, 9  # of 2022 and 2023: older readers can use the file
_OPERATORS = {SimpleRNNCell: "RNN", LSTMCell: "LSTM", GRUCell: "GRU"}
_GATES = {SimpleRNNCell: (0,), LSTMCell: (0, 3, 1, 2), GRUCell: (0, 1, 2)}  # Keras's gates in ONNX's order: LSTM i, o, f, c
_LOWEST = np.float32(-3e38)


def write(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    """Write `folder/model.onnx`.

    Raises:
        ExportError: a library is not installed, or the network has a layer that the NumPy engine or this module does not know.
    """
    onnx, onnxruntime = library("onnx", "onnx"), library("onnxruntime", "onnx")
    if not isinstance(trained.model, NumpyNetwork):
        raise ExportError(
            f"{trained.study.id}: ONNX's graph is made from the NumPy engine, which does not reproduce this network; "
            "--export savedmodel takes any"
        )
    try:
        written = model(trained.model, trained.temperature)
    except NotImplementedError as error:
        raise ExportError(f"{trained.study.id}: ONNX's graph of {error} is not written; --export savedmodel takes any") from error
    onnx.checker.check_model(written, full_check=True)
    onnx.save(written, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return lambda reviews: session.run(["probabilities"], inputs(reviews))[0]


def model(network: NumpyNetwork, temperature: float) -> Any:
    """A network as an `onnx.ModelProto`: from ids to probabilities.

    From `token_ids` `<int32>[batch, time]`, right-padded with 0, to `probabilities` `<float32>[batch, classes]`.
    Every row must hold at least one token, the start token. A network with evidence is also given `evidence`
    `<float32>[batch, time, numbers]` and `evidence_sums` `<float32>[batch, numbers]`.

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
    of_first = graph("Mul", graph("Slice", logits, graph.axes(0), graph.axes(1), graph.axes(1)), graph.constant(np.float32(0)))
    every = graph("Concat", of_first, logits, axis=-1)
    graph("Softmax", graph("Div", every, graph.constant(np.float32(temperature))), name="probabilities", axis=-1)
    types = (
        (TensorProto.INT32, ["batch", "time"]),
        (TensorProto.FLOAT, ["batch", "time", network.evidence]),
        (TensorProto.FLOAT, ["batch", network.evidence]),
    )
    given = [helper.make_tensor_value_info(name, *each) for name, each in zip(INPUTS, types, strict=True)]
    wanted = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(network.bias) + 1])
    return helper.make_model(
        helper.make_graph(graph.nodes, "review", given if network.evidence else given[:1], [wanted], graph.constants),
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
        self.final = ""  # <float32>[batch, units] of the recurrent layer before, at the end of its reading

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


def _features(graph: _Graph, network: NumpyNetwork) -> str:
    """`<float32>[batch, features]`, what the logit is made of."""
    graph.is_word = graph("Not", graph("Equal", "token_ids", graph.constant(np.int32(0))))
    graph.lengths = graph("ReduceSum", graph.cast(graph.is_word, "INT32"), graph.axes(1), keepdims=0)
    vectors = graph("Gather", graph.constant(network.embedding), "token_ids")
    if network.bigrams is not None:
        pairs = graph("Gather", graph.constant(network.bigrams), _bigram_rows(graph, len(network.bigrams)))
        vectors = graph("Concat", vectors, pairs, axis=-1)
    if network.evidence:
        vectors = graph("Concat", vectors, "evidence", axis=-1)
    features = graph("Transpose", vectors, perm=[1, 0, 2])
    for layer in network.body:
        features = _layer(graph, layer, features)
    return graph("Concat", features, "evidence_sums", axis=-1) if network.evidence else features


def _bigram_rows(graph: _Graph, count: int) -> str:
    """The row of each word and the one before it, as `data.bigrams.bigram_rows` finds it; `<int64>[batch, time]`."""

    def times(ids: str, factor: int) -> str:  # modulo 2^32, as unsigned numbers overflow
        product = graph("Mul", ids, graph.constant(np.int64(factor)))
        return graph.cast(graph("Mod", product, graph.constant(np.int64(1 << 32))), "UINT32")

    ids = graph.cast("token_ids", "INT64")
    bounds = (graph.axes(0), graph.axes(-1), graph.axes(1))
    first = graph("Slice", ids, graph.axes(0), graph.axes(1), graph.axes(1))
    nothing = graph("Mul", first, graph.constant(np.int64(0)))
    before = graph("Concat", nothing, graph("Slice", ids, *bounds), axis=1)
    mixed = graph("BitwiseXor", times(ids, FACTORS[0]), times(before, FACTORS[1]))
    mixed = graph("BitwiseXor", mixed, graph("BitShift", mixed, graph.constant(np.uint32(SHIFT)), direction="RIGHT"))
    rows = graph("Mod", graph.cast(mixed, "INT64"), graph.constant(np.int64(count - 1)))
    one, zero = graph.constant(np.int64(1)), graph.constant(np.int64(0))
    return graph("Where", graph.is_word, graph("Add", rows, one), zero)


def _layer(graph: _Graph, layer: Layer, x: str) -> str:
    """What a layer gives, from what it reads."""
    if type(layer) not in _WRITERS:
        raise NotImplementedError(f"a layer of class {type(layer).__name__}")
    return _WRITERS[type(layer)](graph, layer, x)


# -- recurrent layers --------------------------------------------------------------------------------------------------


def _direction(graph: _Graph, layer: Recurrent, x: str) -> str:
    return _recurrent(graph, (layer,), x)


def _bidirectional(graph: _Graph, layer: Bidirectional, x: str) -> str:
    return _recurrent(graph, (layer.forward, layer.backward), x)


def _recurrent(graph: _Graph, directions: tuple[Recurrent, ...], x: str) -> str:
    """The outputs after every word, `<float32>[time, batch, units]`; notes those at the end of the reading, for `Last`."""
    cell = directions[0].cell
    if cell not in _OPERATORS:
        raise NotImplementedError(f"a recurrent layer of {cell.__name__}")
    options: dict[str, Any] = {"linear_before_reset": 1} if cell is GRUCell else {}
    outputs, final = graph(
        _OPERATORS[cell],
        x,
        *(graph.constant(np.stack(arrays)) for arrays in zip(*map(_packed, directions), strict=True)),
        graph.lengths,
        outputs=2,
        hidden_size=len(directions[0].recurrent_kernel),
        direction="bidirectional" if len(directions) == 2 else "reverse" if directions[0].is_reversed else "forward",
        **options,
    )  # [time, directions, batch, units] and [directions, batch, units]
    graph.final = graph("Reshape", graph("Transpose", final, perm=[1, 0, 2]), graph.axes(0, -1))
    return graph("Reshape", graph("Transpose", outputs, perm=[0, 2, 1, 3]), graph.axes(0, 0, -1))


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


# -- poolings: `<float32>[time, batch, features]` to `[batch, features]` ------------------------------------------------


def _last(graph: _Graph, layer: Last, x: str) -> str:
    return graph.final


def _mean(graph: _Graph, layer: Mean, x: str) -> str:
    read = graph("Where", graph.words, x, graph.constant(np.float32(0)))
    return graph("Div", graph("ReduceSum", read, graph.axes(0), keepdims=0), graph.counts)


def _max(graph: _Graph, layer: Max, x: str) -> str:
    read = graph("Where", graph.words, x, graph.constant(_LOWEST))
    return graph("ReduceMax", read, graph.axes(0), keepdims=0)


def _side_by_side(graph: _Graph, layer: SideBySide, x: str) -> str:
    return graph("Concat", *(_layer(graph, part, x) for part in layer.parts), axis=-1)


def _pooling_attention(graph: _Graph, layer: Attention, x: str) -> str:
    hidden = graph("Tanh", _dense(graph, Dense(layer.kernel, layer.bias), x))
    scores = graph("Where", graph.words, graph("MatMul", hidden, graph.constant(layer.query)), graph.constant(_LOWEST))
    return graph("ReduceSum", graph("Mul", graph("Softmax", scores, axis=0), x), graph.axes(0), keepdims=0)


# -- layers of a Transformer encoder -----------------------------------------------------------------------------------


def _residual(graph: _Graph, layer: Residual, x: str) -> str:
    inner = x
    for each in layer.inner:
        inner = _layer(graph, each, inner)
    return graph("Add", x, inner)


def _dense(graph: _Graph, layer: Dense, x: str) -> str:
    sums = graph("Add", graph("MatMul", x, graph.constant(layer.kernel)), graph.constant(layer.bias))
    return sums if layer.activation == "linear" else _gelu(graph, sums)


def _normalisation(graph: _Graph, layer: Normalisation, x: str) -> str:
    gamma, beta = graph.constant(layer.gamma), graph.constant(layer.beta)
    return graph("LayerNormalization", x, gamma, beta, axis=-1, epsilon=layer.epsilon)


def _gelu(graph: _Graph, x: str) -> str:
    share = graph("Erf", graph("Mul", x, graph.constant(np.float32(np.sqrt(0.5)))))
    return graph("Mul", x, graph("Mul", graph("Add", share, graph.constant(np.float32(1))), graph.constant(np.float32(0.5))))


def _counted(graph: _Graph, x: str, axis: int) -> tuple[str, str]:
    """How long `<float32>[time, batch, features]` is along an axis, `<int64>[]`, and the numbers below that, `<int64>[...]`."""
    length = graph("Squeeze", graph("Shape", x, start=axis, end=axis + 1), graph.axes(0))
    return length, graph("Range", graph.constant(np.int64(0)), length, graph.constant(np.int64(1)))


def _positions(graph: _Graph, layer: PositionalEncoding, x: str) -> str:
    features, numbers = _counted(graph, x, 2)
    half = graph("Div", graph.cast(features, "FLOAT"), graph.constant(np.float32(2)))
    is_sine = graph("Less", graph.cast(numbers, "FLOAT"), half)
    exponents = graph("Compress", graph.cast(numbers, "FLOAT"), is_sine, axis=0)
    frequencies = graph("Exp", graph("Mul", exponents, graph("Div", graph.constant(np.float32(-np.log(10_000.0))), half)))
    _, times = _counted(graph, x, 0)
    angles = graph("Mul", graph("Unsqueeze", graph.cast(times, "FLOAT"), graph.axes(1, 2)), frequencies)  # [time, 1, half]
    return graph("Add", x, graph("Concat", graph("Sin", angles), graph("Cos", angles), axis=-1))


def _local_attention(graph: _Graph, layer: LocalAttention, x: str) -> str:
    """All pairs are scored, and those too far apart are masked: the same numbers as in blocks, at more memory."""
    features, heads, size = layer.query[0].shape

    def split(pair: tuple[Array, Array], perm: list[int]) -> str:
        flat = _dense(graph, Dense(pair[0].reshape(features, -1), pair[1].reshape(-1)), x)
        return graph("Transpose", graph("Reshape", flat, graph.axes(0, 0, heads, size)), perm=perm)

    query, value = split(layer.query, [1, 2, 0, 3]), split(layer.value, [1, 2, 0, 3])  # [batch, heads, time, size]
    scores = graph("MatMul", query, split(layer.key, [1, 2, 3, 0]))
    scores = graph("Div", scores, graph.constant(np.float32(np.sqrt(size))))
    _, times = _counted(graph, x, 0)
    distance = graph("Abs", graph("Sub", graph("Unsqueeze", times, graph.axes(1)), graph("Unsqueeze", times, graph.axes(0))))
    is_near = graph("LessOrEqual", distance, graph.constant(np.int64(layer.window)))  # [time, time]
    may_see = graph("And", is_near, graph("Unsqueeze", graph.is_word, graph.axes(1, 2)))  # [batch, 1, time, time]
    shares = graph("Softmax", graph("Where", may_see, scores, graph.constant(np.float32(-1e9))), axis=-1)
    heard = graph("Transpose", graph("MatMul", shares, value), perm=[2, 0, 1, 3])  # [time, batch, heads, size]
    flat = graph("Reshape", heard, graph.axes(0, 0, heads * size))
    return _dense(graph, Dense(layer.output[0].reshape(heads * size, -1), layer.output[1]), flat)


_WRITERS: dict[type, Callable[[_Graph, Any, str], str]] = {
    Recurrent: _direction,
    Bidirectional: _bidirectional,
    Last: _last,
    Mean: _mean,
    Max: _max,
    SideBySide: _side_by_side,
    Attention: _pooling_attention,
    Residual: _residual,
    Dense: _dense,
    Normalisation: _normalisation,
    PositionalEncoding: _positions,
    LocalAttention: _local_attention,
}
