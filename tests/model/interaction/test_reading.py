"""Text is read off a real picture of a screen: the page's own screenshot."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from model.interaction.reading import MOST_LINES, Reader
from model.weights import store
from tests.model.interaction.pieces import finished

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


def test_without_its_part_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="weights fetch --only eyes"):
        Reader.load(tmp_path)
