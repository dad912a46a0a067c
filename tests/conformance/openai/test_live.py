"""The unmodified Python package `openai` and our Live API: both transports, real speech both ways.

Every word comes with its time, ours once it was heard. So what the client was told is its own
history; it is held against the sound it was given, judged by another project's recogniser, and
against the server's record.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from openai import AsyncOpenAI
from scipy.signal import resample_poly

from tests.conformance.judging import DONE, ERRAND, TELLER, said, same, spoken, understood
from tests.conformance.openai.talking import Event, Phone, Socket, Talker
from tests.end_to_end.served import Served
from tests.network.caller import Caller
from tests.speech.wer import normalised, word_error_rate

pytestmark = [pytest.mark.weights, pytest.mark.timeout(240)]

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs/openai-live.md"
SESSION: Final[Any] = {
    "model": "gpt-live-1",
    "instructions": TELLER,
    "delegation": {"type": "client"},
}
_OURS: Final = "session.output_transcript.delta"
_THEIRS: Final = "session.input_transcript.delta"
_HEARD_WORDS: Final = 3
_SILENT_SECONDS: Final = 1.5


@contextlib.asynccontextmanager
async def socket(client: AsyncOpenAI) -> AsyncIterator[Talker]:
    """A conversation over one WebSocket."""
    async with client.live.connect() as connection:
        talker = Socket(connection)
        try:
            await connection.session.start(session=SESSION)
            await talker.wait_for("session.started")
            yield talker
        finally:
            await talker.close()


@contextlib.asynccontextmanager
async def phone(client: AsyncOpenAI) -> AsyncIterator[Talker]:
    """A conversation over WebRTC; the client does the signalling."""
    caller = Caller("", rate=16_000, label="oai-events")
    try:
        made = await client.live.create(
            session=SESSION, transport={"type": "webrtc", "sdp": await caller.offer()}
        )
        await caller.accept(made.transport.sdp)
        await caller.open(10.0)
        talker = Phone(caller)
        started = await talker.wait_for("session.started")
        assert started["session"]["id"] == made.session.id
        yield talker
    finally:
        await caller.hang_up()


def told(events: list[Event], kind: str) -> str:
    """The words of one side, as these events tell them."""
    return "".join(one["delta"] for one in events if one["type"] == kind).strip()


async def heard_words(talker: Talker, since: int) -> None:
    """Wait until enough words of ours were heard that event `since` or later tells of."""

    def enough(_: Event) -> bool:
        return len([one for one in talker.events[since:] if one["type"] == _OURS]) >= _HEARD_WORDS

    await talker.wait_for(_OURS, 60.0, since=since, where=enough)


def interrupts(event: Event) -> bool:
    """An `info` may also tell of an answer that may grow no longer."""
    return bool(event.get("code") == "output_audio_interrupted")


async def record(served: Served, key: str, session: str) -> list[Event]:
    """The turns of the server's record, which the key opens."""
    path = f"/api/sessions/{session.removeprefix('live_')}/record.json"
    shown = {"Authorization": f"Bearer {key}"}
    status, _, text = await asyncio.to_thread(served.request, path, headers=shown)
    assert status == 200, text
    turns: list[Event] = json.loads(text)["turns"]
    return turns


async def conversed(conversation: AbstractAsyncContextManager[Talker]) -> tuple[Talker, int]:
    """Two turns, of which the second interrupts the answer to the first, and an errand.

    Returns also which event tells of the interruption.
    """
    async with conversation as talker:
        talker.say(said()[0].audio)
        await heard_words(talker, 0)
        talker.say(said()[1].audio)
        told = await talker.wait_for("info", 30.0, where=interrupts)
        cut = talker.events.index(told)
        await heard_to_its_end(talker, cut)  # in answer to the interruption
        await delegated(talker)
        await talker.send({"type": "session.close", "event_id": "bye"})
        await talker.wait_for("session.closed")
    return talker, cut


