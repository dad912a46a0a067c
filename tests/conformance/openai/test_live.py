"""The unmodified Python package `openai` and our Live API: both transports, real speech both ways.

Every word comes with its time, ours once it was heard. So what the client was told is held against
what it was given to hear, judged by another project's recogniser.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from openai import AsyncOpenAI
from scipy.signal import resample_poly

from tests.conformance.openai.talking import Phone, Socket, Talker
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
_QUIET_SECONDS: Final = 4.0  # a busy machine tears holes of three seconds into an answer


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
        assert made.session.id.startswith("live_")
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


def words(talker: Talker, kind: str, since: int) -> str:
    told = (one["delta"] for one in talker.events[since:] if one["type"] == kind)
    return "".join(told).strip()


async def fallen_silent(talker: Talker, since: int) -> None:
    """Wait until words of ours came from event `since` on, and then none for a while."""
    await talker.wait_for(_OURS, 40.0, since=since)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(40):
        while True:
            times = zip(talker.events, talker.event_times, strict=True)
            last = max(at for event, at in times if event["type"] == _OURS)
            if loop.time() - last > _QUIET_SECONDS:
                return
            await asyncio.sleep(0.1)


async def heard_as_told(talker: Talker, since: int, until: int | None = None) -> None:
    """What was told of our words by these events is what was heard until then."""
    events, times = talker.events[since:until], talker.event_times[since:until]
    told = "".join(one["delta"] for one in events if one["type"] == _OURS).strip()
    # The first word is told when it was heard, so its sound came before.
    heard = await asyncio.to_thread(transcribe, talker.between(times[0], times[-1] + 0.6))
    print(f"told {told!r}, heard {heard!r}")
    count = len(normalised(told))
    assert count and abs(len(normalised(heard)) - count) <= 2
    # Of few words one or two that a cut leaves half said weigh much.
    assert word_error_rate(told, heard) * count <= max(2, 0.35 * count)


def in_order(talker: Talker, kind: str) -> None:
    """Words of one side come in the order of their times."""
    told = [one for one in talker.events if one["type"] == kind]
    assert all(one["start_ms"] <= one["end_ms"] for one in told)
    starts = [one["start_ms"] for one in told]
    assert starts == sorted(starts)


@pytest.mark.parametrize("transport", [socket, phone])
async def test_a_conversation_with_an_interruption(client: AsyncOpenAI, transport: Any) -> None:
    async with transport(client) as talker:
        since = len(talker.events) - 1
        said = recording("austen-0880")
        talker.say(said.audio)
        await fallen_silent(talker, since)
        assert word_error_rate(said.text, words(talker, _THEIRS, since)) <= 0.35
        await heard_as_told(talker, since)

        since = len(talker.events) - 1
        talker.say(recording("austen-0930").audio)
        await talker.wait_for(_OURS, 40.0, since=since)
        await asyncio.sleep(1.0)
        talker.say(said.audio)
        cut = await talker.wait_for("info", 20.0, since=since)
        assert cut["code"] == "output_audio_interrupted" and cut["reason"] == "floor"
        at = talker.events.index(cut)
        last = [one for one in talker.events[:at] if one["type"] == _OURS][-1]
        assert last["start_ms"] <= cut["offset_ms"]
        await heard_as_told(talker, since, at + 1)
        await fallen_silent(talker, at)  # what was said into it is answered
        in_order(talker, _OURS)

        await talker.send({"type": "session.close", "event_id": "bye"})
        closed = await talker.wait_for("session.closed")
        assert closed["reason"] == "close_requested" and closed["client_event_id"] == "bye"
        assert closed["usage"]["seconds"] > 5


async def test_the_documents_example_talks(
    served: Served, key: tuple[str, str], tmp_path: Path
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    said = recording("austen-0880")
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        faster = np.clip(resample_poly(said.audio, 3, 2), -1, 1)
        file.writeframes((faster * 32_767).astype("<i2").tobytes())
    (tmp_path / "talk.py").write_text(code, encoding="utf-8")
    where = {"COUNTERPOINT_URL": f"{served.url}/v1", "COUNTERPOINT_KEY": key[0]}
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
