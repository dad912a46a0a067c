"""The pictures of a replayed stream: bands of fifteen seconds, time to the right, one SVG each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from model.timebase import MICRO_TURN_SECONDS

if TYPE_CHECKING:
    from model.replay.picture import Lane, Moment, Record

__all__ = ["LEGEND", "STYLE", "bands"]

BAND_SECONDS: Final = 15.0
LEFT: Final = 132
SECOND: Final = 88.0
"""Width of a second."""

WIDTH: Final = LEFT + round(BAND_SECONDS * SECOND) + 8
LEVEL: Final = 30
PANEL: Final = 64
LANE: Final = 8

MOST_TITLES: Final = 6_000
"""Micro-turns up to which each has its numbers under the pointer: more would make a huge page."""

SERIES: Final = ("#1668a8", "#c1121f", "#2a8a4a", "#b26a00", "#7a3e9d", "#008b8b", "#999", "#444")
DECISIONS: Final = {
    "take": "#2a8a4a",
    "yield": "#c1121f",
    "backchannel": "#7a3e9d",
    "hold": "#888",
    "listen": "#888",
}
DOINGS: Final = {
    "speaking": "#e9b08f",
    "pausing": "#f2dba8",
    "finished": "#b9dcb4",
    "acknowledging": "#d8c4e6",
    "elsewhere": "#d0d0d0",
    "silent": "#f4f2ec",
}
ENDS: Final = {"returned": "#7fa37f", "closed": "#e0a030"}

STYLE: Final = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:24px;background:#fffefb;color:#1d2126}"
    "h1{font-size:18px}ul{padding-left:18px}svg{display:block;margin:0 0 14px;font-size:10px;"
    f"max-width:100%;min-width:{WIDTH}px}}"
    ".key{display:flex;flex-wrap:wrap;gap:4px 14px;margin:8px 0 16px}"
    ".key i{display:inline-block;width:12px;height:12px;margin-right:4px;vertical-align:-1px}"
)


def _key(names: dict[str, str]) -> str:
    return "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in names.items()
    )


LEGEND: Final = (
    f'<div class="key"><b>person</b>{_key(DOINGS)}</div>'
    f'<div class="key"><b>we</b>{_key(DECISIONS)}<b>jobs</b>{_key(ENDS)}'
    f"{_key({'failed': '#c1121f', 'differs from the journal': '#ff00c8'})}</div>"
)


def bands(record: Record, lanes: Sequence[Lane]) -> Iterator[str]:
    """One picture for every fifteen seconds, oldest first."""
    if not record.moments:
        return
    groups = _groups(record.moments)
    titles = len(record.moments) <= MOST_TITLES
    doing = "silent"
    ends = record.moments[-1].k * MICRO_TURN_SECONDS
    first = record.moments[0].k * MICRO_TURN_SECONDS // BAND_SECONDS * BAND_SECONDS
    at = 0
    while first <= ends:
        until = at
        while (
            until < len(record.moments)
            and record.moments[until].k * MICRO_TURN_SECONDS < first + BAND_SECONDS - 1e-9
        ):
            until += 1
        band = _Band(first, record.moments[at:until])
        yield band.picture(record, groups, lanes, doing, titles)
        doing = next((m.doing.state for m in reversed(band.moments) if m.doing), doing)
        first, at = first + BAND_SECONDS, until


def _groups(moments: Sequence[Moment]) -> dict[str, list[str]]:
    """Names of the senses by what stands before their first dot."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for moment in moments for name in moment.senses):
        found.setdefault(name.split(".", 1)[0], []).append(name)
    return found


