"""Two people talk to one server at the same time, with and without their cameras by turns.

Both speak, are answered, and interrupt the answer; in the blocks with cameras both show changing
pictures and one of them is watched for something that never comes. What a person notices of the
cameras is the ratio of the two kinds of blocks, which lie within minutes of each other.
"""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import numpy as np

from tests.bench.metrics.overlap import STOP_SILENCE_SECONDS, YIELD_SECONDS
from tests.bench.metrics.statistics import bootstrap
from tests.bench.stimuli.speech import Said as Clip
from tests.end_to_end.resources import growth, resident, ticks_and_missed
from tests.end_to_end.served import Served
from tests.end_to_end.spoken import RATE, Said, Talk
from tests.network.scene import Scene, photograph

__all__ = ["changing_scene", "together"]

WATCH: Final = "Tell me when a dog appears."
SHOWING_SECONDS: Final = 240.0
PLAIN_SECONDS: Final = 120.0
TURN_SECONDS: Final = 10.0
SEED: Final = 1
INTO_AN_ANSWER: Final = (1.2, 1.6)
"""Seconds of an answer that are heard before it is interrupted, drawn anew for each.

A person knows nothing of micro-turns. 1.2 s for all, counted from an event that leaves at the end
of one, began every interruption at much the same place in its micro-turn; the ratio of the medians
was 1.00 in one run and 1.39 in the next, that of the means .94 and 1.06.
"""


def changing_scene(rate: float = 5) -> Scene:
    """A person, and every four seconds something else."""
    scene = Scene(rate=rate)
    pictures = [photograph(name) for name in ("astronaut.png", "coffee.png")]
    scene.draw = lambda now: pictures[int(now / 4) % 2]
    return scene


@dataclass
class Found:
    """What was measured in blocks of one kind, seconds.

    Attributes:
        turns: from a person's last voiced sample to our first voiced one.
        stops: from a person's first sample over us to our last voiced one.
        unanswered: turns that nobody answered within ten seconds.
        talked_through: interruptions after which we spoke for two seconds more.
        too_late: our answer had ended when the person meant to interrupt it.
        ticks, missed: micro-turns of the engine.
    """

    turns: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    unanswered: int = 0
    talked_through: int = 0
    too_late: int = 0
    ticks: float = 0.0
    missed: float = 0.0

    def told(self) -> dict[str, Any]:
        """For people and programs: of the stops the median, its interval, and every value."""
        stop = bootstrap([[one] for one in self.stops], lambda rows: float(np.median(rows)), SEED)
        return {
            "turns": len(self.turns) + self.unanswered,
            "answered": len(self.turns) / max(1, len(self.turns) + self.unanswered),
            "turn_mean_seconds": statistics.mean(self.turns),
            "turn_p50_seconds": statistics.median(self.turns),
            "interruptions": len(self.stops) + self.talked_through,
            "stop_mean_seconds": statistics.mean(self.stops),
            "stop_p50_seconds": stop.value,
            "stop_p50_ci95": stop.ci95,
            "stops": [round(one, 3) for one in self.stops],
            "talked_through": self.talked_through,
            "too_late": self.too_late,
            "micro_turns": self.ticks,
            "missed": self.missed / max(1.0, self.ticks),
        }


class Person:
    """One of the two; speaks the clips one after another, another offset for each."""

    def __init__(self, talk: Talk, clips: list[Clip], offset: int) -> None:
        self.talk = talk
        self._clips = clips
        self._next = count(offset)
        self._moments = np.random.default_rng([SEED, offset])

    async def show(self, on: bool) -> None:
        """Begin or end to show a camera."""
        self.talk.caller.show(changing_scene() if on else None)
        self.talk.caller.send({"type": "eyes.look", "source": "camera", "on": on})

    async def converse(self, until: float, found: Found) -> None:
        """Speak, be answered, interrupt, be answered, until a monotonic time."""
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            if await self._turn(found) and self.talk.open_utterances():
                await asyncio.sleep(self._moments.uniform(*INTO_AN_ANSWER))
                await self._turn(found, over_us=True)
            await asyncio.sleep(0.5)
            await self.talk.fall_silent()
            await asyncio.sleep(0.8)

    async def _turn(self, found: Found, over_us: bool = False) -> bool:
        clip = self._clips[next(self._next) % len(self._clips)]
        speaking = over_us and bool(self.talk.open_utterances())
        said = self.talk.say(clip.audio)
        started = await self.talk.starts(said, TURN_SECONDS)
        if started is not None:
            await asyncio.sleep(0.6)  # what was begun is heard by then
        after = [at for at in self.talk.loud_times(said.end) if at < said.end + TURN_SECONDS]
        if started is None or not after:
            found.unanswered += 1
        else:
            found.turns.append(after[0] - said.end)
        if speaking:
            self._stop(said, found)
        return started is not None

    def _stop(self, said: Said, found: Found) -> None:
        last = said.start
        for at in self.talk.loud_times(said.start):
            if at - last > STOP_SILENCE_SECONDS:
                break
            last = at
        if last == said.start:
            found.too_late += 1
        elif last - said.start > YIELD_SECONDS:
            found.talked_through += 1
        else:
            found.stops.append(last - said.start)


async def together(served: Served, clips: list[Clip], minutes: float = 20.0) -> dict[str, Any]:
    """`minutes` with cameras in all, blocks without between them and at both ends."""
    found = {False: Found(), True: Found()}
    memory: list[dict[str, int]] = []
    promise = ""
    loop = asyncio.get_running_loop()
    async with (
        served.call(rate=RATE, videos=1) as one,
        served.call(rate=RATE, videos=1) as other,
    ):
        people = [Person(Talk(caller), clips, at * 7) for at, caller in enumerate((one, other))]
        for person in people:
            await person.talk.begin()
        blocks = max(1, round(minutes * 60 / SHOWING_SECONDS))
        each = minutes * 60 / blocks
        for number in range(2 * blocks + 1):
            shows = number % 2 == 1
            for person in people:
                await person.show(shows)
            await asyncio.sleep(6.0)
            if number == 1:
                promised = await people[0].talk.answer(people[0].talk.type(WATCH))
                promise = promised.said if promised is not None else ""
            await asyncio.gather(*(person.talk.fall_silent() for person in people))
            before = await ticks_and_missed(served)
            until = loop.time() + (each if shows else PLAIN_SECONDS)
            await asyncio.gather(*(person.converse(until, found[shows]) for person in people))
            after = await ticks_and_missed(served)
            found[shows].ticks += after[0] - before[0]
            found[shows].missed += after[1] - before[1]
            memory.append(resident(served))
    plain, seen = found[False].told(), found[True].told()
    return {
        "minutes_with_cameras": minutes,
        "without": plain,
        "with": seen,
        "ratio_turn_mean": seen["turn_mean_seconds"] / plain["turn_mean_seconds"],
        "ratio_stop_p50": seen["stop_p50_seconds"] / plain["stop_p50_seconds"],
        # The first block with cameras settles what is allocated once.
        "growth": growth(memory[1], memory[-1]),
        "watch": promise,
    }
