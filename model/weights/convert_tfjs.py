"""Small vision networks out of TensorFlow.js graphs: a short list of nodes and their weights.

For each network `NAME.graph.json` and `NAME.safetensors` are written, which
`model.nn.graph.Graph` reads. Only the network itself is taken over: pictures are prepared, and its
maps read, by `model.nn.sight`. Kernels are turned for channels first, and what belongs together is
joined: a bias and an activation with their convolution, and the four nodes of a hard swish.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.weights.tfjs_graph import Array, Node, TfjsGraph, read
from model.weights.tfjs_joining import joined

__all__ = ["FORMAT", "NETWORKS", "Network", "convert", "outputs"]

FORMAT: Final = 1
"""Raised when what is written changes; parts made by an older one are made again."""

_HEAD: Final = "StatefulPartitionedCall/"
_FACE: Final = f"{_HEAD}functional_1/"


@dataclass(frozen=True, slots=True)
class Network:
    """Where a network begins and ends in its graph.

    Attributes:
        size: height and width of its picture.
        picture: the node that stands for the picture.
        outputs: what its maps are called by us, to their nodes.
    """

    size: int
    picture: str
    outputs: dict[str, str]


NETWORKS: Final = {
    "centernet": Network(
        512,
        "tower_0/images",
        {"scores": "tower_0/Sigmoid", "sides": "tower_0/mul"},
    ),
    "movenet-lightning": Network(
        192,
        f"{_HEAD}sub_1",
        {
            "points": f"{_HEAD}Sigmoid",
            "centre": f"{_HEAD}Sigmoid_1",
            "regress": f"{_HEAD}kpt_regress_0/conv2d_6/BiasAdd",
            "offsets": f"{_HEAD}kpt_offset_0/conv2d_7/BiasAdd",
        },
    ),
    "blazeface": Network(
        256,
        "input",
        {
            "near": f"{_FACE}conv2d_34/BiasAdd",
            "near_boxes": f"{_FACE}conv2d_36/BiasAdd",
            "far": f"{_FACE}conv2d_33/BiasAdd",
            "far_boxes": f"{_FACE}conv2d_35/BiasAdd",
        },
    ),
    "handlandmark-lite": Network(
        224,
        "input_1",
        {"points": "Identity_dense/BiasAdd", "present": "Identity_1", "side": "Identity_2"},
    ),
}


def outputs() -> tuple[str, ...]:
    """Names of the files one conversion writes."""
    return tuple(f"{name}.{kind}" for name in NETWORKS for kind in ("graph.json", "safetensors"))


def convert(raw_dir: Path, out_dir: Path) -> None:
    """Write `NAME.graph.json` and `NAME.safetensors` of every network into `out_dir`.

    Args:
        raw_dir: holds `NAME.json` and `NAME.bin` of every network.
        out_dir: an existing folder.

    Raises:
        FileNotFoundError: a raw file is missing.
        ValueError: a graph is not what is expected.
    """
    from safetensors.numpy import save_file

    for name, network in NETWORKS.items():
        graph = read(raw_dir / f"{name}.json", raw_dir / f"{name}.bin")
        nodes, tensors = translate(graph, network)
        save_file(tensors, out_dir / f"{name}.safetensors")
        described = {"format": FORMAT, "size": network.size, "nodes": nodes}
        described["outputs"] = list(network.outputs)
        (out_dir / f"{name}.graph.json").write_text(json.dumps(described) + "\n", "utf-8")


def translate(
    graph: TfjsGraph, network: Network, *, join: bool = True
) -> tuple[list[dict[str, Any]], dict[str, Array]]:
    """Our nodes in the order of computation, and their tensors by name.

    A node is `{"op", "to", "of": [names], …}`; the picture is called "picture", and an output is
    called what `network.outputs` calls it. Without `join` nothing is put together.

    Raises:
        ValueError: the graph holds a node that is not known, or not in this form.
    """
    writer = _Writer(graph, network)
    for name, node in network.outputs.items():
        writer.output(name, node)
    steps, tensors = writer.steps, writer.tensors
    if join:
        named = [name for name, ours in writer.called.items() if ours in network.outputs]
        steps, tensors = joined(steps, tensors, named)
    for step in steps:
        step["of"] = [writer.called[name] for name in step["of"]]
        step["to"] = writer.called[step["to"]]
    return steps, {name: np.ascontiguousarray(value) for name, value in tensors.items()}


@dataclass
class _Writer:
    """Walks a graph from its outputs back to the picture."""

    graph: TfjsGraph
    network: Network
    steps: list[dict[str, Any]] = field(default_factory=list)
    tensors: dict[str, Array] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.called[self.network.picture] = "picture"

    def output(self, name: str, node: str) -> None:
        """Take a node and all it needs; it is called `name`."""
        self._take(node)
        self.called[self._plain(node)] = name

    def _plain(self, name: str) -> str:
        """The node that a name means: identities are passed over."""
        name = name.split(":")[0]
        while name not in self.called and self.graph.nodes[name].op == "Identity":
            name = self.graph.nodes[name].inputs[0].split(":")[0]
        return name

    def _take(self, wanted: str) -> None:
        waiting = [self._plain(wanted)]
        while waiting:
            node = self.graph.nodes[waiting[-1]]
            needs = [self._plain(i) for i in node.inputs if i not in self.graph.constants]
            missing = [need for need in needs if need not in self.called]
            if node.name not in self.called and not missing:
                self.steps.append(self._step(node, needs))
                self.called[node.name] = f"n{len(self.steps)}"
            if missing:
                waiting += missing
            else:
                waiting.pop()

    def _step(self, node: Node, needs: list[str]) -> dict[str, Any]:
        if node.op not in _TRANSLATIONS:
            raise ValueError(f"the node {node.name} is a {node.op}, which is not known")
        constants = [self.graph.constants[i] for i in node.inputs if i in self.graph.constants]
        name = f"n{len(self.steps) + 1}"
        step: dict[str, Any]
        step, tensors = _TRANSLATIONS[node.op](node, constants)
        for kind, tensor in tensors.items():
            self.tensors[f"{name}.{kind}"] = tensor.astype(np.float32)
        return {"op": "", "to": node.name, "of": needs, "tensors": name} | step


Translated = tuple[dict[str, Any], dict[str, Array]]


def _only(node: Node, condition: bool) -> None:
    if not condition:
        raise ValueError(f"the {node.op} {node.name} is of a form that is not known")


def _window(node: Node, what: str = "strides") -> int:
    first, high, wide, last = node.attributes[what]
    _only(node, first == last == 1 and high == wide)
    return int(high)


def _convolution(node: Node, constants: list[Array]) -> Translated:
    weight, *rest = constants
    deep = "epthwise" in node.op
    fused = list(node.attributes.get("fused_ops", ()))
    _only(node, fused in ([], ["BiasAdd"], ["BiasAdd", "Relu"], ["BiasAdd", "Relu6"]))
    _only(node, len(rest) == len(fused[:1]) and _window(node, "dilations") == 1)
    _only(node, node.attributes["padding"] in ("SAME", "VALID"))
    _only(node, not deep or weight.shape[3] == 1)
    step = {"op": "conv", "stride": _window(node), "padding": node.attributes["padding"].lower()}
    step["groups"] = weight.shape[2] if deep else 1
    if fused[1:]:
        step["then"] = fused[1].lower()
    turned = weight.transpose(2, 3, 0, 1) if deep else weight.transpose(3, 2, 0, 1)
    return step, {"weight": turned} | dict(zip(("bias",), rest, strict=False))


def _pair(op: str) -> Any:
    def translated(node: Node, constants: list[Array]) -> Translated:
        if not constants:
            return {"op": op}, {}
        _only(node, len(constants) == 1)
        flat = constants[0].reshape(-1)
        _only(node, flat.size == constants[0].shape[-1] if constants[0].ndim else True)
        return {"op": f"{op}_constant"}, {"value": flat.reshape(-1, 1, 1)}

    return translated


def _plain(op: str) -> Any:
    def translated(node: Node, constants: list[Array]) -> Translated:
        _only(node, not constants)
        return {"op": op}, {}

    return translated


def _mean(node: Node, constants: list[Array]) -> Translated:
    _only(node, sorted(constants[0].tolist()) == [1, 2])
    return {"op": "mean", "keep": bool(node.attributes["keep_dims"])}, {}


def _double(node: Node, _: list[Array]) -> Translated:
    _only(node, not node.attributes["align_corners"])
    return {"op": "double", "half_pixel": bool(node.attributes["half_pixel_centers"])}, {}


def _concat(node: Node, constants: list[Array]) -> Translated:
    _only(node, len(constants) == 1 and int(constants[0]) in (3, -1))
    return {"op": "concat"}, {}


def _pool(node: Node, _: list[Array]) -> Translated:
    step = {"op": "max_pool", "size": _window(node, "ksize"), "stride": _window(node)}
    _only(node, node.attributes["padding"] == "VALID" or step["size"] == step["stride"])
    return step, {}


def _pad(node: Node, constants: list[Array]) -> Translated:
    (batch, high, wide, channels) = constants[0].tolist()
    _only(node, batch == [0, 0])
    return {"op": "pad", "by": [*wide, *high, *channels]}, {}


def _linear(node: Node, constants: list[Array]) -> Translated:
    _only(node, node.attributes["fused_ops"] == ["BiasAdd"])
    _only(node, not node.attributes["transpose_a"] and not node.attributes["transpose_b"])
    return {"op": "linear"}, {"weight": constants[0].T, "bias": constants[1]}


_TRANSLATIONS: Final[dict[str, Any]] = {
    "Conv2D": _convolution,
    "_FusedConv2D": _convolution,
    "DepthwiseConv2dNative": _convolution,
    "FusedDepthwiseConv2dNative": _convolution,
    "Add": _pair("add"),
    "AddV2": _pair("add"),
    "AddN": _pair("add"),
    "Mul": _pair("multiply"),
    "Relu": _plain("relu"),
    "Relu6": _plain("relu6"),
    "Sigmoid": _plain("sigmoid"),
    "Mean": _mean,
    "ResizeBilinear": _double,
    "ConcatV2": _concat,
    "MaxPool": _pool,
    "Pad": _pad,
    "_FusedMatMul": _linear,
}
