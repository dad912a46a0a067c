"""Core decides and the real Ears, Language and Voice follow: taking, going on, "mm-hm"."""

from __future__ import annotations

import pytest

from model.interaction.counterpoint import CounterpointModel
from model.messages import Floor, Remembered, UtteranceDone
from tests.model.interaction.conftest import Saying
from tests.model.interaction.core_live import Decided, untrained, with_core
from tests.model.interaction.rehearsal import SILENCE, Rehearsal

pytestmark = [pytest.mark.weights, pytest.mark.timeout(120)]

REQUEST = "Please tell me a long story about a ship on the sea."


def floors(rehearsal: Rehearsal) -> list[str]:
    return [event.decision for _, event in rehearsal.events if isinstance(event, Floor)]


def test_a_draft_is_said_at_once_cut_and_taken_up_where_it_was_cut(
    small_model: CounterpointModel, person: Saying
) -> None:
    used = untrained(small_model.rows)
    decided, model = Decided(used), with_core(small_model, used)
    rehearsal = Rehearsal.begin(model)
    decided("listen", "speaking", ahead=12)
    rehearsal.hear(person(REQUEST))
    decided("listen", "finished")
    rehearsal.wait(12)
    assert not rehearsal.sent, "drafted, not said"
    decided("take", "finished")
    output = rehearsal.step(SILENCE)
    assert output.speech, "the first audio leaves in the micro-turn that takes the floor"
    decided("hold", "silent")
    rehearsal.wait(14)
    decided("yield", "speaking", ahead=12)
    rehearsal.step(SILENCE)
    decided("listen", "silent")
    rehearsal.wait(2)
    decided("take", "acknowledging")
    rehearsal.step(SILENCE)
    decided("hold", "silent")
    assert floors(rehearsal) == ["take", "yield", "take"]
    rehearsal.wait(120)
    before = [event for _, event in rehearsal.events if isinstance(event, Remembered)][0]
    rest = "".join(word.text for word in rehearsal.said(2))
    whole = "".join(word.text for word in rehearsal.said(1))
    assert before.cut
    assert whole.startswith(before.text)
    assert rest.split()[0] == whole[len(before.text) :].split()[0], "from the word that was cut"
    rehearsal.wait(6)
    memory = model.parts.memories[0].text()
    assert f"{before.text.strip()} {rest.strip()}" in memory, "one turn, without a seam"


def test_signs_of_listening_are_recorded_not_remembered_and_never_alike(
    small_model: CounterpointModel, person: Saying
) -> None:
    used = untrained(small_model.rows)
    decided, model = Decided(used), with_core(small_model, used)
    rehearsal = Rehearsal.begin(model)
    before = model.parts.memories[0].text()
    audio = person(REQUEST)
    decided("backchannel", "speaking", ahead=12)
    rehearsal.hear(audio)
    said = ["".join(word.text for word in rehearsal.said(n)) for n in sorted(rehearsal.sent)]
    assert len(said) >= 3
    assert all(one != other for one, other in zip(said, said[1:], strict=False))
    assert set(floors(rehearsal)) == {"backchannel"}
    done = [event for _, event in rehearsal.events if isinstance(event, UtteranceDone)]
    assert len(done) >= len(said) - 1
    assert model.parts.memories[0].text() == before
    assert rehearsal.person_text() == [], "the person still has the turn"
