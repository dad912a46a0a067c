"""What a row's step does for seeing: pictures come in, looks begin, watches that fired speak."""

from __future__ import annotations

from dataclasses import replace

from model.engine.jobs import Priority
from model.interaction import looking, seeing
from model.interaction.change import RowChange
from model.interaction.eyes import changed, thumbnail
from model.orders import Say
from model.sight import PicturesWanted

__all__ = ["act", "take_in"]


def take_in(change: RowChange) -> None:
    """Take the pictures that came; without eyes they are nothing."""
    if change.parts.sight is None:
        return
    seen = change.mind.looking
    if change.given.turn.pictures or seen.shown:
        shown = looking.shown(seen, change.given.turn.pictures, change.k, thumbnail)
        change.mind = replace(change.mind, looking=shown)


def act(change: RowChange) -> None:
    """Begin the look that is due, and let a watch that fired be said when the floor is free."""
    parts = change.parts.sight
    if parts is None:
        return
    due = looking.due(change.mind.looking, change.k, changed)
    if due is not None:
        picture, networks = due
        change.submit(seeing.LANE, Priority.LOOKING, seeing.look(parts.eyes, picture, networks))
        began = looking.began(change.mind.looking, networks, change.k)
        change.mind = replace(change.mind, looking=began)
    asked, wanted = looking.wants(change.mind.looking)
    change.mind = replace(change.mind, looking=asked)
    if wanted is not None:
        change.events.append(PicturesWanted("camera", wanted))
    fired = change.mind.looking.fired
    if fired and not change.mind.wishes.sayings:
        change.wish(sayings=(Say(fired[0].text),))
        change.mind = replace(
            change.mind, looking=replace(change.mind.looking, fired=fired[1:])
        )  # fmt: skip
