"""What the small vision networks say of a picture: things, a body, faces, a hand.

Each takes pictures `[rows, 3, size, size]`, RGB from 0 to 255, and gives numbers of fixed shapes in
which places are shares of the picture: x to the right and y down, from 0 to 1. Rows do not mix.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.nn.graph import Graph

__all__ = ["FACES", "THINGS", "Body", "Faces", "Hand", "Network", "Things"]

THINGS: Final = 24
"""Most things that are told of one picture."""

FACES: Final = 16
"""Most faces, before those that overlap are put together."""

Run = Generator[None, None, tuple[Tensor, ...]]


class Network(nn.Module):
    """A graph, how its picture is prepared and how its maps are read.

    Args:
        graph: the network.
        size: height and width of its picture.
    """

    def __init__(self, graph: Graph, size: int) -> None:
        super().__init__()
        self.net = graph
        self.size = size

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """All at once; see `run`."""
        work = self.run(pictures)
        while True:
            try:
                next(work)
            except StopIteration as stop:
                return tuple(stop.value)

    def run(self, pictures: Tensor) -> Run:
        """The same, yielding between the network's nodes."""
        maps = yield from self.net.run(self.prepare(pictures))
        return self.read(*maps)

    def prepare(self, pictures: Tensor) -> Tensor:
        """To what the network was trained on."""
        return pictures / 127.5 - 1.0

    def read(self, *maps: Tensor) -> tuple[Tensor, ...]:
        """From the network's maps to numbers."""
        raise NotImplementedError


class Things(Network):
    """CenterNet: scores `[rows, THINGS]`, labels `[rows, THINGS]` (indices of COCO's 80) and boxes
    `[rows, THINGS, 4]` (left, top, right, bottom), best first."""

    def prepare(self, pictures: Tensor) -> Tensor:
        return pictures

    def read(self, *maps: Tensor) -> tuple[Tensor, ...]:
        scores, sides = maps
        rows, labels, high, wide = scores.shape
        # A thing is where its map is highest among its neighbours.
        peaks = scores * (functional.max_pool2d(scores, 3, 1, 1) == scores)
        best, place = peaks.reshape(rows, -1).topk(THINGS)
        label, spot = place // (high * wide), place % (high * wide)
        around = sides.reshape(rows, 4, -1).gather(2, spot.unsqueeze(1).expand(rows, 4, THINGS))
        x, y = (spot % wide) * (self.size / wide), (spot // wide) * (self.size / high)
        left, top, right, bottom = around.unbind(1)
        boxes = torch.stack([x - left, y - top, x + right, y + bottom], -1) / self.size
        return best, label, boxes.clamp(0.0, 1.0)


class Body(Network):
    """MoveNet: the 17 points of one body, `[rows, 17, 3]` (x, y, score).

    The points are nose; eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, each first the
    left one (of the body, which is on the right of the picture).
    """

    def read(self, *maps: Tensor) -> tuple[Tensor, ...]:
        points, centre, regress, offsets = maps
        rows, count, high, wide = points.shape
        across = torch.arange(wide, dtype=points.dtype, device=points.device)
        down = torch.arange(high, dtype=points.dtype, device=points.device).unsqueeze(1)
        # One body: the one whose centre is sure and near the middle of the picture.
        away = ((across - wide / 2) ** 2 + (down - high / 2) ** 2).sqrt() + 1.8
        middle = (centre[:, 0] / away).reshape(rows, -1).argmax(1)
        guess = regress.reshape(rows, count, 2, -1)
        guess = guess.gather(3, middle.view(rows, 1, 1, 1).expand(rows, count, 2, 1)).squeeze(3)
        y = guess[:, :, 0] + (middle // wide).unsqueeze(1)
        x = guess[:, :, 1] + (middle % wide).unsqueeze(1)
        # Each point is where its map is high near the place its body expects it at.
        away = (
            (across - x.view(rows, count, 1, 1)) ** 2 + (down - y.view(rows, count, 1, 1)) ** 2
        ).sqrt() + 1.8
        spot = (points / away).reshape(rows, count, -1).argmax(2)
        fine = offsets.reshape(rows, count, 2, -1)
        fine = fine.gather(3, spot.view(rows, count, 1, 1).expand(rows, count, 2, 1)).squeeze(3)
        score = points.reshape(rows, count, -1).gather(2, spot.unsqueeze(2)).squeeze(2)
        y = (spot // wide + fine[:, :, 0]) / high
        x = (spot % wide + fine[:, :, 1]) / wide
        return (torch.stack([x, y, score], -1),)


class Faces(Network):
    """BlazeFace: scores `[rows, FACES]`, boxes `[rows, FACES, 4]` and six points each
    `[rows, FACES, 6, 2]`: the person's right eye, left eye, nose, mouth, right ear, left ear."""

    anchors: Tensor

    def __init__(self, graph: Graph, size: int) -> None:
        super().__init__(graph, size)
        self.register_buffer("anchors", _anchors(size), persistent=False)

    def read(self, *maps: Tensor) -> tuple[Tensor, ...]:
        near, near_boxes, far, far_boxes = maps
        rows = near.shape[0]

        def lines(of: Tensor, width: int) -> Tensor:
            return of.permute(0, 2, 3, 1).reshape(rows, -1, width)

        sure = torch.cat([lines(far, 1), lines(near, 1)], 1).squeeze(2)
        boxes = torch.cat([lines(far_boxes, 16), lines(near_boxes, 16)], 1)
        best, place = sure.topk(FACES)
        box = boxes.gather(1, place.unsqueeze(2).expand(rows, FACES, 16))
        anchor = self.anchors[place]
        centre = anchor + box[..., :2]
        half = box[..., 2:4] / 2
        points = anchor.unsqueeze(2) + box[..., 4:].reshape(rows, FACES, 6, 2)
        corners = torch.cat([centre - half, centre + half], -1) / self.size
        return best.sigmoid(), corners, points / self.size


class Hand(Network):
    """Hand landmarks of a picture that shows one hand, upright: whether there is one `[rows]`, its
    21 points `[rows, 21, 2]` (wrist, then thumb to little finger, each from its root to its tip),
    and how sure it is the right one `[rows]`."""

    def prepare(self, pictures: Tensor) -> Tensor:
        return pictures / 255.0

    def read(self, *maps: Tensor) -> tuple[Tensor, ...]:
        points, present, side = maps
        places = points.reshape(-1, 21, 3)[..., :2] / self.size
        return present.squeeze(1), places, side.squeeze(1)


def _anchors(size: int) -> Tensor:
    """Middles of the cells `[896, 2]`: two a cell of the fine grid, six of the coarse one."""
    found = []
    for cells, each in ((16, 2), (8, 6)):
        middles = (torch.arange(cells) + 0.5) * (size / cells)
        down, across = torch.meshgrid(middles, middles, indexing="ij")
        found.append(torch.stack([across, down], -1).reshape(-1, 1, 2).expand(-1, each, 2))
    return torch.cat([part.reshape(-1, 2) for part in found])
