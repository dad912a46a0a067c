"""What comes in, cut into segments: a person's stretches of speech with the silences in them.

Pure. A segment begins a little before the first voice (the recogniser needs some silence there)
and ends when the floor is taken or the silence has grown long.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from model.interaction.floor_port import Owed
from model.interaction.mind import Hearing, Transcribed
from model.interaction.segment import Segment
from model.messages import Audio, Word
from model.timebase import MICRO_TURN_SECONDS

__all__ = [
    "closed",
    "is_over",
    "last_k",
    "last_seconds",
    "nearly_read",
    "parted",
    "read",
    "reads_on",
    "recognised",
    "take_in",
    "unread",
    "wants_partial",
]

RECENT_BLOCKS: Final = 80
"""Eight seconds: what the end-of-turn model listens to."""

BEFORE_BLOCKS: Final = 4
"""Blocks before and with the first voice that a segment begins with."""

BETWEEN_BLOCKS: Final = 2
"""Of the blocks of a segment just closed, how many the next one may begin with: the floor is taken
after 0.2 s of silence, so these hold none of its words."""

PARTIAL_MICRO_TURNS: Final = 3
OVER_MICRO_TURNS: Final = 25
"""Silence after which a segment that nobody answered is closed: longer than any pause inside a
turn that the floor waits through."""

OWED_OVER_MICRO_TURNS: Final = 100
"""The same while the floor thinks that something was said to us and is not answered."""

DOUBTED_OVER_MICRO_TURNS: Final = 40
"""The same while the floor thinks that perhaps there was: its doubts about a short question end
late, and an answer needs the words."""

PATIENT: Final = 0.2
PATIENT_OVER_MICRO_TURNS: Final = 32
"""The same for an eagerness below `PATIENT`, where the floor waits for up to 2.8 s."""

MOST_SETTLED_WORDS: Final = 120
"""Beyond so many a segment is parted: every partial repeats all its words, and somebody who reads
aloud, or a radio in the room, never pauses."""


def take_in(heard: Hearing, block: Audio, voiced: bool, k: int) -> Hearing:
    """Add one block; begin a segment with the first voice."""
    recent = (*heard.recent[-(RECENT_BLOCKS - 1) :], block)
    heard = replace(heard, recent=recent)
    if voiced:
        heard = replace(heard, voiced_k=k)
        if heard.segment is None:
            before = recent[-BEFORE_BLOCKS:]
            first = (k + 1 - len(before)) * MICRO_TURN_SECONDS
            segment = Segment.begin(np.concatenate(before), first)
            return replace(heard, segment=segment, number=heard.number + 1, asked_k=k)
    if heard.segment is not None:
        heard = replace(heard, segment=heard.segment.add(block))
    return heard


def wants_partial(heard: Hearing, k: int) -> bool:
    """Whether it is time to recognise again: now and then while the person speaks, and at once when
    they fall silent, for then these may be all their words and an answer waits for the last."""
    silent = k == heard.voiced_k + 1
    due = not heard.busy and (silent or k - heard.asked_k >= PARTIAL_MICRO_TURNS)
    # Nothing new can be in the audio once the voice has been gone for that long.
    return due and heard.segment is not None and heard.voiced_k > heard.asked_k


def recognised(heard: Hearing, found: Transcribed) -> Hearing:
    """Enter the outcome of a transcription; audio that came since it was asked for stays."""
    segment = heard.segment
    assert segment is not None and found.number == heard.number
    if abs(segment.start_seconds - found.asked.start_seconds) > 1e-6:
        # Another outcome was entered in between and let audio go: this one is out of date.
        return heard
    since = segment.blocks[len(found.asked.blocks) :]
    joined = replace(found.heard, blocks=found.heard.blocks + since)
    read_k = last_k(found.asked)
    told = heard.told or bool(joined.words)
    return replace(heard, segment=joined, told=told, partials=heard.partials + 1, read_k=read_k)


def last_k(segment: Segment) -> int:
    """The last micro-turn of which a segment has the sound."""
    return round(segment.end_seconds / MICRO_TURN_SECONDS) - 1


def parted(heard: Hearing) -> tuple[Hearing, tuple[Word, ...]]:
    """A segment grown very long goes on as the next one; with the words it leaves behind."""
    segment = heard.segment
    if segment is None or len(segment.settled) <= MOST_SETTLED_WORDS:
        return heard, ()
    rest = replace(segment, settled=())
    told = bool(rest.words)
    number = heard.number + 1
    return replace(heard, segment=rest, number=number, told=told, ahead=0), segment.settled


def is_over(heard: Hearing, k: int, eagerness: float = 0.5, owed: Owed = "no") -> bool:
    """Whether the silence has grown so long that the segment ends unanswered; later while an answer
    is, or may be, `owed`."""
    longest = OVER_MICRO_TURNS if eagerness >= PATIENT else PATIENT_OVER_MICRO_TURNS
    if owed != "no":
        longest = OWED_OVER_MICRO_TURNS if owed == "yes" else DOUBTED_OVER_MICRO_TURNS
    return heard.segment is not None and k - heard.voiced_k >= longest


def unread(heard: Hearing) -> bool:
    """Whether the last voice is in no hypothesis yet; one micro-turn is the doubt about its end."""
    return heard.segment is not None and heard.voiced_k - 1 > heard.read_k


def read(heard: Hearing) -> bool:
    """Whether words are known, and the last hypothesis had heard all of the voice."""
    return bool(heard.words) and heard.voiced_k <= heard.read_k


def nearly_read(heard: Hearing) -> bool:
    """Whether words are known that may well be all there are: the last hypothesis lacks no more of
    the voice than comes between two of them."""
    return bool(heard.words) and heard.voiced_k - heard.read_k <= PARTIAL_MICRO_TURNS


def reads_on(heard: Hearing) -> bool:
    """Whether a hypothesis is on its way that hears voice which the last one had not."""
    return heard.busy and heard.voiced_k > heard.read_k


def closed(heard: Hearing) -> Hearing:
    """No segment; what is heard next begins a new one, and takes no word of this one with it."""
    recent = heard.recent[-BETWEEN_BLOCKS:]
    return replace(
        heard,
        recent=recent,
        segment=None,
        told=False,
        partials=0,
        busy=False,
        muted=False,
        ahead=0,
    )


def last_seconds(heard: Hearing) -> Audio:
    """What the end-of-turn model listens to: the segment so far, at most eight seconds."""
    assert heard.segment is not None
    if heard.segment.settled:
        return np.concatenate(heard.recent)  # The turn is longer than its open audio.
    first = heard.segment.start_seconds
    blocks = round((heard.segment.end_seconds - first) / MICRO_TURN_SECONDS)
    return np.concatenate(heard.recent[-max(blocks, 1) :])
