"""Inline SVG of latency against false actions: curves of what was swept, points of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from tests.bench.matched import families
from tests.bench.pictures import OURS, SERIES, bar, svg, text
from tests.bench.sides import in_order, name_of

__all__ = ["Spot", "curves", "over_sessions", "spots_of"]

_LEFT: Final = 60
_RIGHT: Final = 640
_TOP: Final = 34
_BOTTOM: Final = 330
_RIVAL: Final = SERIES[0]
_OTHERS: Final = SERIES[1:]

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spot:
    """One target's place, with the 95 % intervals of both values where there are any."""

    x: float
    y: float
    across: Ends | None = None
    up: Ends | None = None


def over_sessions(
    points: Mapping[str, Mapping[str, Any]], keys: Sequence[str], title: str, up: str
) -> str:
    """A line for each key over the number of sessions; empty where fewer than two were tried.

    Args:
        points: measures by `load_N`, and what another target has by `NAME.load_N`, dashed.
        keys: what is drawn.
        title: of the picture.
        up: what y is.
    """
    lines: dict[tuple[str, str], list[Spot]] = {}
    for name, measures in points.items():
        whose, _, number = name.partition("load_")
        for key in keys:
            measure = measures.get(key)
            if measure is not None and measure["value"] is not None:
                ends = tuple(measure["ci95"]) if measure["ci95"] else None
                spot = Spot(float(number), float(measure["value"]), None, ends)
                lines.setdefault((whose, key), []).append(spot)
    lines = {of: spots for of, spots in lines.items() if len(spots) > 1}
    if not lines:
        return ""
    spots = [spot for line in lines.values() for spot in line]
    frame = _Frame(max(s.x for s in spots) * 1.1, max(*(s.y for s in spots), 0.2) * 1.1)
    parts = frame.axes(title, "sessions at once", up)
    for i, ((whose, key), line) in enumerate(lines.items()):
        colour = SERIES[keys.index(key) % len(SERIES)]
        parts.append(frame.line(line, colour, "4 4" if whose else ""))
        for spot in line:
            parts += frame.whiskers(spot, f"{colour}66")
            parts.append(frame.dot(spot, colour, 4, f"{whose}{key}"))
        parts.append(bar(_RIGHT + 20, 34 + 15 * i, 9, 9, colour))
        dashed = f", {name_of(whose)}, dashed" if whose else ""
        parts.append(text(_RIGHT + 34, 42 + 15 * i, f"{key}{dashed}", size=10))
    return svg(max(_BOTTOM + 40, 50 + 15 * len(lines)), parts, title)


def spots_of(
    measures: Mapping[str, Any], targets: Sequence[str], half: str, keys: tuple[str, str]
) -> dict[str, Spot]:
    """By target, those with both values; `half` is empty or `human.`."""
    found: dict[str, Spot] = {}
    for target in targets:
        x, y = (measures.get(f"{target}{half}{key}") for key in keys)
        if x and y and x["value"] is not None and y["value"] is not None:
            ends = [tuple(m["ci95"]) if m["ci95"] else None for m in (x, y)]
            found[target] = Spot(float(x["value"]), float(y["value"]), *ends)
    return found


def _ticks(most: float) -> list[float]:
    """Round places from 0 to `most`, four to eight of them."""
    step = next(s for s in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, most) if most / s <= 8.0)
    return [round(i * step, 3) for i in range(int(most / step + 1e-9) + 1)]


