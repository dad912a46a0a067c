"""What Language is told of what stands still before the camera."""

from __future__ import annotations

import numpy as np

from model.interaction import looking, sight_told
from model.interaction.looked import Network
from model.interaction.looking import Looking
from model.interaction.stillness import changed, thumbnail
from tests.model.interaction.test_scene import GREY, picture, things

NETWORKS: tuple[Network, ...] = ("faces", "things")
MINUTE = 600


def looked_at() -> Looking:
    """A cup that was looked at in the first second."""
    here = looking.shown(Looking(), [picture(0)], 0, thumbnail)
    here = looking.began(here, NETWORKS, 0)
    here, _, _ = looking.entered(here, things(("cup", 0.8)))
    return here


def test_what_stands_still_is_seen_though_nobody_looks_any_more() -> None:
    here = looking.shown(looked_at(), [picture(MINUTE)], MINUTE, thumbnail)
    assert sight_told.line(here, 60.0).startswith("I see nobody, a cup.")


def test_what_changed_since_was_seen_when_it_was_looked_at() -> None:
    other = np.full_like(GREY, 200)
    here = looking.shown(looked_at(), [picture(MINUTE, other)], MINUTE, thumbnail)
    assert sight_told.line(here, 60.0).startswith("I saw nobody, a cup 60 seconds ago.")


def test_what_is_being_looked_at_is_not_known_before_the_look_ends() -> None:
    other = np.full_like(GREY, 200)
    here = looking.shown(looked_at(), [picture(MINUTE, other)], MINUTE, thumbnail)
    due = looking.due(here, MINUTE, changed)
    assert due is not None
    here = looking.began(here, due[1], MINUTE)
    assert sight_told.line(here, 60.0).startswith("I saw nobody, a cup 60 seconds ago.")


def test_a_camera_that_sends_no_more_shows_what_is_long_past() -> None:
    here = looking.shown(looked_at(), [picture(10)], 10, thumbnail)
    assert sight_told.line(here, 21.0).startswith("I saw nobody, a cup 20 seconds ago.")
