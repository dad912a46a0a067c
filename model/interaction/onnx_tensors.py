"""Read the constant tensors out of an ONNX file, without a library for the format.

ONNX is a protocol buffer: fields of a number and a wire type. Only what leads to float tensors is
followed: model, graph, node, attribute (with graphs nested in `If` nodes), tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["read_tensors"]

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_OUTPUT, _NODE_ATTRIBUTE = 2, 5
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH = 5, 6
_TENSOR_DIMENSION, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_FLOAT = 1

_Tensor = npt.NDArray[np.float32]


def read_tensors(path: Path) -> dict[str, _Tensor]:
    """The float32 tensors of an ONNX file by name; constants carry their output's name.

    Raises:
        ValueError: the file is not an ONNX file.
    """
    found: dict[str, _Tensor] = {}
    try:
        for number, value in _fields(memoryview(path.read_bytes())):
            if number == _MODEL_GRAPH and isinstance(value, memoryview):
                _read_graph(value, found)
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not an ONNX file, or it is damaged.") from error
    return found


def _read_graph(graph: memoryview, found: dict[str, _Tensor]) -> None:
    for number, value in _fields(graph):
        if not isinstance(value, memoryview):
            continue
        if number == _GRAPH_INITIALIZER:
            name, tensor = _tensor(value)
            if tensor is not None:
                found[name] = tensor
        elif number == _GRAPH_NODE:
            _read_node(value, found)


def _read_node(node: memoryview, found: dict[str, _Tensor]) -> None:
    output = ""
    attributes: list[memoryview] = []
    for number, value in _fields(node):
        if isinstance(value, memoryview):
            if number == _NODE_OUTPUT and not output:
                output = bytes(value).decode()
            elif number == _NODE_ATTRIBUTE:
                attributes.append(value)
    for attribute in attributes:
        for number, value in _fields(attribute):
            if number == _ATTRIBUTE_GRAPH and isinstance(value, memoryview):
                _read_graph(value, found)
            elif number == _ATTRIBUTE_TENSOR and isinstance(value, memoryview):
                tensor = _tensor(value)[1]
                if tensor is not None:
                    found[output] = tensor


def _tensor(message: memoryview) -> tuple[str, _Tensor | None]:
    shape: list[int] = []
    kind, name, raw = 0, "", b""
    for number, value in _fields(message):
        if number == _TENSOR_DIMENSION:
            shape += [value] if isinstance(value, int) else list(_packed(value))
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == _TENSOR_NAME and isinstance(value, memoryview):
            name = bytes(value).decode()
        elif number == _TENSOR_RAW and isinstance(value, memoryview):
            raw = bytes(value)
    size = int(np.prod(shape, dtype=np.int64))
    if kind != _FLOAT or len(raw) != 4 * size:
        return name, None
    return name, np.frombuffer(raw, "<f4").reshape(shape).copy()


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field; fixed-width numbers are left out."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
        elif kind == 2:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise IndexError("a field is longer than its message")
            yield key >> 3, message[place : place + length]
            place += length
        elif kind in (1, 5):
            place += 8 if kind == 1 else 4
        else:
            raise IndexError(f"wire type {kind} does not exist in ONNX files")


def _packed(values: memoryview) -> Iterator[int]:
    place = 0
    while place < len(values):
        value, place = _varint(values, place)
        yield value


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
