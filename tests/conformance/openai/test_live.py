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
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from openai import AsyncOpenAI
from scipy.signal import resample_poly

from tests.conformance.openai.talking import Event, Phone, Socket, Talker
from tests.end_to_end.served import Served
from tests.network.caller import Caller
from tests.speech.checker import transcribe
from tests.speech.recordings import Recording, human_recordings
from tests.speech.wer import normalised, word_error_rate

pytestmark = [pytest.mark.weights, pytest.mark.timeout(240)]

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs/openai-live.md"
SESSION: Final[Any] = {
    "model": "gpt-live-1",
    "instructions": "You are a storyteller. Tell long stories with many details.",
}
_OURS: Final = "session.output_transcript.delta"
_THEIRS: Final = "session.input_transcript.delta"
_HEARD_WORDS: Final = 3


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


def recording(name: str) -> Recording:
    return next(one for one in human_recordings() if one.name == name)


def told(events: list[Event], kind: str) -> str:
    """The words of one side, as these events tell them."""
    return "".join(one["delta"] for one in events if one["type"] == kind).strip()


async def heard_words(talker: Talker, since: int) -> None:
    """Wait until enough words of ours were heard that event `since` or later tells of."""

    def enough(_: Event) -> bool:
        return len([one for one in talker.events[since:] if one["type"] == _OURS]) >= _HEARD_WORDS

    await talker.wait_for(_OURS, 60.0, since=since, where=enough)


async def record(served: Served, key: str, session: str) -> list[Event]:
    """The turns of the server's record, which the key opens."""
    path = f"/api/sessions/{session.removeprefix('live_')}/record.json"
    shown = {"Authorization": f"Bearer {key}"}
    status, _, text = await asyncio.to_thread(served.request, path, headers=shown)
    assert status == 200, text
    turns: list[Event] = json.loads(text)["turns"]
    return turns


@pytest.mark.parametrize("transport", [socket, phone])
async def test_what_the_client_was_told_of_an_interrupted_conversation_is_what_was_heard(
    served: Served,
    client: AsyncOpenAI,
    key: str,
    transport: Callable[[AsyncOpenAI], contextlib.AbstractAsyncContextManager[Talker]],
) -> None:
    said = [recording(name) for name in ("austen-0880", "austen-0930")]
    async with transport(client) as talker:
        session = talker.events[0]["session"]["id"]
        talker.say(said[0].audio)
        await heard_words(talker, 0)
        # The first answer is a long one; it is interrupted, and the interruption is answered.
        talker.say(said[1].audio)
        cut = await talker.wait_for("info", 20.0)
        at = talker.events.index(cut)
        await heard_words(talker, at)
        await talker.send({"type": "session.close", "event_id": "bye"})
        closed = await talker.wait_for("session.closed")
    assert cut["code"] == "output_audio_interrupted" and cut["reason"] == "floor"
    assert closed["reason"] == "close_requested" and closed["client_event_id"] == "bye"
    assert closed["usage"]["seconds"] > 5

    understood = told(talker.events, _THEIRS)
    assert word_error_rate(" ".join(one.text for one in said), understood) <= 0.35, understood
    ours = [one for one in talker.events if one["type"] == _OURS]
    starts = [one["start_ms"] for one in ours]
    assert starts == sorted(starts) and all(one["end_ms"] >= one["start_ms"] for one in ours)
    before = [one for one in talker.events[:at] if one["type"] == _OURS]
    assert before[-1]["start_ms"] <= cut["offset_ms"]
    await heard_as_told(talker, at)
    turns = [one for one in await record(served, key, session) if one["who"] == "agent"]
    assert len(turns) >= 2 and turns[0]["cut"] and turns[0]["by"] == "floor", turns
    kept, words = len(turns[0]["text"].split()), len(told(before, _OURS).split())
    assert abs(kept - words) <= 1, (turns[0], told(before, _OURS))
    whole = sum(len(one["text"].split()) for one in turns)
    assert abs(whole - len(told(talker.events, _OURS).split())) <= 1, turns


async def heard_as_told(talker: Talker, cut: int) -> None:
    """Before and after event `cut` what was told of our words is what was to be heard."""
    between = talker.event_times[cut] + 0.4
    for events, sound in (
        (talker.events[:cut], talker.between(0.0, between)),
        (talker.events[cut:], talker.between(between, float("inf"))),
    ):
        text = told(events, _OURS)
        heard = await asyncio.to_thread(transcribe, sound)
        print(f"told {text!r}, heard {heard!r}")
        words = len(normalised(text))
        assert abs(len(normalised(heard)) - words) <= 2
        # Of few words one or two that a cut leaves half said weigh much.
        assert word_error_rate(text, heard) * words <= max(2, 0.35 * words)


async def test_the_documents_example_talks(served: Served, key: str, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    said = recording("austen-0880")
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        faster = np.clip(resample_poly(said.audio, 3, 2), -1, 1)
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
    assert word_error_rate(said.text, asked) <= 0.35, lines
    assert any(line.startswith("it:") for line in lines)