class _Band:
    """Fifteen seconds in the making: parts are added from the top downwards."""

    def __init__(self, first: float, moments: Sequence[Moment]) -> None:
        self.moments = moments
        self._first = first
        self._parts: list[str] = []
        self._y = 0.0

    def picture(
        self,
        record: Record,
        groups: dict[str, list[str]],
        lanes: Sequence[Lane],
        doing: str,
        titles: bool,
    ) -> str:
        """The whole band."""
        self._axis()
        below = len(self._parts)
        self._doing(doing)
        self._levels("person", [m.person for m in self.moments], "#a94c22")
        words = [(word.start_seconds, word.text, final) for word, final in record.person_words]
        self._words(words, "#a94c22")
        self._notes()
        for group, names in groups.items():
            self._panel(group, names)
        self._decisions()
        self._levels("we, as heard", [m.own for m in self.moments], "#1b6a72")
        self._words([(at, text, True) for at, text in record.own_words], "#1b6a72")
        for cut in record.cuts:
            if self._shown(cut):
                self._bar(self._x(cut), self._y - 52, 2, 50, "#c1121f", f"cut at {cut:.2f} s")
        self._lanes(lanes)
        self._differences()
        if titles:
            titled = len(self._parts)
            self._titles()
            # Behind all else: what has a title of its own comes first.
            self._parts[below:] = self._parts[titled:] + self._parts[below:titled]
        height = round(self._y) + 2
        label = f"{self._first:.0f} to {self._first + BAND_SECONDS:.0f} seconds"
        return (
            f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
            f'aria-label="{label}">{"".join(self._parts)}</svg>'
        )

    # ---- rows ----------------------------------------------------------------------------------

    def _axis(self) -> None:
        for second in range(round(BAND_SECONDS) + 1):
            x = LEFT + second * SECOND
            self._bar(x, 12, 0.5, 900, "#e4dfd4")
            self._text(x, 9, f"{self._first + second:.0f} s", anchor="middle")
        self._y = 14

    def _doing(self, state: str) -> None:
        self._text(0, self._y + 10, "person is")
        since = self._first
        changes = [
            (m.k * MICRO_TURN_SECONDS, str(m.doing.state))
            for m in self.moments
            if m.doing is not None
        ]
        for at, later in [*changes, (self._end, "")]:
            width = (at - since) * SECOND
            self._bar(self._x(since), self._y, width, 13, DOINGS.get(state, "#fff"), state)
            if width > 8 * len(state):
                self._text(self._x(since) + 3, self._y + 10, state)
            since, state = at, later
        self._y += 16

    def _levels(self, name: str, levels: Sequence[Sequence[float]], colour: str) -> None:
        self._text(0, self._y + LEVEL / 2 + 4, name)
        for moment, parts in zip(self.moments, levels, strict=True):
            width = MICRO_TURN_SECONDS * SECOND / len(parts)
            for number, level in enumerate(parts):
                if level > 0.02:
                    x = self._x(moment.k * MICRO_TURN_SECONDS) + number * width
                    top = self._y + LEVEL * (1 - level)
                    self._bar(x, top, width, LEVEL * level, colour)
        self._y += LEVEL

    def _words(self, words: Sequence[tuple[float, str, bool]], colour: str) -> None:
        """On two lines in turn, so that short words do not cover each other."""
        shown = [one for one in sorted(words) if self._shown(one[0])]
        for number, (at, text, sure) in enumerate(shown):
            y = self._y + 10 + 10 * (number % 2)
            self._text(self._x(at), y, text, colour=colour if sure else "#999")
        self._y += 24

    def _notes(self) -> None:
        noted = [(m, note) for m in self.moments for note in m.notes]
        for moment, note in noted:
            x = self._x(moment.k * MICRO_TURN_SECONDS)
            self._bar(x, self._y, 2, 12, "#1f5fbf")
            self._text(x + 4, self._y + 10, note[:60], colour="#1f5fbf")
        self._y += 14 if noted else 0

    def _panel(self, group: str, names: Sequence[str]) -> None:
        for share in (0.0, 0.5, 1.0):
            self._bar(LEFT, self._y + PANEL * (1 - share), BAND_SECONDS * SECOND, 0.5, "#d8d4ca")
        self._text(0, self._y + 9, group)
        for number, name in enumerate(names):
            colour = SERIES[number % len(SERIES)]
            label = name.removeprefix(f"{group}.")
            across, down = divmod(number, 5)
            self._text(6 + 62 * across, self._y + 20 + 10 * down, label[:12], colour=colour)
            self._line(name, colour)
        self._y += PANEL + 6

    def _line(self, name: str, colour: str) -> None:
        points = " ".join(
            f"{self._x((m.k + 1) * MICRO_TURN_SECONDS):.1f},"
            f"{self._y + PANEL * (1 - min(max(m.senses[name], 0.0), 1.0)):.1f}"
            for m in self.moments
            if name in m.senses
        )
        self._parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.3"/>'
        )

    def _decisions(self) -> None:
        self._text(0, self._y + 11, "floor")
        for moment in self.moments:
            for decided in moment.decided:
                x = self._x((moment.k + 1) * MICRO_TURN_SECONDS)
                colour = DECISIONS.get(decided.decision, "#444")
                title = f"{decided.decision} {decided.probability:.2f} in micro-turn {moment.k}"
                self._bar(x, self._y, 2.5, 14, colour, title)
                label = f"{decided.decision} {decided.probability:.2f}"
                self._text(x + 5, self._y + 11, label, colour=colour)
        self._y += 17

    def _lanes(self, lanes: Sequence[Lane]) -> None:
        for name in dict.fromkeys(lane for lane, *_ in lanes):
            self._text(0, self._y + LANE, name)
            for lane, number, since, until, ended in lanes:
                began, over = since * MICRO_TURN_SECONDS, (until + 1) * MICRO_TURN_SECONDS
                if lane != name or over <= self._first or began >= self._end:
                    continue
                x, end = self._x(max(began, self._first)), self._x(min(over, self._end))
                title = f"{lane} job {number}: {ended}, micro-turns {since} to {until}"
                self._bar(x, self._y + 1, end - x - 1, LANE - 2, ENDS.get(ended, "#c1121f"), title)
            self._y += LANE + 2

    def _differences(self) -> None:
        for moment in self.moments:
            if moment.differs:
                x = self._x(moment.k * MICRO_TURN_SECONDS)
                title = f"micro-turn {moment.k} differs: {', '.join(moment.differs)}"
                self._bar(x, 12, MICRO_TURN_SECONDS * SECOND, self._y - 12, "#ff00c833", title)

    def _titles(self) -> None:
        for m in self.moments:
            senses = "\n".join(f"{name} {value:.3f}" for name, value in m.senses.items())
            title = (
                f"micro-turn {m.k}, {m.k * MICRO_TURN_SECONDS:.1f} s\n{senses}\n"
                f"step {m.milliseconds:.1f} ms in the replay; {m.together - 1} beside it live"
            )
            x = self._x(m.k * MICRO_TURN_SECONDS)
            self._bar(x, 30, MICRO_TURN_SECONDS * SECOND, self._y - 60, "transparent", title)

    # ---- strokes -------------------------------------------------------------------------------

    @property
    def _end(self) -> float:
        return self._first + BAND_SECONDS

    def _shown(self, at: float) -> bool:
        return self._first <= at < self._end

    def _x(self, at: float) -> float:
        return LEFT + (at - self._first) * SECOND

    def _bar(
        self, x: float, y: float, width: float, height: float, colour: str, title: str = ""
    ) -> None:
        tip = f"<title>{escape(title)}</title>" if title else ""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" '
            f'height="{max(height, 0.0):.1f}" fill="{colour}">{tip}</rect>'
        )

    def _text(
        self, x: float, y: float, words: str, *, colour: str = "#1d2126", anchor: str = "start"
    ) -> None:
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">'
            f"{escape(words)}</text>"
        )
