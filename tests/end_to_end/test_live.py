"""OpenAI's Live API over the real server and an engine that echoes: sound, muting, who listens in.

The published client speaks to it. What is said with the real model is for `tests/conformance`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import av
import numpy as np
import openai
import pytest
from openai import AsyncOpenAI
from openai.resources.live.live import AsyncLiveConnection

from server import g711
from server.auth import new_key
from server.auth_keys import save_keys
from tests.end_to_end.served import Served, server
from tests.waiting import until

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)

Event = dict[str, Any]
PCM: Event = {"type": "audio/pcm", "rate": 16_000}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """Two keys and the file that knows them."""
    file = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    made = [new_key("ours", per_minute=1_000), new_key("theirs", per_minute=1_000)]
    save_keys(file, [kept for _, kept in made])
    return made[0][0], made[1][0], str(file)


@pytest.fixture(scope="module")
def served(keys: tuple[str, str, str]) -> Iterator[Served]:
    with server("--api-keys", keys[2]) as one:
        yield one


@pytest.fixture
async def client(served: Served, keys: tuple[str, str, str]) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key=keys[0], base_url=f"{served.url}/v1", max_retries=0, timeout=30.0
    ) as made:
        yield made


class Heard:
    """What came over a connection, read as it comes."""

    def __init__(self, connection: AsyncLiveConnection | Any) -> None:
        self.events: list[Event] = []
        self._connection = connection
        self._came = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self._connection:
            self.events.append(event.to_dict())
            self._came.set()

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    async def until(self, kind: str, count: int = 1) -> Event:
        async with asyncio.timeout(20):
            while len(self.of(kind)) < count:
                self._came.clear()
                await self._came.wait()
        return self.of(kind)[count - 1]

    async def over(self) -> None:
        await asyncio.wait_for(self._task, 20)


@contextlib.asynccontextmanager
async def begun(client: AsyncOpenAI, **session: Any) -> AsyncIterator[tuple[Any, Heard, str]]:
    """A session over a WebSocket, what comes of it, and its name."""
    async with client.live.connect() as connection:
        heard = Heard(connection)
        wanted: Any = {"model": "any", **session}
        await connection.session.start(session=wanted, event_id="begin")
        started = await heard.until("session.started")
        assert started["client_event_id"] == "begin"
        yield connection, heard, started["session"]["id"]


def tone(duration_seconds: float, rate: int = 16_000) -> str:
    at = np.arange(int(duration_seconds * rate)) / rate
    return base64.b64encode((8_000 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes()).decode()


def loud_seconds(events: list[Event], field: str, rate: int) -> float:
    whole = b"".join(base64.b64decode(event[field]) for event in events)
    samples = np.frombuffer(whole, "<i2").astype(float)
    blocks = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    return float((np.abs(blocks).max(axis=1) > 500).sum() * 160 / rate)


async def test_sound_both_ways_with_a_sideband_and_a_recording(
    client: AsyncOpenAI, keys: tuple[str, str, str]
) -> None:
    async with begun(client, audio={"format": PCM}, store=True) as (live, heard, name):
        async with client.live.sideband.connect(session_id=name) as joined:
            aside = Heard(joined)
            assert (await aside.until("session.started"))["session"]["id"] == name
            await live.session.input_audio.append(audio=tone(1.5))
            words = [await heard.until("session.output_transcript.delta", n) for n in (1, 2)]
            assert [word["delta"] for word in words] == [" one", " two"]
            assert words[0]["start_ms"] < words[0]["end_ms"] <= words[1]["start_ms"]
            said, given = "session.output_audio.delta", "session.input_audio.append"
            await until(lambda: loud_seconds(heard.of(said), "delta", 16_000) > 0.7)
            await until(lambda: loud_seconds(aside.of(said), "delta", 24_000) > 0.7)
            await until(lambda: loud_seconds(aside.of(given), "audio", 24_000) > 0.7)
            assert loud_seconds(heard.of(said), "delta", 16_000) < 2.0
            assert loud_seconds(aside.of(said), "delta", 24_000) < 2.0
            assert loud_seconds(aside.of(given), "audio", 24_000) < 2.0
            reflected = aside.of(said)
            assert reflected[0]["start_ms"] < reflected[-1]["end_ms"]
            with pytest.raises(openai.NotFoundError):  # it still goes on
                await client.live.sessions.download_recording(name)
            await joined.session.close(event_id="bye")
            closed = await heard.until("session.closed")
            assert closed["reason"] == "close_requested" and closed["usage"]["seconds"] > 1.0
            assert (await aside.until("session.closed"))["client_event_id"] == "bye"
            await asyncio.gather(heard.over(), aside.over())
    sound = await recording(client, name)
    left, right = (float((np.abs(one) > 0.02).sum() / 24_000) for one in sound)
    assert 0.7 < left < 2.0 and 0.7 < right < 2.0
    stranger = client.with_options(api_key=keys[1])
    with pytest.raises(openai.NotFoundError):
        await stranger.live.sessions.download_recording(name)
    with pytest.raises(openai.NotFoundError):
        await client.live.sessions.hangup(name)


async def recording(client: AsyncOpenAI, name: str) -> np.ndarray:
    """The two voices of a session that is over, float32 `[2, samples]` at 24 kHz."""
    for _ in range(200):
        try:
            answer = await client.live.sessions.download_recording(name)
        except openai.NotFoundError:
            await asyncio.sleep(0.1)
            continue
        with av.open(io.BytesIO(answer.content), "r") as file:
            resampler = av.AudioResampler(format="fltp", layout="stereo", rate=24_000)
            frames = [one for frame in file.decode(audio=0) for one in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    raise AssertionError("there is no recording")


async def test_who_is_muted_is_not_heard_and_a_fixture_is(client: AsyncOpenAI) -> None:
    async with begun(client) as (live, heard, name):
        await live.session.input_audio.mute(event_id="m")
        assert (await heard.until("session.input_audio.muted"))["client_event_id"] == "m"
        await live.session.input_audio.append(audio=tone(0.6, 24_000))
        await asyncio.sleep(1.2)
        assert heard.of("session.output_audio.delta") == []
        await live.session.output_audio.fixture.play(audio=tone(1.5, 24_000), event_id="f")
        await live.session.commentary.append(content="Now?", delegation_id=None, event_id="c")
        assert (await heard.until("error"))["error"]["code"] == "fixture_active"
        assert (await heard.until("session.output_audio.fixture.played"))["client_event_id"] == "f"
        assert 1.4 < loud_seconds(heard.of("session.output_audio.delta"), "delta", 24_000) < 1.6
        await live.session.input_audio.unmute()
        await heard.until("session.input_audio.unmuted")
        await live.session.input_audio.append(audio=tone(0.7, 24_000))
        await heard.until("session.output_transcript.delta")
        await client.live.sessions.hangup(name)
        assert (await heard.until("session.closed"))["reason"] == "close_requested"


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
async def test_sound_as_telephones_have_it(client: AsyncOpenAI, kind: str) -> None:
    law: g711.Law = "mu" if kind == "audio/pcmu" else "a"
    at = np.arange(8_000) / 8_000
    said = g711.encode((8_000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16), law)
    async with begun(client, audio={"format": {"type": kind, "rate": 8_000}}) as (live, heard, _):
        await live.session.input_audio.append(audio=base64.b64encode(said).decode())
        await heard.until("session.output_transcript.delta")
        pieces = heard.of("session.output_audio.delta")
        sound = g711.decode(b"".join(base64.b64decode(one["delta"]) for one in pieces), law)
        assert 2_000 < len(sound) < 16_000 and np.abs(sound).max() > 2_000


async def test_what_comes_before_the_start_is_refused_and_the_start_is_still_taken(
    client: AsyncOpenAI,
) -> None:
    async with client.live.connect() as connection:
        heard = Heard(connection)
        await connection.session.input_audio.append(audio="AAAA", event_id="early")
        refused = await heard.until("error")
        assert refused["error"]["code"] == "session_not_started"
        assert refused["client_event_id"] == "early"
        wrong: Any = {"model": "any", "voice": "marin"}
        await connection.session.start(session=wrong, event_id="wrong")
        refused = await heard.until("error", 2)
        assert refused["error"]["param"] == "session.voice"
        await connection.session.start(session={"model": "any"})
        await heard.until("session.started")
        await connection.send({"type": "session.close", "more": 1, "event_id": "x"})  # type: ignore[arg-type]
        refused = await heard.until("error", 3)
        assert refused["error"]["param"] == "more"
        await connection.session.input_audio.append(audio="!", event_id="odd")
        assert (await heard.until("error", 4))["client_event_id"] == "odd"
        await connection.session.close()
        await heard.until("session.closed")


async def test_calls_that_cannot_be_served_get_the_documented_error(
    client: AsyncOpenAI, keys: tuple[str, str, str]
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.live.create(
            session={"model": "any", "delegation": {"type": "decisions"}},  # type: ignore[typeddict-item]
            transport={"type": "webrtc", "sdp": "v=0"},
        )
    assert refused.value.param == "session.delegation.type"
    with pytest.raises(openai.BadRequestError) as refused:
        await client.live.create(
            session={"model": "any"}, transport={"type": "webrtc", "sdp": "v=0"}
        )
    assert refused.value.code == "no_audio"
    stranger = client.with_options(api_key="wrong")
    with pytest.raises(openai.AuthenticationError):
        await stranger.live.sessions.hangup("live_1")
