"""A second opinion on onsets: another project's voice activity detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import webrtcvad

from tests.bench.metrics.activity import Interval
from tests.bench.stimuli.script import RATE, Audio

__all__ = ["onset_distances", "vad_intervals"]

_FRAME = RATE // 100


def vad_intervals(audio: Audio, aggressiveness: int = 2) -> tuple[Interval, ...]:
    """Spans in which 10 ms frames are speech to webrtcvad; holes under 100 ms closed."""
    detector = webrtcvad.Vad(aggressiveness)
    pcm = (np.clip(audio, -1, 1) * 32767).astype(np.int16)
    found: list[Interval] = []
    for at in range(0, len(pcm) - _FRAME + 1, _FRAME):
        if detector.is_speech(pcm[at : at + _FRAME].tobytes(), RATE):
            start, end = at / RATE, (at + _FRAME) / RATE
            if found and start - found[-1].end < 0.1:
                found[-1] = Interval(found[-1].start, end)
            else:
                found.append(Interval(start, end))
    return tuple(found)


def onset_distances(ours: Sequence[Interval], audio: Audio) -> tuple[float, ...]:
    """Signed seconds from our onset of each burst to the detector's nearest; 1.0 where none."""
    theirs = [interval.start for interval in vad_intervals(audio)]
    return tuple(
        min((onset - interval.start for onset in theirs), key=abs, default=1.0) for interval in ours
    )
