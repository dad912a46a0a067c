"""Signs of listening: a few short clips, rendered once, of one level. Core decides when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.engine.pieces import finished
from model.interaction.parts import Spoken, SpokenWord, Voice
from model.interaction.streams import WORD_CLAUSE, WORD_SENTENCE, word_flags
from model.messages import Audio, Word
from model.timebase import SPEAKING_RATE, samples, seconds

__all__ = ["Backchannels", "rendered"]

GOING_ON: Final = ("Mm-hmm.", "Uh-huh.", "Yeah.")
"""Within a thought: go on."""

TAKEN_IN: Final = ("Right.", "Okay.", "I see.", "Mm-hmm.")
"""After a clause or a sentence: that is understood."""

REFERENCE: Final = "That is a good question, let me think about it."
SOFTER: Final = 0.7
"""Against what we usually say: a listener does not raise the voice."""

MOST_GAIN: Final = 4.0
FRAME_SAMPLES: Final = samples(0.02, SPEAKING_RATE)


@dataclass(frozen=True, slots=True)
class Backchannels:
    """The clips by their texts."""

    clips: dict[str, Spoken]

    def choose(self, words: Sequence[Word], before: str, k: int) -> str:
        """A text for this moment, never the one `before`.

        Args:
            words: what the person has said of the segment so far.
            before: what was last given.
            k: the micro-turn; a replay chooses the same.
        """
        ended = bool(words) and word_flags(words[-1].text) & (WORD_CLAUSE + WORD_SENTENCE)
        usual = TAKEN_IN if ended else GOING_ON
        fitting = [text for text in usual if text != before and text in self.clips]
        return fitting[k % len(fitting)]


def rendered(voice: Voice) -> Backchannels:
    """All clips of a voice, at one level."""
    wanted = _level(finished(voice.render(REFERENCE)).audio) * SOFTER
    clips = {}
    for text in dict.fromkeys((*GOING_ON, *TAKEN_IN)):
        spoken = finished(voice.render(text))
        gain = min(wanted / max(_level(spoken.audio), 1e-6), MOST_GAIN)
        audio = np.clip(spoken.audio * gain, -1.0, 1.0).astype(np.float32)
        whole = SpokenWord(text, 0.0, seconds(len(audio), SPEAKING_RATE))
        clips[text] = Spoken(audio, (whole,))
    return Backchannels(clips)


def _level(audio: Audio) -> float:
    """Root mean square of the louder frames."""
    whole = audio[: len(audio) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    if not len(whole):
        return 0.0
    loud = np.sqrt(np.mean(whole * whole, axis=1))
    return float(np.percentile(loud, 80))
