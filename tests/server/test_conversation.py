"""The record: heard-audio truth, to the word; bounds; its exports."""

from __future__ import annotations

import json

import pytest

from model.messages import AgentWord, Turn, Word
from server import conversation as bounds
from server.conversation import Conversation, words_heard
from server.record import as_json, as_text, as_webvtt

WORDS = tuple(
    AgentWord(text, start, start + 2400)
    for text, start in ((" One", 0), (" two", 2400), (" three.", 4800))
)


def person(conversation: Conversation, segment: int, text: str, final: bool = True) -> None:
    words = tuple(Word(word, 1.0 + at, 1.5 + at) for at, word in enumerate(text.split()))
    conversation.person_words(segment, words, final=final)


@pytest.mark.parametrize(
    ("heard_samples", "count"),
    [(0, 0), (1200, 0), (1201, 1), (2400, 1), (3600, 1), (3601, 2), (7200, 3), (10**9, 3)],
)
def test_a_word_was_heard_when_more_than_half_of_it_was(heard_samples: int, count: int) -> None:
    assert words_heard(list(WORDS), heard_samples) == count


def test_what_was_cut_off_is_not_remembered() -> None:
    conversation = Conversation()
    person(conversation, 0, "Count to three")
    conversation.said(0, WORDS)
    conversation.started(0, 2.0)
    conversation.heard(0, 1300)
    conversation.cut(0, 4000, "floor")
    conversation.said(0, WORDS)  # too late to count
    assert conversation.as_turns() == (
        Turn("person", "Count to three"),
        Turn("agent", "One two", cut=True),
    )


def test_an_utterance_heard_to_its_end_is_whole_even_with_words_of_no_length() -> None:
    conversation = Conversation()
    conversation.said(0, (*WORDS, AgentWord(" …", 7200, 7200)))
    conversation.started(0, 0.0)
    conversation.done(0, 7200)
    assert conversation.as_turns() == (Turn("agent", "One two three. …"),)
    assert conversation.words_heard(0) == 4


def test_an_utterance_of_which_nothing_was_heard_never_was() -> None:
    conversation = Conversation()
    conversation.said(0, WORDS)
    conversation.cut(0, 0, "stop")
    assert conversation.as_turns() == ()
    assert as_json(conversation, "s")["turns"] == []


def test_later_words_of_a_segment_replace_earlier_ones_until_it_is_final() -> None:
    conversation = Conversation()
    person(conversation, 0, "wreck a nice", final=False)
    person(conversation, 0, "recognise speech")
    person(conversation, 0, "something else")
    assert conversation.as_turns() == (Turn("person", "recognise speech"),)


def test_neighbours_of_one_speaker_are_one_turn_except_after_a_cut() -> None:
    conversation = Conversation()
    person(conversation, 0, "Well")
    person(conversation, 1, "hello")
    for utterance in (0, 1, 2):
        conversation.said(utterance, WORDS)
        conversation.started(utterance, 5.0 + utterance)
    conversation.cut(0, 2400, "floor")
    conversation.done(1, 7200)
    conversation.done(2, 7200)
    assert conversation.as_turns() == (
        Turn("person", "Well hello"),
        Turn("agent", "One", cut=True),
        Turn("agent", "One two three. One two three."),
    )


def test_an_utterance_takes_its_place_when_it_is_heard() -> None:
    conversation = Conversation()
    conversation.said(0, WORDS)
    person(conversation, 0, "Wait")
    conversation.started(0, 3.0)
    conversation.done(0, 7200)
    assert [turn.who for turn in conversation.as_turns()] == ["person", "agent"]


def test_settle_ends_what_is_open() -> None:
    conversation = Conversation()
    person(conversation, 0, "I was say", final=False)
    conversation.said(0, WORDS)
    conversation.started(0, 0.0)
    conversation.heard(0, 2400)
    conversation.settle()
    person(conversation, 0, "changed")
    conversation.done(0, 7200)
    assert conversation.as_turns() == (
        Turn("person", "I was say"),
        Turn("agent", "One", cut=True),
    )


