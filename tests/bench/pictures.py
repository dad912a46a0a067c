"""Inline SVG for the report: its parts, and timelines of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from tests.bench.metrics.activity import ClipLog
from tests.bench.records import Record

__all__ = ["COLOURS", "OURS", "SERIES", "WIDTH", "bar", "standalone", "svg", "text", "timeline"]

WIDTH: Final = 900
_LEFT: Final = 70
COLOURS: Final[Mapping[str, str]] = {
    "turn": "#2a7", "pause": "#fb3", "interruption": "#d33", "backchannel": "#59c",
    "vocal_tic": "#a6a", "not_directed": "#888", "opportunity": "#07a", "monologue": "#ccc",
}  # fmt: skip
OURS: Final = "#c1121f"
SERIES: Final = ("#e69f00", "#0072b2", "#009e73", "#cc79a7", "#000000", "#56b4e9", "#8c6d31",
                 "#6a3d9a")  # fmt: skip
"""As many as can be told apart beside ours; the first is a rival's."""


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
    head = f'<svg font-family="sans-serif" viewBox="0 0 {WIDTH} {height}" role="img"'
    return f'{head} aria-label="{escape(title)}">{"".join(parts)}</svg>'


def standalone(picture: str) -> str:
    """The same as a file of its own, on white."""
    named = picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return named.replace(">", f'><rect width="{WIDTH}" height="100%" fill="#fff"/>', 1) + "\n"


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
