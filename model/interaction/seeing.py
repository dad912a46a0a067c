"""Seeing in a row's jobs and mind: looks and readings are jobs, what they found enters, requests
are obeyed. What the step of a row does for it is in `sight_step`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from model.engine.jobs import Work
from model.interaction import looking, sight_told, watching
from model.interaction.eyes import Eyes
from model.interaction.intent import Intents
from model.interaction.looked import Looked, Network
from model.interaction.looking import Fired, Looking
from model.interaction.mind import Mind, ReadText, Requested
from model.interaction.reading import Line, Reader
from model.interaction.requesting import Request, Requests
from model.interaction.scene import Change
from model.interaction.stillness import Around
from model.sight import Picture, Seen
from model.timebase import MICRO_TURN_SECONDS

__all__ = [
    "LANE",
    "Sighted",
    "SightParts",
    "enter_looked",
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
    """What looking works with; shared by all rows but for `requests`, one a row.

    Attributes:
        eyes: look.
        reader: reads text; None where its part is not there.
        requests: write what is to be done.
        intents: tell what is a request; None where none is fitted to this Language.
    """

    eyes: Eyes
    reader: Reader | None
    requests: Sequence[Requests]
    intents: Intents | None = None


@dataclass(frozen=True, slots=True)
class Sighted:
    """What an answer is given beside the person's words.

    Attributes:
        line: what is seen, for Language; empty when nothing is shown.
        picture: what would be read if text is asked for; None when nothing is shown.
        watching: something is being watched, and can be stopped.
        camera: it is on: the screen alone is not watched.
    """

    line: str
    picture: Picture | None
    watching: bool
    camera: bool

    @property
    def nothing(self) -> bool:
        """Nothing is shown and nothing watched: there may be no camera at all."""
        return self.picture is None and not self.watching


# ---- what enters the mind ---------------------------------------------------------------------


def sighted(mind: Mind) -> Sighted:
    """What an answer is given beside the person's words."""
    watches = bool(mind.looking.watches)
    shown = mind.looking.picture("screen") or mind.looking.picture("camera")
    if shown is None:
        return Sighted("", None, watches, camera=False)
    # As it was when the person began to speak: a line that grew old with every word would have to
    # be read again with every word.
    segment = mind.hearing.segment
    now = (shown.k + 1) * MICRO_TURN_SECONDS if segment is None else segment.start_seconds
    line = sight_told.line(mind.looking, now)
    camera = mind.looking.picture("camera") is not None
    return Sighted(line, shown.picture, watches, camera)


def enter_looked(mind: Mind, looked: Looked) -> tuple[Mind, tuple[Seen, ...]]:
    """What a look found enters."""
    after, events, fired = looking.entered(mind.looking, looked)
    return replace(mind, looking=looking.told(after, fired)), events


def obey(mind: Mind, found: Requested) -> tuple[Mind, tuple[Seen, ...]]:
    """Do what the person requested of the eyes; text that was read enters."""
    request, read = found.request, found.read
    events: tuple[Seen, ...] = ()
    after = mind.looking
    if request.what == "watch":
        after = looking.watched(after, request.way, request.key, request.say)
        after = looking.told(after, _met(after))
    elif request.what == "stop":
        after = looking.stopped(after)
    elif read is not None:
        after, events = looking.read(after, read.picture, read.lines)
    return replace(mind, looking=after), events


def _met(here: Looking) -> tuple[Fired, ...]:
    """What is said at once of the newest watch: the thing or the face it waits for is there, and
    will not come."""
    watch = here.watches[-1]
    one = here.scene("camera").there(watch.key)
    if one is None or watch.way != "comes" or watch.key[0] not in ("object", "face"):
        return ()
    return (Fired(watch, watching.phrase(watch, Change(one.since, one.key, came=True))),)


# ---- jobs ---------------------------------------------------------------------------------------


def look(eyes: Eyes, picture: Picture, networks: Sequence[Network], around: Around) -> Work:
    """Look at a picture, or for things at what differs from the background."""
    looked: Looked = yield from eyes.look(picture, networks, around)
    return looked


def read(parts: SightParts, picture: Picture) -> Work:
    """Read the text of a picture."""
    lines: tuple[Line, ...] = ()
    if parts.reader is not None:
        lines = yield from parts.reader.read(picture.pixels)
    return ReadText(picture, lines)


def promise(request: Request, sighted: Sighted, lines: Sequence[Line] = ()) -> str:
    """What is said to a request: what will be done, the text that was read, or why not."""
    if request.what == "read":
        return _said(sighted, lines)
    if request.what == "stop":
        return "All right, I stopped watching."
    if request.what == "beyond":
        return "I am sorry, I cannot watch for that. I know people, hands and many common things."
    if request.way == "counts":
        now, then = (f"{one} your {request.key[1]}" for one in ("am counting", "will count"))
    else:
        what = f'say "{request.say}"' if request.say else "tell you"
        now = then = f"will {what} when {watching.spoken(request.way, request.key)}"
    if sighted.camera:
        return f"All right, I {now}."
    unseen = "I see nothing yet" if sighted.picture is None else "I do not watch your screen"
    return f"{unseen}, and your camera is off. Turn it on, and I {then}."


def _said(sighted: Sighted, lines: Sequence[Line]) -> str:
    if sighted.picture is None:
        return "I cannot read that: your camera is off. Turn it on and ask me again."
    text = " ".join(line.text for line in lines)[:MOST_TEXT]
    if sighted.camera and sighted.picture.source == "screen":
        # Who shows both may have meant the other.
        unread = "I cannot make out any text on your screen."
        return f"On your screen it says: {text}" if text else unread
    return f"It says: {text}" if text else "I cannot make out any text there."
