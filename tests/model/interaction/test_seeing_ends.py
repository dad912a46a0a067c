"""What ends seeing and what is there already: stops, a camera that is off, a watch met at once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from model.interaction import looking
from model.interaction.intent import Intent
from model.interaction.looked import Looked, Network, Thing
from model.interaction.looking import Looking
from model.interaction.requesting import EXAMPLES
from model.interaction.stillness import thumbnail
from model.messages import Command
from model.sight import Picture
from tests.model.interaction.bodies import figure
from tests.model.interaction.rehearsal import SILENCE
from tests.model.interaction.room import CUP, Room, Shown, room
from tests.model.interaction.scripted_parts import LOUD
from tests.model.interaction.test_scene import picture, things

COUNT = " count: raised hands\n"
CUP_APPEARS = " watch: a cup appears, tell\n"


@dataclass
class Exercising(Shown):
    """Eyes that see a hand go up and down again every two seconds."""

    def look(
        self, picture: Picture, networks: Sequence[Network], around: Any = None
    ) -> Generator[None, None, Looked]:
        looked = yield from super().look(picture, networks)
        up = 1.0 if looked.at_seconds % 2 < 0.7 else 0.0
        body = figure("raised hands", up, 0)
        return Looked("camera", looked.at_seconds, tuple(networks), self.things, body)


def mind_of(here: Room) -> Looking:
    found: Looking = here.rehearsal.engine._state.minds[0].looking
    return found


def command(here: Room, what: Command, block: Any = SILENCE) -> None:
    here.rehearsal.step(block, commands=(what,))


# ---- stops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["stop", "quiet"])
def test_a_stop_ends_a_count_and_leaves_what_else_is_watched_for(what: Command) -> None:
    here = room(eyes=Exercising())
    here.wait(5)
    here.ask("Tell me when a cup appears.", CUP_APPEARS)
    here.ask("Count my raised hands.", COUNT)
    here.wait(60)
    assert "1." in here.said
    command(here, what)
    before = len(here.rehearsal.sent)
    here.wait(80)
    assert len(here.rehearsal.sent) == before, here.said
    assert [one.key for one in mind_of(here).watches] == [("object", "cup")]
    assert mind_of(here).counters == ()


@pytest.mark.parametrize("what", ["stop", "quiet"])
def test_what_fired_and_waits_is_not_said_after_a_stop(what: Command) -> None:
    here = room("I am telling a long story about something else")
    here.wait(5)
    here.ask("Tell me when a cup appears.", CUP_APPEARS)
    here.scribe.writes = " answer"
    here.eyes.things = (CUP,)
    here.wait(20, LOUD)
    assert mind_of(here).fired
    command(here, what, LOUD)
    assert not mind_of(here).fired
    here.wait(80)
    assert here.said.count("I see a cup.") == 1, "in the promise alone"


def test_who_is_heeded_again_keeps_the_count() -> None:
    here = room(eyes=Exercising())
    here.wait(5)
    here.ask("Count my raised hands.", COUNT)
    command(here, "heed")
    assert mind_of(here).watches


# ---- a camera that is off ------------------------------------------------------------------------


def switched_off(**settings: Any) -> Room:
    """A cup is watched for, and the camera is off."""
    here = room(**settings)
    here.wait(5)
    here.ask("Tell me when a cup appears.", CUP_APPEARS)
    here.shows = False
    here.rehearsal.step(SILENCE, unseen=("camera",))
    return here


WANTS = {
    "cup": Intent("watch", "comes", "object"),
    "Stop": Intent("stop"),
    "Read": Intent("read"),
    "do you see": Intent("look"),
}


@pytest.mark.parametrize("intents", [None, WANTS])
def test_an_end_is_heard_while_the_camera_is_off(intents: Any) -> None:
    here = switched_off(intents=intents)
    here.ask("Stop watching.", " stop")
    assert here.said.endswith("All right, I stopped watching.")
    assert mind_of(here).watches == ()


@pytest.mark.parametrize("intents", [None, WANTS])
def test_no_reading_is_promised_while_the_camera_is_off(intents: Any) -> None:
    here = switched_off(intents=intents)
    here.ask("Read this.", " read")
    assert here.said.endswith(
        "I cannot read that: your camera is off. Turn it on and ask me again."
    )
    assert len(mind_of(here).watches) == 1


@pytest.mark.parametrize("intents", [None, WANTS])
def test_a_watch_more_waits_for_the_camera_too(intents: Any) -> None:
    here = switched_off(intents=intents)
    here.ask("Say when a dog drinks from the cup.", " watch: a dog appears, tell\n")
    off = "I see nothing yet, and your camera is off."
    assert here.said.endswith(f"{off} Turn it on, and I will tell you when I see a dog.")
    assert [one.key[1] for one in mind_of(here).watches] == ["cup", "dog"]


@pytest.mark.parametrize("intents", [None, WANTS])
def test_what_is_seen_is_asked_in_vain_while_the_camera_is_off(intents: Any) -> None:
    here = switched_off(intents=intents, see="Nothing at all.")
    here.ask("What do you see?", " look")
    assert here.said.endswith("Nothing at all.")
    assert "<note" not in here.scribe.text(0)


def test_nothing_is_judged_where_nothing_is_shown_and_nothing_watched() -> None:
    here = room()
    here.shows = False
    here.ask("Stop watching.", " stop")
    assert here.scribe.text(2) == EXAMPLES
    assert here.said == "Yes."


@dataclass
class Slow(Shown):
    """Eyes that take two seconds for a look."""

    def look(
        self, picture: Picture, networks: Sequence[Network], around: Any = None
    ) -> Generator[None, None, Looked]:
        seen = self.things
        for _ in range(320):
            yield None
        self.looks.append(tuple(networks))
        return Looked("camera", picture.at_samples / 16_000, tuple(networks), seen)


def test_a_look_under_way_ends_with_the_camera() -> None:
    here = room(eyes=Slow(things=(CUP,)))
    here.wait(5)
    here.eyes.things = (Thing("dog", 0.8, CUP.box),)
    here.rehearsal.step(SILENCE, unseen=("camera",))
    here.wait(60)
    assert here.seen() == [("object", "dog")]
    assert len(here.eyes.looks) == 1, "the first was given up"


def test_what_was_shown_before_does_not_enter_what_is_shown_again() -> None:
    here = looking.shown(Looking(), [picture(0)], 0, thumbnail)
    here = looking.began(here, ("things",), 0)
    here = looking.hidden(here, "camera")
    here = looking.shown(here, [picture(20)], 20, thumbnail)
    after, events, _ = looking.entered(here, things(("cup", 0.9), at=0.0))
    assert (events, after.scenes, after.busy) == ((), (), False)
    _, events, _ = looking.entered(here, things(("cup", 0.9), at=2.0))
    assert events


# ---- what is there already -----------------------------------------------------------------------


def test_a_thing_that_is_there_when_it_is_asked_for_is_told_of_at_once() -> None:
    here = room()
    here.eyes.things = (CUP,)
    here.wait(20)
    here.ask("Tell me when a cup appears.", CUP_APPEARS)
    assert here.said == "All right, I will tell you when I see a cup. I see a cup."
    here.wait(60)
    assert here.said.count("I see a cup. ") == 1 and here.said.endswith("I see a cup.")


def test_somebody_who_asks_who_comes_in_is_not_told_of_themselves() -> None:
    here = room()
    here.eyes.things = (Thing("person", 0.8, CUP.box),)
    here.wait(20)
    here.ask("Tell me when somebody comes in.", " watch: somebody comes in, tell\n")
    here.wait(40)
    assert here.said == "All right, I will tell you when somebody comes in."


def test_where_both_are_shown_it_is_said_that_the_screen_was_read() -> None:
    here = room()
    here.wait(5)
    screen = Picture("screen", here.rehearsal.k * 1600, np.zeros((24, 32, 3), np.uint8))
    here.rehearsal.step(SILENCE, pictures=(screen,))
    here.ask("Please read this.", " read")
    assert here.said == "On your screen it says: No entry"
