"""The network in a checkpoint, read as data: nothing that the file names is looked up, nothing in it is run.

The file's graph is walked from the logit back to the token ids. Each layer on the way is turned into NumPy by its reader in
`READERS`; masks, poolings and the hash of pairs, which are written with Keras's pure functions, are recognised by their whole
expression. What has no reader, stands where it is not expected, has an option that is not computed here, or is left over in the
end, is refused by name: an answer that leaves out a layer would be another network's.
"""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.bigrams import FACTORS, SHIFT
from engine.graph import EVIDENCE, EVIDENCE_SUMS, OWN, TOKEN_IDS, Graph, Node, Op, RefusedError, kind_of, matches, op, read_graph
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
from models.cells import CELLS
from records.errors import TRAIN_AGAIN, CheckpointError

_RECURRENT = {name: cell for kind, cell in CELLS.items() for name in (kind, f"{OWN}Custom{kind}")}
_POOLINGS = (Last, Mean, Max, SideBySide, Attention)


def load(path: Path) -> NumpyNetwork:
    """The network in a `.keras` file.

    Raises:
        CheckpointError: it cannot be read, or holds a layer that is not known here, in this place or with this option.
    """
    try:
        return _network(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: {TRAIN_AGAIN}; or choose another --study") from error
    except RefusedError as error:
        raise CheckpointError(
            f"{path} {error}; nothing of it was run. Without Keras, only networks are read whose every layer is known: "
            "CONTRIBUTING.md says how to add a kind of layer"
        ) from error
    except (OSError, KeyError, TypeError, ValueError, IndexError, AttributeError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is damaged or was changed ({type(error).__name__}: {error}); {TRAIN_AGAIN}") from error


def _network(path: Path) -> NumpyNetwork:
    graph = read_graph(path, (*READERS, "InputLayer", "Embedding"))
    logit = graph.output
    logit.check("units", activation="linear", use_bias=True)
    if logit.kind != "Dense":
        raise logit.refused("expected a Dense layer, the logits, at the end")
    tables, (features, sums) = _tables(graph), _with_evidence(_before_dropout(logit.source()), EVIDENCE_SUMS)
    body, read = _walk(features)
    vectors, evidence = _with_evidence(read, EVIDENCE)
    if (sums is None) != (evidence is None):
        raise logit.refused("expected evidence at each word and its sums beside what is pooled, or neither")
    embedded = _before_dropout(vectors)
    if _embedded(embedded) != tables or embedded.config.get("axis", -1) != -1:
        raise embedded.refused("expected the vectors of words, and beside them those of pairs of words")
    if sum(isinstance(layer, _POOLINGS) for layer in body) != 1:
        raise logit.refused("expected it to read one vector a review")
    graph.refuse_what_is_left()
    (embedding,), *bigrams = (table.arrays[""] for table in tables)
    kernel, bias = logit.arrays[""]
    return NumpyNetwork(embedding, bigrams[0][0] if bigrams else None, body, kernel, bias, _width(evidence))


Read = tuple[tuple[Layer, ...], Node]  # a node's layers in NumPy, and the node that they read


def _walk(node: Node, begin: Node | None = None) -> Read:
    """The layers from `begin`, or else from the vectors of the words, to what this node gives; and where they began."""
    layers: tuple[Layer, ...] = ()
    while node is not begin and not _embedded(node) and _with_evidence(node, EVIDENCE)[1] is None:
        if node.kind not in READERS:
            raise node.refused("it stands where no such layer is known")
        read, node = READERS[node.kind](node)
        layers = (*read, *layers)
    return layers, node


# -- the beginning: tables of vectors, evidence, and the mask of the words ---------------------------------------------


def _with_evidence(node: Node, given: Op) -> tuple[Node, Node | None]:
    """What stands before an input in a node that puts both side by side, and the input; or the node itself, without."""
    parts: tuple[Any, ...] = node.inputs[0] if node.kind == "Concatenate" else ()
    if len(parts) != 2 or not matches(parts[1], given, {}):
        return node, None
    node.check(axis=-1)
    return parts[0], parts[1]


def _before_dropout(node: Node) -> Node:
    while READERS.get(node.kind) is _dropout:
        _, node = _dropout(node)
    return node


def _width(evidence: Node | None) -> int:
    return int(evidence.config["batch_shape"][-1]) if evidence else 0


def _tables(graph: Graph) -> tuple[Node, ...]:
    """The table of the words' vectors, and, if there is one, that of pairs of words."""
    found = dict[int, Node]()
    for node in graph.nodes:
        if node.kind == "Embedding":
            node.check("input_dim", "output_dim", mask_zero=False)
            reads = [matches(node.source(), rows, {}) for rows in (TOKEN_IDS, _bigram_rows(node))]
            if not any(reads) or reads.index(True) in found:
                raise node.refused("expected one table for token ids and at most one for pairs of words")
            found[reads.index(True)] = node
    return tuple(found[place] for place in sorted(found))


def _embedded(node: Node) -> tuple[Node, ...]:
    """The tables that this node puts side by side, or the one that it is; none where it is something else."""
    parts = node.inputs[0] if node.kind == "Concatenate" else (node,)
    return parts if all(isinstance(part, Node) and part.kind == "Embedding" for part in parts) else ()


def _bigram_rows(pairs: Node) -> Op:
    """`data.bigrams.bigram_rows` for this table, as Keras writes it down."""
    words = op("Cast", TOKEN_IDS, dtype="uint32")
    all_but_last = op("GetItem", words, (slice(None), slice(None, -1)))
    before = op("Pad", all_but_last, pad_width=[[0, 0], [1, 0]], mode="constant")
    mixed = op("BitwiseXor", op("Multiply", words, FACTORS[0]), op("Multiply", before, FACTORS[1]))
    mixed = op("BitwiseXor", mixed, op("RightShift", mixed, SHIFT))
    rows = op("Add", op("Cast", op("Mod", mixed, pairs.config["input_dim"] - 1), dtype="int32"), 1)
    return op("Where", op("Equal", TOKEN_IDS, 0), 0, rows)


def _is_word(mask: Any) -> bool:
    """Whether this is the mask of the words."""
    return matches(mask, op("NotEqual", TOKEN_IDS, 0), {})


def _masked_source(node: Node) -> Node:
    """The one node that this one reads, with the mask of the words."""
    source = node.source(is_masked=True)
    if not _is_word(node.named["mask"]):
        raise node.refused("expected its mask to be that of the words")
    return source


# -- readers of layers -------------------------------------------------------------------------------------------------


def _recurrent(node: Node) -> Read:
    layer = _direction(node, node.kind, node.config, "", is_reversed=False)
    return ((layer,) if node.config["return_sequences"] else (layer, Last(False))), _masked_source(node)


def _bidirectional(node: Node) -> Read:
    node.check("layer", "backward_layer", merge_mode="concat")
    inner = [node.config[name] for name in ("layer", "backward_layer")]
    there, back = (
        _direction(node, kind_of(each), each["config"], f"{name}_layer", is_reversed=name == "backward")
        for name, each in zip(("forward", "backward"), inner, strict=True)
    )
    both = Bidirectional(there, back)
    return ((both,) if inner[0]["config"]["return_sequences"] else (both, Last(True))), _masked_source(node)


def _direction(node: Node, kind: str, config: dict[str, Any], group: str, *, is_reversed: bool) -> Recurrent:
    node.check(
        *("units", "return_sequences", "dropout", "recurrent_dropout", "unroll", "zero_output_for_mask", "unit_forget_bias"),
        config=config,
        **{"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True, "use_bias": True},
        **{"go_backwards": is_reversed, "return_state": False, "stateful": False},
    )
    kernel, recurrent_kernel, bias = node.arrays.get(group) or node.arrays[f"{group}/cell".lstrip("/")]
    return Recurrent(_RECURRENT[kind], kernel, recurrent_kernel, bias.reshape(-1, kernel.shape[1]), is_reversed)


def _dropout(node: Node) -> Read:
    node.check("rate", "noise_shape")
    return (), node.source()


def _identity(node: Node) -> Read:
    node.check(activation="linear")
    return (), node.source()


def _dense(node: Node) -> Read:
    node.check("units", "activation", use_bias=True)
    if node.config["activation"] not in ("linear", "gelu"):
        raise node.refused(f"expected activation=linear or gelu, got {node.config['activation']!r}")
    kernel, bias = node.arrays[""]
    return (Dense(kernel, bias, node.config["activation"]),), node.source()


def _normalisation(node: Node) -> Read:
    node.check("epsilon", axis=[-1], center=True, scale=True, rms_scaling=False)
    gamma, beta = node.arrays[""]
    return (Normalisation(gamma, beta, float(node.config["epsilon"])),), node.source()


def _residual(node: Node) -> Read:
    node.check()
    begin, *ends = node.inputs[0]
    inner, began = _walk(ends[0], begin)
    if began is not begin or len(ends) != 1 or node.named:
        raise node.refused("expected the sum of what some layers read and what they give, in this order")
    return (Residual(inner),), begin


def _positions(node: Node) -> Read:
    node.check()
    return (PositionalEncoding(),), node.source()


def _local_attention(node: Node) -> Read:
    node.check("heads", "window")
    query, key, value, output = (node.arrays[f"attention/{name}_dense"] for name in ("query", "key", "value", "output"))
    pairs = (tuple(each) for each in (query, key, value, output))
    return (LocalAttention(int(node.config["window"]), *pairs),), _masked_source(node)  # type: ignore[arg-type]


def _mean(node: Node) -> Read:
    node.check(data_format="channels_last", keepdims=False)
    return (Mean(),), _masked_source(node)


def _masked(values: Any) -> Op:
    return op("Where", op("ExpandDims", "mask", axis=-1), values, -1e9)


def _max(node: Node) -> Read:
    found: dict[str, Any] = {}
    if not matches(node, op("Max", _masked("x"), axis=1, keepdims=False), found) or not _is_word(found["mask"]):
        raise node.refused("expected the maximum over the words")
    return (Max(),), found["x"]


def _side_by_side(node: Node) -> Read:
    node.check(axis=-1)
    parts = [READERS[part.kind](part) for part in node.inputs[0] if part.kind in READERS]
    layers = tuple(layer for read, _ in parts for layer in read)
    is_known = len(parts) == len(layers) == len(node.inputs[0]) and all(isinstance(layer, _POOLINGS) for layer in layers)
    if not is_known or len({source for _, source in parts}) != 1 or node.named:
        raise node.refused("expected poolings of the same sequences side by side")
    return (SideBySide(layers),), parts[0][1]


def _attention(node: Node) -> Read:
    """The expression of `models.pooling`."""
    found: dict[str, Any] = {}
    scores = _masked("scores")
    shares = op("Exp", op("Subtract", scores, op("Max", scores, axis=1, keepdims=True)))
    shares = op("TrueDivide", shares, op("Sum", shares, axis=1, keepdims=True))
    if not matches(node, op("Sum", op("Multiply", "weights", "x"), axis=1, keepdims=False), found):
        raise node.refused("expected a weighted sum over the words")
    weights: Node = found["weights"]
    weights.check(activation="linear")
    if weights.kind != "Activation" or not matches(weights.source(), shares, found) or not _is_word(found["mask"]):
        raise weights.refused("expected the shares of attention")
    scores, hidden = found["scores"], found["scores"].source()
    scores.check("units", activation="linear", use_bias=False)
    hidden.check("units", activation="tanh", use_bias=True)
    if (scores.kind, hidden.kind) != ("Dense", "Dense") or hidden.source() is not found["x"]:
        raise scores.refused("expected attention's scores of the same sequences")
    (kernel, bias), (query,) = hidden.arrays[""], scores.arrays[""]
    return (Attention(kernel, bias, query),), found["x"]


READERS: dict[str, Callable[[Node], Read]] = {
    **dict.fromkeys(_RECURRENT, _recurrent),
    "Bidirectional": _bidirectional,
    "Dropout": _dropout,
    "SpatialDropout1D": _dropout,
    "Dense": _dense,
    "LayerNormalization": _normalisation,
    "Add": _residual,
    f"{OWN}PositionalEncoding": _positions,
    f"{OWN}LocalAttention": _local_attention,
    "GlobalAveragePooling1D": _mean,
    "ops.Max": _max,
    "Concatenate": _side_by_side,
    "ops.Sum": _attention,
    "Activation": _identity,
}
