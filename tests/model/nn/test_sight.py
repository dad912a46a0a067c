"""The vision networks against another implementation, and what every network promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from model.nn.graph import Graph, load_graph
from model.nn.sight import Body, Faces, Hand, Network, Things
from model.weights import convert_tfjs, store
from model.weights.tfjs_graph import read

GOLDEN = json.loads((Path(__file__).parent / "golden" / "eyes.json").read_text())
"""By TensorFlow.js's own kernels; golden/eyes.mjs is the recipe."""

SPANS = {
    "centernet": (0.0, 255.0),
    "movenet-lightning": (-1.0, 1.0),
    "blazeface": (-1.0, 1.0),
    "handlandmark-lite": (0.0, 1.0),
}
READERS = {
    "centernet": (Things, 320),
    "movenet-lightning": (Body, 192),
    "blazeface": (Faces, 256),
    "handlandmark-lite": (Hand, 224),
}


def drawn(size: int, low: float, high: float) -> Tensor:
    """The picture of golden/eyes.mjs, `[1, 3, size, size]`."""
    down, across = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    middle = ((across - size * 0.5) / size) ** 2 + ((down - size * 0.45) / size) ** 2
    disc, grid = (middle < 0.05).double(), ((across ^ down) % 8).double() / 7
    slopes = [((across * (c + 1) + 2 * down) % size).double() / size for c in range(3)]
    shares = torch.stack([0.35 * disc + 0.5 * slope + 0.15 * grid for slope in slopes])
    return (low + (high - low) * shares).float().unsqueeze(0)


def check(maps: tuple[Tensor, ...], golden: dict[str, Any], tolerance: float) -> None:
    assert len(maps) == len(golden)
    for found, (name, wanted) in zip(maps, golden.items(), strict=True):
        flat = found.flatten()
        assert list(found.shape) == wanted["shape"], name
        taken = flat[:: wanted["every"]][: len(wanted["values"])]
        values = torch.tensor(wanted["values"])
        torch.testing.assert_close(taken, values, rtol=tolerance, atol=tolerance, msg=name)
        assert float(flat.mean()) == pytest.approx(wanted["mean"], rel=10 * tolerance, abs=1e-5)
        assert int(flat.argmax()) == wanted["place"], name


def network(name: str) -> Network:
    graph, _ = load_graph(store.folder("eyes"), name)
    kind, size = READERS[name]
    return kind(graph, size)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", SPANS)
def test_a_network_agrees_with_another_implementation(name: str) -> None:
    graph, size = load_graph(store.folder("eyes"), name)
    with torch.inference_mode():
        maps = graph(drawn(size, *SPANS[name]))
    # CenterNet's file holds its sixths in half precision, a hard swish has them whole.
    check(maps, GOLDEN[name], 5e-3 if name == "centernet" else 2e-4)


@pytest.mark.timeout(60)
def test_the_things_too_when_nothing_is_joined() -> None:
    folder = store.folder("eyes")
    described = read(folder / "centernet.json", folder / "centernet.bin")
    spec = convert_tfjs.NETWORKS["centernet"]
    nodes, tensors = convert_tfjs.translate(described, spec, join=False)
    graph = Graph(nodes, {n: torch.from_numpy(v) for n, v in tensors.items()}, list(spec.outputs))
    with torch.inference_mode():
        maps = graph(drawn(spec.size, 0.0, 255.0))
    check(maps, GOLDEN["centernet"], 2e-4)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", SPANS)
def test_rows_do_not_mix_and_in_pieces_is_the_same(name: str) -> None:
    used = network(name)
    pictures = torch.rand(2, 3, used.size, used.size, generator=torch.Generator().manual_seed(2))
    other = torch.stack([pictures[0] * 255, pictures[1] * 0])
    with torch.inference_mode():
        once, again = used(pictures * 255), used(other)
        work = used.run(pictures * 255)
        pieces = 0
        try:
            while True:
                next(work)
                pieces += 1
        except StopIteration as stop:
            cut = stop.value
    assert pieces == len(used.net.nodes)
    for whole, beside, apart in zip(once, again, cut, strict=True):
        assert torch.equal(whole[0], beside[0]), "a row changed with its neighbour"
        assert torch.equal(whole, apart)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", list(SPANS))
def test_a_network_exports(name: str) -> None:
    used = network(name)
    picture = drawn(used.size, 0.0, 255.0)
    exported = torch.export.export(used, (picture,))
    with torch.inference_mode():
        for ours, theirs in zip(used(picture), exported.module()(picture), strict=True):
            torch.testing.assert_close(ours, theirs)


def node(**changes: Any) -> dict[str, Any]:
    return {"op": "relu", "to": "map", "of": ["picture"], "tensors": "n1"} | changes


@pytest.mark.parametrize(
    ("nodes", "outputs", "said"),
    [
        ([node(op="softplus")], ["map"], "softplus"),
        ([node(of=["later"])], ["map"], "comes before"),
        ([node()], ["other"], "does not compute"),
        ([node(op="conv")], ["map"], "lacks the weight of n1"),
    ],
)
def test_a_graph_with_a_gap_is_refused(
    nodes: list[dict[str, Any]], outputs: list[str], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Graph(nodes, {}, outputs)


def test_doubling_lies_between_as_the_graphs_mean_it() -> None:
    row = torch.tensor([0.0, 2.0, 6.0]).view(1, 1, 1, 3).expand(1, 1, 3, 3)
    (old,) = Graph([node(op="double", half_pixel=False)], {}, ["map"])(row)
    assert old[0, 0, 0].tolist() == [0.0, 1.0, 2.0, 4.0, 6.0, 6.0]
    (new,) = Graph([node(op="double", half_pixel=True)], {}, ["map"])(row)
    assert new[0, 0, 0].tolist() == [0.0, 0.5, 1.5, 3.0, 5.0, 6.0]
