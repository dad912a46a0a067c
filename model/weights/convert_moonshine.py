"""Moonshine's weights out of its int8 `.ort` files, exactly as they are stored.

An `.ort` file is a flatbuffer of an ONNX graph. The exporter renamed most matrices
(`onnx::MatMul_3202_merged_0_quantized`), but the nodes that use them kept the names of their
modules, so every tensor is found through the node that consumes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["FORMAT", "convert", "read_pieces"]

FORMAT: Final = "2"
"""Raised when what is written changes, so that what an older version wrote is made anew."""

Tensor = npt.NDArray[Any]
Tensors = dict[str, Tensor]

# The last node of each graph is named after the graph's output. The matrix of the logits is the
# embedding's, bit for bit, so it is not kept twice.
_NAMES: Final = {"last_hidden_state": "layer_norm", "logits": ""}

_DTYPES: Final = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64}

CONFIG: Final = {
    "hidden": 288,
    "inner": 1152,
    "heads": 8,
    "encoder_layers": 6,
    "decoder_layers": 6,
    "vocabulary": 32768,
    "rotary_share": 0.9,
    "rotary_base": 10000.0,
    "first_token": 1,
    "last_token": 2,
    "rate": 16000,
    # Chosen one after the other on twelve sentences of a synthetic voice with known word times:
    # starts within 0.02 s there, and within 0.04 s of a forced alignment of people's speech.
    "alignment_heads": [[5, 6], [3, 7], [4, 3], [5, 2], [3, 0], [4, 2]],
}
"""What `model.nn.moonshine.MoonshineConfig` reads; the sizes are checked against the file."""


def convert(raw_dir: Path, out_dir: Path) -> None:
    """Write `model.safetensors`, `config.json` and `pieces.json` into `out_dir`.

    A matrix `name` is kept as uint8 `[out, in]` beside the scalars `name.scale` and
    `name.zero_point`: its values are `(name - zero_point) * scale`.

    Args:
        raw_dir: holds `encoder_model.ort`, `decoder_model_merged.ort` and `tokenizer.bin`.
        out_dir: is made if absent; a file is replaced only when it is complete.

    Raises:
        FileNotFoundError: a raw file is missing.
        ValueError: a file is not the graph that is expected.
    """
    from safetensors.numpy import save_file

    tensors: Tensors = {}
    for part, file in (("encoder", "encoder_model.ort"), ("decoder", "decoder_model_merged.ort")):
        tensors |= {f"{part}.{name}": value for name, value in _read(raw_dir / file).items()}
    pieces = read_pieces((raw_dir / "tokenizer.bin").read_bytes())
    _check(tensors, pieces)
    out_dir.mkdir(parents=True, exist_ok=True)
    partial = out_dir / "model.safetensors.partial"
    save_file(tensors, partial)
    partial.replace(out_dir / "model.safetensors")
    (out_dir / "pieces.json").write_text(json.dumps(pieces), encoding="utf-8")
    (out_dir / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n", encoding="utf-8")


def read_pieces(raw: bytes) -> list[str]:
    """The vocabulary in the order of its ids; byte tokens are written `<0x41>`.

    Each entry of the file is a length (one byte, or two when the first is 128 or more: its low
    seven bits and the next byte times 128) and that many bytes.

    Raises:
        ValueError: the file ends within an entry.
    """
    pieces: list[str] = []
    at = 0
    while at < len(raw):
        size = raw[at]
        at += 1
        if size >= 128:
            size = size - 128 + 128 * raw[at]
            at += 1
        piece = raw[at : at + size]
        if len(piece) < size:
            raise ValueError("tokenizer.bin ends within a token: fetch the weights again")
        at += size
        is_byte = 3 <= len(pieces) < 3 + 256
        pieces.append(f"<0x{piece[0] if piece else 0:02X}>" if is_byte else piece.decode())
    return pieces


def _check(tensors: Tensors, pieces: list[str]) -> None:
    """The sizes the configuration promises, or a ValueError."""
    embedding = tensors.get("decoder.embed_tokens")
    expected = (CONFIG["vocabulary"], CONFIG["hidden"])
    if embedding is None or embedding.shape != expected or len(pieces) != expected[0]:
        raise ValueError(
            "the raw files are not Moonshine tiny-en (int8 .ort): fetch the weights again"
        )


def _read(path: Path) -> Tensors:
    """Every weight of one graph under its module's name."""
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import (
        InferenceSession,
    )

    graph = InferenceSession.GetRootAs(bytearray(path.read_bytes()), 0).Model().Graph()
    found: Tensors = {}
    for node, initialisers in _nodes(graph, {}):
        found |= _weights(node, initialisers)
    return found


