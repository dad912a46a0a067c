"""Language reads the person's words while they speak; what it then answers is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from typing import cast

import pytest

from model.engine.pieces import Failed, finished
from model.interaction import work
from model.interaction.memory import CUT_TOKENS, LONGEST_TURN_TOKENS, Memory
from model.interaction.mind import Transcribed
from model.interaction.parts import BeyondWindow, Pieces
from model.interaction.rules import EndOfTurn, RulesRow
from model.interaction.segment import Segment
from model.messages import StreamSettings, Turn, Word
from model.orders import Answer
from tests.model.interaction.scripted_parts import Scribe
from tests.model.interaction.walk import SILENCE, VOICE, Walk, decisions, lanes, rendered


class Reader(Scribe):
    """Counts what it reads."""

    read = 0

    def append(self, row: int, ids: Sequence[int]) -> Pieces[None]:
        self.read += len(ids)
        yield from super().append(row, ids)


def primed() -> tuple[Memory, Reader]:
    scribe = Reader()
    memory = Memory(scribe, 0)
    finished(memory.prime("Be kind.", ()))
    scribe.read = 0
    return memory, scribe


def asked_at_once(text: str) -> str:
    memory, scribe = primed()
    finished(memory.ask(text))
    return scribe.text()


@pytest.mark.parametrize(
    ("ahead", "saved"),
    [
        (["What is"], len("<person What is")),
        (["What is", "What is the cap"], len("<person What is the cap")),
        (["What was"], len("<person What ")),
        (["What is", "Was"], len("<person W")),
    ],
)
def test_a_draft_reads_the_rest_and_the_row_is_as_if_nothing_had_been_read(
    ahead: list[str], saved: int
) -> None:
    memory, scribe = primed()
    for text in ahead:
        finished(memory.read_ahead(text))
    known = scribe.read
    finished(memory.ask("What is the capital?"))
    assert scribe.text() == asked_at_once("What is the capital?")
    assert scribe.read - known == len("<person What is the capital?><agent ") - saved


def test_a_draft_dropped_for_more_words_or_none_is_not_read_again() -> None:
    memory, scribe = primed()
    finished(memory.ask("Tell me."))
    for token in scribe.next_tokens([0]):
        memory.took(token)
    scribe.read = 0
    finished(memory.ask("Tell me."))
    assert scribe.read == 0
    assert scribe.text() == asked_at_once("Tell me.")
    finished(memory.ask("Tell me. Now."))
    assert scribe.read == len(" Now.><agent ")
    assert scribe.text() == asked_at_once("Tell me. Now.")


def test_of_a_dropped_draft_the_next_one_knows_what_it_said() -> None:
    memory, scribe = primed()

    def drafted(text: str, tokens: int) -> str:
        token = finished(memory.answer(text))
        for _ in range(tokens):
            memory.took(token)
            (token,) = scribe.next_tokens([0])
        return scribe.earlier[-1]

    assert drafted("Tell me.", 3) == ""
    finished(memory.read_ahead("Tell me now and"))
    assert drafted("Tell me now.", 2) == "Yes"
    finished(memory.settle("Yes.", cut=False))
    assert drafted("And then?", 2) == ""  # what was heard is remembered, and no draft of this
    finished(memory.record(Turn("agent", "Mhm.")))
    assert drafted("And then?", 0) == ""


def test_what_was_read_ahead_is_not_remembered() -> None:
    memory, scribe = primed()
    before = scribe.text()
    finished(memory.read_ahead("Never mi"))
    finished(memory.record(Turn("agent", "Yes.")))
    assert scribe.text() == f"{before}<agent Yes.>"
    finished(memory.read_ahead("And"))
    finished(memory.ask("And now?"))
    finished(memory.settle("Sure.", cut=False))
    assert scribe.text() == f"{before}<agent Yes.><person And now?><agent Sure.>"
    finished(memory.read_ahead("And"))
    finished(memory.go_back())
    assert scribe.text().endswith("<agent Sure.>")


def test_an_abandoned_reading_leaves_no_trace() -> None:
    memory, scribe = primed()
    finished(memory.read_ahead("One"))
    under_way = memory.read_ahead("One two")
    next(iter(under_way))
    under_way.close()
    finished(memory.ask("One two three."))
    assert scribe.text() == asked_at_once("One two three.")


def test_of_a_turn_too_long_to_be_read_whole_little_is_read_twice() -> None:
    """Its beginning is cut in steps: most words that are added leave it where it is."""
    memory, scribe = primed()
    letters = cycle("abcdefghijklmnopqrstuvwxyz")
    said = "".join(islice(letters, LONGEST_TURN_TOKENS))
    finished(memory.read_ahead(said))
    before, again = scribe.read, 0
    for _ in range(CUT_TOKENS):
        said += next(letters)
        since = scribe.read
        finished(memory.read_ahead(said))
        again += scribe.read - since > CUT_TOKENS
    assert again == 1 and scribe.read - before < LONGEST_TURN_TOKENS + 2 * CUT_TOKENS
    since = scribe.read
    finished(memory.ask(said))
    assert scribe.read - since < 20
    assert len(scribe.text()) <= LONGEST_TURN_TOKENS + 100


def heard(walk: Walk, count: int) -> Transcribed:
    now = walk.mind.hearing
    assert now.segment is not None
    words = tuple(Word(f"w{n}", n / 10, n / 10) for n in range(count))
    open_ = Segment(now.segment.blocks, now.segment.start_seconds, open_words=words)
    return Transcribed(now.number, now.segment, open_)


def paused(walk: Walk, count: int) -> list[str]:
    """Words are known, the person says a little more and falls silent; lanes of what begins."""
    walk.take(8, VOICE)
    walk.step(VOICE, heard(walk, count))
    walk.take(2, VOICE)
    began: list[str] = []
    while walk.mind.draft is None and walk.k < 20:
        began = lanes(walk.step(SILENCE))
    return began


def test_a_draft_begins_on_the_words_so_far_while_the_last_are_recognised() -> None:
    walk = Walk()
    assert "language" in paused(walk, 2)
    draft = walk.mind.draft
    assert draft is not None and draft.text == "w0 w1" and walk.mind.hearing.busy
    walk.step(SILENCE, rendered(draft.number))
    assert decisions(walk.take(30)) == [], "what was said last is still being recognised"
    assert decisions([walk.step(SILENCE, heard(walk, 2)), *walk.take(2)]) == ["take"]
    assert walk.mind.asked == "w0 w1"


def test_a_draft_on_other_words_than_were_said_gives_way_to_one_on_these() -> None:
    walk = Walk()
    paused(walk, 2)
    first = walk.mind.draft
    output = walk.step(SILENCE, heard(walk, 3), EndOfTurn(walk.k - 1, 0.7))
    second = walk.mind.draft
    assert first is not None and second is not None and second.number == first.number + 1
    assert second.text == "w0 w1 w2" and (output.drafted, output.dropped) == (1, 1)
    assert "language" in output.cancel and "language" in lanes(output)
    assert not walk.mind.hearing.busy
    assert cast(RulesRow, walk.mind.floor).end_of_turn is not None, "it judged the same sound"


def test_an_answer_that_is_wanted_now_is_to_all_that_was_said() -> None:
    walk = Walk()
    paused(walk, 2)
    output = walk.step(SILENCE, orders=(Answer(),))
    draft = walk.mind.draft
    assert draft is not None and draft.text == "" and output.dropped == 1
    assert "ears" in output.cancel, "the draft listens by itself"
    walk.step(SILENCE, walk.transcribed("w0", "w1", "w2"))
    assert decisions([walk.step(SILENCE, rendered(draft.number))]) == ["take"]
    assert walk.mind.asked == "w0 w1 w2"


def test_where_the_last_words_cannot_be_recognised_we_say_that_something_went_wrong() -> None:
    walk = Walk()
    paused(walk, 2)
    walk.step(SILENCE, Failed("ears", "RuntimeError()"))
    assert walk.mind.draft is not None and walk.mind.draft.failed
    outputs = walk.take(60)
    assert sum(lanes(one).count("language") for one in outputs) == 1, "the apology"
    assert walk.mind.utterance is not None and not walk.mind.answering
    assert walk.mind.hearing.segment is None


def test_a_hypothesis_that_was_given_up_does_not_end_the_wait_for_the_one_after_it() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    old = heard(walk, 2)
    walk.step(VOICE, old)
    walk.take(2, VOICE)
    while walk.mind.draft is None and walk.k < 20:
        walk.step(SILENCE)
    assert walk.mind.hearing.busy
    walk.step(SILENCE, old)
    assert walk.mind.hearing.busy
    walk.step(SILENCE, heard(walk, 2))
    assert not walk.mind.hearing.busy


def test_words_long_ago_are_not_what_a_draft_begins_on() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    walk.step(VOICE, heard(walk, 2))
    walk.take(6, VOICE)
    while walk.mind.draft is None and walk.k < 24:
        walk.step(SILENCE)
    assert walk.mind.draft is not None and walk.mind.draft.text == ""


def test_words_are_read_a_few_at_a_time_but_for_the_last() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    counts = range(1, 3 * work.AHEAD_WORDS + 2)
    reads = [lanes(walk.step(VOICE, heard(walk, n))).count("language") for n in counts]
    assert sum(reads) == 3
    assert reads.index(1) == work.AHEAD_WORDS
    assert walk.mind.hearing.ahead == 3 * work.AHEAD_WORDS
    assert lanes(walk.step(SILENCE)).count("language") == 1, "the draft"


def test_nothing_is_read_ahead_that_is_not_to_be_answered() -> None:
    walk = Walk()
    walk.mind = replace(walk.mind, settings=StreamSettings(manual_turns=True))
    walk.take(8, VOICE)
    assert lanes(walk.step(VOICE, heard(walk, 9))).count("language") == 0


class Forgetful(Scribe):
    """Has written over too much once."""

    beyond = True

    def truncate(self, row: int, length: int) -> None:
        if self.beyond:
            self.beyond = False
            raise BeyondWindow("read the text again")
        assert length <= len(self.held_[row]), "what was never read cannot be kept"
        super().truncate(row, length)


def test_a_text_that_was_being_read_again_when_the_person_went_on_is_read_again() -> None:
    scribe = Forgetful()
    memory = Memory(scribe, 0)
    for _ in memory.prime("Be kind.", [Turn("person", "One."), Turn("agent", "Two.")]):
        pass
    whole = scribe.text()
    reading = memory.read_ahead("And three")
    next(reading)
    next(reading)
    reading.close()  # A draft that was dropped.
    assert scribe.text() != whole
    for _ in memory.read_ahead("And three more"):
        pass
    assert scribe.text() == f"{whole}<person And three more"
