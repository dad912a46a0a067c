"""Inline SVG for the report: timelines of clips, distributions, latency against false actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from tests.bench.metrics.activity import ClipLog
from tests.bench.records import Record

__all__ = ["COLOURS", "SERIES", "WIDTH", "bar", "distribution", "svg", "text", "timeline"]

WIDTH: Final = 900
_LEFT: Final = 70
COLOURS: Final[Mapping[str, str]] = {
    "turn": "#2a7", "pause": "#fb3", "interruption": "#d33", "backchannel": "#59c",
    "vocal_tic": "#a6a", "not_directed": "#888", "opportunity": "#07a", "monologue": "#ccc",
}  # fmt: skip
SERIES: Final = ("#1668a8", "#66a182", "#8d5a97", "#2e4057", "#b5651d", "#5ab", "#ab5", "#b8a")


def text(x: float, y: float, words: str, *, size: int = 11, anchor: str = "start") -> str:
    """A line of text."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')  # fmt: skip


def bar(x: float, y: float, width: float, height: float, colour: str, title: str = "") -> str:
    """A filled rectangle that may tell something."""
    tip = f"<title>{escape(title)}</title>" if title else ""
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1.0):.1f}" height="{height:.1f}" '
            f'fill="{colour}">{tip}</rect>')  # fmt: skip


def svg(height: int, parts: Sequence[str], title: str) -> str:
    """A whole picture."""
    return (f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
            f"{''.join(parts)}</svg>")  # fmt: skip


def _colour(name: str, number: int) -> str:
    """Ours is red, its human half orange; others take turns."""
    if name.startswith("ours"):
        return "#e07b00" if "human" in name else "#c1121f"
    return SERIES[number % len(SERIES)]


def timeline(record: Record) -> str:
    """One clip: the person above, ours below, labels between, decisions as ticks."""
    log = record.log
    if log is None:
        return ""
    scale = (WIDTH - _LEFT - 10) / max(log.length, 0.1)

    def x(time: float) -> float:
        return _LEFT + time * scale

    parts = [text(0, 12, f"{record.clip}   {log.speaker}; {record.scene}")]
    parts += [text(0, 32, "person"), text(0, 66, "agent")]
    parts += [bar(x(i.start), 22, i.length * scale, 14, "#444") for i in log.person]
    parts += [bar(x(i.start), 56, i.length * scale, 14, "#1668a8") for i in log.agent]
    parts += _labels(log, x)
    for at, decision in record.floor:
        if 0 <= at <= log.length:
            title = f"{decision} at {at:.2f} s"
            parts.append(bar(x(at), 72, 2, 8, "#d33" if decision == "yield" else "#2a7", title))
    for second in range(int(log.length) + 1):
        parts.append(bar(x(second), 84, 1, 3, "#999"))
        if second % 2 == 0:
            parts.append(text(x(second), 97, f"{second} s", size=9, anchor="middle"))
    return svg(102, parts, record.clip)


def _labels(log: ClipLog, x: object) -> list[str]:
    assert callable(x)
    parts: list[str] = []
    # The shorter and the interruption (which is a turn too) on top.
    order = sorted(log.labels, key=lambda one: (one.start - one.end, one.kind == "interruption"))
    for label in order:
        title = f"{label.kind} {label.start:.2f}-{label.end:.2f} s {label.text}"
        width = x(label.end) - x(label.start)
        parts.append(bar(x(label.start), 40, max(width, 2), 10, COLOURS[label.kind], title))
    return parts


def distribution(series: Mapping[str, Sequence[float]], title: str, most: float = 3.0) -> str:
    """Cumulative shares of delays from -0.5 s to `most`, one line per series."""
    bottom, top = max(200, 24 + 16 * len(series)), 20

    def place(value: float, share: float) -> str:
        across = _LEFT + (value + 0.5) / (most + 0.5) * (WIDTH - _LEFT - 250)
        return f"{across:.1f},{bottom - share * (bottom - top):.1f}"

    parts = [text(_LEFT, 12, title)]
    known = [(name, values) for name, values in sorted(series.items()) if values]
    for i, (name, values) in enumerate(known):
        ordered = np.clip(np.sort(np.asarray(values, dtype=float)), -0.5, most)
        points = [place(-0.5, 0.0)]
        for k, value in enumerate(ordered):
            points += [place(value, k / len(ordered)), place(value, (k + 1) / len(ordered))]
        colour = _colour(name, i)
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" '
                     'stroke-width="2"/>')  # fmt: skip
        parts.append(bar(WIDTH - 235, 22 + 16 * i, 10, 10, colour))
        parts.append(text(WIDTH - 220, 31 + 16 * i, f"{name} (n={len(values)})"))
    for tick in np.arange(-0.5, most + 0.01, 0.5):
        across = float(place(float(tick), 0.0).split(",")[0])
        parts += [bar(across, bottom, 1, 4, "#999"),
                  text(across, bottom + 16, f"{tick:g} s", size=9, anchor="middle")]  # fmt: skip
    for share in (0.0, 0.5, 1.0):
        parts.append(text(_LEFT - 6, bottom - share * (bottom - top) + 4, f"{share:.0%}",
                           size=9, anchor="end"))  # fmt: skip
    return svg(bottom + 30, parts, title)
