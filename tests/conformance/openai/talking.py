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
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from scipy.signal import resample_poly

from model.messages import Audio
from model.timebase import SPEAKING_RATE
from tests.network.caller import Caller

__all__ = ["Event", "Phone", "Socket", "Talker"]

Event = dict[str, Any]

_PIECE_SECONDS: Final = 0.1


class Talker(Protocol):
    """One end of a conversation in OpenAI's events."""

    events: list[Event]

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


class Socket:
    """Over one WebSocket: a microphone that is always on, and a loudspeaker."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.events: list[Event] = []
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
        whole = np.frombuffer(b"".join(self._heard.get(response, [])), "<i2")
        return np.asarray(resample_poly(whole.astype(np.float32) / 32_768, 2, 3), np.float32)

    async def _listen(self) -> None:
        async for parsed in self._connection:
            event = parsed.to_dict()
            if event["type"] == "response.output_audio.delta":
                pieces = self._heard.setdefault(str(event["response_id"]), [])
                pieces.append(base64.b64decode(str(event["delta"])))
                continue
            self.events.append(event)
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
            await self._connection.input_audio_buffer.append(
                audio=base64.b64encode(payload).decode()
            )
            due += _PIECE_SECONDS
            await asyncio.sleep(max(0.0, due - loop.time()))


class Phone:
    """Over WebRTC; times of the sound are told apart by when its answer began and ended."""

    def __init__(self, caller: Caller) -> None:
        self.events = caller.events
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
        frames = [one for at, one in self._caller.heard.frames(began - 0.1) if at <= ended + 0.3]
        whole = np.concatenate(frames) if frames else np.zeros(0, np.float32)
        return np.asarray(resample_poly(whole, 2, 3), np.float32)

    def _at(self, kind: str, response: str) -> float:
        for event, at in zip(self.events, self._caller.event_times, strict=True):
            named = event.get("response_id") or event.get("response", {}).get("id")
            if event["type"] == kind and named == response:
                return at
        raise AssertionError(f"there is no {kind} of {response}")
