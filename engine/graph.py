"""The graph of layers that a `.keras` file describes, as data: no class or function that the file names is looked up."""

import io
import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from engine.arrays import Array

_OPERATIONS = "keras.src.ops."  # Keras's modules of pure functions
OWN = "lengthwise>"  # layers of this project register under it
_OF_TRAINING = re.compile(r"name|trainable|seed|.*_(initializer|regularizer|constraint)")  # options that change no prediction


class RefusedError(Exception):
    """Something in a checkpoint is not known; the message goes on where the file's name ends."""


@dataclass(frozen=True, eq=False)
class Node:
    """A layer or a pure function of the graph, and what it is applied to."""

    name: str
    kind: str  # see `_kind`
    config: dict[str, Any]
    inputs: tuple[Any, ...]  # nodes and numbers, also in tuples
    named: dict[str, Any]  # keyword arguments that are given
    arrays: dict[str, list[Array]]  # of the layer ("") and of layers inside it ("forward_layer/cell"), in their order

    def refused(self, why: str) -> RefusedError:
        """The error that names this layer."""
        return RefusedError(f"holds {self.name!r} of class {self.kind.removeprefix(OWN).removeprefix('ops.')}: {why}")

    def check(self, *known: str, config: dict[str, Any] | None = None, **expected: Any) -> None:
        """Refuse any option but those of `expected` with these values, those `known`, and those that only concern training."""
        expected["dtype"] = "float32"
        for option, described in (config or self.config).items():
            value = described["config"]["name"] if option == "dtype" and isinstance(described, dict) else described
            if option not in known and value != expected.get(option) and not _OF_TRAINING.fullmatch(option):
                raise self.refused(f"expected {option}={expected.get(option)}, got {value!r}")

    def source(self, *, is_masked: bool = False) -> "Node":
        """The one node that this one reads; beside it there must be a mask, or nothing."""
        if len(self.inputs) != 1 or not isinstance(self.inputs[0], Node):
            raise self.refused(f"expected one input, got {len(self.inputs)}")
        if set(self.named) != ({"mask"} if is_masked else set()):
            raise self.refused(f"expected {'a mask' if is_masked else 'no arguments'} beside its input, got {sorted(self.named)}")
        return self.inputs[0]


@dataclass(frozen=True)
class Graph:
    """A functional model of one output."""

    nodes: tuple[Node, ...]
    output: Node

    def refuse_what_is_left(self) -> None:
        """Refuse a node that the output does not depend on."""
        reached, waiting = set[Node](), [self.output]
        while waiting:
            node = waiting.pop()
            if node not in reached:
                reached.add(node)
                waiting += _nodes_among((*node.inputs, *node.named.values()))
        for node in self.nodes:
            if node not in reached:
                raise node.refused("nothing reads what it gives")


def _nodes_among(values: Iterable[Any]) -> list[Node]:
    """The nodes in these arguments, also those in tuples."""
    return [
        node
        for value in values
        for node in ([value] if isinstance(value, Node) else _nodes_among(value) if isinstance(value, tuple) else [])
    ]


def read_graph(path: Path, known: Iterable[str]) -> Graph:
    """The graph in a `.keras` file.

    Args:
        path: of the file.
        known: kinds of layers, as `Node.kind` names them; any other is refused before the rest of the file is read.

    Raises:
        RefusedError: it holds a layer of another kind, or is not a graph of one output.
        KeyError, OSError, TypeError, ValueError, ...: it is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        described = json.loads(archive.read("config.json"))["config"]
        _refuse_strangers(described["layers"], set(known))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            arrays = _arrays(file)
    output, *place = described["output_layers"]
    if place != [0, 0]:
        raise RefusedError("has several outputs; expected one logit")
    nodes = _nodes(described["layers"], arrays)
    return Graph(tuple(nodes.values()), nodes[output])


def kind_of(layer: dict[str, Any]) -> str:
    """`GRU` for Keras's layer, `ops.Max` for its pure function, and otherwise the name that the class registered."""
    module, name = str(layer["module"]), str(layer["class_name"])
    if module.startswith(_OPERATIONS):
        return f"ops.{name}"
    return name if module.startswith("keras.") else str(layer["registered_name"])


def _refuse_strangers(layers: list[dict[str, Any]], known: set[str]) -> None:
    for layer in layers:
        inner = [layer["config"][name] for name in ("layer", "backward_layer")] if layer["class_name"] == "Bidirectional" else []
        for each in (layer, *inner):
            if kind_of(each) not in known and not kind_of(each).startswith("ops."):
                name, module = each["config"].get("name"), each["module"]
                raise RefusedError(
                    f"holds a layer of class {each['class_name']} (named {name!r}, module {module}), which is not known"
                )


