"""A graph model of TensorFlow.js as it lies in its files: nodes, and the weights by name."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Node", "TfjsGraph", "read"]

Array = npt.NDArray[Any]

_PLAIN: Final = {"float32": np.float32, "int32": np.int32}


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `attributes` are the graph's own, with lists and texts unwrapped."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TfjsGraph:
    """Nodes by name, and the arrays of its constants by node name."""

    nodes: dict[str, Node]
    constants: dict[str, Array]


def read(topology: Path, weights: Path) -> TfjsGraph:
    """Read `NAME.json` and the one file of weights that belongs to it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: they are no graph model, or the weights have another length than announced.
    """
    try:
        described = json.loads(topology.read_text("utf-8"))
        nodes = [_node(entry) for entry in described["modelTopology"]["node"]]
        entries = [e for group in described["weightsManifest"] for e in group["weights"]]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{topology.name} is no graph model ({error!r})") from error
    values = weights.read_bytes()
    constants: dict[str, Array] = {}
    place = 0
    for entry in entries:
        constants[entry["name"]], place = _constant(entry, values, place)
    if place != len(values):
        raise ValueError(
            f"{weights.name} has {len(values)} bytes, {topology.name} asks for {place}"
        )
    return TfjsGraph({node.name: node for node in nodes}, constants)


def _constant(entry: dict[str, Any], values: bytes, place: int) -> tuple[Array, int]:
    """The array that begins at `place`, and where the next one does."""
    packed = entry.get("quantization")
    if packed is None:
        dtype: Any = _PLAIN.get(entry["dtype"])
    else:
        dtype = np.float16 if packed["dtype"] == "float16" else None
    if dtype is None:
        raise ValueError(f"the weights {entry['name']} are of a kind that is not known: {entry}")
    count = int(np.prod(entry["shape"]))
    end = place + count * np.dtype(dtype).itemsize
    if end > len(values):
        raise ValueError(f"the weights end before {entry['name']}")
    array = np.frombuffer(values, dtype, count, place).reshape(entry["shape"])
    return array.astype(np.float32) if dtype == np.float16 else array, end


def _node(entry: dict[str, Any]) -> Node:
    attributes = {name: _value(value) for name, value in entry.get("attr", {}).items()}
    return Node(entry["name"], entry["op"], tuple(entry.get("input", ())), attributes)


def _value(value: Mapping[str, Any]) -> Any:
    """`{"list": {"i": ["1", "2"]}}` to `[1, 2]`, `{"s": "U0FNRQ=="}` to "SAME", and the like."""
    kind: str
    inner: Any
    kind, inner = next(iter(value.items()), ("", None))
    if kind == "list":
        return [_value({of: item}) for of, items in inner.items() for item in items]
    if kind == "i":
        return int(inner)
    if kind == "s":
        return base64.b64decode(inner).decode("ascii")
    return inner
