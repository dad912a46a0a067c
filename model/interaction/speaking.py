"""What we are saying: one utterance, from its rendered phrases to the last sample heard. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from model.interaction.parts import Spoken
from model.messages import AgentWord, Audio, Event, Said, Speech, UtteranceDone
from model.timebase import SPEAKING_RATE, samples

__all__ = ["LEAD_SECONDS", "Utterance", "append", "finish", "heard_text", "played", "send"]

LEAD_SECONDS: Final = 0.35
"""How far what was sent may run ahead of what was heard. Reports of hearing come once in a
micro-turn and lag by the transport, so less than 0.25 s starves the speaker; more than 0.4 s is
what Playout may hold."""

LEAD_SAMPLES: Final = samples(LEAD_SECONDS, SPEAKING_RATE)

KEPT_SAMPLES: Final = samples(1.2, SPEAKING_RATE)
"""Of what was sent so much is kept: what may not have been heard, and the word before it."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One contiguous thing we say.

    Attributes:
        number: the utterance's number in its stream.
        draft: the number of the draft whose phrases it takes; later phrases of that draft join it.
        listening: it is a sign of listening.
        waiting: audio rendered and not yet sent.
        kept: the last of what was sent.
        words: all words rendered, with their places.
        rendered_samples, sent_samples, heard_samples: how far each has come.
        announced: how many of `words` the server has been told.
        complete: nothing more will be rendered.
        limited: because the answer reached its limit of tokens.
        told_done: the server knows its length.
    """

    number: int
    draft: int
    listening: bool = False
    waiting: tuple[Audio, ...] = ()
    kept: Audio = field(default_factory=lambda: np.zeros(0, np.float32))
    words: tuple[AgentWord, ...] = ()
    rendered_samples: int = 0
    sent_samples: int = 0
    heard_samples: int = 0
    announced: int = 0
    complete: bool = False
    limited: bool = False
    told_done: bool = False

    @property
    def over(self) -> bool:
        """Everything was rendered, sent and heard."""
        return self.told_done and self.heard_samples >= self.rendered_samples


def append(utterance: Utterance, spoken: Spoken) -> Utterance:
    """Add a rendered phrase behind what is there."""
    start = utterance.rendered_samples
    words = tuple(
        AgentWord(
            word.text,
            start + samples(word.start_seconds, SPEAKING_RATE),
            start + samples(word.end_seconds, SPEAKING_RATE),
        )
        for word in spoken.words
    )
    return replace(
        utterance,
        waiting=(*utterance.waiting, spoken.audio),
        words=utterance.words + words,
        rendered_samples=start + len(spoken.audio),
    )


def finish(utterance: Utterance, limited: bool = False) -> Utterance:
    """Nothing more will be appended: the pause behind the last phrase, meant for another, is
    dropped where it has not been sent. Who spoke in it would interrupt what was said to its end."""
    audio = np.concatenate(utterance.waiting) if utterance.waiting else np.zeros(0, np.float32)
    sounds = np.flatnonzero(audio)
    last = utterance.words[-1].end_samples if utterance.words else 0
    kept = audio[: max(sounds[-1] + 1 if len(sounds) else 0, last - utterance.sent_samples, 0)]
    if not len(kept) and not utterance.sent_samples:
        return replace(utterance, complete=True, limited=limited)
    return replace(
        utterance,
        complete=True,
        limited=limited,
        waiting=(kept,) if len(kept) else (),
        rendered_samples=utterance.rendered_samples - (len(audio) - len(kept)),
    )


def played(utterance: Utterance, heard_samples: int) -> Utterance:
    """Playout reports how far it was heard; a report never goes back."""
    return replace(utterance, heard_samples=max(utterance.heard_samples, heard_samples))


def send(utterance: Utterance) -> tuple[Utterance, tuple[Speech, ...], tuple[Event, ...]]:
    """Release what may be sent in this micro-turn, its words, and the end when it is reached."""
    room = utterance.heard_samples + LEAD_SAMPLES - utterance.sent_samples
    audio = np.concatenate(utterance.waiting) if utterance.waiting else np.zeros(0, np.float32)
    now, later = audio[: max(room, 0)], audio[max(room, 0) :]
    speech: tuple[Speech, ...] = ()
    events: tuple[Event, ...] = ()
    sent = utterance.sent_samples + len(now)
    if len(now):
        speech = (Speech(utterance.number, utterance.sent_samples, now),)
    # Words are told with the first of their samples, so none is shown that might not be sent.
    fresh = tuple(w for w in utterance.words[utterance.announced :] if w.start_samples < sent)
    if utterance.complete and not len(later):
        fresh = utterance.words[utterance.announced :]
    if fresh:
        events += (Said(utterance.number, fresh, utterance.listening),)
    done = utterance.complete and not len(later)
    if done and not utterance.told_done:
        length = utterance.rendered_samples
        events += (UtteranceDone(utterance.number, length, utterance.limited),)
    advanced = replace(
        utterance,
        waiting=(later,) if len(later) else (),
        kept=np.concatenate((utterance.kept, now))[-KEPT_SAMPLES:] if len(now) else utterance.kept,
        sent_samples=sent,
        announced=utterance.announced + len(fresh),
        told_done=done,
    )
    return advanced, speech, events


def heard_text(utterance: Utterance) -> str:
    """The words of which more than half was heard, joined."""
    return "".join(
        word.text
        for word in utterance.words
        if (word.start_samples + word.end_samples) / 2 < utterance.heard_samples
    )
