"""Core's streams made live are those that training renders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from model.interaction import speaking
from model.interaction.core_row import Believed, CoreRow, Encoded, moment
from model.interaction.floor_port import RowSeen
from model.interaction.mind import Hearing, Mind
from model.interaction.parts import Spoken, SpokenWord
from model.interaction.segment import Segment
from model.interaction.sent import Sent
from model.interaction.speaking import Utterance
from model.interaction.streams import WORD_REVISED, WORD_SENTENCE, WORD_TYPED, word_hash
from model.messages import Audio, Heard, MicroTurnInput, Speech, StreamSettings, Word
from model.timebase import SPEAKING_BLOCK_SAMPLES, SPEAKING_RATE
from model.training.render.mix import _sent
from model.training.render.parts import Conversation, OwnPart

BLOCK = np.zeros(1600, np.float32)


def voice(seconds: float, seed: int) -> Audio:
    random = np.random.default_rng(seed)
    return random.normal(0, 0.1, round(seconds * SPEAKING_RATE)).astype(np.float32)


def rendered_sent(*own: OwnPart) -> Audio:
    return _sent(Conversation(cast(Any, None), 40, 0.1, (), own))


def test_sent_is_what_training_calls_sent() -> None:
    """Two utterances: one whole, one cut in its sixth micro-turn."""
    first, second = voice(0.73, 1), voice(2.0, 2)
    cut_at = 5 * SPEAKING_BLOCK_SAMPLES + 960
    wanted = rendered_sent(
        OwnPart("answer", 4, first, (), len(first)),
        OwnPart("answer", 20, second, (), cut_at, faded=True),
    )
    sent, blocks = Sent(), []
    given = {3: (1, first), 19: (2, second)}
    at = {1: 0, 2: 0}
    for k in range(40):
        if k == 25:
            sent = sent.cut()
        block, sent = sent.next()
        blocks.append(block)
        # Steps give 0.35 s ahead at most, never all at once.
        for begun, (number, audio) in given.items():
            ahead = 3 * SPEAKING_BLOCK_SAMPLES
            upto = min((k - begun) * SPEAKING_BLOCK_SAMPLES + ahead, len(audio))
            if k >= begun and upto > at[number] and k < 24:
                part = audio[at[number] : upto]
                sent = sent.give((Speech(number, at[number], part),))
                at[number] = upto
    np.testing.assert_array_equal(np.concatenate(blocks), wanted)


def mind_with(words: str = "", number: int = 1, partials: int = 1) -> Mind:
    said = tuple(Word(word, 0.1 * at, 0.1 * at + 0.1) for at, word in enumerate(words.split()))
    segment = Segment((BLOCK,), 0.0, open_words=said)
    hearing = Hearing(number=number, segment=segment, partials=partials)
    return Mind(0, StreamSettings(), CoreRow(), hearing)


def seen(mind: Mind, k: int, **more: Any) -> RowSeen:
    return RowSeen(mind, MicroTurnInput(1, k, BLOCK, **more))


def test_words_are_told_once_revised_and_typed() -> None:
    first = moment(CoreRow(), seen(mind_with("I see"), 5))
    assert [event.hash for event in first.events] == [word_hash("I"), word_hash("see")]
    again = moment(first.row, seen(mind_with("I see"), 6))
    assert again.events == ()
    revised = moment(again.row, seen(mind_with("I saw."), 7))
    assert [(e.hash, e.flags) for e in revised.events] == [
        (word_hash("saw"), WORD_REVISED + WORD_SENTENCE)
    ]
    over = replace(revised.row)
    closed = mind_with("").hearing
    gone = Mind(0, StreamSettings(), over, replace(closed, segment=None))
    assert moment(over, seen(gone, 8)).events == (), "the end of a segment withdraws no word"
    typed = moment(over, seen(gone, 9, texts=("Hello there",)))
    assert [event.flags for event in typed.events] == [WORD_TYPED] * 2
    fresh = moment(over, seen(mind_with("I saw.", number=2), 10))
    assert len(fresh.events) == 2, "another segment tells its words anew"


def test_every_hypothesis_is_judged_and_a_closed_segment_has_no_belief() -> None:
    first = moment(CoreRow(), seen(mind_with("I see"), 5))
    assert first.asks == "I see"
    assert "belief" not in first.columns
    held = replace(first.row, believed=Believed(5, 1, 0.7, 0.4))
    second = moment(held, seen(mind_with("I see"), 8))
    assert (second.asks, second.columns["belief"], second.columns["belief_age"]) == ("", 0.7, 3)
    assert second.columns["message"] == 0.4
    third = moment(second.row, seen(mind_with("I see", partials=2), 9))
    assert third.asks == "I see"
    other = moment(third.row, seen(mind_with("Yes", number=2), 10))
    assert "belief" not in other.columns
    assert other.asks == "Yes"


def test_what_the_encoder_made_grows_old() -> None:
    pools = np.ones((4, 288), np.float16)
    now = moment(CoreRow(encoded=Encoded(7, pools)), seen(mind_with(), 9))
    assert now.columns["encoder_age"] == 2
    assert len(now.row.recent) == 1


def test_what_is_queued_is_what_has_not_been_sent() -> None:
    words = tuple(SpokenWord(f" w{n}", n * 0.25, (n + 1) * 0.25) for n in range(4))
    utterance = speaking.append(Utterance(1, 1), Spoken(voice(1.0, 3), words))
    mind = replace(mind_with(), utterance=utterance)
    row = CoreRow(sent=Sent().give((Speech(1, 0, utterance.waiting[0][:8000]),)))
    found = []
    for k in range(3):
        now = moment(row, seen(mind, k))
        found.append(now.columns["queued"])
        row = now.row
    assert [words for words, _ in found] == [4.0, 4.0, 3.0]
    np.testing.assert_allclose([seconds for _, seconds in found], [0.9, 0.8, 0.7])
    cut = moment(row, seen(replace(mind, cut_k=2), 3))
    assert cut.columns["queued"] == (0.0, 0.0)
    assert not cut.own[960:].any()


def test_a_cut_that_playout_reports_fades_and_an_end_does_not() -> None:
    row = CoreRow(sent=Sent().give((Speech(1, 0, np.ones(4800, np.float32)),)))
    whole = moment(row, seen(mind_with(), 1, heard=(Heard(1, 4800),)))
    assert whole.own.all()
    cut = moment(row, seen(mind_with(), 1, heard=(Heard(1, 100, cut=True),)))
    assert cut.own[0] == 1.0
    assert not cut.own[959:].any()


def test_micro_turns_that_were_lost_were_played() -> None:
    row = CoreRow(k=3, sent=Sent().give((Speech(1, 0, np.arange(9600, dtype=np.float32)),)))
    now = moment(row, seen(mind_with(), 6))
    assert now.own[0] == 4800.0


def test_while_we_hesitate_our_voice_fades_stands_still_and_goes_on_where_it_was() -> None:
    """As training's renders have it (`OwnPart.held`), and what is queued stays queued."""
    audio = voice(1.0, 5)
    utterance = speaking.append(
        Utterance(1, 1),
        Spoken(audio, tuple(SpokenWord(f" w{n}", n / 4, (n + 1) / 4) for n in range(4))),
    )
    mind = replace(mind_with(), utterance=utterance)
    row = CoreRow(sent=Sent().give((Speech(1, 0, audio),)))
    blocks, queued = [], []
    for k in range(14):
        now = moment(row, seen(replace(mind, hesitates=2 <= k < 5), k))
        blocks.append(now.own)
        queued.append(now.columns["queued"][1])
        row = now.row
    whole = OwnPart("answer", 0, audio, (), len(audio)).held(0.2, 0.3)
    wanted = rendered_sent(whole)[: 14 * SPEAKING_BLOCK_SAMPLES]
    np.testing.assert_allclose(np.concatenate(blocks), wanted, atol=1e-6)
    assert queued[1] == queued[2] == queued[4] > queued[5]


def test_who_is_cut_while_standing_still_does_not_sound_again() -> None:
    row = CoreRow(sent=Sent().give((Speech(1, 0, np.ones(9600, np.float32)),)))
    mind = mind_with()
    still = moment(row, seen(replace(mind, hesitates=True), 0))
    cut = moment(still.row, seen(replace(mind, cut_k=0), 1))
    after = moment(cut.row, seen(mind, 2))
    assert still.own[0] == 1.0
    assert not cut.own.any()
    assert not after.own.any()


def test_who_is_cut_as_they_begin_to_stand_still_fades_once_and_is_silent() -> None:
    row = CoreRow(sent=Sent().give((Speech(1, 0, np.ones(9600, np.float32)),)))
    mind = replace(mind_with(), hesitates=True)
    cut = moment(row, seen(mind, 1, heard=(Heard(1, 100, cut=True),)))
    after = moment(cut.row, seen(mind_with(), 2))
    np.testing.assert_allclose(cut.own[:960], np.linspace(1, 0, 960), atol=1e-6)
    assert not cut.own[960:].any()
    assert not after.own.any()
