"""A script on stage: which piece sounds in which frame, and when nothing is left to learn.

Pure, and the same for the live player and for a policy performed offline. It hears whether the
agent is voiced, frame by frame of 20 ms, and never looks at what the agent means.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.bench.metrics.overlap import IGNORED
from tests.bench.stimuli.script import NOT_PLAYED, RATE, Audio, Piece, Script

__all__ = ["FRAME", "Stage"]

FRAME: Final = RATE // 50
_HOLE_FRAMES: Final = 15  # 0.3 s: the bench's own join of bursts
# A sign of listening lasts half a second: it is no answer, and calls off nothing.
_OPTIONAL_SECONDS: Final = 1.0
_ANSWER_HEARD_SECONDS: Final = 1.0
_FINISH_SECONDS: Final = 25.0
# The windows of the metrics, and 0.1 s for the way from the packet to the loudspeaker.
_ANSWER_SECONDS: Final = 5.1
_EARLY_SECONDS: Final = 0.5
_YIELD_SECONDS: Final = 2.6
_STOP_SECONDS: Final = 1.1
_STOP_SILENCE_SECONDS: Final = 0.65
_FALSE_ANSWER_SECONDS: Final = 2.1
_MONOLOGUE_SECONDS: Final = 1.2


class Stage:
    """The person's side of one clip.

    `starts` holds for every piece so far the sample at which it began, or `NOT_PLAYED`.
    """

    def __init__(self, script: Script) -> None:
        self.starts: list[int] = []
        self._script = script
        self._pieces = list(script.pieces)
        self._playing: tuple[Piece, int] | None = None
        self._free_at = 0  # sample at which the last piece ended
        self._waiting_since = 0
        self._voiced_frames = 0
        self._silent_frames = 0
        self._burst_at = 0  # sample at which the agent's present burst began
        self._last: tuple[Piece, int] | None = None

    def hold(self, at: int) -> None:
        """Nothing has begun yet at sample `at`: no cue's time runs."""
        self._free_at = self._waiting_since = at

    def hear(self, at: int, *, voiced: bool) -> None:
        """Whether the agent is voiced in the frame that begins at sample `at`."""
        if voiced:
            if not self._voiced_frames:
                self._burst_at = at
            self._voiced_frames, self._silent_frames = self._voiced_frames + 1, 0
            return
        self._silent_frames += 1
        if self._silent_frames > _HOLE_FRAMES:
            self._voiced_frames = 0

    def near(self, at: int) -> Audio:
        """The person's frame at sample `at`, dry of any noise: float32 `[320]`."""
        self._advance(at)
        frame = np.zeros(FRAME, np.float32)
        if self._playing is not None:
            piece, start = self._playing
            part = piece.audio[at - start : at - start + FRAME]
            frame[: len(part)] = part
            if at - start + FRAME >= len(piece.audio):
                self._playing, self._free_at = None, at + FRAME
                self._waiting_since = self._free_at
        return frame

    def _due(self, piece: Piece, at: int) -> bool:
        cue = piece.cue
        since = (at - self._free_at) / RATE
        if since < cue.after_seconds:
            return False
        if cue.when == "clock":
            return at >= self._free_at + round(cue.seconds * RATE)
        frames = self._voiced_frames if cue.when == "agent_speaks" else self._silent_frames
        return frames * FRAME >= cue.seconds * RATE

    def _advance(self, at: int) -> None:
        while self._playing is None and self._pieces:
            piece = self._pieces[0]
            spoken = self._silent_frames == 0 and at - self._burst_at >= _OPTIONAL_SECONDS * RATE
            late = at - self._waiting_since > piece.cue.limit_seconds * RATE
            if piece.cue.optional and ((self._voiced_frames and spoken) or late):
                self._pieces.pop(0)
                self.starts.append(NOT_PLAYED)
                self._waiting_since = at
                continue
            if self._due(piece, at):
                self._last = self._playing = (self._pieces.pop(0), at)
                self.starts.append(at)
            elif late:
                self._pieces.clear()
                self._free_at = at
            return

    def over(self, at: int) -> bool:
        """Whether the clip has been recorded long enough at sample `at`."""
        if self._playing is not None or self._pieces:
            return False
        since = (at - self._free_at) / RATE
        if self._script.ends == "decided" and self._decided(at):
            return True
        silent = self._silent_frames * FRAME / RATE
        if self._script.ends == "finished" and since < _FINISH_SECONDS and since - silent > 0.2:
            return silent >= 1.5
        return since >= self._script.tail_seconds

    def _decided(self, at: int) -> bool:
        """Whether no later sound can change what the last piece's labels count for."""
        if self._last is None:
            return False
        piece, start = self._last
        if not piece.marks:
            return True
        kinds = {mark.kind for mark in piece.marks}
        onset = (at - start - min(mark.start for mark in piece.marks)) / RATE
        end = (at - start - max(mark.end for mark in piece.marks)) / RATE
        if "turn" in kinds:
            # One that talks through an interruption is not asked for its answer to it.
            ignored = "interruption" in kinds and onset > _YIELD_SECONDS and self._on(at, onset)
            return ignored or end >= _ANSWER_SECONDS or self._answered(at, end)
        if kinds.intersection(IGNORED):
            return self._ignored(onset, end)
        if "interruption" in kinds:
            return onset >= _YIELD_SECONDS and end >= 0.0
        return "monologue" in kinds and end >= _MONOLOGUE_SECONDS

    def _on(self, at: int, since: float) -> bool:
        """Whether the agent has been on for longer than `since` seconds, short holes aside."""
        return bool(self._voiced_frames) and (at - self._burst_at) / RATE > since

    def _answered(self, at: int, end: float) -> bool:
        """An answer may begin 0.5 s before the person's end; what began sooner is a take-over."""
        spoken = (at - self._burst_at) / RATE
        started = bool(self._voiced_frames) and end - spoken > -_EARLY_SECONDS
        return started and spoken >= _ANSWER_HEARD_SECONDS

    def _ignored(self, onset: float, end: float) -> bool:
        silent = self._silent_frames * FRAME / RATE
        if silent >= onset:
            return end >= _FALSE_ANSWER_SECONDS
        return end >= _STOP_SECONDS and (not silent or silent >= _STOP_SILENCE_SECONDS)
