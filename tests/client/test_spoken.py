"""The Python client with real speech and the real model: two turns, an interruption, a tool.

Afterwards its own history is the server's record, and what it wrote down is what was heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from client import (
    AgentCut,
    AgentDone,
    AgentHeard,
    AgentStarted,
    Block,
    Conversation,
    Settings,
    ToolEnded,
    connect,
    tool,
)
from client.sound import Audio
from tests.end_to_end.served import Served
from tests.end_to_end.spoken import RATE, SMALL, model_server, spoken
from tests.speech.wer import word_error_rate
from tests.steady import undisturbed

pytestmark = [pytest.mark.weights, pytest.mark.timeout(300)]

LISTEN_SECONDS = 60.0
STORY = "Tell me about the history of bread, please."
WEATHER = "What is the weather in London?"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One server with the small decoder."""
    with model_server(*SMALL) as running:
        yield running


async def ask(conversation: Conversation, question: Audio) -> int:
    """Say it, and wait for the beginning of the answer; the answer's number."""
    since = conversation.count
    await conversation.speak(question, RATE)
    started = await conversation.wait_for(AgentStarted, LISTEN_SECONDS, since=since)
    return started.utterance


async def over(conversation: Conversation, utterance: int, since: int) -> AgentDone | AgentCut:
    """Wait until the utterance is over."""
    while True:
        kinds = (AgentDone, AgentCut)
        for event in conversation.since(since):
            if isinstance(event, kinds) and event.utterance == utterance:
                return event
        await asyncio.sleep(0.05)


@pytest.mark.timeout(600)
@undisturbed
async def test_two_turns_an_interruption_and_a_tool(served: Served) -> None:
    asked: list[str] = []

    @tool
    def weather(city: str) -> str:
        """Tells the weather in a city now."""
        asked.append(city)
        return "It rains."

    # Before there is a conversation: rendering holds this event loop up.
    story, interruption = spoken(STORY), spoken(WEATHER)
    blocks: list[Block] = []

    async def listen() -> None:
        blocks.extend([block async for block in conversation.audio()])

    settings: Settings = {
        "instructions": "You are a storyteller. Tell long stories with many details."
    }
    async with connect(served.url, settings=settings, tools=[weather]) as conversation:
        listening = asyncio.create_task(listen())
        # The first turn's answer is interrupted by the second turn.
        first = await ask(conversation, story)
        since = conversation.count
        await conversation.wait_for(AgentHeard, 30, where=lambda one: one.words_heard >= 4)
        await conversation.speak(interruption, RATE)
        cut = await asyncio.wait_for(over(conversation, first, since), LISTEN_SECONDS)
        assert isinstance(cut, AgentCut) and cut.by == "floor"
        ended = await conversation.wait_for(ToolEnded, LISTEN_SECONDS, since=since)
        assert asked and (ended.failed, ended.text) == (False, "It rains.")
        told = await conversation.wait_for(
            AgentStarted, LISTEN_SECONDS, since=since, where=lambda one: one.utterance > first
        )
        end = await asyncio.wait_for(over(conversation, told.utterance, since), LISTEN_SECONDS)
        assert isinstance(end, AgentDone) and end.words_heard > 0
        await asyncio.sleep(0.5)
    await asyncio.wait_for(listening, 20)

    understood = " ".join(one.text for one in conversation.history if one.who == "person")
    assert word_error_rate(f"{STORY} {WEATHER}", understood) <= 0.25, understood
    recorded = (await conversation.record())["turns"]
    ours = [(one.who, one.text, one.cut) for one in conversation.history]
    assert ours == [(one["who"], one["text"], one.get("cut", False)) for one in recorded]
    by_number = {one.number: one for one in conversation.history if one.who == "agent"}
    assert by_number[first].cut and by_number[first].text
    # What was audible of the one that was cut is what counts as heard, but for its pauses.
    loud = [b for b in blocks if b.utterance == first and np.abs(b.audio).max() > 0.01]
    audible_ms = 1000 * sum(len(one.audio) for one in loud) / Block.rate
    assert 0.4 * cut.heard_ms <= audible_ms <= cut.heard_ms + 300, (audible_ms, cut)
