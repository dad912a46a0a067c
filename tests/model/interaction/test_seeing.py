"""Seeing through the real model over scripted parts: requests, looks, watches that speak."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model.engine.pieces import finished
from model.interaction import watching
from model.interaction.intent import Intent
from model.interaction.looked import Thing
from model.interaction.requesting import EXAMPLES, Requests
from model.messages import Floor, PicturesWanted, Saying, Seen
from model.sight import Picture
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.room import BOX, CUP, Clerk, room
from tests.model.interaction.scripted_parts import LOUD, Scribe, scripted_model


def test_a_typed_request_becomes_a_watch_that_speaks_once_when_it_comes() -> None:
    here = room()
    here.wait(5)
    here.ask("Say stop when a cup appears.", ' watch: a cup appears, say "stop"')
    assert here.said == 'All right, I will say "stop" when I see a cup.'
    assert here.scribe.text(2).startswith(EXAMPLES)
    here.eyes.things = (CUP,)
    appeared = here.rehearsal.k
    while "Stop" not in here.said and here.rehearsal.k < appeared + 40:
        here.wait(1)
    assert here.rehearsal.k - appeared <= 15, "within a second and a half"
    here.wait(60)
    assert here.said.count("Stop.") == 1
    assert ("object", "cup") in here.seen()


def test_a_spoken_request_counts_only_when_the_turn_is_over() -> None:
    here = room("Tell me when a cup appears.")
    here.scribe.writes = " watch: a cup appears, tell\n"
    here.wait(8, LOUD)
    assert here.rehearsal.engine._state.minds[0].looking.watches == ()
    here.wait(60)
    assert here.said == "All right, I will tell you when I see a cup."
    (watch,) = here.rehearsal.engine._state.minds[0].looking.watches
    assert (watch.way, watch.key) == ("comes", ("object", "cup"))
    told = (
        "<person Tell me when a cup appears.><agent All right, I will tell you when I see a cup.>"
    )
    assert here.scribe.text(0).endswith(told)


def test_what_is_said_is_read_while_it_is_said_for_both_rows() -> None:
    here = room("Tell me when a cup appears.")
    here.scribe.writes = " answer"
    here.wait(50)
    here.wait(12, LOUD)
    assert here.rehearsal.engine._state.minds[0].draft is None, "they still speak"
    assert here.scribe.text(0).endswith("<person Tell me when a cup")
    assert here.scribe.text(2) == f'{EXAMPLES}"Tell me when a cup'
    here.wait(60)
    assert here.scribe.text(0).count("Tell me when a cup appears.") == 1
    assert here.scribe.text(2).startswith(EXAMPLES)


def test_a_first_picture_that_was_coarse_is_looked_at_again_and_then_no_more() -> None:
    here = room()
    here.pixels = np.full((24, 32, 3), 90, np.uint8)
    here.wait(20)
    assert here.seen() == []
    here.eyes.things = (CUP,)
    here.wait(40)
    assert here.seen() == [("object", "cup")]
    looks = len(here.eyes.looks)
    here.wait(60)
    assert len(here.eyes.looks) == looks


def test_a_watch_is_cancelled_by_a_request_and_then_says_nothing() -> None:
    here = room()
    here.wait(5)
    here.ask("Tell me when a cup appears.", " watch: a cup appears, tell\n")
    here.ask("Stop watching.", " stop")
    assert here.said.endswith("All right, I stopped watching.")
    here.eyes.things = (CUP,)
    here.wait(60)
    assert "I see a cup. " not in f"{here.said} "[here.said.index("stopped") :]
    assert [one.a_second for one in here.rehearsal.told(PicturesWanted)] == [1.0, 5.0, 1.0]


def test_stop_means_nothing_when_nothing_is_watched() -> None:
    here = room(Stop="Of what?")
    here.wait(5)
    here.ask("Stop.", " stop")
    assert here.said == "Of what?"


def test_it_does_not_speak_over_the_person() -> None:
    here = room("I am telling a long story about something else")
    here.wait(5)
    here.ask("Tell me when a cup appears.", " watch: a cup appears, tell\n")
    before = here.said
    here.eyes.things = (CUP,)
    here.wait(20, LOUD)
    assert here.said == before
    here.wait(120)
    assert "I see a cup." in here.said[len(before) :]


def test_language_reads_what_is_seen_beside_a_question_about_it_and_the_next_one() -> None:
    here = room()
    here.eyes.things = (CUP, Thing("person", 0.7, BOX))
    here.wait(60)
    here.ask("How are you?", " answer")
    assert "<note" not in here.scribe.text(0), "nobody asked"
    here.ask("What do you see?", " look")
    asked = here.scribe.text(0)
    assert "<person What do you see?><note I saw one person, a cup 4 seconds ago." in asked
    for more in (1, 0):
        before = here.scribe.text(0).count("<note")
        here.ask("And now?", " answer")
        assert here.scribe.text(0).count("<note") == before + more


# ---- intents that are known ----------------------------------------------------------------------


def test_an_answer_costs_no_look_at_the_examples_where_intents_are_known() -> None:
    here = room(intents={}, How="Fine.")
    here.wait(20)
    before = here.scribe.text(2)
    here.ask("How are you?", "")
    assert here.said == "Fine."
    assert here.scribe.text(2) == before == EXAMPLES
    assert here.scribe.text(0).endswith("<person How are you?><agent Fine.>")


def test_of_a_request_whose_intent_is_known_only_the_rest_is_written() -> None:
    here = room(intents={"Tell me": Intent("watch", "goes", "object")})
    here.wait(5)
    here.ask("Tell me when the cup is not there.", " watch: the cup is gone, tell\n")
    assert here.said == "All right, I will tell you when a cup is gone."
    (watch,) = here.rehearsal.engine._state.minds[0].looking.watches
    assert (watch.way, watch.key) == ("goes", ("object", "cup"))
    assert here.scribe.text(0).endswith(f"<agent {here.said}>")


@pytest.mark.parametrize(("own", "say"), [(True, "boo"), (False, "")])
def test_whose_words_are_said_is_known_with_the_intent(own: bool, say: str) -> None:
    here = room(intents={"Say": Intent("watch", "comes", "object", own=own)})
    here.wait(5)
    here.ask("Say boo when a cup appears.", ' watch: a cup appears, say "boo"\n')
    (watch,) = here.rehearsal.engine._state.minds[0].looking.watches
    assert (watch.key, watch.say) == (("object", "cup"), say)


def test_what_is_written_of_another_kind_than_the_intent_is_not_obeyed() -> None:
    intents = {"Tell me": Intent("watch", "comes", "person"), "Stop": Intent("stop")}
    here = room(intents=intents)
    here.wait(5)
    here.ask("Tell me when the cup is not there.", " watch: the cup is gone, tell\n")
    (watch,) = here.rehearsal.engine._state.minds[0].looking.watches
    assert (watch.way, watch.key) == ("comes", ("person", ""))
    here.ask("Stop it.", "")
    assert here.rehearsal.engine._state.minds[0].looking.watches == ()


def test_what_is_seen_is_read_beside_a_question_that_is_known_to_be_about_it() -> None:
    here = room(intents={"What do you see": Intent("look"), "Read": Intent("read")})
    here.eyes.things = (CUP,)
    here.wait(60)
    here.ask("What do you see?", "")
    told = here.scribe.text(0)
    assert "<person What do you see?><note I see nobody, a cup." in told
    here.ask("Read it.", "")
    assert here.said.endswith("It says: No entry")


def test_text_is_read_when_asked_for_and_not_before() -> None:
    here = room(source="screen")
    here.wait(40)
    assert here.seen() == [] and here.eyes.looks == [], "nothing is looked for on a screen"
    here.ask("Please read this.", " read")
    assert here.said == "It says: No entry"
    assert here.seen() == [("text", "No entry")]
    here.ask("And what was that?", " look")
    assert "On the screen I read" in here.scribe.text(0)


def test_what_was_read_for_a_turn_that_is_not_taken_is_not_told() -> None:
    here = room("Please read this aloud to me.", source="screen")
    here.scribe.writes = " read"
    here.wait(8, LOUD)
    taken = False
    for _ in range(60):
        here.wait(1)
        taken = taken or any(one.decision == "take" for one in here.rehearsal.told(Floor))
        assert taken or not here.seen(), "their turn is not over"
    assert taken and here.seen() == [("text", "No entry")]


def test_a_screen_alone_is_not_watched_and_a_watch_waits_for_the_camera() -> None:
    here = room(source="screen")
    here.wait(5)
    here.eyes.things = (CUP,)
    here.ask("Tell me when a cup appears.", " watch: a cup appears, tell\n")
    promised = (
        "I do not watch your screen, and your camera is off. "
        "Turn it on, and I will tell you when I see a cup."
    )
    assert here.said == promised
    here.wait(20)
    assert here.eyes.looks == []
    here.source = "camera"
    here.wait(40)
    assert here.said == f"{promised} I see a cup."


def test_a_camera_that_is_off_was_never_there() -> None:
    here = room(see="Nothing.")
    here.eyes.things = (CUP,)
    here.wait(60)
    assert here.seen() == [("object", "cup")]
    here.shows = False
    here.rehearsal.step(SILENCE, unseen=("camera",))
    looks = len(here.eyes.looks)
    here.ask("What do you see?", " answer")
    assert "camera" not in here.scribe.text(0).split("What do you see?")[0]
    assert len(here.eyes.looks) == looks


def test_what_fired_while_we_spoke_is_not_said_once_it_is_not_watched_for() -> None:
    here = room("Stop watching.")
    here.wait(5)
    here.ask("Tell me when a cup appears.", " watch: a cup appears, tell\n")
    here.scribe.writes = " stop"
    here.wait(3, LOUD)
    here.eyes.things = (CUP,)
    here.wait(12, LOUD)
    assert ("object", "cup") in here.seen()
    here.wait(120)
    assert here.said.endswith("All right, I stopped watching.")
    assert here.rehearsal.told(Saying) == []


def test_a_look_that_fails_is_tried_again() -> None:
    here = room()
    here.eyes.broken = True
    here.wait(60)
    here.eyes.broken, here.eyes.things = False, (CUP,)
    here.wait(60)
    assert ("object", "cup") in here.seen()


def test_without_eyes_pictures_are_nothing() -> None:
    rehearsal = Rehearsal.begin(scripted_model(Scribe()))
    picture = Picture("camera", 0, np.zeros((24, 32, 3), np.uint8))
    for _ in range(30):
        rehearsal.step(SILENCE, pictures=(picture,))
    assert rehearsal.told(Seen, PicturesWanted) == []


# ---- the grammar --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("writes", "way", "key", "say"),
    [
        (" watch: a hand is raised, tell\n", "comes", ("hand", ""), ""),
        (" watch: the dog is gone, tell\n", "goes", ("object", "dog"), ""),
        (' watch: somebody comes in, say "hello you"', "comes", ("person", ""), "hello you"),
        (" count: push-ups\n", "counts", ("count", "push-ups"), ""),
    ],
)
def test_what_is_written_becomes_a_typed_watch(
    writes: str, way: watching.Way, key: tuple[str, str], say: str
) -> None:
    request = asked("Say hello you when it is so.", writes)
    assert request is not None and request.what == "watch"
    assert (request.way, request.key, request.say) == (way, key, say)


def test_whatever_is_written_a_request_is_one_that_can_be_met() -> None:
    rng = np.random.default_rng(6)
    known = set(watching.choices().values())
    for _ in range(60):
        letters = "".join(rng.choice(list(' abcdefghilmnoprstuwy,:"\n-'), 60))
        start = str(rng.choice([" watch:", " count:", ' say "', " ", ""]))
        request = asked("Please say something when it happens", start + letters)
        if request is not None and request.what == "watch":
            assert (request.way, request.key) in known
            assert request.say in "Please say something when it happens"


def asked(said: str, writes: str) -> Any:
    scribe = Clerk(rows=1, writes=writes)
    requests = Requests(scribe, 0)
    request = finished(requests.ask(said))
    requests.forget()
    assert scribe.text(0) == EXAMPLES, "the row is as it was"
    return request
