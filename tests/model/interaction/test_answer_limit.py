"""An answer that reaches its limit of tokens does not stop in the middle of a word, and says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.engine.engine import RowOutput
from model.interaction.floor import FloorSettings
from model.interaction.floor_port import Sensed, Verdict
from model.interaction.mind import Mind, ReplyDone
from model.interaction.rules import Rules
from model.messages import Heard, MicroTurnInput, UtteranceDone
from model.timebase import SPEAKING_RATE
from tests.model.interaction import walk as steps
from tests.model.interaction.rehearsal import SILENCE, Rehearsal
from tests.model.interaction.scripted_parts import Scribe, scripted_model
from tests.model.interaction.walk import NOTHING, VOICE, Walk, decisions, rendered
from tests.model.interaction.walk import SILENCE as QUIET

LIMIT = 400
"""Tokens, here letters, of an answer of the scripted model."""

WHOLE = "The sea is wide and deep. " * 14
LONG = WHOLE + "Further than anybody has ever sailed it continues northwards " * 3


def ended(output: RowOutput) -> list[UtteranceDone]:
    """Utterances that end in this micro-turn."""
    return [event for event in output.output.events if isinstance(event, UtteranceDone)]


def test_no_half_word_is_said() -> None:
    assert len(WHOLE) < LIMIT < len(LONG)
    rehearsal = Rehearsal.begin(scripted_model(Scribe(replies={"sea": LONG})))
    rehearsal.step(SILENCE, texts=("Tell me of the sea.",))
    rehearsal.wait_until_said()
    said = rehearsal.said_text()
    assert said.startswith(WHOLE) and LONG.startswith(f"{said} ") and len(said) < LIMIT


@pytest.mark.parametrize(("reply", "limited"), [(LONG, True), (WHOLE, False)])
def test_the_server_is_told_which_answer_reached_its_limit(reply: str, limited: bool) -> None:
    rehearsal = Rehearsal.begin(scripted_model(Scribe(replies={"sea": reply})))
    rehearsal.step(SILENCE, texts=("Tell me of the sea.",))
    rehearsal.wait_until_said()
    assert [one.limited for one in rehearsal.told(UtteranceDone)] == [limited]


@pytest.mark.parametrize("limited", [True, False])
def test_so_it_is_of_an_answer_that_was_whole_before_its_turn_came(limited: bool) -> None:
    walk = Walk()
    walk.take(8, VOICE)
    walk.take(20)
    walk.step(QUIET, walk.transcribed("Hello."))
    (done,) = ended(walk.step(QUIET, rendered(1, 0.2), ReplyDone(1, "Well.", limited)))
    assert done.limited is limited


class Forgiving(Rules):
    """Whatever stopped us was nothing."""

    def decide(self, mind: Mind, turn: MicroTurnInput, sensed: Sensed) -> Verdict:
        return replace(super().decide(mind, turn, sensed), resume=True)


@pytest.mark.parametrize("limited", [True, False])
def test_so_it_is_of_the_rest_of_one_that_was_cut_for_nothing(
    limited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgiving = Forgiving(NOTHING, NOTHING, FloorSettings())
    monkeypatch.setattr(steps, "PARTS", replace(steps.PARTS, floor=forgiving))
    walk = Walk()
    walk.step(texts=("First.",))
    walk.step(QUIET, rendered(1, 0.2), rendered(1, 0.3), ReplyDone(1, "Well. Well.", limited))
    while decisions([walk.step(VOICE)]) != ["yield"]:
        assert walk.k < 60
    (done,) = ended(walk.step(QUIET, heard=(Heard(1, round(0.25 * SPEAKING_RATE), cut=True),)))
    assert (done.utterance, done.limited) == (2, limited)
