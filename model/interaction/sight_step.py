"""What a row's step does for seeing: pictures come in, looks begin, watches that fired speak."""

from __future__ import annotations

from dataclasses import replace

from model.engine.jobs import Priority
from model.interaction import looking, seeing
from model.interaction.change import RowChange
from model.interaction.mind import Mind
from model.interaction.stillness import changed, thumbnail
from model.orders import Say
from model.sight import PicturesWanted

__all__ = ["act", "take_in"]


def take_in(change: RowChange) -> None:
    """Take the pictures that came; without eyes they are nothing."""
    if change.parts.sight is None:
        return
    turn, seen = change.given.turn, change.mind.looking
    for source in turn.unseen:
        seen = looking.hidden(seen, source)
        if source == "camera":
            # What was shown before must not be looked at any more.
            change.cancel(seeing.LANE)
            seen = looking.failed(seen)
    if turn.pictures or seen.shown:
        seen = looking.shown(seen, turn.pictures, change.k, thumbnail)
    if seen is not change.mind.looking:
        change.mind = replace(change.mind, looking=seen)


def act(change: RowChange) -> None:
    """Begin the look that is due, and let a watch that fired be said when the floor is free."""
    parts = change.parts.sight
    if parts is None:
        return
    due = looking.due(change.mind.looking, change.k, changed)
    if due is not None:
        picture, networks = due
        look = seeing.look(parts.eyes, picture, networks, looking.around(change.mind.looking))
        change.submit(seeing.LANE, Priority.LOOKING, look)
        began = looking.began(change.mind.looking, networks, change.k)
        change.mind = replace(change.mind, looking=began)
    asked, wanted = looking.wants(change.mind.looking)
    change.mind = replace(change.mind, looking=asked)
    if wanted is not None:
        change.events.append(PicturesWanted("camera", wanted))
    fired = change.mind.looking.fired
    if fired and _could_speak(change.mind):
        change.wish(sayings=(Say(fired[0].text),))
        change.mind = replace(
            change.mind, looking=replace(change.mind.looking, fired=fired[1:])
        )  # fmt: skip


def _could_speak(mind: Mind) -> bool:
    """Nothing stands before what a watch says. Until then it stays here: a later count replaces
    it, and whoever says "stop watching" does not hear it any more."""
    wishes = mind.wishes
    waits = mind.sayings or mind.unanswered or wishes.sayings or wishes.outcomes or wishes.answer
    speaks = mind.utterance is not None or mind.draft is not None
    return not (waits or speaks or wishes.held or mind.hearing.segment is not None)
