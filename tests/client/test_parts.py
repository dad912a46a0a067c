"""The client's pure parts: sound, what is about to be said, whose sound it is, what was heard."""

from __future__ import annotations

import asyncio
import gc
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from client import BadAudio, TooMuch, sound
from client.agent_events import AgentCut, AgentDone, AgentHeard, AgentStarted, AgentWords
from client.attribution import Attribution
from client.events import PersonWords, SessionStarted
from client.feed import Feed
from client.history import History
from client.mouth import Mouth
from client.received import MAX_LISTENERS, Received
from client.sound import FRAME, RATE
from client.values import Event, Turn, Word


def tone(seconds: float, rate: int = RATE) -> sound.Audio:
    at = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


# ---- sound


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_sound_of_any_rate_keeps_its_length_and_shape(rate: int) -> None:
    prepared = sound.prepare(tone(1.0, rate), rate)
    assert len(prepared) == RATE and prepared.dtype == np.float32
    middle = slice(RATE // 4, RATE // 2)
    assert np.abs(prepared[middle] - tone(1.0)[middle]).max() < 0.01


def test_integers_and_channels_are_taken() -> None:
    whole = (tone(0.1) * 32_767).astype(np.int16)
    assert np.abs(sound.prepare(whole, RATE) - tone(0.1)).max() < 1e-4
    stereo = np.stack([tone(0.1), np.zeros_like(tone(0.1))], axis=1)
    assert np.abs(sound.prepare(stereo, RATE) - tone(0.1) / 2).max() < 1e-6
    assert sound.prepare([0.0, 5.0, -5.0], RATE).tolist() == [0.0, 1.0, -1.0]


@pytest.mark.parametrize(
    ("samples", "rate", "why"),
    [
        ([[[0.0]]], RATE, "not [1, 1, 1]"),
        ([0.0], 100, "100 Hz"),
        (["a"], RATE, "not <U1"),
        ([float("nan")], RATE, "finite"),
        (np.zeros(601 * 8_000, np.float32), 8_000, "At most 600 s"),
    ],
)
def test_what_is_no_sound_is_refused(samples: object, rate: int, why: str) -> None:
    with pytest.raises(BadAudio) as refused:
        sound.prepare(samples, rate)  # type: ignore[arg-type]
    assert why in str(refused.value)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    sound.write_wav(path, iter([tone(0.3), tone(0.2)]))
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE, RATE // 2)
    assert np.abs(sound.read(path)[: RATE // 4] - tone(0.25)).max() < 1e-3
    sound.write_wav(path, tone(0.5, 16_000), 16_000)
    assert len(sound.read(path)) == RATE // 2


def test_files_that_hold_no_sound_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    for name in ("text.wav", "none.wav"):
        with pytest.raises(BadAudio, match=name):
            sound.read(tmp_path / name)


# ---- the mouth


def test_what_is_said_comes_out_once_in_order_and_to_the_sample() -> None:
    mouth = Mouth()
    mouth.frame()
    first, second = tone(0.0305), tone(0.05)
    assert mouth.say(first) == FRAME + len(first)
    assert mouth.say(second) == FRAME + len(first) + len(second)
    whole = np.concatenate([mouth.frame() for _ in range(6)])
    said = np.concatenate([first, second])
    assert np.array_equal(whole[: len(said)], said) and not whole[len(said) :].any()
    assert mouth.spoken == 7 * FRAME and mouth.waiting == 0


def test_the_mouth_is_bounded_muted_and_hushed() -> None:
    mouth = Mouth()
    mouth.say(tone(0.1))
    mouth.muted = True
    assert not mouth.frame().any()
    mouth.muted = False
    assert mouth.hush() == len(tone(0.1)) - FRAME and not mouth.frame().any()
    with pytest.raises(TooMuch, match="wait"):
        mouth.say(np.zeros(901 * RATE, np.float32))
    for n in range(1, 101):
        mouth.hear_live(np.full(FRAME, n / 200, np.float32))
    # A microphone's sound is never older than 0.4 s.
    assert mouth.frame()[0] == pytest.approx(81 / 200)
    # What came while there was no line makes nothing behind it late; what was queued stays.
    mouth.say(tone(0.02))
    mouth.live_again()
    assert np.array_equal(mouth.frame(), tone(0.02)) and not mouth.frame().any()


# ---- whose sound it is


def progress(kind: type[Event], utterance: int, heard_ms: int, words: int = 0) -> Event:
    by = {"by": "floor"} if kind is AgentCut else {}
    return kind(
        seq=0,
        at_ms=0,
        **{"utterance": utterance, "heard_ms": heard_ms, "words_heard": words, **by},
    )


def started(utterance: int, at_ms: int = 0) -> AgentStarted:
    return AgentStarted(seq=0, at_ms=at_ms, utterance=utterance)


def test_an_utterance_is_its_sound_from_the_first_that_is_heard_to_its_length() -> None:
    whose = Attribution()
    found = [whose.frame(0.0, FRAME) for _ in range(3)]
    whose.hear(started(4))
    found += [whose.frame(peak, FRAME) for peak in (0.0, 0.0, 0.3, 0.0, 0.3)]
    whose.hear(progress(AgentDone, 4, 100))
    found += [whose.frame(0.0, FRAME) for _ in range(4)]
    assert found == [None] * 5 + [4] * 5 + [None] * 2


def test_two_that_follow_at_once_are_told_apart_by_their_lengths() -> None:
    whose = Attribution()
    whose.hear(started(0))
    whose.hear(progress(AgentCut, 0, 60))
    whose.hear(started(1))
    whose.hear(progress(AgentDone, 1, 40))
    assert [whose.frame(0.3, FRAME) for _ in range(7)] == [0, 0, 0, 1, 1, None, None]


def test_one_that_begins_with_silence_has_begun_after_a_quarter_of_a_second() -> None:
    whose = Attribution()
    whose.hear(started(0))
    found = [whose.frame(0.0, FRAME) for _ in range(20)]
    assert found.index(0) == 13
    whose.reset()
    assert whose.frame(0.3, FRAME) is None


# ---- what was heard


def words(*texts: str) -> tuple[Word, ...]:
    return tuple(
        Word(text=text, start_ms=500 * n, end_ms=500 * (n + 1)) for n, text in enumerate(texts)
    )


def person(segment: int, final: bool, *texts: str) -> PersonWords:
    return PersonWords(
        seq=0, at_ms=0, segment=segment, words=words(*texts), final=final, typed=False
    )


def agent(utterance: int, *texts: str) -> AgentWords:
    return AgentWords(seq=0, at_ms=0, utterance=utterance, words=words(*texts))


def test_the_history_is_what_was_heard_in_the_order_it_began() -> None:
    history = History()
    for event in (
        agent(0, " Made", " early."),
        person(0, False, "Hello"),
        person(0, True, "Hello", "there."),
        person(0, False, "too late"),
        started(0, 700),
        progress(AgentHeard, 0, 600, 1),
        person(1, True, "Stop."),
        progress(AgentCut, 0, 700, 1),
        progress(AgentHeard, 0, 2_000, 2),
        agent(0, " Never."),
        agent(1, " Unheard."),
    ):
        history.hear(event)
    found = [(turn.who, turn.text, turn.said, turn.cut) for turn in history.turns]
    assert found == [
        ("person", "Hello there.", "Hello there.", False),
        ("agent", "Made", "Made early.", True),
        ("person", "Stop.", "Stop.", False),
    ]


def test_a_server_that_has_forgotten_begins_a_history_of_its_own() -> None:
    history = History()
    began = SessionStarted(seq=0, at_ms=0, session="s", dialect=1, resumed=True, parts={}, turns=())
    for event in (person(0, True, "Old."), began):
        history.hear(event)
    assert [turn.text for turn in history.turns] == ["Old."]
    for event in (replace(began, resumed=False), person(0, True, "New.")):
        history.hear(event)
    assert [turn.text for turn in history.turns] == ["New."]


@pytest.mark.parametrize(
    ("told", "cut", "heard"),
    [
        ("One two", True, ("One two", True)),
        ("Before. One two", True, ("One two", True)),
        ("One two three.", False, ("One two three.", False)),
        ("Something else.", True, ("One", True)),
    ],
)
def test_what_was_being_said_when_the_connection_was_lost_is_what_the_server_remembers(
    told: str, cut: bool, heard: tuple[str, bool]
) -> None:
    history = History()
    turns = (Turn(who="agent", text=told, cut=cut), Turn(who="person", text="Hm?", cut=False))
    began = SessionStarted(
        seq=0, at_ms=0, session="s", dialect=1, resumed=True, parts={}, turns=turns
    )
    for event in (
        person(0, True, "Count."),
        agent(0, " One", " two", " three."),
        started(0),
        progress(AgentHeard, 0, 500, 1),
        agent(1, " Never", " begun."),
        began,
        progress(AgentHeard, 0, 1_500, 3),
    ):
        history.hear(event)
    assert [(turn.text, turn.cut) for turn in history.turns] == [("Count.", False), heard]


def test_a_conversation_that_is_gone_on_with_begins_with_what_is_remembered() -> None:
    history = History()
    turns = (Turn(who="person", text="Hello.", cut=False), Turn(who="agent", text="I", cut=True))
    began = SessionStarted(
        seq=0, at_ms=0, session="s", dialect=1, resumed=True, parts={}, turns=turns
    )
    for event in (began, person(4, True, "New."), began):
        history.hear(event)
    found = [(turn.who, turn.text, turn.cut, turn.number) for turn in history.turns]
    assert found == [
        ("person", "Hello.", False, -2),
        ("agent", "I", True, -1),
        ("person", "New.", False, 4),
    ]


def test_a_truncation_shortens_what_is_over_by_the_servers_rule_and_never_lengthens() -> None:
    history = History()
    for event in (
        agent(0, " One", " two", " three."),
        started(0),
        progress(AgentDone, 0, 1_500, 3),
    ):
        history.hear(event)
    history.truncate(0, 9_000)
    found = [(history.turns[0].text, history.turns[0].cut)]
    for heard_ms in (751, 750, 1_500):
        history.truncate(0, heard_ms)
        found.append((history.turns[0].text, history.turns[0].cut))
    assert found == [("One two three.", False), ("One two", True), ("One", True), ("One", True)]


# ---- who listens


async def test_a_slow_listener_keeps_the_newest_and_knows_what_it_missed() -> None:
    feed: Feed[int] = Feed(3)
    for item in range(5):
        feed.put(item)
    feed.end(ValueError("over"))
    feed.put(9)
    assert feed.dropped == 2
    assert [await anext(feed) for _ in range(3)] == [2, 3, 4]
    with pytest.raises(ValueError, match="over"):
        await anext(feed)


async def test_who_waits_is_woken_by_the_end() -> None:
    feed: Feed[int] = Feed(3)
    waiting = asyncio.ensure_future(anext(feed, None))
    await asyncio.sleep(0)
    feed.end()
    assert await waiting is None


async def test_iterators_that_nobody_holds_end_none_that_somebody_holds() -> None:
    received = Received()
    held = received.listen_to_events()
    for n in range(3 * MAX_LISTENERS):
        received.listen_to_events()
        received.event(started(n))
    assert (await anext(held)) == started(0)
    many = [received.listen_to_events() for _ in range(MAX_LISTENERS)]
    received.event(started(0))
    assert [event async for event in held][-1] == started(3 * MAX_LISTENERS - 1), "it has ended"
    assert [await anext(feed) for feed in many] == [started(0)] * MAX_LISTENERS


async def test_who_waits_for_a_feed_that_nobody_else_holds_is_not_forgotten() -> None:
    received, told = Received(), set[Event]()

    async def captions() -> None:
        async for event in received.listen_to_events():
            told.add(event)

    # Nobody holds this task but what it waits for.
    asyncio.create_task(captions())
    await asyncio.sleep(0)
    gc.collect()
    received.event(started(0))
    await asyncio.sleep(0)
    gc.collect()
    received.event(started(1))
    received.end(None)
    await asyncio.sleep(0)
    assert told == {started(0), started(1)}
