"""Reading text in a picture, on demand: PP-OCR's two networks, run by onnxruntime.

One finds where lines of text are, the other reads a line. Neither can be cut while it runs: finding
takes some 0.3 s of one thread and a line 0.03 s, beside the tick, which does not wait for them; the
work may be left after each line. Only upright lines are read, as they stand on screens and signs.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from model.engine.pieces import PAUSE, Pause
from model.sight import Box

__all__ = ["Line", "Reader"]

FINDER: Final = "PP-OCRv6_det_small.onnx"
READER: Final = "PP-OCRv6_rec_small.onnx"

LONGEST_SIDE: Final = 960
"""Of the picture in which lines are looked for; a multiple of 32."""

LEAST_CHANCE: Final = 0.3
LEAST_MEAN: Final = 0.5
LEAST_SIDE: Final = 5
UNCLIP: Final = 1.6
"""Lines are found shrunk by their border; how far they are widened again, as their makers do."""

MOST_LINES: Final = 12
LINE_HEIGHT: Final = 48
LINE_WIDTH: Final = 960
LEAST_SURE: Final = 0.5

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, how sure it is, and where."""

    text: str
    score: float
    box: Box


class Reader:
    """Finds and reads lines of text; no state of any stream.

    Args:
        folder: the part "eyes-text"; it is loaded when something is read for the first time.
        threads: of onnxruntime.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._folder = folder
        self._threads = threads
        self._finder: Any = None
        self._reader: Any = None
        self._characters: list[str] = []

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Reader:
        """A reader of the part "eyes-text".

        Raises:
            FileNotFoundError: it is not there.
        """
        for name in (FINDER, READER):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"{folder / name} is missing: run `counterpoint weights fetch --only eyes`"
                )
        return cls(folder, threads)

    def read(self, pixels: npt.NDArray[np.uint8]) -> Generator[Pause, None, tuple[Line, ...]]:
        """The lines of a picture `[height, width, 3]`, top to bottom, at most `MOST_LINES`."""
        if not self._characters:
            self._open()
        boxes = self._find(pixels)
        yield PAUSE
        lines = []
        for box in boxes:
            line = self._line(pixels, box)
            if line is not None:
                lines.append(line)
            yield PAUSE
        return tuple(lines)

    def _open(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        self._finder, self._reader = (
            onnxruntime.InferenceSession(
                str(self._folder / name), options, providers=["CPUExecutionProvider"]
            )
            for name in (FINDER, READER)
        )
        # The characters stand in the file, one a line; before them nothing, behind them a space.
        held = self._reader.get_modelmeta().custom_metadata_map["character"]
        self._characters = ["", *held.splitlines(), " "]

    def _find(self, pixels: npt.NDArray[np.uint8]) -> list[Box]:
        high, wide = pixels.shape[:2]
        scale = min(LONGEST_SIDE / max(high, wide), 2.0)
        new = tuple(max(round(side * scale / 32), 1) * 32 for side in (high, wide))
        picture = _resized(pixels, (new[0], new[1]))
        (chances,) = self._finder.run(None, {"x": picture[None]})
        return _lines(chances[0, 0])

    def _line(self, pixels: npt.NDArray[np.uint8], box: Box) -> Line | None:
        high, wide = pixels.shape[:2]
        left, top = int(box[0] * wide), int(box[1] * high)
        right = max(int(np.ceil((box[0] + box[2]) * wide)), left + 1)
        bottom = max(int(np.ceil((box[1] + box[3]) * high)), top + 1)
        crop = pixels[top:bottom, left:right]
        width = int(np.clip(LINE_HEIGHT * crop.shape[1] / crop.shape[0], 16, LINE_WIDTH))
        picture = _resized(crop, (LINE_HEIGHT, width))
        # What it was trained on is at least 320 wide, with nothing behind the text.
        padded = np.pad(picture, ((0, 0), (0, 0), (0, max(320 - width, 0))))
        (chances,) = self._reader.run(None, {"x": padded[None]})
        best, sure = chances[0].argmax(1), chances[0].max(1)
        kept = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
        text = "".join(self._characters[place] for place in best[kept]).strip()
        score = float(sure[kept].mean()) if kept.any() else 0.0
        return Line(text, score, box) if text and score >= LEAST_SURE else None


def _resized(pixels: npt.NDArray[np.uint8], size: tuple[int, int]) -> Plane:
    """`[height, width, 3]` to `[3, *size]` in [-1, 1], blue first, as the networks were trained."""
    picture = torch.from_numpy(np.ascontiguousarray(pixels[..., ::-1])).permute(2, 0, 1).float()
    smaller = size[0] < pixels.shape[0]
    made = functional.interpolate(picture[None], size, mode="bilinear", antialias=smaller)[0]
    plane: Plane = (made / 127.5 - 1.0).numpy()
    return plane


def _lines(chances: Plane) -> list[Box]:
    """Boxes of connected places that are likely text, in reading order."""
    from scipy import ndimage

    high, wide = chances.shape
    labels, _ = ndimage.label(chances > LEAST_CHANCE, structure=np.ones((3, 3)))
    found: list[Box] = []
    for number, (down, across) in enumerate(ndimage.find_objects(labels), start=1):
        tall, long = down.stop - down.start, across.stop - across.start
        inside = labels[down, across] == number
        if min(tall, long) < LEAST_SIDE or chances[down, across][inside].mean() < LEAST_MEAN:
            continue
        wider = tall * long * UNCLIP / (2 * (tall + long))
        left, top = max(across.start - wider, 0.0), max(down.start - wider, 0.0)
        right, bottom = min(across.stop + wider, wide), min(down.stop + wider, high)
        found.append((left / wide, top / high, (right - left) / wide, (bottom - top) / high))
    # The largest are read, top to bottom.
    found.sort(key=lambda box: -box[2] * box[3])
    return _in_order(found[:MOST_LINES])


def _in_order(boxes: Sequence[Box]) -> list[Box]:
    """Boxes line by line, each from the left. Of one line are those that all share half of their
    height, so that what spans two lines does not join them."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: box[1]):
        if rows and all(_beside(box, other) for other in rows[-1]):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row)]


def _beside(one: Box, other: Box) -> bool:
    shared = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return shared >= min(one[3], other[3]) / 2
