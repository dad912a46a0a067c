"""A watch is asked for before anything is shown: it waits, and begins with the camera."""

from __future__ import annotations

from typing import Any

import pytest

from model.interaction.intent import Intent
from model.interaction.looking import Looking
from model.interaction.requesting import EXAMPLES
from model.messages import Floor, PicturesWanted, StreamSettings
from model.orders import ToolCall, ToolSpec
from tests.model.interaction.room import CUP, Room, room
from tests.model.interaction.scripted_parts import LOUD
from tests.model.interaction.test_seeing_ends import Exercising

OFF = "I see nothing yet, and your camera is off. Turn it on, and I will"

HAND = "Tell me when I raise my hand."
RAISED = " watch: a hand is raised, tell\n"

WANTS = {
    "raise my hand": Intent("watch", "comes", "hand"),
    "Count": Intent("watch", "counts", "count"),
    "boo": Intent("watch", "comes", "object", own=True),
    "train leaves": Intent("watch", "goes", "object"),
    "Stop": Intent("stop"),
    "Read": Intent("read"),
    "do you see": Intent("look"),
}
REMINDERS = StreamSettings(tools=(ToolSpec("remind", "Reminds of something."),))


def dark(**settings: Any) -> Room:
    """A conversation with a probe of intents, in which nothing is shown."""
    here = room(**{"intents": WANTS, **settings})
    here.shows = False
    here.wait(5)
    return here


def mind_of(here: Room) -> Looking:
    found: Looking = here.rehearsal.engine._state.minds[0].looking
    return found


def test_a_first_request_says_that_nothing_is_seen_and_begins_with_the_camera() -> None:
    here = dark(eyes=Exercising())
    here.ask(HAND, RAISED)
    promised = f"{OFF} tell you when you raise a hand."
    assert here.said == promised
    assert here.scribe.text(0).endswith(f"<person {HAND}><agent {promised}>")
    here.wait(30)
    assert (here.said, here.eyes.looks) == (promised, [])
    assert here.rehearsal.told(PicturesWanted) == []
    here.shows = True
    here.wait(60)
    assert here.said.startswith(f"{promised} You raised your right hand.")
    assert [one.a_second for one in here.rehearsal.told(PicturesWanted)] == [5.0]


@pytest.mark.parametrize(
    ("asked", "writes", "promised"),
    [
        ("Count my squats.", " count: squats\n", "count your squats."),
        (
            "Say boo when a cup is here.",
            ' watch: a cup appears, say "boo"\n',
            'say "boo" when I see a cup.',
        ),
    ],
)
def test_counts_and_words_of_the_persons_own_are_promised_alike(
    asked: str, writes: str, promised: str
) -> None:
    here = dark()
    here.ask(asked, writes)
    assert here.said == f"{OFF} {promised}"
    assert len(mind_of(here).watches) == 1


def test_it_is_ended_while_nothing_is_shown() -> None:
    here = dark()
    here.ask(HAND, RAISED)
    here.ask("Stop it.", "")
    assert here.said.endswith("All right, I stopped watching.")
    assert mind_of(here).watches == ()


def test_a_spoken_one_counts_only_when_the_turn_is_over() -> None:
    here = dark(words=HAND)
    here.scribe.writes = RAISED
    here.wait(8, LOUD)
    taken = False
    for _ in range(60):
        here.wait(1)
        taken = taken or any(one.decision == "take" for one in here.rehearsal.told(Floor))
        assert taken or not mind_of(here).watches, "their turn is not over"
    assert taken and [one.key for one in mind_of(here).watches] == [("hand", "")]


@pytest.mark.parametrize("said", ["How are you?", "What do you see?", "Read this.", "Stop it."])
def test_all_else_is_answered_and_costs_no_look_at_the_examples(said: str) -> None:
    here = dark(**{said.split()[0]: "So so."})
    here.ask(said, "")
    assert here.said == "So so."
    assert here.scribe.text(2) == EXAMPLES
    assert here.scribe.text(0).endswith(f"<person {said}><agent So so.>")


def test_what_nobody_can_see_is_answered_like_anything_else() -> None:
    here = dark(train="I have no timetable.")
    here.ask("Tell me when my train leaves.", " watch: something else\n")
    assert here.said == "I have no timetable."
    assert mind_of(here).watches == ()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_tool_goes_before_a_watch(wanted: bool) -> None:
    here = dark(settings=REMINDERS)
    here.scribe.wanted = {"remind": "hand"} if wanted else {}
    here.ask(HAND, RAISED)
    assert len(here.rehearsal.told(ToolCall)) == wanted
    assert here.said == ("" if wanted else f"{OFF} tell you when you raise a hand.")


def test_where_a_camera_comes_on_first_nothing_is_promised_for_later() -> None:
    here = dark()
    here.shows = True
    here.eyes.things = (CUP,)
    here.wait(10)
    here.ask("Say boo when a cup is here.", ' watch: a cup appears, say "boo"\n')
    assert here.said == 'All right, I will say "boo" when I see a cup. Boo.'
