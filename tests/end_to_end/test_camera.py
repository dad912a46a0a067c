"""What a client shows, through the real server into an engine's process; and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.end_to_end.served import Served, server, tone
from tests.network.caller import Caller
from tests.network.scene import Scene
from tests.steady import undisturbed

# Processes are started, and the machine may be busy with other tests.
pytestmark = pytest.mark.timeout(60)

RED, GREEN = (200, 30, 30), (30, 190, 40)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One server with the scripted engine, which says what colours it sees."""
    with server("--engine=rows=4", script="enter") as served:
        yield served


def look(caller: Caller, on: bool, source: str = "camera") -> None:
    caller.send({"type": "eyes.look", "source": source, "on": on})


async def state(caller: Caller, name: str, seconds: float = 20.0) -> dict[str, Any]:
    """The event that says so."""
    return await caller.wait_for("eyes.state", seconds, where=lambda event: event["state"] == name)


def seen(caller: Caller) -> list[dict[str, Any]]:
    return [event for event in caller.events if event["type"] == "eyes.seen"]


def shows(event: dict[str, Any], colour: tuple[int, int, int]) -> bool:
    """Whether the engine saw this colour."""
    numbers = [int(one) for one in event["label"].split()[1:]]
    return bool(np.abs(np.subtract(numbers, colour)).max() < 12)


@pytest.mark.timeout(180)
@undisturbed
async def test_nothing_is_looked_at_before_the_client_says_so_and_nothing_after(
    served: Served,
) -> None:
    async with served.call(videos=2) as caller:
        await caller.open()
        scene = Scene(rate=5)
        caller.show(scene)
        await asyncio.sleep(0.6)
        assert seen(caller) == []
        look(caller, True)
        wanted = await caller.wait_for("eyes.wanted")
        assert (wanted["frames_a_second"], wanted["width"], wanted["height"]) == (2, 320, 240)
        await state(caller, "looking")
        event = await caller.wait_for("eyes.seen")
        assert shows(event, RED)
        assert event["label"].startswith("320x240")
        assert 0 <= event["at_ms"] - event["seen_ms"] < 2_000
        caller.send({"type": "text.send", "text": "look 9"})
        more = await caller.wait_for("eyes.wanted", where=lambda one: one["frames_a_second"] != 2)
        assert more["frames_a_second"] == 5
        look(caller, False)
        await state(caller, "off")
        scene.colour = GREEN
        count = len(seen(caller))
        await asyncio.sleep(1.0)
        # One may have been on its way to the engine.
        assert len(seen(caller)) <= count + 1
        assert not any(shows(event, GREEN) for event in seen(caller))
        # A screen is another matter, with another consent.
        screen = Scene((640, 360))
        screen.colour = GREEN
        caller.show(screen, 1)
        look(caller, True, "screen")
        event = await caller.wait_for("eyes.seen", where=lambda one: one["source"] == "screen")
        assert shows(event, GREEN)


async def test_a_client_without_video_is_told_so(served: Served) -> None:
    async with served.call() as caller:
        await caller.open()
        look(caller, True)
        assert (await state(caller, "absent"))["source"] == "camera"
        look(caller, False)
        caller.send({"type": "ping", "sent_ms": 1})
        await caller.wait_for("pong")
        assert not [one for one in caller.events if one["type"] == "error"]


def _white_noise(size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)


@pytest.mark.timeout(120)
async def test_a_client_that_ignores_what_it_was_asked_for_is_limited(served: Served) -> None:
    """720p at fifteen a second and more: sound goes on, some pictures are seen, it is told."""
    async with served.call(videos=1) as caller:
        await caller.open()
        scene = Scene((1280, 720), rate=30)
        caller.show(scene)
        look(caller, True)
        told = await state(caller, "limited", 40)
        assert told["message"]
        event = await caller.wait_for("eyes.seen")
        assert event["label"].startswith("369x207")
        seen_before = len(caller.events)
        caller.say(tone(0.3))
        caller.send({"type": "text.send", "text": "say 1"})
        await caller.wait_for("agent.done", since=seen_before)
        await caller.wait_for("health", since=seen_before, where=lambda e: e["behind_ms"] < 500)


async def test_black_is_told_and_odd_frames_are_seen(served: Served) -> None:
    async with served.call(videos=1) as caller:
        await caller.open()
        look(caller, True)
        scene = Scene((33, 17), rate=4)
        scene.colour = (0, 0, 0)
        caller.show(scene)
        await state(caller, "dark")
        assert seen(caller)[0]["label"].startswith("33x17")
        pixels = _white_noise((1, 1))
        scene.draw = lambda _: pixels
        await caller.wait_for("eyes.seen", where=lambda one: one["label"].startswith("1x1 "))
        scene.draw = lambda _: np.full((320, 240, 3), GREEN, np.uint8)  # turned upright
        event = await caller.wait_for("eyes.seen", where=lambda one: "240x320" in one["label"])
        assert shows(event, GREEN)
        assert not [one for one in caller.events if one["type"] in ("error", "session.ended")]


@pytest.mark.timeout(150)
async def test_a_huge_picture_a_track_that_ends_and_another_one_are_told_beside_the_speech(
    served: Served,
) -> None:
    """4K, then nothing, then another track; we speak meanwhile, and memory stays what it was."""
    async with served.call(videos=1) as caller:
        await caller.open()
        look(caller, True)
        scene = Scene(rate=3)
        caller.show(scene)
        await caller.wait_for("eyes.seen")
        before = served.process.memory_info().rss
        scene.rate, scene.size = 1, (3840, 2160)
        event = await caller.wait_for("eyes.seen", 40, where=lambda one: "369x207" in one["label"])
        assert shows(event, RED)
        since = len(caller.events)
        scene.stop()
        caller.show(None)
        caller.send({"type": "text.send", "text": "say 1"})
        await caller.wait_for("agent.done", since=since)
        ended = await caller.wait_for(
            "eyes.state", since=since, where=lambda one: one["state"] == "stalled"
        )
        assert ended["message"]
        since = len(caller.events)
        other = Scene((200, 300), rate=4)
        other.colour = GREEN
        caller.show(other)
        event = await caller.wait_for("eyes.seen", since=since)
        assert shows(event, GREEN)
        await caller.wait_for(
            "eyes.state", since=since, where=lambda one: one["state"] == "looking"
        )
        assert served.process.memory_info().rss - before < 150_000_000
