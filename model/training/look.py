"""`python -m model.training.look --seed S --index I --out FILE.svg`: one conversation as a picture.

Both voices, what is said, what Ears tells and when, and the labels of every micro-turn. Beside the
picture a WAV can be written: the microphone left, our voice right.
"""

from __future__ import annotations

import argparse
import sys
import wave
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from scipy.signal import resample_poly

from model.interaction import streams
from model.messages import Audio, Word
from model.timebase import HEARING_RATE
from model.training.render.cast import SPLITS
from model.training.render.conversation import Rendered, render

__all__ = ["main", "picture"]

_SECOND: Final = 70.0
_ROW_SECONDS: Final = 20
_ROW_HEIGHT: Final = 250.0
_LEFT: Final = 90.0
_FLOOR_COLOURS: Final = ("#e8e8e8", "#2e8b57", "#9ecae1", "#d7301f", "#fdae61")
_STATE_COLOURS: Final = ("#3182bd", "#fdae61", "#2e8b57", "#9e9ac8", "#bdbdbd", "#f7f7f7")
_EVENT_COLOURS: Final = ("none", "#2e8b57", "#fdae61", "#d7301f", "#9ecae1", "#b15928", "#cab2d6")
_LANES: Final = (("person", 30), ("their words", 62), ("Ears", 80), ("ours, sent", 115),
                 ("our words", 147), ("state", 160), ("floor", 176), ("event", 192),
                 ("projection", 208))  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw one conversation; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m model.training.look", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--index", type=int, default=0)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--out", type=Path, required=True, help="an .svg file")
    parser.add_argument("--wav", type=Path, help="also write the sound of both sides")
    chosen = parser.parse_args(arguments)
    rendered = render(chosen.seed, chosen.index, chosen.split)
    chosen.out.write_text(picture(rendered), "utf-8")
    if chosen.wav:
        _write_sound(chosen.wav, rendered)
    return 0


def picture(rendered: Rendered) -> str:
    """The conversation as SVG, rows of 20 s one below the other."""
    rows = -(-int(rendered.seconds) // _ROW_SECONDS) or 1
    width, height = _LEFT + _ROW_SECONDS * _SECOND + 20, rows * _ROW_HEIGHT + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}">',
        "<style>text { font-family: sans-serif }</style>",
        '<rect width="100%" height="100%" fill="white"/>',
        _text(10, 16, "; ".join(f"{name}: {value}" for name, value in rendered.meta.items())),
    ]
    parts += _legend()
    for row in range(rows):
        parts.append(f'<g transform="translate(0 {40 + row * _ROW_HEIGHT:.0f})">')
        parts += _row(rendered, row * _ROW_SECONDS)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"])


def _row(rendered: Rendered, first: int) -> Iterator[str]:
    """Everything between `first` and `first` + 20 s."""
    for name, y in _LANES:
        yield _text(4, y + 4, name)
    for second in range(_ROW_SECONDS + 1):
        x = _LEFT + second * _SECOND
        yield f'<line x1="{x:.0f}" x2="{x:.0f}" y1="8" y2="238" stroke="#eee"/>'
        yield _text(x + 2, 8, str(first + second))
    yield _wave(rendered.heard, HEARING_RATE, first, 30, "#3182bd")
    yield _wave(rendered.sent, 24_000, first, 115, "#e6550d")
    for part in rendered.script.person:
        start = part.start / HEARING_RATE
        yield from _words(part.words, start, first, 62)
        if not part.words and first <= start < first + _ROW_SECONDS:
            yield _text(_x(start, first), 62, f"[{part.kind}]")
    for own in rendered.script.own:
        said = [word for word in own.words if own.start_seconds + word.start_seconds
                < own.end_seconds]  # fmt: skip
        yield from _words(said, own.start_seconds, first, 147)
    yield from _told(rendered, first)
    yield from _labels(rendered.labels, first)


