"""What was stopped for nothing goes on where it was cut, and is said to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from model.engine.pieces import finished
from model.interaction.floor import FloorSettings
from model.interaction.floor_port import Sensed, Verdict
from model.interaction.memory import Memory
from model.interaction.mind import Mind, ReplyDone
from model.interaction.rules import Rules
from model.messages import Heard, MicroTurnInput, Turn
from model.timebase import SPEAKING_RATE
from tests.model.interaction import walk as steps
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import LOUD, Scribe, scripted_model
from tests.model.interaction.walk import NOTHING, VOICE, Walk, decisions, lanes, rendered
from tests.model.interaction.walk import SILENCE as QUIET

REPLY = "The sea is wide and deep. " * 9 + "That is all."


class Forgiving(Rules):
    """Whatever stopped us was nothing."""

    def decide(self, mind: Mind, turn: MicroTurnInput, sensed: Sensed) -> Verdict:
        return replace(super().decide(mind, turn, sensed), resume=True)


def stopped(monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> tuple[Walk, list[str]]:
    """An answer cut behind a quarter of a second, and what is begun then."""
    forgiving = Forgiving(NOTHING, NOTHING, FloorSettings())
    monkeypatch.setattr(steps, "PARTS", replace(steps.PARTS, floor=forgiving))
    walk = Walk()
    walk.step(texts=("First.",))
    walk.step(QUIET, rendered(1, 0.2), rendered(1, 0.3))
    if whole:
        walk.step(QUIET, ReplyDone(1, "Well. Well."))
    while decisions([walk.step(VOICE)]) != ["yield"]:
        assert walk.k < 60
    heard = Heard(1, round(0.25 * SPEAKING_RATE), cut=True)
    return walk, lanes(walk.step(QUIET, heard=(heard,)))


def test_an_answer_that_was_still_being_made_is_made_on(monkeypatch: pytest.MonkeyPatch) -> None:
    walk, begun = stopped(monkeypatch, whole=False)
    assert begun == ["language", "language"], "what was heard is remembered; the rest is made"
    utterance = walk.mind.utterance
    assert utterance is not None and utterance.draft == walk.mind.drafts == 2
    assert utterance.rendered_samples > 0 and not utterance.complete
    walk.step(QUIET, rendered(2, 0.4), ReplyDone(2, " Well."))
    assert walk.mind.utterance is not None and walk.mind.utterance.complete
    assert len(walk.mind.utterance.words) == 2


def test_of_one_that_was_made_only_the_rest_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    walk, begun = stopped(monkeypatch, whole=True)
    assert begun == ["language"]
    assert walk.mind.utterance is not None and walk.mind.utterance.complete


@pytest.mark.parametrize("loud", [range(12, 22), range(40, 52)])
def test_all_of_it_is_said_and_remembered_as_one_turn(loud: range) -> None:
    scribe = Scribe(replies={"sea": REPLY})
    model = scripted_model(scribe)
    rules = cast(Rules, model.parts.floor)
    forgiving = Forgiving(rules._activity, rules._end_of_turn, FloorSettings())
    rehearsal = Rehearsal.begin(replace_floor(model, forgiving))
    rehearsal.step(SILENCE, texts=("Tell me of the sea.",))
    for k in range(loud.stop):
        rehearsal.step(LOUD if k in loud else SILENCE)
    assert rehearsal.cut, "it was stopped"
    for _ in range(400):
        rehearsal.step(SILENCE)
        if scribe.text().endswith("That is all.>"):
            break
    assert scribe.text().endswith(f"<person Tell me of the sea.><agent {REPLY}>")


def replace_floor(model: Any, floor: Rules) -> Any:
    """The same model with another floor."""
    model.parts = replace(model.parts, floor=floor)
    return model


def cut_memory() -> tuple[Memory, Scribe]:
    """A turn of ours cut behind two words."""
    scribe = Scribe(replies={"sea": "It is wide. It is deep."})
    memory = Memory(scribe, 0)
    finished(memory.prime("", ()))
    token = finished(memory.answer("The sea?"))
    for _ in range(8):
        memory.took(token)
        (token,) = scribe.next_tokens([0])
    finished(memory.settle("It is", cut=True))
    return memory, scribe


def test_the_row_holds_what_was_heard_and_is_said_again_and_what_follows() -> None:
    memory, scribe = cut_memory()
    assert chr(finished(memory.go_on(" wide."))) == " "
    assert scribe.text().endswith("<person The sea?><agent It is wide. ")
    finished(memory.rejoin(" wide. It is deep.", cut=False, utterance=3))
    assert scribe.text().endswith("<person The sea?><agent It is wide. It is deep.>")
    finished(memory.ask("And?"))
    assert scribe.text().endswith("It is deep.><person And?><agent ")


def test_a_row_that_was_opened_and_not_closed_is_written_anew() -> None:
    memory, scribe = cut_memory()
    finished(memory.go_on(" wide."))
    finished(memory.ask("And?"))
    assert scribe.text().endswith("<person The sea?><agent It is/><person And?><agent ")


def test_where_somebody_has_spoken_since_nothing_is_opened() -> None:
    memory, scribe = cut_memory()
    finished(memory.record(Turn("person", "Never mind.")))
    before = scribe.text()
    assert finished(memory.go_on(" wide.")) == -1 and scribe.text() == before