def test_only_the_newest_turns_are_given_to_a_resumed_stream() -> None:
    conversation = Conversation()
    for n in range(20):
        person(conversation, n, f"word{n:04}")
        conversation.said(n, (AgentWord(f" answer{n:04}", 0, 10),))
        conversation.started(n, float(n))
        conversation.done(n, 10)
    turns = conversation.as_turns(characters=40)
    assert [turn.text for turn in turns] == ["word0018", "answer0018", "word0019", "answer0019"]


def test_turns_and_characters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_TURNS", 10)
    conversation = Conversation()
    for n in range(25):
        person(conversation, n, "a")
    assert len(conversation.turns) == 10
    assert conversation.forgotten == 15
    person(conversation, 3, "of a turn long forgotten")
    assert len(conversation.turns) == 10
    monkeypatch.setattr(bounds, "MAX_CHARACTERS", 100)
    for n in range(25, 40):
        person(conversation, n, "x" * 30)
    assert sum(len(turn.text) for turn in conversation.turns) <= 100
    monkeypatch.setattr(bounds, "MAX_WORDS", 20)
    for n in range(40, 50):
        person(conversation, n, "a a a", final=False)
        person(conversation, n, "a a a a")
        conversation.said(n, WORDS)
    assert [len(turn.words) for turn in conversation.turns] == [3, 4, 3, 4, 3]


def test_json_and_captions_tell_what_was_heard() -> None:
    conversation = Conversation()
    person(conversation, 0, "Is 1 < 2 & 3 --> 4 ?")
    conversation.said(0, WORDS)
    conversation.started(0, 10.0)
    conversation.cut(0, 4800, "floor")
    exported = json.loads(json.dumps(as_json(conversation, "abc")))
    agent = exported["turns"][1]
    assert (agent["text"], agent["said"], agent["cut"]) == ("One two", "One two three.", True)
    assert (agent["start_ms"], agent["end_ms"], agent["by"]) == (10_000, 10_200, "floor")
    assert [word["heard"] for word in agent["words"]] == [True, True, False]
    assert as_text(conversation, "abc") == json.dumps(as_json(conversation, "abc"))
    captions = as_webvtt(conversation)
    assert captions.startswith("WEBVTT\n\n00:00:01.000 --> ")
    assert "<v Person>Is 1 &lt; 2 &amp; 3 --&gt; 4 ?</v>" in captions
    assert "00:00:10.000 --> 00:00:10.200\n<v Counterpoint>One two —</v>" in captions


def test_typed_text_has_a_caption_long_enough_to_read() -> None:
    conversation = Conversation()
    conversation.person_words(0, (Word("hi\n\nthere", 3600.5, 3600.5),), final=True, typed=True)
    assert "01:00:00.500 --> 01:00:02.500\n<v Person>hi there</v>" in as_webvtt(conversation)


def test_a_copy_stays_as_the_record_was() -> None:
    conversation = Conversation()
    person(conversation, 0, "Count", final=False)
    conversation.said(0, WORDS[:1])
    conversation.started(0, 1.0)
    conversation.done(0, 2400)
    copy = conversation.copy()
    before = as_text(copy, "s")
    assert before == as_text(conversation, "s")
    person(conversation, 0, "Count to three")
    conversation.said(1, WORDS)
    conversation.shorten(0, 0)
    assert as_text(copy, "s") == before != as_text(conversation, "s")


def test_what_the_model_was_told_is_known_at_its_place_and_signs_of_listening_are_not() -> None:
    talk = Conversation()
    talk.append(Turn("knowledge", "before all"))
    for number in range(30):
        talk.person_words(number, (Word(f"q{number}", 0.0, 0.1),), final=True)
        talk.said(2 * number, (AgentWord(" Mm-hm.", 0, 10),), listening=True)
        talk.done(2 * number, 10)
        if number == 20:
            talk.append(Turn("knowledge", "in between"))
        talk.said(2 * number + 1, (AgentWord(f" a{number}", 0, 10),))
        talk.done(2 * number + 1, 10)
    talk.append(Turn("knowledge", "at last"))
    texts = [turn.text for turn in talk.as_known()]
    assert texts[0] == "before all" and texts[-1] == "at last"
    place = texts.index("in between")
    assert texts[place - 1 : place + 2] == ["q20", "in between", "a20"]
    assert [turn.text for turn in talk.as_turns()] == [
        text for text in texts if text[0] in "qa" and text[1].isdigit()
    ]
