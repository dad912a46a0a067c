"""One clip played to a server: script in, log and recordings out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from tests.bench.harness.caller import FRAME, Caller
from tests.bench.harness.dialects import COUNTERPOINT, Dialect
from tests.bench.harness.echo import EchoLoop
from tests.bench.harness.recording import Arrival, Clock, agent_intervals, clock_of, placed_audio
from tests.bench.metrics.activity import ClipLog, HeardWord, Utterance
from tests.bench.stimuli.script import RATE, Audio, Script, placed_labels, placed_voice
from tests.bench.stimuli.stage import Stage

__all__ = ["Played", "play", "utterances_of"]

_VOICED: Final = 10.0 ** (-45 / 20)
_MAX_SECONDS: Final = 180.0


@dataclass(frozen=True, slots=True)
class Played:
    """What one clip left behind.

    Attributes:
        log: for the metrics.
        starts: uplink sample at which each piece began, or `NOT_PLAYED`; fewer than the pieces
            when a cue never came.
        sent: the uplink, float32 at 16 kHz.
        heard: the downlink on the client's clock.
        events: (seconds of the call, event).
        clock: the fit of the sender's clock.
        late_p99_seconds: how late the client's own packets left.
        connect_seconds: offer to connected.
        lost: downlink packets lost.
    """

    log: ClipLog
    starts: tuple[int, ...]
    sent: Audio
    heard: Audio
    events: tuple[tuple[float, dict[str, Any]], ...]
    clock: Clock
    late_p99_seconds: float
    connect_seconds: float
    lost: int


class _Player:
    """Frames of the uplink: pieces when their cues come, the noise bed under all of it."""

    def __init__(self, script: Script) -> None:
        self.sent: list[Audio] = []
        self.finished = asyncio.Event()
        self.connected = False  # until then nobody speaks, and no cue's time runs
        self._script = script
        self._stage = Stage(script)
        self._echo = EchoLoop(script.room, canceller=script.canceller)

    @property
    def starts(self) -> tuple[int, ...]:
        """Of every piece so far the uplink sample at which it began, or `NOT_PLAYED`."""
        return tuple(self._stage.starts)

    def frame(self, k: int, far: Audio) -> Audio:
        """Frame k, given what the loudspeaker plays meanwhile."""
        at = k * FRAME
        near = np.zeros(FRAME, np.float32)
        self._stage.hear(at, voiced=float(np.sqrt(np.mean(far**2))) > _VOICED)
        if self.connected:
            near = self._stage.near(at)
        else:
            self._stage.hold(at)
        if len(self._script.bed):
            near = near + np.take(self._script.bed, np.arange(at, at + FRAME), mode="wrap")
        mixed = self._echo.mix(near, far)
        self.sent.append(mixed)
        if self.connected and self._stage.over(at):
            self.finished.set()
        return np.clip(mixed, -1.0, 1.0)


def utterances_of(events: tuple[tuple[float, dict[str, Any]], ...]) -> tuple[Utterance, ...]:
    """What the agent's events said, by utterance, in order of start; others are left out."""
    found: dict[int, Utterance] = {}
    words: dict[int, tuple[HeardWord, ...]] = {}
    for at, event in events:
        number = event.get("utterance")
        if not isinstance(number, int):
            continue
        kind = event.get("type")
        if kind == "agent.words":
            more = tuple(
                HeardWord(str(w["text"]), w["start_ms"] / 1000.0, w["end_ms"] / 1000.0)
                for w in event.get("words", ())
            )
            words[number] = words.get(number, ()) + more
        elif kind == "agent.started":
            found.setdefault(number, Utterance(at))
        elif kind in ("agent.done", "agent.cut") and number in found:
            found[number] = replace(
                found[number],
                finished="done" if kind == "agent.done" else "cut",
                ended=at,
                words_heard=int(event.get("words_heard", 0)),
            )
    filled = [replace(u, words=words.get(number, ())) for number, u in found.items()]
    return tuple(sorted(filled, key=lambda u: u.started))


async def play(
    url: str,
    script: Script,
    settings: Mapping[str, object] | None = None,
    dialect: Dialect = COUNTERPOINT,
) -> Played:
    """Call the server, play the script, hang up, and place everything on the client's clock."""
    player = _Player(script)
    caller: Caller

    def next_frame(k: int) -> Audio:
        return player.frame(k, caller.received.play())

    caller = Caller(url, next_frame, settings, dialect)
    try:
        await caller.connect()
        player.connected = True
        await asyncio.wait_for(player.finished.wait(), _MAX_SECONDS)
    finally:
        await caller.close()
    # Other calls may go on in this loop: their packets must not wait for it.
    return await asyncio.to_thread(_collected, script, player, caller, dialect)


def _collected(script: Script, player: _Player, caller: Caller, dialect: Dialect) -> Played:
    length = len(player.sent) * FRAME / RATE
    arrivals = [
        Arrival(a.at - caller.origin, a.timestamp, a.audio) for a in caller.received.arrivals
    ]
    events = dialect.read_call(tuple((at - caller.origin, event) for at, event in caller.events))
    starts = player.starts
    log = ClipLog(
        clip=script.clip,
        half=script.half,
        speaker=script.speaker,
        person=placed_voice(script, starts),
        agent=agent_intervals(arrivals, length),
        labels=placed_labels(script, starts),
        utterances=utterances_of(events),
        length=length,
    )
    late = caller.late_seconds or [0.0]
    return Played(
        log=log,
        starts=starts,
        sent=np.concatenate(player.sent) if player.sent else np.zeros(0, np.float32),
        heard=placed_audio(arrivals, length),
        events=events,
        clock=clock_of(arrivals),
        late_p99_seconds=float(np.percentile(late, 99)),
        connect_seconds=caller.connect_seconds,
        lost=caller.received.lost,
    )
