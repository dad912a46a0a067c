"""Networks out of TensorFlow.js graphs: a tiny one made here, and what is not understood."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.nn.graph import Graph
from model.weights.convert_tfjs import Network, translate
from model.weights.tfjs_graph import TfjsGraph, read

NETWORK = Network(8, "picture", {"map": "end"})


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def ints(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


class Toy:
    """Writes a graph of TensorFlow.js, node by node."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = [{"name": "picture", "op": "Placeholder"}]
        self.weights: list[dict[str, Any]] = []
        self.values = b""
        self.random = np.random.default_rng(3)

    def constant(self, name: str, *shape: int, value: float | None = None) -> str:
        made = self.random.standard_normal(shape) if value is None else np.full(shape, value)
        entry = {"name": name, "shape": list(shape), "dtype": "float32"}
        self.weights.append(entry | {"quantization": {"dtype": "float16"}})
        self.values += made.astype(np.float16).tobytes()
        self.nodes.append({"name": name, "op": "Const"})
        return name

    def node(self, name: str, op: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def convolution(self, name: str, of: str, *shape: int, op: str = "Conv2D", **more: Any) -> str:
        plain = {"strides": ints(1, 2, 2, 1), "dilations": ints(1, 1, 1, 1)}
        weight = self.constant(f"{name}/w", *shape)
        return self.node(name, op, of, weight, **(plain | {"padding": text("SAME")} | more))

    def read(self, folder: Path) -> TfjsGraph:
        described = {
            "modelTopology": {"node": self.nodes},
            "weightsManifest": [{"paths": ["toy.bin"], "weights": self.weights}],
        }
        (folder / "toy.json").write_text(json.dumps(described))
        (folder / "toy.bin").write_bytes(self.values)
        return read(folder / "toy.json", folder / "toy.bin")


def toy() -> Toy:
    """Two convolutions, one deep; a bias of its own, a hard swish, an activation, an identity."""
    made = Toy()
    made.convolution("wide", "picture", 3, 3, 3, 4)
    made.node("biased", "AddV2", "wide", made.constant("bias", 4))
    made.node("plus", "Add", "biased", made.constant("three", value=3.0))
    made.node("cut", "Relu6", "plus")
    made.node("small", "Mul", made.constant("sixth", value=1 / 6), "biased")
    made.node("swish", "Mul", "small", "cut")
    made.convolution(
        "deep", "swish", 3, 3, 4, 1, op="DepthwiseConv2dNative", strides=ints(1, 1, 1, 1)
    )
    made.node("sum", "AddV2", "deep", "swish")
    made.node("kept", "Relu", "sum")
    made.node("same", "Identity", "kept")
    made.node("end", "MaxPool", "same", ksize=ints(1, 2, 2, 1), strides=ints(1, 2, 2, 1),
              padding=text("VALID"))  # fmt: skip
    return made


def graph(described: TfjsGraph, join: bool) -> Graph:
    nodes, tensors = translate(described, NETWORK, join=join)
    return Graph(nodes, {name: torch.tensor(v) for name, v in tensors.items()}, ["map"])


def test_what_is_joined_computes_the_same(tmp_path: Path) -> None:
    described = toy().read(tmp_path)
    single, joined = graph(described, join=False), graph(described, join=True)
    assert [node["op"] for node in joined.nodes] == [
        *("conv", "hard_swish", "conv", "add", "max_pool"),
    ]
    assert [node.get("then") for node in joined.nodes] == [None, None, None, "relu", None]
    picture = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    (one,), (other,) = single(picture), joined(picture)
    assert one.shape == (2, 4, 2, 2)
    # A sixth in half precision is a little more than a sixth.
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_a_bias_that_others_need_as_it_was_stays_apart(tmp_path: Path) -> None:
    made = Toy()
    made.convolution("wide", "picture", 3, 3, 3, 4)
    made.node("biased", "AddV2", "wide", made.constant("bias", 4))
    made.node("end", "AddV2", "biased", "wide")
    ops = [node["op"] for node in graph(made.read(tmp_path), join=True).nodes]
    assert ops == ["conv", "add_constant", "add"]


@pytest.mark.parametrize(
    ("op", "attributes", "said"),
    [
        ("Softplus", {}, "a Softplus, which is not known"),
        ("Conv2D", {"dilations": ints(1, 2, 2, 1)}, "of a form that is not known"),
        ("Conv2D", {"padding": text("EXPLICIT")}, "of a form that is not known"),
        ("Conv2D", {"strides": ints(1, 2, 1, 1)}, "of a form that is not known"),
        ("_FusedConv2D", {"fused_ops": {"list": {"s": ["RWx1"]}}}, "of a form that is not known"),
    ],
)
def test_what_is_not_understood_is_refused(
    tmp_path: Path, op: str, attributes: dict[str, Any], said: str
) -> None:
    made = Toy()
    made.convolution("end", "picture", 3, 3, 3, 4, op=op, **attributes)
    with pytest.raises(ValueError, match=said):
        translate(made.read(tmp_path), NETWORK)


@pytest.mark.parametrize(("change", "said"), [(b"", "end before"), (b"\0" * 999, "asks for")])
def test_weights_of_another_length_are_refused(tmp_path: Path, change: bytes, said: str) -> None:
    made = toy()
    made.values = made.values + change if change else made.values[:-1]
    with pytest.raises(ValueError, match=said):
        made.read(tmp_path)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "toy.json").write_text('{"modelTopology": {}}')
    with pytest.raises(ValueError, match="no graph model"):
        read(tmp_path / "toy.json", tmp_path / "toy.bin")