def _told(rendered: Rendered, first: int) -> Iterator[str]:
    """The last words of each partial, where it became known."""
    for number, partial in enumerate(rendered.told):
        at = partial.k / 10
        if first <= at < first + _ROW_SECONDS and partial.words:
            text = " ".join(word.text for word in partial.words[-2:])
            yield _text(_x(at, first), 76 + 7 * (number % 3), text, "#756bb1", 7)


def _labels(made: streams.Arrays, first: int) -> Iterator[str]:
    last = min((first + _ROW_SECONDS) * 10, len(made["floor"]))
    lanes = (("person", _STATE_COLOURS, 154), ("floor", _FLOOR_COLOURS, 170),
             ("event", _EVENT_COLOURS, 186))  # fmt: skip
    for k in range(first * 10, last):
        x = _x(k / 10, first)
        for name, colours, y in lanes:
            value = int(made[name][k])
            weight = float(made[f"{name}_weight"][k]) if f"{name}_weight" in made else 1.0
            yield (
                f'<rect x="{x:.1f}" y="{y}" width="{_SECOND / 10:.1f}" height="13" '
                f'fill="{colours[value]}" fill-opacity="{0.25 + 0.75 * min(weight, 1.0):.2f}"/>'
            )
        for side, colour in ((0, "#3182bd"), (1, "#e6550d")):
            for window in range(4):
                share = max(float(made["projection"][k, side, window]), 0.0)
                y = 203 + 5 * window + 20 * side
                yield (
                    f'<rect x="{x:.1f}" y="{y}" width="{_SECOND / 10:.1f}" height="4" '
                    f'fill="{colour}" fill-opacity="{share:.2f}"/>'
                )


def _legend() -> Iterator[str]:
    x = 10.0
    for names, colours in ((streams.FLOORS, _FLOOR_COLOURS), (streams.PERSON_STATES,
                            _STATE_COLOURS), (streams.EVENTS[1:], _EVENT_COLOURS[1:])):  # fmt: skip
        for name, colour in zip(names, colours, strict=True):
            yield f'<rect x="{x:.0f}" y="23" width="10" height="10" fill="{colour}"/>'
            yield _text(x + 13, 32, name)
            x += 24 + 5.6 * len(name)
        x += 20


def _words(words: Sequence[Word], start: float, first: int, y: float) -> Iterator[str]:
    for word in words:
        at = start + word.start_seconds
        if first <= at < first + _ROW_SECONDS:
            yield _text(_x(at, first), y, word.text, "#222", 8)


def _wave(audio: Audio, rate: int, first: int, y: float, colour: str) -> str:
    """The loudness of every 20 ms, mirrored."""
    frame = rate // 50
    part = audio[first * rate : (first + _ROW_SECONDS) * rate]
    count = len(part) // frame
    peaks = np.abs(part[: count * frame].reshape(-1, frame)).max(axis=1) if count else np.zeros(0)
    tall = np.sqrt(np.minimum(peaks, 1.0)) * 20
    upper = [f"{_LEFT + i / 50 * _SECOND:.1f},{y - h:.1f}" for i, h in enumerate(tall)]
    lower = [f"{_LEFT + i / 50 * _SECOND:.1f},{y + h:.1f}" for i, h in enumerate(tall)]
    return f'<polygon points="{" ".join(upper + lower[::-1])}" fill="{colour}"/>'


def _x(seconds: float, first: int) -> float:
    return _LEFT + (seconds - first) * _SECOND


def _text(x: float, y: float, text: str, colour: str = "#555", size: int = 10) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}">{escape(text)}</text>'


def _write_sound(path: Path, rendered: Rendered) -> None:
    ours = resample_poly(rendered.sent, 2, 3)[: len(rendered.heard)]
    both = np.stack([rendered.heard, ours], axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(HEARING_RATE)
        file.writeframes((np.clip(both, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    sys.exit(main())
