"""The Python client against the real server over a real peer connection; the engine is scripted."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from client import (
    AgentCut,
    AgentDone,
    AgentHeard,
    AgentHeld,
    AgentSaying,
    AgentStarted,
    Block,
    Conversation,
    Event,
    InLine,
    Lost,
    NotConnected,
    PersonWords,
    Refused,
    SessionEnded,
    SessionStarted,
    ToolEnded,
    Unreachable,
    connect,
    write_wav,
)
from client.talk import main as talk
from tests.network.testbed import TestBed
from tests.steady import undisturbed

pytestmark = pytest.mark.timeout(60)


async def everything(feed: AsyncIterator[object], into: list[object]) -> None:
    into.extend([one async for one in feed])


def as_recorded(turn: dict[str, object]) -> tuple[object, ...]:
    return turn["who"], turn["text"], turn.get("cut", False)


async def assert_history_is_the_record(conversation: Conversation) -> None:
    recorded = [as_recorded(turn) for turn in (await conversation.record())["turns"]]
    assert [(one.who, one.text, one.cut) for one in conversation.history] == recorded


@pytest.mark.timeout(150)
@undisturbed
async def test_what_is_heard_belongs_to_its_utterance_and_ends_with_the_conversation(
    url: str,
) -> None:
    blocks: list[object] = []
    events: list[object] = []
    async with connect(url) as conversation:
        hearing = [
            asyncio.ensure_future(everything(conversation.audio(), blocks)),
            asyncio.ensure_future(everything(conversation.events(), events)),
        ]
        conversation.send_text("say 4")
        done = await conversation.wait_for(AgentDone, 20)
        assert (done.heard_ms, done.words_heard) == (2_000, 4)
        await asyncio.sleep(0.3)
        await assert_history_is_the_record(conversation)
    await asyncio.wait_for(asyncio.gather(*hearing), 20)
    sound = [one for one in blocks if isinstance(one, Block)]
    loud = [one for one in sound if np.abs(one.audio).max() > 0.05]
    ours = [one for one in sound if one.utterance == 0]
    # In one piece, as long as what was heard, and where it is loud. How far the piece may be off is
    # what the event and the sound were late to each other, on a machine that runs other tests too.
    assert 98 <= len(ours) < 130
    assert ours[-1].at_samples - ours[0].at_samples == 960 * (len(ours) - 1)
    assert sum(one.utterance == 0 for one in loud) >= 0.8 * len(loud)
    assert abs(len(loud) * 0.02 - 2.0) < 0.3
    places = [one.at_samples for one in sound]
    # What comes between the call and the first look at its sound is counted, and heard by nobody.
    assert places == [places[0] + 960 * n for n in range(len(places))] and places[0] < 48_000
    assert {type(one) for one in events} >= {PersonWords, AgentStarted, AgentHeard, SessionEnded}
    assert conversation.state == "ended"
    with pytest.raises(NotConnected, match="over"):
        conversation.send_text("more")
    with pytest.raises(NotConnected, match="ended before"):
        await conversation.wait_for(AgentDone, 5)


async def test_it_is_steered_and_the_history_is_what_was_heard(url: str) -> None:
    async with connect(url, settings={"instructions": "Be brief."}) as conversation:
        conversation.send_text("say 30")
        await conversation.wait_for(AgentHeard, 20, where=lambda one: one.words_heard >= 2)
        conversation.hold()
        assert (await conversation.wait_for(AgentHeld)).held
        conversation.resume()
        assert not (await conversation.wait_for(AgentHeld)).held
        conversation.cancel()
        assert (await conversation.wait_for(AgentCut, 20)).by == "client"
        conversation.say("Good morning everybody.", name="greeting", priority=3)
        saying = await conversation.wait_for(AgentSaying)
        assert (saying.say, saying.state) == ("greeting", "began")
        done = await conversation.wait_for(AgentDone, 20)
        assert done.utterance == saying.utterance
        conversation.truncate(done.utterance, 1_000)
        changed = await conversation.update({"eagerness": 0.25})
        assert (changed.settings.eagerness, changed.settings.instructions) == (0.25, "Be brief.")
        with pytest.raises(Refused, match="between 0 and 1") as refused:
            await conversation.update({"eagerness": 3})
        assert refused.value.code == "bad_field"
        await assert_history_is_the_record(conversation)
        heard = [one for one in conversation.history if one.who == "agent"]
        assert [one.cut for one in heard] == [True, True]
        assert heard[1].text == "Good morning" and heard[1].said == "Good morning everybody."


async def test_tools_are_functions_and_what_they_give_is_said(url: str) -> None:
    asked: list[tuple[str, int]] = []

    async def weather(city: str, days: int = 1) -> str:
        """The weather in a city."""
        asked.append((city, days))
        return "It rains."

    async with connect(url, tools=[weather]) as conversation:
        since = conversation.count
        conversation.send_text('call weather {"city": "Oslo", "days": 2}')
        ended = await conversation.wait_for(ToolEnded, since=since)
        assert (ended.failed, ended.text) == (False, "It rains.")
        await conversation.wait_for(AgentDone, 20, since=since)
        assert asked == [("Oslo", 2)]
        assert conversation.history[-1].text == "It rains."


async def test_a_pulled_wire_is_survived(
    scripted_server: tuple[TestBed, str],
) -> None:
    bed, url = scripted_server
    async with connect(url) as conversation:
        session = conversation.session
        conversation.send_text("say 1")
        await conversation.wait_for(AgentDone, 20)
        since = conversation.count
        events: list[object] = []
        reading = asyncio.ensure_future(everything(conversation.events(), events))
        bed.cut()
        lost = await conversation.wait_for(Lost, 20, since=since)
        assert "nothing came" in lost.why and conversation.state == "reconnecting"
        with pytest.raises(NotConnected, match="made again"):
            conversation.send_text("say 1")
        bed.mend()
        again = await conversation.wait_for(SessionStarted, 30, since=since)
        assert again.resumed and [turn.text for turn in again.turns] == ["say 1", "w0"]
        assert conversation.session == again.session == session
        conversation.send_text("say 2")
        await conversation.wait_for(AgentDone, 20, since=since)
        await assert_history_is_the_record(conversation)
    await asyncio.wait_for(reading, 20)
    assert any(isinstance(one, Event) for one in events)


async def places_are_free(url: str) -> None:
    """Wait until whoever called before is gone."""
    async with asyncio.timeout(20), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{url}/metrics") as answer:
                if "counterpoint_sessions 0" in (await answer.text()).splitlines():
                    return
            await asyncio.sleep(0.05)


async def test_who_finds_it_full_stands_in_line_if_they_want(url: str) -> None:
    await places_are_free(url)
    async with connect(url) as first, connect(url), connect(url):
        with pytest.raises(Refused) as full:
            await connect(url).open()
        assert full.value.code == "busy" and full.value.place is None
        waiting = connect(url, wait=True)
        opening = asyncio.ensure_future(waiting.open())
        assert (await waiting.wait_for(InLine, 20)).place == 1
        await first.close()
        await asyncio.wait_for(opening, 20)
        assert waiting.state == "live"
        await waiting.close()


async def test_refusals_say_what_to_do(url: str) -> None:
    with pytest.raises(Refused, match="unknown fields") as refused:
        async with connect(url, settings={"mood": "good"}):  # type: ignore[arg-type]
            pass
    assert (refused.value.status, refused.value.code) == (400, "bad_offer")
    with pytest.raises(Unreachable, match="Does it run"):
        await connect("http://10.77.0.1:9").open()
    with pytest.raises(ValueError, match="http://localhost:8080"):
        connect("localhost:8080")
    with pytest.raises(Refused, match="Not Allowed|Not Found"):
        await connect(f"{url}/static").open()


def test_counterpoint_talk_speaks_a_file_and_shows_both_sides(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question, heard = tmp_path / "question.wav", tmp_path / "heard.wav"
    write_wav(question, np.zeros(24_000, np.float32))
    arguments = [str(question), url, "--save", str(heard), "--text", "say 3", "--patience", "4"]
    assert talk(arguments) == 0
    shown = capsys.readouterr().out
    assert "you    say 3" in shown and "agent  w0 w1 w2" in shown
    with wave.open(str(heard)) as file:
        assert file.getframerate() == 48_000 and file.getnframes() > 48_000
        assert np.abs(np.frombuffer(file.readframes(file.getnframes()), "<i2")).max() > 5_000


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["none.wav", "http://10.77.0.1:8000"], "none.wav cannot be read"),
        (["none.wav", "10.77.0.1"], "no address of a server"),
        (["mic", "http://10.77.0.1:8000"], "pip install"),
    ],
)
def test_counterpoint_talk_says_what_is_wrong(
    arguments: list[str], why: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert talk(arguments) == 1
    assert why in capsys.readouterr().err
