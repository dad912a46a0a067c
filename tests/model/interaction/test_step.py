"""One row's micro-turns, without the parts: jobs are counted, not run; their results are given."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from model.engine.jobs import Failed
from model.interaction import hearing
from model.interaction.mind import Hearing, Rendered, ReplyDone, Transcribed
from model.interaction.parts import Spoken
from model.interaction.rules import EndOfTurn
from model.interaction.segment import Segment
from model.messages import Heard, PersonWords, UtteranceDone, Word
from model.timebase import SPEAKING_RATE
from tests.model.interaction.walk import BLOCK, SILENCE, VOICE, Walk, decisions, lanes, rendered


def test_the_floor_is_taken_when_there_is_something_to_say_and_not_before() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    outputs = walk.take(80)
    assert decisions(outputs) == [], "however long the words take"
    assert sum(lanes(one).count("language") for one in outputs) == 1
    assert decisions([walk.step(SILENCE, walk.transcribed("Hello.")), *walk.take(60)]) == []
    assert decisions([walk.step(SILENCE, rendered(1))]) == ["take"]
    assert walk.mind.utterances == 1
    assert walk.mind.asked == "Hello."


@pytest.mark.parametrize("known", [False, True])
def test_who_goes_on_before_we_speak_is_not_spoken_to_and_loses_no_word(known: bool) -> None:
    walk = Walk()
    walk.take(8, VOICE)
    walk.take(20)
    if known:
        walk.step(SILENCE, walk.transcribed("Hello."))
    segment = walk.mind.hearing.number
    walk.take(3, VOICE)
    assert walk.mind.draft is None
    assert walk.mind.hearing.number == segment
    assert walk.mind.hearing.segment is not None
    assert walk.mind.hearing.segment.end_seconds - walk.mind.hearing.segment.start_seconds > 3.0


def test_what_a_dropped_draft_was_listening_to_is_recognised_at_once() -> None:
    """And not three micro-turns behind the draft's beginning."""
    walk = Walk()
    walk.take(8, VOICE)
    silences = 0
    while walk.mind.draft is None and silences < 10:
        walk.take(1)
        silences += 1
    began_k = walk.k - 1
    walk.take(1, VOICE)
    assert walk.mind.draft is None and walk.k - began_k < 3
    assert "ears" in lanes(walk.step(VOICE))


def test_a_draft_listens_alone() -> None:
    for voiced in range(4, 10):
        walk = Walk()
        walk.take(voiced, VOICE)
        outputs = walk.take(6)
        (began,) = [one for one in outputs if "language" in lanes(one)]
        assert "ears" not in lanes(began) and "ears" in began.cancel
        assert not [one for one in outputs[outputs.index(began) :] if "ears" in lanes(one)]


def test_what_was_cut_before_it_began_is_answered_anew_at_once() -> None:
    walk = Walk()
    walk.step(texts=("First.",))
    output = walk.step(texts=("And second.",))
    assert decisions([output]) == ["yield", "take"]
    assert walk.mind.utterance is not None and walk.mind.utterance.number == 2
    assert walk.mind.asked == "First. And second."
    assert lanes(output) == ["language"]


def test_what_was_heard_whole_when_we_gave_way_is_over_at_once() -> None:
    walk = Walk()
    walk.step(texts=("First.",))
    walk.step(SILENCE, rendered(1, 0.2), ReplyDone(1, "Well."))
    walk.step(texts=("Second.",))
    assert walk.mind.cut_k >= 0
    output = walk.step(heard=(Heard(1, round(0.2 * SPEAKING_RATE)),))
    assert [job.lasting for job in output.jobs] == [True, False], "remembered, then answered"
    assert walk.mind.utterance is not None and walk.mind.utterance.number == 2


@pytest.mark.parametrize("sent", [False, True])
def test_the_pause_behind_the_last_phrase_is_no_part_of_what_we_say(sent: bool) -> None:
    """Else who begins in it would interrupt what was said to its end."""
    walk = Walk()
    walk.step(texts=("First.",))
    phrase = rendered(1, 0.2)
    quiet = np.zeros(round(0.25 * SPEAKING_RATE), np.float32)
    audio = np.concatenate((phrase.spoken.audio, quiet))
    paused = Rendered(1, Spoken(audio, phrase.spoken.words))
    if sent:  # The end of the answer was known late: what has been sent belongs to it.
        walk.step(SILENCE, paused)
        walk.take(3)
    output = walk.step(SILENCE, *(() if sent else (paused,)), ReplyDone(1, "Well."))
    (done,) = [event for event in output.output.events if isinstance(event, UtteranceDone)]
    at_most = 0.35 if sent else 0.2
    assert done.samples == round(at_most * SPEAKING_RATE)