def _arrays(file: h5py.File) -> dict[str, list[Array]]:
    """Group -> its arrays in order. Links to other files are not followed."""
    found: dict[str, dict[int, Array]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not item.external and not item.is_virtual:
            if not np.issubdtype(item.dtype, np.floating):
                raise RefusedError(f"holds numbers of a type that is not known ({name}: {item.dtype}); expected float32")
            group, _, number = name.removeprefix("layers/").rpartition("vars/")
            found.setdefault(group.rstrip("/"), {})[int(number)] = item[()].astype(np.float32)

    file.visititems(visit)
    if not all(math.isfinite(float(np.sum(array))) for arrays in found.values() for array in arrays.values()):
        raise ValueError("its weights are not numbers")
    return {group: [arrays[i] for i in sorted(arrays)] for group, arrays in found.items()}


def _nodes(layers: list[dict[str, Any]], arrays: dict[str, list[Array]]) -> dict[str, Node]:
    """Every node by its name, each with its own arrays; those come first that others read."""
    nodes, counts, unread = dict[str, Node](), Counter[str](), set(arrays)
    for layer in layers:
        kind, name, calls = kind_of(layer), layer["config"]["name"], layer["inbound_nodes"]
        own: dict[str, list[Array]] = {}
        if not kind.startswith("ops."):  # Keras calls a layer's arrays by its class and how many of it there were before
            snake = _snake_case(layer["class_name"])
            group = f"{snake}_{counts[snake]}" if counts[snake] else snake
            counts[snake] += 1
            own = {each[len(group) + 1 :]: arrays[each] for each in arrays if f"{each}/".startswith(f"{group}/")}
            unread -= {each for each in arrays if f"{each}/".startswith(f"{group}/")}
        if len(calls) != (kind != "InputLayer"):
            raise RefusedError(f"holds {name!r} of class {layer['class_name']}: it is applied {len(calls)} times, expected once")
        inputs, named = (calls[0]["args"], calls[0]["kwargs"]) if calls else ((), {})
        given = {key: _resolved(value, nodes) for key, value in named.items() if value is not None and value is not False}
        nodes[name] = Node(name, kind, layer["config"], _resolved(inputs, nodes), given, own)
    if unread:
        raise RefusedError(f"holds arrays that no layer reads: {', '.join(sorted(unread))}")
    return nodes


def _resolved(value: Any, nodes: dict[str, Node]) -> Any:
    """An argument as it is described: nodes, numbers and slices, tuples of them."""
    if isinstance(value, list | tuple):
        return tuple(_resolved(each, nodes) for each in value)
    if not isinstance(value, dict):
        return value
    config = value["config"]
    match value["class_name"]:
        case "__keras_tensor__":
            name, *place = config["keras_history"]
            if place != [0, 0]:
                raise nodes[name].refused("expected one output that is read")
            return nodes[name]
        case "__tensor__":
            return config["value"]
        case "__slice__":
            return slice(config["start"], config["stop"], config["step"])
    raise RefusedError(f"holds an argument of class {value['class_name']}, which is not known")


def _snake_case(kind: str) -> str:
    """As Keras names the arrays of a class: `SimpleRNN` -> `simple_rnn`."""
    text = re.sub(r"([^_])([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", text).lower()


# -- expressions of pure functions -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Op:
    """An expression: this function of these arguments, which are expressions, numbers, or names for any node."""

    kind: str
    arguments: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


def op(kind: str, *arguments: Any, **options: Any) -> Op:
    """The expression of one of Keras's pure functions, by its class there."""
    return Op(f"ops.{kind}", arguments, tuple(options.items()))


def matches(value: Any, expected: Any, found: dict[str, Any]) -> bool:
    """Whether a part of the graph is this expression; notes in `found` which node each name stands for."""
    if isinstance(expected, str):
        return found.setdefault(expected, value) is value
    if isinstance(expected, tuple):
        return isinstance(value, tuple) and _all_match(value, expected, found)
    if not isinstance(expected, Op):
        return not isinstance(value, Node | tuple) and bool(value == expected)
    if not isinstance(value, Node) or value.kind != expected.kind or value.named:
        return False
    if expected.kind == "InputLayer":
        return expected.options == (("name", value.name),)
    options = {key: option for key, option in value.config.items() if key != "name" and option is not None}
    return options == dict(expected.options) and _all_match(value.inputs, expected.arguments, found)


def _all_match(values: Sequence[Any], expected: Sequence[Any], found: dict[str, Any]) -> bool:
    return len(values) == len(expected) and all(matches(a, b, found) for a, b in zip(values, expected, strict=True))


def _input(name: str) -> Op:
    return Op("InputLayer", (), (("name", name),))


TOKEN_IDS, EVIDENCE, EVIDENCE_SUMS = _input("token_ids"), _input("evidence"), _input("evidence_sums")