async def delegated(talker: Talker) -> None:
    """The person asks for something that the model hands over; what is answered is told."""
    since = len(talker.events)
    talker.say(spoken(ERRAND))
    created = await talker.wait_for("session.delegation.created", 60.0, since=since)
    task = created["delegation"]["task"]
    assert set(normalised(task)) & set(normalised(ERRAND)), task
    answer = {"content": DONE, "delegation_id": created["delegation"]["id"]}
    await talker.send({"type": "session.commentary.append", "event_id": "done", **answer})
    appended = await talker.wait_for("session.commentary.appended", 30.0, since=since)
    assert appended["client_event_id"] == "done"
    await heard_to_its_end(talker, talker.events.index(appended))


async def heard_to_its_end(talker: Talker, since: int) -> None:
    """Wait until we spoke and fell silent; Live has no event for that."""
    await heard_words(talker, since)
    now, left = asyncio.get_running_loop().time, _SILENT_SECONDS
    async with asyncio.timeout(60.0):
        while left > 0:
            await asyncio.sleep(left)
            left = spoke_at(talker) + _SILENT_SECONDS - now()


def spoke_at(talker: Talker) -> float:
    """When the last word of ours was told."""
    times = zip(talker.events, talker.event_times, strict=True)
    return max(at for event, at in times if event["type"] == _OURS)


async def test_what_a_client_was_told_of_an_interrupted_conversation_is_what_was_heard(
    served: Served, client: AsyncOpenAI, key: str
) -> None:
    await asyncio.to_thread(spoken, ERRAND)
    for talker, at in await asyncio.gather(conversed(socket(client)), conversed(phone(client))):
        check_events(talker.events, at)
        # Before and after the cut, what was told of our words is what was to be heard.
        between = talker.event_times[at] + 0.4
        parts = (talker.events[:at], 0.0, between), (talker.events[at:], between, float("inf"))
        for events, since, until in parts:
            sound = talker.between(since, until)
            await asyncio.to_thread(same, told(events, _OURS), sound)
        session = talker.events[0]["session"]["id"]
        turns = [one for one in await record(served, key, session) if one["who"] == "agent"]
        assert len(turns) >= 2 and turns[0]["cut"] and turns[0]["by"] == "floor", turns
        before = len(told(talker.events[:at], _OURS).split())
        assert abs(len(turns[0]["text"].split()) - before) <= 1, turns
        whole = sum(len(one["text"].split()) for one in turns)
        assert abs(whole - len(told(talker.events, _OURS).split())) <= 1, turns


def check_events(events: list[Event], at: int) -> None:
    cut, closed = events[at], events[-1]
    assert cut["code"] == "output_audio_interrupted" and cut["reason"] == "floor"
    assert closed["reason"] == "close_requested" and closed["client_event_id"] == "bye"
    assert closed["usage"]["seconds"] > 5
    understood(told(events, _THEIRS), ERRAND)
    ours = [one for one in events if one["type"] == _OURS]
    starts = [one["start_ms"] for one in ours]
    assert starts == sorted(starts) and all(one["end_ms"] >= one["start_ms"] for one in ours)
    last = [one for one in events[:at] if one["type"] == _OURS][-1]
    assert last["start_ms"] <= cut["offset_ms"]


async def test_the_documents_example_talks(served: Served, key: str, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    recorded = said()[0]
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        faster = np.clip(resample_poly(recorded.audio, 3, 2), -1, 1)
        file.writeframes((faster * 32_767).astype("<i2").tobytes())
    (tmp_path / "talk.py").write_text(code, encoding="utf-8")
    where = {"COUNTERPOINT_URL": f"{served.url}/v1", "COUNTERPOINT_KEY": key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "talk.py", "said.wav"),
        cwd=tmp_path,
        env={**os.environ, **where},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    lines = out.decode().splitlines()
    assert process.returncode == 0
    asked = " ".join(line[5:].strip() for line in lines if line.startswith("you:"))
    assert word_error_rate(recorded.text, asked) <= 0.35, lines
    assert any(line.startswith("it:") for line in lines)
