"""A small network as a list of nodes, computed node by node: nothing is known but these few."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Graph", "load_graph"]

FORMAT: Final = 1
THEN: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "": lambda x: x,
    "relu": lambda x: x.relu_(),
    "relu6": lambda x: x.clamp_(0.0, 6.0),
}
KNOWN: Final = (
    *("conv", "add", "add_constant", "multiply", "multiply_constant", "relu", "relu6", "sigmoid"),
    *("hard_swish", "hard_sigmoid", "mean", "double", "concat", "max_pool", "pad", "linear"),
)

NEEDS: Final = {
    "conv": ("weight",),
    "linear": ("weight", "bias"),
    "add_constant": ("value",),
    "multiply_constant": ("value",),
}
"""Tensors without which a node cannot be computed."""


class Graph(nn.Module):
    """A network of fixed shapes: float32, channels first, no state.

    Args:
        nodes: in the order of computation; see `model.weights.convert_tfjs`.
        tensors: the nodes' tensors, `<node's tensors>.<kind>`.
        outputs: names of the maps it gives, in order.

    Raises:
        ValueError: a node is not known, comes before what it needs, or lacks a tensor.
    """

    def __init__(
        self,
        nodes: Sequence[dict[str, Any]],
        tensors: dict[str, Tensor],
        outputs: Sequence[str],
    ) -> None:
        super().__init__()
        self.nodes = tuple(nodes)
        self.outputs = tuple(outputs)
        for name, tensor in tensors.items():
            self.register_buffer(name.replace(".", "_"), tensor)
        self._last_use = _checked(self.nodes, tensors, self.outputs)

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """Pictures `[rows, 3, size, size]` to maps `[rows, channels, …]`; rows do not mix."""
        work = self.run(picture)
        while True:
            try:
                next(work)
            except StopIteration as stop:
                return tuple(stop.value)

    def run(self, picture: Tensor) -> Generator[None, None, tuple[Tensor, ...]]:
        """The same, yielding after every node, so that others have their turn in between."""
        values = {"picture": picture}
        for place, node in enumerate(self.nodes):
            given = [values[name] for name in node["of"]]
            for name in self._last_use[place]:
                del values[name]
            values[node["to"]] = self._node(node, given)
            yield
        return tuple(values[name] for name in self.outputs)

    def _tensor(self, node: dict[str, Any], kind: str) -> Tensor:
        tensor = getattr(self, f"{node['tensors']}_{kind}")
        assert isinstance(tensor, Tensor)
        return tensor

    def _node(self, node: dict[str, Any], given: Sequence[Tensor]) -> Tensor:
        op, x = node["op"], given[0]
        if op == "conv":
            return self._convolution(node, x)
        if op == "add":
            return THEN[node.get("then", "")](x + given[1])
        if op == "add_constant":
            return x + self._tensor(node, "value")
        if op == "multiply":
            return x * given[1]
        if op == "multiply_constant":
            return x * self._tensor(node, "value")
        if op == "linear":
            return functional.linear(x, self._tensor(node, "weight"), self._tensor(node, "bias"))
        return _plain(node, given)

    def _convolution(self, node: dict[str, Any], x: Tensor) -> Tensor:
        weight = self._tensor(node, "weight")
        bias = getattr(self, f"{node['tensors']}_bias", None)
        stride, size = node["stride"], weight.shape[-1]
        inner = 0
        if node["padding"] == "same":
            if stride == 1 and size % 2:
                inner = size // 2
            else:
                sides = [_same(length, size, stride) for length in (x.shape[-1], x.shape[-2])]
                x = functional.pad(x, (*sides[0], *sides[1]))
        x = functional.conv2d(x, weight, bias, stride, inner, groups=node["groups"])
        return THEN[node.get("then", "")](x)


def load_graph(folder: Path, name: str, device: str | torch.device = "cpu") -> tuple[Graph, int]:
    """A network of the part "eyes", and the height and width of its picture.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is not of format 1, or not whole.
    """
    described = json.loads((folder / f"{name}.graph.json").read_text("utf-8"))
    if described.get("format") != FORMAT:
        raise ValueError(f"{name} is not of format {FORMAT}: run `counterpoint weights fetch`")
    with safe_open(folder / f"{name}.safetensors", framework="pt") as file:
        tensors = {key: file.get_tensor(key).to(device) for key in file.keys()}
    graph = Graph(described["nodes"], tensors, described["outputs"])
    # Channels last computes a quarter faster here.
    graph = graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return graph, int(described["size"])


def _checked(
    nodes: Sequence[dict[str, Any]], tensors: Collection[str], outputs: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """For each node what nobody needs after it; raises ValueError for a graph with a gap."""
    known = {"picture"}
    for node in nodes:
        if node["op"] not in KNOWN:
            raise ValueError(f"the network has a node {node['op']!r}, which is not known")
        if missing := set(node["of"]) - known:
            raise ValueError(f"{node['to']} of the network comes before {sorted(missing)}")
        for kind in NEEDS.get(node["op"], ()):
            if f"{node['tensors']}.{kind}" not in tensors:
                raise ValueError(f"the network lacks the {kind} of {node['tensors']}")
        known.add(node["to"])
    if missing := set(outputs) - known:
        raise ValueError(f"the network does not compute {sorted(missing)}")
    later = set(outputs)
    ends: list[tuple[str, ...]] = []
    for node in reversed(nodes):
        ends.append(tuple(set(node["of"]) - later))
        later |= set(node["of"])
    return tuple(reversed(ends))


def _same(length: int, size: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, so that a window at every `stride` finds its place."""
    total = max((-(-length // stride) - 1) * stride + size - length, 0)
    return total // 2, total - total // 2


def _plain(node: dict[str, Any], given: Sequence[Tensor]) -> Tensor:
    op, x = node["op"], given[0]
    if op == "relu":
        return x.relu()
    if op == "relu6":
        return x.clamp(0.0, 6.0)
    if op == "sigmoid":
        return x.sigmoid()
    if op == "hard_swish":
        return functional.hardswish(x)
    if op == "hard_sigmoid":
        return functional.hardsigmoid(x)
    if op == "mean":
        return x.mean((2, 3), keepdim=node["keep"])
    if op == "concat":
        return torch.cat(list(given), 1)
    if op == "max_pool":
        return functional.max_pool2d(x, node["size"], node["stride"])
    if op == "pad":
        return functional.pad(x, node["by"])
    return _double(x, node["half_pixel"])


def _double(x: Tensor, half_pixel: bool) -> Tensor:
    """Twice the height and width, in between by lines."""
    if half_pixel:
        return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    # The first of two is the old one, the second lies halfway to the next; the last is repeated.
    for axis in (2, 3):
        after = torch.cat([x.narrow(axis, 1, x.shape[axis] - 1), x.narrow(axis, -1, 1)], axis)
        x = torch.stack([x, (x + after) / 2], axis + 1).flatten(axis, axis + 1)
    return x