def _nodes(graph: Any, outer: Tensors) -> Iterator[tuple[Any, Tensors]]:
    """All nodes with the constants they can see; of a branch on the cache only the one without."""
    tensors = (graph.Initializers(i) for i in range(graph.InitializersLength()))
    initialisers = outer | {tensor.Name().decode(): _array(tensor) for tensor in tensors}
    for i in range(graph.NodesLength()):
        node = graph.Nodes(i)
        yield node, initialisers
        for j in range(node.AttributesLength()):
            attribute = node.Attributes(j)
            # The other branch reads the encoder's keys from the cache and lacks their matrices.
            if attribute.G() is not None and attribute.Name() == b"else_branch":
                yield from _nodes(attribute.G(), initialisers)


def _array(tensor: Any) -> Tensor:
    shape = [tensor.Dims(i) for i in range(tensor.DimsLength())]
    dtype = _DTYPES.get(tensor.DataType())
    if dtype is None:
        raise ValueError(f"{tensor.Name()!r} has the unknown type {tensor.DataType()}")
    raw = tensor.RawDataAsNumpy()
    values = raw.view(dtype) if isinstance(raw, np.ndarray) else np.zeros(0, dtype)
    return values.reshape(shape).copy()


def _weights(node: Any, initialisers: Tensors) -> Tensors:
    """What one node says about the weights of its module; most say nothing."""
    operator = node.OpType().decode()
    inputs = [node.Inputs(i).decode() for i in range(node.InputsLength())]
    output = node.Outputs(0).decode()
    name = re.sub(r"/[A-Za-z]+(_\d+)?_output_0.*$", "", output.removeprefix("/model/decoder"))
    name = _NAMES.get(output, name.strip("/").replace("/", "."))

    def constant(index: int) -> Tensor:
        return initialisers[inputs[index]]

    if operator == "MatMulIntegerToFloat":
        return _quantised(name, constant(1).T, constant(3), constant(5))
    if operator == "DynamicQuantizeMatMul" and name:
        bias = {f"{name}.bias": constant(4)} if len(inputs) > 4 and inputs[4] else {}
        return bias | _quantised(name, constant(1).T, constant(2), constant(3))
    if operator == "DequantizeLinear" and name == "embed_tokens":
        embedding = inputs[1].removesuffix("_scale") + "_quantized"
        return _quantised(name, initialisers[embedding], constant(1), constant(2))
    if operator == "LayerNormalization":
        return {f"{name}.weight": constant(1)}
    if operator == "SkipLayerNormalization":
        return {f"{name}.weight": constant(2)}
    if operator in ("Conv", "FusedConv"):
        conv = inputs[1].split(".")[0]
        bias = {f"{conv}.bias": constant(2)} if len(inputs) > 2 and inputs[2] else {}
        return bias | {f"{conv}.weight": constant(1)}
    if name == "groupnorm" and operator in ("Mul", "Add"):
        return {f"groupnorm.{'weight' if operator == 'Mul' else 'bias'}": constant(1).reshape(-1)}
    return {}


def _quantised(name: str, values: Tensor, scale: Tensor, zero_point: Tensor) -> Tensors:
    if values.dtype != np.uint8:
        raise ValueError(f"{name} is {values.dtype}, not uint8: not the expected .ort file")
    return {
        name: np.ascontiguousarray(values),
        f"{name}.scale": scale.reshape(()),
        f"{name}.zero_point": zero_point.reshape(()),
    }
