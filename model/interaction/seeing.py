"""Seeing in a row's jobs and mind: looks and readings are jobs, what they found enters, requests
are obeyed. What the step of a row does for it is in `sight_step`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from model.engine.jobs import Work
from model.interaction import looking, sight_told, watching
from model.interaction.eyes import Eyes
from model.interaction.looked import Looked, Network
from model.interaction.mind import Mind
from model.interaction.reading import Line, Reader
from model.interaction.requesting import Request, Requests
from model.sight import Picture, Seen
from model.timebase import MICRO_TURN_SECONDS

__all__ = [
    "LANE",
    "ReadText",
    "Requested",
    "Sighted",
    "SightParts",
    "enter_looked",
    "enter_text",
    "look",
    "obey",
    "promise",
    "read",
    "sighted",
]

LANE: Final = "eyes"
MOST_TEXT: Final = 512


@dataclass(frozen=True, slots=True)
class SightParts:
    """What looking works with; shared by all rows but for `requests`, one a row."""

    eyes: Eyes
    reader: Reader | None
    requests: Sequence[Requests]


@dataclass(frozen=True, slots=True)
class Sighted:
    """What an answer is given beside the person's words.

    Attributes:
        line: what is seen, for Language.
        picture: what would be read if text is asked for.
        watching: something is being watched, and can be stopped.
    """

    line: str
    picture: Picture
    watching: bool


@dataclass(frozen=True, slots=True)
class Requested:
    """Result of a job: the answer that is draft `draft` does what was requested."""

    draft: int
    request: Request


@dataclass(frozen=True, slots=True)
class ReadText:
    """Result of a job: the text of a picture."""

    picture: Picture
    lines: tuple[Line, ...]


# ---- what enters the mind ---------------------------------------------------------------------


def sighted(mind: Mind) -> Sighted | None:
    """What an answer is given beside the person's words; None when nothing is shown."""
    shown = mind.looking.picture("screen") or mind.looking.picture("camera")
    if shown is None:
        return None
    # As it was when the person began to speak: a line that grew old with every word would have to
    # be read again with every word.
    segment = mind.hearing.segment
    now = (shown.k + 1) * MICRO_TURN_SECONDS if segment is None else segment.start_seconds
    line = sight_told.line(mind.looking, now)
    return Sighted(line, shown.picture, bool(mind.looking.watches))


def enter_looked(mind: Mind, looked: Looked) -> tuple[Mind, tuple[Seen, ...]]:
    """What a look found enters."""
    after, events, fired = looking.entered(mind.looking, looked)
    return replace(mind, looking=looking.told(after, fired)), events


def enter_text(mind: Mind, read: ReadText) -> tuple[Mind, tuple[Seen, ...]]:
    """Text that was read enters."""
    after, events = looking.read(mind.looking, read.picture, read.lines)
    return replace(mind, looking=after), events


def obey(mind: Mind, request: Request) -> Mind:
    """Do what the person requested of the eyes."""
    if request.what == "watch":
        after = looking.watched(mind.looking, request.way, request.key, request.say)
    elif request.what == "stop":
        after = looking.stopped(mind.looking)
    else:
        return mind
    return replace(mind, looking=after)


# ---- jobs ---------------------------------------------------------------------------------------


def look(eyes: Eyes, picture: Picture, networks: Sequence[Network]) -> Work:
    """Look at a picture."""
    looked: Looked = yield from eyes.look(picture, networks)
    return looked


def read(parts: SightParts, picture: Picture) -> Work:
    """Read the text of a picture."""
    lines: tuple[Line, ...] = ()
    if parts.reader is not None:
        lines = yield from parts.reader.read(picture.pixels)
    return ReadText(picture, lines)


def promise(request: Request, lines: Sequence[Line] = ()) -> str:
    """What is said to a request: what will be done, or the text that was read."""
    if request.what == "read":
        text = " ".join(line.text for line in lines)[:MOST_TEXT]
        return f"It says: {text}" if text else "I cannot make out any text there."
    if request.what == "stop":
        return "All right, I stopped watching."
    if request.way == "counts":
        return f"All right, I am counting your {request.key[1]}."
    what = f'say "{request.say}"' if request.say else "tell you"
    return f"All right, I will {what} when {watching.spoken(request.way, request.key)}."
