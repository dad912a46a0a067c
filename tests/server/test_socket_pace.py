"""What comes over a WebSocket is bounded before it is parsed, and a recording still passes."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from server.socket_pace import (
    MAX_PLAIN_CHARACTERS,
    SOUND_A_SECOND,
    SOUND_AT_ONCE,
    SoundPace,
    is_laden,
)
from server.socket_port import MAX_MESSAGE_BYTES
from tests.server.in_app import app

SECOND = base64.b64encode(bytes(48_000)).decode()
MINUTES = base64.b64encode(bytes(48_000 * 179)).decode()


def appended(audio: str, kind: str = "input_audio_buffer.append") -> str:
    return json.dumps({"type": kind, "audio": audio})


def test_a_recording_passes_at_once_and_what_comes_for_ever_at_a_pace() -> None:
    pace = SoundPace()
    pieces = [pace.count(1_360, 0.0) for _ in range(179 * 50)]  # three minutes in 20 ms each
    assert set(pieces) == {"pass"}
    told = [pace.count(20_000, 0.0) for _ in range(2_000)]
    assert told[-1] == "drop" and told.count("tell") == 1
    assert [pace.count(20_000, 1.0), pace.count(20_000, 1.0)] == ["pass", "pass"]
    passed = [pace.count(1, 1.0 + n / 10_000) for n in range(100_000)].count("pass")
    assert passed <= 11 * SOUND_A_SECOND / 1_024 + 100
    assert pace.count(SOUND_AT_ONCE, 1e9) == "tell", "nobody saves up more"


def test_a_long_message_is_one_long_text() -> None:
    long = appended(MINUTES)
    assert len(long) < MAX_MESSAGE_BYTES and not is_laden(long)
    assert not is_laden(json.dumps([0] * 1_000)), "short ones may have many values"
    many: tuple[Any, ...] = ([[]] * 60_000, {f"{n}": 0 for n in range(20_000)})
    for values in many:
        assert is_laden(json.dumps({"type": "input_audio_buffer.append", "more": values}))
    assert MAX_PLAIN_CHARACTERS < len(long)


async def errors(socket: Any, count: int) -> list[dict[str, Any]]:
    """The next errors."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            message = await socket.receive_json()
            if message["type"] == "error":
                found.append(message["error"])
    return found


@pytest.mark.parametrize(
    ("path", "begin", "kind"),
    [
        ("/v1/realtime", None, "input_audio_buffer.append"),
        (
            "/v1/live/sessions",
            {"type": "session.start", "session": {"model": "any"}},
            "session.input_audio.append",
        ),
    ],
)
async def test_three_minutes_pass_and_nothing_is_unpacked(
    path: str, begin: dict[str, Any] | None, kind: str
) -> None:
    async with app() as served, served.client.ws_connect(path, compress=15) as socket:
        assert not socket.compress
        if begin is not None:
            await socket.send_json(begin)
        await socket.send_str(appended(MINUTES, kind))
        await socket.send_str(appended(SECOND * 30, kind))  # what is heard meanwhile leaves no room
        await socket.send_json({"type": kind, "more": [[]] * 60_000})
        full, laden = await errors(socket, 2)
        assert "180 s wait to be heard" in full["message"]
        assert laden["code"] == "message_too_large"
        await served.end_sessions()


async def test_sound_that_comes_too_fast_is_dropped_unread_and_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.socket_pace.SOUND_AT_ONCE", 100_000)
    monkeypatch.setattr("server.socket_pace.SOUND_A_SECOND", 0)
    async with app() as served, served.client.ws_connect("/v1/realtime") as socket:
        await socket.send_str(appended(SECOND))
        for _ in range(3):
            await socket.send_str(appended(SECOND))
        await socket.send_json({"type": "nothing"})
        fast, other = await errors(socket, 2)
        assert "too fast" in fast["message"] and other["code"] == "invalid_event"
        await served.end_sessions()
