"""Text is read off a real picture of a screen: the page's own screenshot."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from model.engine.pieces import finished
from model.interaction.reading import MOST_LINES, Reader, _lines
from model.weights import store

SCREENSHOT = Path(__file__).parents[3] / "docs" / "screenshot.png"


@pytest.mark.timeout(60)
def test_a_screen_is_read_and_an_empty_one_is_not() -> None:
    reader = Reader.load(store.folder("eyes-text"))
    with av.open(str(SCREENSHOT)) as file:
        pixels = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(np.uint8)
    lines = finished(reader.read(pixels))
    text = " ".join(line.text for line in lines)
    assert "Counterpoint" in text
    assert "Type instead of speaking" in text
    assert len(lines) <= MOST_LINES and all(line.score >= 0.5 for line in lines)
    tops = [line.box[1] for line in lines]
    assert all(a <= b + 0.06 for a, b in zip(tops, tops[1:], strict=False)), "top to bottom"
    assert finished(reader.read(np.full((120, 200, 3), 220, np.uint8))) == ()
    assert finished(reader.read(np.zeros((1, 1, 3), np.uint8))) == ()


def drawn(*places: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    """Where lines are found, left and top, in chances of text with these left, top, right, bottom
    in them; each found place as the one drawn nearest to its middle."""
    chances = np.zeros((480, 640), np.float32)
    for left, top, right, bottom in places:
        chances[top:bottom, left:right] = 0.9
    found = []
    for box in _lines(chances):
        across, down = (box[0] + box[2] / 2) * 640, (box[1] + box[3] / 2) * 480
        found.append(
            min(places, key=lambda p: abs(p[0] + p[2] - 2 * across) + abs(p[1] + p[3] - 2 * down))
        )
    return [(left, top) for left, top, _, _ in found]


def test_narrow_lines_are_read_from_top_to_bottom_whatever_their_left() -> None:
    lines = [(200 - 12 * n, 100 + 16 * n, 400 - 12 * n, 106 + 16 * n) for n in range(8)]
    assert drawn(*lines) == [(left, top) for left, top, _, _ in lines]


def test_pieces_of_one_line_are_read_from_the_left_though_they_do_not_stand_level() -> None:
    pieces = [(300, 100, 400, 108), (20, 103, 280, 111), (420, 102, 600, 109), (20, 140, 300, 148)]
    assert drawn(*pieces) == [(20, 103), (300, 100), (420, 102), (20, 140)]


def test_what_spans_two_lines_does_not_join_them() -> None:
    places = [(20, 100, 60, 132), (300, 101, 600, 108), (100, 122, 280, 129)]
    assert drawn(*places) == [(20, 100), (300, 101), (100, 122)]


def test_without_its_part_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="weights fetch --only eyes"):
        Reader.load(tmp_path)
