"""Our voice as sent: what goes out of the steps, as it is played, micro-turn by micro-turn. Pure.

The model's own account, and so the same in a replay: what a step gives begins to sound with the
next micro-turn and goes on without a gap, as Playout paces it; a cut fades it out over 40 ms from
the next micro-turn on; while it hesitates it stands still, behind such a fade. Playout's reports
lag by what is on its way and are not needed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from model.messages import Audio, Speech
from model.timebase import SPEAKING_BLOCK_SAMPLES, SPEAKING_RATE, samples

__all__ = ["Sent"]

FADE_SAMPLES: Final = samples(0.04, SPEAKING_RATE)
MOST_WAITING: Final = SPEAKING_RATE
"""A step sends no more than 0.35 s ahead; beyond a second the oldest is dropped."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What waits to sound.

    Attributes:
        waiting: given and not sounding yet, float32 at 24 kHz.
        utterance: the utterance that sounds or sounded last.
        samples: how many of its samples have been sent.
        stood: the last micro-turn stood still.
    """

    waiting: tuple[Audio, ...] = ()
    utterance: int = 0
    samples: int = 0
    stood: bool = False

    @property
    def sounding(self) -> bool:
        """Whether something waits."""
        return bool(self.waiting)

    def give(self, speech: Sequence[Speech]) -> Sent:
        """A step gives this to Playout."""
        now = self
        for one in speech:
            if not len(one.audio):
                continue
            if one.utterance != now.utterance:
                now = replace(now, utterance=one.utterance, samples=0)
            now = replace(now, waiting=(*now.waiting, one.audio))
        while sum(map(len, now.waiting)) > MOST_WAITING:
            now = replace(now, waiting=now.waiting[1:])
        return now

    def cut(self) -> Sent:
        """Playout falls silent: what is left fades out."""
        if not self.waiting or self.stood:
            return replace(self, waiting=())
        left = np.concatenate(self.waiting)[:FADE_SAMPLES]
        faded = left * np.linspace(1.0, 0.0, FADE_SAMPLES, dtype=np.float32)[: len(left)]
        return replace(self, waiting=(faded.astype(np.float32),))

    def next(self, stands: bool = False) -> tuple[Audio, Sent]:
        """What is sent in the next micro-turn, float32 `[2400]`, filled with silence; nothing of
        what waits where the playing `stands`, but the fade before."""
        block = np.zeros(SPEAKING_BLOCK_SAMPLES, np.float32)
        if stands:
            faded = () if self.stood else self.cut().waiting
            for audio in faded:
                block[: len(audio)] = audio
            return block, replace(self, stood=True)
        if not self.waiting:
            return block, replace(self, stood=False)
        audio = np.concatenate(self.waiting)
        now, later = audio[:SPEAKING_BLOCK_SAMPLES], audio[SPEAKING_BLOCK_SAMPLES:]
        block[: len(now)] = now
        waiting = (later,) if len(later) else ()
        count = self.samples + len(now)
        return block, replace(self, waiting=waiting, samples=count, stood=False)
