"""What was left of an utterance that was cut, and the utterance that goes on from there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from model.interaction.parts import Spoken, SpokenWord
from model.interaction.speaking import Utterance
from model.messages import AgentWord, Audio
from model.timebase import SPEAKING_RATE, samples, seconds

__all__ = ["KEPT_MICRO_TURNS", "LONGEST_MICRO_TURNS", "Remainder", "remainder", "spoken"]

KEPT_MICRO_TURNS: Final = 15
"""For so long, behind what stopped it, a cut utterance may go on; what comes later is no false
alarm, but another turn."""

LONGEST_MICRO_TURNS: Final = 60
"""What stopped it may have lasted so long."""

RISE_SAMPLES: Final = samples(0.01, SPEAKING_RATE)


@dataclass(frozen=True, slots=True)
class Remainder:
    """What was not heard of a cut utterance, from the first word that was not.

    Attributes:
        k: when it was cut.
        audio: float32 at 24 kHz.
        words: in samples of `audio`.
        limited: with it the answer reaches its limit of tokens.
        whole: nothing more was to come; else Language goes on behind it.
    """

    k: int
    audio: Audio
    words: tuple[AgentWord, ...]
    limited: bool = False
    whole: bool = True

    @property
    def text(self) -> str:
        """What is said again."""
        return "".join(word.text for word in self.words)


def remainder(utterance: Utterance, k: int, more: bool = False) -> Remainder | None:
    """What is left of an utterance as far as it was rendered, and whether `more` was to come; None
    when nothing is left and nothing was.

    A word of which more than half was heard counts as heard, as in record and memory; another one
    is said again from its beginning.
    """
    heard = utterance.heard_samples
    left = [w for w in utterance.words if (w.start_samples + w.end_samples) / 2 >= heard]
    none = Remainder(k, np.zeros(0, np.float32), (), whole=False) if more else None
    if not left or not any(word.text.strip() for word in left):
        return none
    audio = np.concatenate((utterance.kept, *utterance.waiting))
    first = utterance.sent_samples - len(utterance.kept)
    start = max(left[0].start_samples, first)
    audio = audio[start - first :].copy()
    if not len(audio):
        return none
    rise = min(RISE_SAMPLES, len(audio))
    audio[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)
    words = tuple(
        AgentWord(word.text, max(word.start_samples - start, 0), max(word.end_samples - start, 0))
        for word in left
    )
    return Remainder(k, audio, words, utterance.limited, whole=not more)


def spoken(rest: Remainder) -> Spoken:
    """The remainder as a rendered phrase."""
    words = tuple(
        SpokenWord(
            word.text,
            seconds(word.start_samples, SPEAKING_RATE),
            seconds(word.end_samples, SPEAKING_RATE),
        )
        for word in rest.words
    )
    return Spoken(rest.audio, words)
