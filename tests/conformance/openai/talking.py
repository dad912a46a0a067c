"""A person who talks through OpenAI's Python client, and what they get to hear.

Two transports, one conversation: `Socket` sends sound in messages, `Phone` over WebRTC (aiortc is
the peer, the client does the signalling). Both keep every event and all sound with its item.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
from openai.resources.live.live import AsyncLiveConnection
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from scipy.signal import resample_poly

from model.messages import Audio
from model.timebase import SPEAKING_RATE
from tests.network.caller import Caller

__all__ = ["Event", "Phone", "Socket", "Talker"]

Event = dict[str, Any]
Connection = AsyncRealtimeConnection | AsyncLiveConnection

_PIECE_SECONDS: Final = 0.1


class Talker(Protocol):
    """One end of a conversation in OpenAI's events."""

    events: list[Event]
    event_times: list[float]

    def say(self, audio: Audio) -> None:
        """Speak, 16 kHz."""

    async def send(self, event: Event) -> None:
        """Send an event."""

    async def wait_for(
        self,
        kind: str,
        timeout_seconds: float = 20.0,
        *,
        since: int = 0,
        where: Callable[[Event], bool] = lambda event: True,
    ) -> Event:
        """The first event of that type at index `since` or later; raises TimeoutError."""

    def sound(self, response: str) -> Audio:
        """What was heard of an answer, 16 kHz."""

    def between(self, since: float, until: float) -> Audio:
        """What was heard between two monotonic times, 16 kHz."""


class Socket:
    """Over one WebSocket: a microphone that is always on, and a loudspeaker.

    Args:
        connection: the client's, to either API; in Live sound belongs to no answer.
    """

    def __init__(self, connection: Connection) -> None:
        self.events: list[Event] = []
        self.event_times: list[float] = []
        self.pieces: list[tuple[float, bytes]] = []
        self._microphone: Any
        if isinstance(connection, AsyncLiveConnection):
            self._sound_kind = "session.output_audio.delta"
            self._microphone = connection.session.input_audio
        else:
            self._sound_kind = "response.output_audio.delta"
            self._microphone = connection.input_audio_buffer
        self._connection = connection
        self._queue = np.zeros(0, np.float32)
        self._heard: dict[str, list[bytes]] = {}
        self._wake = asyncio.Condition()
        self._tasks = [asyncio.create_task(one) for one in (self._listen(), self._speak())]

    async def close(self) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def say(self, audio: Audio) -> None:
        """Speak, after what is still being spoken."""
        faster = resample_poly(audio, 3, 2).astype(np.float32)
        self._queue = np.concatenate([self._queue, faster])

    async def send(self, event: Event) -> None:
        """Send an event."""
        await self._connection.send(event)  # type: ignore[arg-type]

    async def wait_for(
        self,
        kind: str,
        timeout_seconds: float = 20.0,
        *,
        since: int = 0,
        where: Callable[[Event], bool] = lambda event: True,
    ) -> Event:
        """See `Talker`."""

        def found() -> Event | None:
            events = self.events[since:]
            return next((one for one in events if one["type"] == kind and where(one)), None)

        try:
            async with asyncio.timeout(timeout_seconds), self._wake:
                while (event := found()) is None:
                    await self._wake.wait()
                return event
        except TimeoutError:
            kinds = [one["type"] for one in self.events]
            raise TimeoutError(f"no {kind!r} in {timeout_seconds} s; came: {kinds[-40:]}") from None

    def sound(self, response: str) -> Audio:
        """See `Talker`."""
        return _at_hearing_rate(b"".join(self._heard.get(response, [])))

    def between(self, since: float, until: float) -> Audio:
        """What was heard between two times, 16 kHz."""
        return _at_hearing_rate(b"".join(one for at, one in self.pieces if since <= at <= until))

    async def _listen(self) -> None:
        async for parsed in self._connection:
            event = parsed.to_dict()
            now = asyncio.get_running_loop().time()
            if event["type"] == self._sound_kind:
                piece = base64.b64decode(str(event["delta"]))
                self.pieces.append((now, piece))
                self._heard.setdefault(str(event.get("response_id")), []).append(piece)
                continue
            self.events.append(event)
            self.event_times.append(now)
            async with self._wake:
                self._wake.notify_all()

    async def _speak(self) -> None:
        loop, step = asyncio.get_running_loop(), int(_PIECE_SECONDS * SPEAKING_RATE)
        due = loop.time()
        while True:
            piece, self._queue = self._queue[:step], self._queue[step:]
            padded = np.zeros(step, np.float32)
            padded[: len(piece)] = piece
            payload = (np.clip(padded, -1, 1) * 32_767).astype("<i2").tobytes()
            await self._microphone.append(audio=base64.b64encode(payload).decode())
            due += _PIECE_SECONDS
            await asyncio.sleep(max(0.0, due - loop.time()))


def _at_hearing_rate(payload: bytes) -> Audio:
    whole = np.frombuffer(payload, "<i2").astype(np.float32) / 32_768
    return np.asarray(resample_poly(whole, 2, 3), np.float32)


class Phone:
    """Over WebRTC; times of the sound are told apart by when its answer began and ended."""

    def __init__(self, caller: Caller) -> None:
        self.events, self.event_times = caller.events, caller.event_times
        self._caller = caller

    def say(self, audio: Audio) -> None:
        """Speak, after what is still being spoken."""
        self._caller.say(audio)

    async def send(self, event: Event) -> None:
        """Send an event."""
        self._caller.send(event)

    async def wait_for(
        self,
        kind: str,
        timeout_seconds: float = 20.0,
        *,
        since: int = 0,
        where: Callable[[Event], bool] = lambda event: True,
    ) -> Event:
        """See `Talker`."""
        return await self._caller.wait_for(kind, timeout_seconds, since=since, where=where)

    def sound(self, response: str) -> Audio:
        """See `Talker`."""
        began = self._at("output_audio_buffer.started", response)
        ended = self._at("response.done", response)
        return self.between(began - 0.1, ended + 0.3)

    def between(self, since: float, until: float) -> Audio:
        """What was heard between two times, 16 kHz."""
        frames = [one for at, one in self._caller.heard.frames(since) if at <= until]
        whole = np.concatenate(frames) if frames else np.zeros(0, np.float32)
        return np.asarray(resample_poly(whole, 2, 3), np.float32)

    def _at(self, kind: str, response: str) -> float:
        for event, at in zip(self.events, self._caller.event_times, strict=True):
            named = event.get("response_id") or event.get("response", {}).get("id")
            if event["type"] == kind and named == response:
                return at
        raise AssertionError(f"there is no {kind} of {response}")
