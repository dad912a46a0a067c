"""Delays of turns and stops as curves of shares over all events, one picture for each half."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.bench.matched import family_of
from tests.bench.metrics.activity import ClipLog
from tests.bench.metrics.overlap import stop_delay
from tests.bench.metrics.turns import ANSWERED_SHARE, answer_delay, asked
from tests.bench.pictures import OURS, SERIES, WIDTH, bar, svg, text
from tests.bench.records import Record
from tests.bench.sides import in_order, name_of

__all__ = ["Series", "answers", "distribution", "stops"]

# Too many lines hide the ones that matter; the table has them all.
_LEFT_OUT: Final = ("null.silence.", "null.metronome.", "null.never_yield.", "null.always_yield.")

_LEFT: Final = 70
_RIGHT: Final = WIDTH - 300
_TOP: Final = 24
_LEAST: Final = -0.5
_DASHES: Final = ("", "9 3", "5 3", "2 3", "8 3 2 3", "1 4")
_KINDS: Final = ("browser", "rival", "baseline", "null")


@dataclass(frozen=True, slots=True)
class Series:
    """One target's line.

    Attributes:
        delays: seconds, of the events that had one.
        events: all of them; the others never came.
        withheld: whether too few came for a latency to count.
    """

    delays: tuple[float, ...]
    events: int
    withheld: bool = False


def _logs(records: Sequence[Record], half: str) -> dict[str, list[ClipLog]]:
    """Of the targets worth a line; clips that are there for words left out, as in the table."""
    found: dict[str, list[ClipLog]] = {}
    for record in records:
        if record.log is None or record.log.half != half or record.suite == "voice":
            continue
        if record.target not in _LEFT_OUT:
            found.setdefault(record.target, []).append(record.log)
    return found


def answers(records: Sequence[Record], half: str) -> dict[str, Series]:
    """Turn latencies by target, over all turns that asked for an answer."""
    found: dict[str, Series] = {}
    for target, logs in _logs(records, half).items():
        delays = [answer_delay(log, t) for log in logs for t in log.labelled("turn")
                  if asked(log, t)]  # fmt: skip
        came = tuple(delay for delay in delays if delay is not None)
        if delays:
            few = len(came) < ANSWERED_SHARE * len(delays)
            found[target] = Series(came, len(delays), few)
    return found


def stops(records: Sequence[Record], half: str) -> dict[str, Series]:
    """Stop latencies by target, over all interruptions that fell on its speech."""
    found: dict[str, Series] = {}
    for target, logs in _logs(records, half).items():
        every = [stop_delay(log, i) for log in logs for i in log.labelled("interruption")]
        known = [delay for delay in every if delay is not None]
        if known:
            came = tuple(delay for delay in known if math.isfinite(delay))
            found[target] = Series(came, len(known))
    return found


def _place(target: str) -> tuple[int, tuple[str, int]]:
    kind = target.split(".")[0]
    return (_KINDS.index(kind) if target else -1, in_order(target))


def _styles(targets: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A colour for each target, as long as there are some, and a dash for each family."""
    families = list(dict.fromkeys(family_of(target) for target in targets))
    colours = iter(SERIES)
    found: dict[str, tuple[str, str]] = {}
    for target in targets:
        colour = OURS if not target else next(colours, "")
        if colour:
            found[target] = colour, _DASHES[families.index(family_of(target)) % len(_DASHES)]
    return found


class _Frame:
    """Places on the picture."""

    def __init__(self, lines: int, most: float) -> None:
        self.bottom = max(230, _TOP + 16 * lines)
        self._most = most

    def x(self, value: float) -> float:
        """Of seconds."""
        return _LEFT + (value - _LEAST) / (self._most - _LEAST) * (_RIGHT - _LEFT)

    def y(self, share: float) -> float:
        """Of a share."""
        return self.bottom - share * (self.bottom - _TOP)

    def axes(self) -> list[str]:
        """Ticks and lines."""
        parts: list[str] = []
        for tick in np.arange(_LEAST, self._most + 0.01, 0.5):
            across = self.x(float(tick))
            words = f"{tick:g} s"
            parts.append(bar(across, self.bottom, 1, 4, "#999"))
            parts.append(text(across, self.bottom + 16, words, size=9, anchor="middle"))
        for share in (0.0, 0.5, 1.0):
            parts.append(bar(_LEFT, self.y(share), _RIGHT - _LEFT, 0.5, "#ddd"))
            parts.append(text(_LEFT - 6, self.y(share) + 4, f"{share:.0%}", size=9, anchor="end"))
        return parts

    def line(self, series: Series, colour: str, dashes: str, width: float) -> str:
        """Steps up to the right edge: below 100 % by as many as were later or never came."""
        places = [(_LEAST, 0.0)]
        for k, value in enumerate(sorted(d for d in series.delays if d <= self._most)):
            at = max(value, _LEAST)
            places += [(at, k / series.events), (at, (k + 1) / series.events)]
        places.append((self._most, places[-1][1]))
        points = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in places)
        opacity = ' opacity="0.4"' if series.withheld else ""
        return (f'<polyline points="{points}" fill="none" stroke="{colour}" '
                f'stroke-width="{width}" stroke-dasharray="{dashes}"{opacity}/>')  # fmt: skip


def _legend(row: int, words: str, colour: str, dashes: str) -> list[str]:
    y = 30 + 16 * row
    mark = (f'<line x1="{_RIGHT + 16}" x2="{_RIGHT + 46}" y1="{y}" y2="{y}" stroke="{colour}" '
            f'stroke-width="2.5" stroke-dasharray="{dashes}"/>')  # fmt: skip
    return [mark, text(_RIGHT + 52, y + 4, words, size=10)]


def distribution(series: Mapping[str, Series], title: str, most: float = 3.0) -> str:
    """Shares of all events that came within a delay, -0.5 s to `most`; empty without any."""
    if not series:
        return ""
    targets = sorted(series, key=_place)
    styles = _styles(targets)
    hidden = [name_of(target) for target in targets if target not in styles]
    frame = _Frame(len(styles), most)
    parts = [text(_LEFT, 12, title), *frame.axes()]
    for row, (target, (colour, dashes)) in reversed(list(enumerate(styles.items()))):
        one = series[target]
        parts.append(frame.line(one, colour, dashes, 3 if not target else 2))
        within = sum(delay <= most for delay in one.delays)
        share = f"{within / one.events:.0%} of {one.events} in {most:g} s"
        mark = " \u2020" if one.withheld else ""
        parts += _legend(row, f"{name_of(target)}{mark}: {share}", colour, dashes)
    notes = [f"not drawn: {', '.join(hidden)}"] if hidden else []
    if any(series[target].withheld for target in styles):
        notes.append("\u2020 fewer than 95 % were answered: its latency is withheld")
    for row, note in enumerate(notes):
        parts.append(text(_LEFT, frame.bottom + 34 + 14 * row, note, size=10))
    return svg(frame.bottom + 26 + 14 * len(notes) + 6, parts, title)
