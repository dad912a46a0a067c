"""What is sent behind sound waits for it: nothing overtakes but what may, and not for ever."""

from __future__ import annotations

import asyncio
import base64
import json

import numpy as np

from server.socket_order import MAX_WAITING_MESSAGES, BehindSound
from server.socket_sound import SocketMicrophone

COMMIT, ANSWER, CANCEL = (json.dumps({"type": kind}) for kind in ("commit", "answer", "cancel"))


class Line:
    """A microphone, and what is delivered behind its sound."""

    def __init__(self) -> None:
        self.microphone = SocketMicrophone()
        self.delivered: list[str] = []
        self.behind = BehindSound(self.microphone, self._deliver, {"commit"}, {"cancel"})
        self._came = asyncio.Event()
        self.microphone.on_block = self.behind.passed

    def speak(self, duration_seconds: float) -> None:
        payload = np.full(int(24_000 * duration_seconds), 3_000, "<i2").tobytes()
        self.microphone.append(base64.b64encode(payload).decode(), "audio/pcm")

    async def until_delivered(self) -> None:
        await asyncio.wait_for(self._came.wait(), 30)

    def _deliver(self, text: str) -> None:
        self.delivered.append(text)
        self._came.set()


async def test_a_turn_ends_behind_its_sound_and_what_comes_after_it_stays_behind_it() -> None:
    line = Line()
    assert not line.behind.take(ANSWER), "nothing waits"
    line.speak(0.4)
    assert line.behind.take(COMMIT) and line.behind.take(ANSWER)
    assert not line.behind.take(CANCEL), "this one overtakes"
    line.speak(0.3)
    await line.until_delivered()
    assert line.delivered == [COMMIT, ANSWER]
    assert line.microphone.passed_samples >= 0.38 * 16_000
    line.microphone.end()


async def test_what_is_forgotten_is_what_no_turn_waits_for() -> None:
    line = Line()
    line.speak(0.4)
    line.behind.take(COMMIT)
    awaited = line.behind.awaited_samples
    line.speak(2.0)
    line.microphone.clear(line.behind.awaited_samples)
    assert awaited == line.behind.awaited_samples
    assert line.microphone.queued_seconds * 16_000 == awaited > 0
    await line.until_delivered()
    line.microphone.end()


async def test_a_commit_of_nothing_and_too_many_that_wait_are_delivered() -> None:
    line = Line()
    assert line.behind.take(COMMIT)
    await line.until_delivered()
    assert line.delivered == [COMMIT]
    line.speak(60.0)
    for _ in range(MAX_WAITING_MESSAGES + 1):
        assert line.behind.take(COMMIT)
    assert len(line.delivered) == MAX_WAITING_MESSAGES + 2
    assert not line.behind.take(ANSWER)
    line.microphone.end()