class _Frame:
    """Places on the picture."""

    def __init__(self, right: float, high: float) -> None:
        self._right = right
        self._high = high

    def x(self, value: float) -> float:
        """Across."""
        return _LEFT + min(max(value, 0.0), self._right) / self._right * (_RIGHT - _LEFT)

    def y(self, value: float) -> float:
        """Up."""
        return _BOTTOM - min(max(value, 0.0), self._high) / self._high * (_BOTTOM - _TOP)

    def axes(self, title: str, across: str, up: str) -> list[str]:
        """Ticks, lines and names."""
        parts = [text(_LEFT, 14, title, size=13), text(_LEFT - 50, 28, up, size=10),
                 text(_RIGHT, _BOTTOM + 32, across, size=10, anchor="end")]  # fmt: skip
        parts += [bar(_LEFT, _BOTTOM, _RIGHT - _LEFT, 1, "#999")]
        parts += [bar(_LEFT, _TOP, 1, _BOTTOM - _TOP, "#999")]
        for x in _ticks(self._right):
            parts.append(text(self.x(x), _BOTTOM + 16, f"{x:g}", size=9, anchor="middle"))
        for y in _ticks(self._high):
            parts.append(text(_LEFT - 6, self.y(y) + 3, f"{y:g}", size=9, anchor="end"))
            parts.append(bar(_LEFT, self.y(y), _RIGHT - _LEFT, 0.5, "#eee"))
        return parts

    def whiskers(self, spot: Spot, colour: str) -> list[str]:
        """The intervals as a cross."""
        parts: list[str] = []
        if spot.across:
            low, high = (self.x(end) for end in spot.across)
            parts.append(bar(low, self.y(spot.y) - 0.75, high - low, 1.5, colour))
        if spot.up:
            low, high = (self.y(end) for end in spot.up)
            parts.append(bar(self.x(spot.x) - 0.75, high, 1.5, low - high, colour))
        return parts

    def line(self, spots: Sequence[Spot], colour: str, dashes: str) -> str:
        """A curve through the points in order of x."""
        places = " ".join(
            f"{self.x(s.x):.1f},{self.y(s.y):.1f}" for s in sorted(spots, key=lambda s: s.x)
        )
        return (f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2" '
                f'stroke-dasharray="{dashes}"/>')  # fmt: skip

    def dot(self, spot: Spot, colour: str, radius: float, title: str) -> str:
        """A point that tells its figures."""
        tip = f"{title}: {spot.x:.3f}, {spot.y:.3f}"
        return (f'<circle cx="{self.x(spot.x):.1f}" cy="{self.y(spot.y):.1f}" r="{radius}" '
                f'fill="{colour}"><title>{escape(tip)}</title></circle>')  # fmt: skip

    def anchor(self, name: str, x: float, y: float | None) -> list[str]:
        """A hollow diamond, or a dashed line where only x was published."""
        across = self.x(x)
        if y is None:
            mark = (f'<line x1="{across:.1f}" x2="{across:.1f}" y1="{_TOP}" y2="{_BOTTOM}" '
                    'stroke="#777" stroke-dasharray="2 4"/>')  # fmt: skip
            return [mark, text(across + 3, _TOP + 40, f"anchor: {name}", size=9)]
        up = self.y(y)
        mark = (f'<path d="M{across:.1f} {up - 6:.1f}l6 6l-6 6l-6 -6z" fill="none" '
                'stroke="#777"/>')  # fmt: skip
        return [mark, text(across + 9, up + 3, f"anchor: {name}", size=9)]


def curves(
    spots: Mapping[str, Spot],
    anchors: Mapping[str, tuple[float, float | None]],
    title: str,
    across: str,
    up: str,
    absent: Sequence[str] = (),
) -> str:
    """The picture; empty without any point. Whiskers are 95 % intervals.

    Args:
        spots: by target.
        anchors: by name, published by others.
        title: of the picture.
        across: what x is.
        up: what y is.
        absent: targets that have no place, with the reason.
    """
    if not spots:
        return ""
    xs = [s.x for s in spots.values()] + [x for x, _ in anchors.values()]
    ys = [s.y for s in spots.values()] + [y for _, y in anchors.values() if y is not None]
    frame = _Frame(max(*xs, 0.5) * 1.1, min(max(*ys, 0.2) * 1.1, 1.0))
    parts = frame.axes(title, across, up)
    for name, (x, y) in anchors.items():
        parts += frame.anchor(name, x, y)
    swept = families(sorted(spots))
    inside = {target for points in swept.values() for target in points}
    legend: list[tuple[str, str]] = []
    for i, (name, points) in enumerate(sorted(swept.items())):
        null = name.startswith("null.")
        colour = "#999" if null else _OTHERS[i % len(_OTHERS)]
        legend.append((f"{name} (swept)", colour))
        parts.append(frame.line([spots[t] for t in points], colour, "4 4" if null else ""))
        for target in points:
            spot, label = spots[target], str(in_order(target)[1])
            parts += [] if null else frame.whiskers(spot, f"{colour}66")
            parts.append(frame.dot(spot, colour, 4, name_of(target)))
            parts.append(text(frame.x(spot.x) + 6, frame.y(spot.y) - 6, label, size=9))
    for i, target in enumerate(sorted(set(spots) - inside)):
        colour = _OTHERS[(i + 3) % len(_OTHERS)] if target else OURS
        colour = "#999" if target.startswith("null.") else colour
        colour = _RIVAL if target.startswith("rival.") else colour
        legend.append((name_of(target), colour))
        if not target.startswith("null."):
            parts += frame.whiskers(spots[target], colour)
        parts.append(frame.dot(spots[target], colour, 4 if target else 6, name_of(target)))
    for i, (name, colour) in enumerate(legend):
        parts.append(bar(_RIGHT + 20, 34 + 15 * i, 9, 9, colour))
        parts.append(text(_RIGHT + 34, 42 + 15 * i, name, size=10))
    for i, words in enumerate(absent):
        parts.append(text(_LEFT, _BOTTOM + 50 + 13 * i, f"not drawn: {words}", size=10))
    height = max(_BOTTOM + 40, 50 + 15 * len(legend)) + (13 * len(absent) + 10 if absent else 0)
    return svg(height, parts, title)
