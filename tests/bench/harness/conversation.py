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
from tests.bench.stimuli.script import RATE, Audio, Piece, Script, placed_labels, placed_voice

__all__ = ["Played", "play", "utterances_of"]

_VOICED: Final = 10.0 ** (-45 / 20)
_MAX_SECONDS: Final = 180.0
_FINISH_SECONDS: Final = 25.0


@dataclass(frozen=True, slots=True)
class Played:
    """What one clip left behind.

    Attributes:
        log: for the metrics.
        starts: uplink sample at which each piece began; fewer than the pieces when a cue never
            came.
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
        self.starts: list[int] = []
        self.sent: list[Audio] = []
        self.finished = asyncio.Event()
        self.connected = False  # until then nobody speaks, and no cue's time runs
        self._script = script
        self._pieces = list(script.pieces)
        self._playing: tuple[Piece, int] | None = None
        self._free_at = 0  # sample at which the last piece ended
        self._waiting_since = 0
        self._voiced_frames = 0
        self._silent_frames = 0
        self._echo = EchoLoop(script.room, canceller=script.canceller)

    def _hear(self, far: Audio) -> None:
        if float(np.sqrt(np.mean(far**2))) > _VOICED:
            self._voiced_frames, self._silent_frames = self._voiced_frames + 1, 0
        else:
            self._silent_frames += 1
            if self._silent_frames > 15:
                self._voiced_frames = 0

    def _due(self, piece: Piece, at: int) -> bool:
        cue = piece.cue
        if cue.when == "clock":
            return at >= self._free_at + round(cue.seconds * RATE)
        frames = self._voiced_frames if cue.when == "agent_speaks" else self._silent_frames
        return frames * FRAME >= cue.seconds * RATE

    def _advance(self, at: int) -> None:
        if self._playing is not None or not self._pieces:
            return
        piece = self._pieces[0]
        if self._due(piece, at):
            self._playing = (self._pieces.pop(0), at)
            self.starts.append(at)
        elif at - self._waiting_since > piece.cue.limit_seconds * RATE:
            self._pieces.clear()
            self._free_at = at

    def _over(self, at: int) -> bool:
        """Whether the clip has been recorded long enough."""
        if self._playing is not None or self._pieces:
            return False
        since = (at - self._free_at) / RATE
        voiced, silent = self._voiced_frames * 0.02, self._silent_frames * 0.02
        # An answer that began before the person's end is one to 0.5 s; a take-over is longer.
        if self._script.ends == "answered" and voiced >= 0.7 and since - voiced > -0.5:
            return True
        if self._script.ends == "finished" and since < _FINISH_SECONDS:
            spoken_since = since - silent > 0.2
            if spoken_since:
                return silent >= 1.5
        return since >= self._script.tail_seconds

    def frame(self, k: int, far: Audio) -> Audio:
        """Frame k, given what the loudspeaker plays meanwhile."""
        at = k * FRAME
        if not self.connected:
            self._free_at = self._waiting_since = at
        self._hear(far)
        if self.connected:
            self._advance(at)
        near = np.zeros(FRAME, np.float32)
        if self._playing is not None:
            piece, start = self._playing
            part = piece.audio[at - start : at - start + FRAME]
            near[: len(part)] = part
            if at - start + FRAME >= len(piece.audio):
                self._playing, self._free_at = None, at + FRAME
                self._waiting_since = self._free_at
        if len(self._script.bed):
            near = near + np.take(self._script.bed, np.arange(at, at + FRAME), mode="wrap")
        mixed = self._echo.mix(near, far)
        self.sent.append(mixed)
        if self.connected and self._over(at):
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
    return _collected(script, player, caller)


def _collected(script: Script, player: _Player, caller: Caller) -> Played:
    length = len(player.sent) * FRAME / RATE
    arrivals = [
        Arrival(a.at - caller.origin, a.timestamp, a.audio) for a in caller.received.arrivals
    ]
    events = tuple((at - caller.origin, event) for at, event in caller.events)
    starts = tuple(player.starts)
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