def test_a_new_segment_begins_with_no_word_of_the_last() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    walk.step(VOICE, commands=("stop",))
    segment = walk.mind.hearing.segment
    assert segment is not None
    assert segment.start_seconds >= 0.6 - 1e-6


def test_speech_without_end_is_parted_and_all_of_it_asked() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    heard = walk.mind.hearing
    assert heard.segment is not None
    said = tuple(Word(f"w{n}", n / 10, n / 10) for n in range(130))
    grown = Segment(heard.segment.blocks, heard.segment.start_seconds, said[:125], said[125:])
    output = walk.step(VOICE, Transcribed(heard.number, heard.segment, grown))
    told = [event for event in output.output.events if isinstance(event, PersonWords)]
    assert [(one.segment, len(one.words), one.final) for one in told] == [
        (heard.number, 125, True),
        (heard.number + 1, 5, False),
    ]
    assert walk.mind.hearing.words == said[125:]
    assert walk.mind.carried.split() == [word.text for word in said[:125]]
    walk.take(20)
    walk.step(SILENCE, walk.transcribed("and", "more"), rendered(1))
    assert walk.mind.asked.split()[-3:] == ["w124", "and", "more"]


def test_an_answer_that_fails_is_apologised_for_once() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    walk.take(10)
    walk.step(SILENCE, walk.transcribed("Hello."))
    output = walk.take(12)[-1]
    assert lanes(output) == [] and walk.mind.utterances == 0
    output = walk.step(SILENCE, Failed("language", "RuntimeError()"))
    assert lanes(output) == ["language"], "the apology is rendered"
    assert walk.mind.utterance is not None and walk.mind.utterance.number == 1
    output = walk.step(SILENCE, Failed("language", "RuntimeError()"))
    assert [lanes(one) for one in (output, *walk.take(5))] == [[]] * 6
    assert not walk.mind.interruptible and walk.mind.sayings == (), "nothing is being said"


def test_a_typed_question_whose_answer_fails_is_apologised_for() -> None:
    walk = Walk()
    walk.step(texts=("Hello.",))
    assert walk.mind.utterance is not None
    output = walk.step(SILENCE, Failed("language", "RuntimeError()"))
    assert lanes(output) == ["language"]
    assert walk.mind.utterance is not None and walk.mind.utterance.number == 2


def test_a_draft_begins_with_the_first_silence_and_voice_drops_it() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    begun = walk.step(SILENCE)
    assert lanes(begun) == ["language"] and (begun.drafted, begun.dropped) == (1, 0)
    assert walk.mind.draft is not None and walk.mind.doing == "speaking"
    given_up = walk.step(VOICE)
    assert "language" in given_up.cancel and (given_up.drafted, given_up.dropped) == (0, 1)
    assert walk.mind.draft is None


def test_what_is_decided_is_not_judged_again_while_the_answer_is_made() -> None:
    walk = Walk()
    walk.take(8, VOICE)
    judged = [one for one in walk.take(2) if "turn" in lanes(one)]
    assert len(judged) == 1
    walk.step(SILENCE, EndOfTurn(walk.k - 1, 0.99))
    assert not [one for one in walk.take(12) if "turn" in lanes(one)]


@pytest.mark.parametrize("voiced", range(4, 10))
def test_who_falls_silent_is_read_to_the_last_word_at_once(voiced: int) -> None:
    """Not two micro-turns later, when the answer may be waiting for it; and once is enough."""
    heard = Hearing()
    asked: list[int] = []
    for k in range(voiced + 6):
        heard = hearing.take_in(heard, BLOCK, k < voiced, k)
        if hearing.wants_partial(heard, k):
            asked.append(k)
            heard = replace(heard, asked_k=k)
    assert asked[-1] in (voiced - 1, voiced)
    assert not any(after - before < 2 for before, after in pairwise(asked))


def test_words_to_which_nothing_is_answered_were_said_all_the_same() -> None:
    """A decoder may end at once. The record has them; so must Language."""
    walk = Walk()
    walk.take(8, VOICE)
    while walk.mind.draft is None:
        walk.step(SILENCE)
    draft = walk.mind.draft
    outputs = [
        walk.step(SILENCE, walk.transcribed("Hello.")),
        walk.step(SILENCE, ReplyDone(draft.number, "")),
    ]
    outputs += walk.take(60)
    assert "take" in decisions(outputs) and walk.mind.utterance is None
    assert any(job.lasting for one in outputs for job in one.jobs if job.lane == "language")
    assert walk.mind.carried == ""
