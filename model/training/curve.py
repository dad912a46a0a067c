"""The curve of a run: JSON lines that go on where the checkpoint is, and a picture of them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from model.training.core_loss import CoreLosses

__all__ = ["Curve", "picture", "read_curve"]

CURVE: Final = "curve.jsonl"
PICTURE: Final = "curve.svg"

Line = dict[str, Any]

WIDTH, HEIGHT, LEFT, TOP = 420.0, 170.0, 50.0, 30.0
PANELS: Final = (
    ("loss", ("total", "floor", "person", "projection"), 2.5),
    ("loss by event", ("lateness", "wrong", "missed"), 1.0),
    ("dev: seconds", ("latency_at_0.05", "latency_at_0.15", "stop"), 1.5),
    ("dev: shares", ("takeover", "balance", "f1_gain"), 1.0),
)
"""Title, lines, highest value."""

COLOURS: Final = ("#3182bd", "#d7301f", "#2e8b57", "#fdae61")


class Curve:
    """What is written while a run goes on.

    Args:
        out: the run's folder.
        step: of the checkpoint; lines of later steps, which will be made again, are dropped.
        steps: of the whole run.
    """

    def __init__(self, out: Path, step: int, steps: int) -> None:
        self._out = out
        self._steps = steps
        self._sums: dict[str, float] = {}
        self._count = 0
        self._micro_turns = 0
        self._began = time.monotonic()
        kept = [line for line in read_curve(out) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        (out / CURVE).write_text(text, "utf-8")

    def add(self, losses: CoreLosses, norm: float, micro_turns: int) -> None:
        """Take a step's losses into the next line."""
        found = {**losses._asdict(), "norm": norm}
        for name, value in found.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._count += 1
        self._micro_turns += micro_turns

    def write(self, step: int, held: int) -> str:
        """Write the means since the last line; returns a line for people.

        Args:
            step: steps done.
            held: micro-turns of training data in force.
        """
        now = time.monotonic()
        pace = self._micro_turns / max(now - self._began, 1e-9)
        left = (self._steps - step) / max(self._count / max(now - self._began, 1e-9), 1e-9) / 60
        means = {name: round(value / self._count, 5) for name, value in self._sums.items()}
        self._append({"step": step, **means, "pace": round(pace), "hours": round(held / 36000, 2)})
        self._sums, self._count, self._micro_turns = {}, 0, 0
        self._began = now
        parts = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        return (
            f"step {step}/{self._steps} {parts} | {pace:.0f} micro-turns/s, "
            f"{held / 36000:.1f} h of data, {left:.0f} min left"
        )

    def look(self, step: int, found: Line) -> None:
        """Write a report on dev, without its curves."""
        kept = {name: value for name, value in found.items() if not name.endswith("_curve")}
        self._append({"step": step, "dev": kept})
        self._began = time.monotonic()

    def draw(self) -> None:
        """Draw the picture anew."""
        (self._out / PICTURE).write_text(picture(read_curve(self._out)), "utf-8")

    def _append(self, line: Line) -> None:
        with (self._out / CURVE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_curve(out: Path) -> list[Line]:
    """All whole lines of a run's curve, in order."""
    path = out / CURVE
    if not path.is_file():
        return []
    found = []
    for line in path.read_text("utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue  # The last one of a run that was killed.
    return found


def picture(lines: Sequence[Line]) -> str:
    """Four panels over the steps, as SVG."""
    last = max((line["step"] for line in lines), default=1)
    wide, tall = 2 * (WIDTH + LEFT) + 20, 2 * (HEIGHT + 2 * TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{tall:.0f}">',
        "<style>text { font: 11px sans-serif }</style>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (title, names, most) in enumerate(PANELS):
        x = LEFT + number % 2 * (WIDTH + LEFT)
        y = TOP + number // 2 * (HEIGHT + 2 * TOP)
        parts.append(f'<g transform="translate({x:.0f} {y:.0f})">')
        parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>')
        parts.append(f'<text x="0" y="-8">{title}, to step {last}</text>')
        parts.append(f'<text x="-28" y="8">{most:g}</text><text x="-14" y="{HEIGHT}">0</text>')
        for at, name in enumerate(names):
            points = [(line["step"], value) for line in lines
                      if (value := _value(line, name)) is not None]  # fmt: skip
            parts.append(_line(points, last, most, COLOURS[at]))
            parts.append(f'<text x="{170 + 85 * at - 30 * (len(names) > 3)}" y="-8" '
                         f'fill="{COLOURS[at]}">{name}</text>')  # fmt: skip
        parts.append("</g>")
    return "\n".join([*parts, "</svg>\n"])


def _value(line: Line, name: str) -> float | None:
    if name in line:
        return float(line[name])
    dev = line.get("dev")
    if dev is None:
        return None
    found = {
        **dev["matched"],
        "stop": dev["stop"]["latency_p50_s"],
        "takeover": dev["pause"]["takeover"],
        "balance": dev["overlap"]["balance"],
        "f1_gain": dev["backchannel"]["f1_gain"],
    }.get(name)
    return None if found is None else float(found)


def _line(points: Sequence[tuple[int, float]], last: int, most: float, colour: str) -> str:
    # Some hundred points are enough to see.
    kept = points[:: max(len(points) // 400, 1)]
    placed = " ".join(
        f"{step / last * WIDTH:.1f},{HEIGHT * (1 - min(max(value / most, 0.0), 1.0)):.1f}"
        for step, value in kept
    )
    return f'<polyline points="{placed}" fill="none" stroke="{colour}"/>'
