"""What is promised of conversations, measured through the real server with the real model.

    python -m tests.end_to_end.acceptance latency --json out/latency.json
    python -m tests.end_to_end.acceptance camera --count 12
    python -m tests.end_to_end.acceptance together --minutes 20
    python -m tests.end_to_end.acceptance prompts|cycles|endurance|loss …

Prints JSON. A latency from a busy machine is no finding: the load average stands in every result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.bench.stimuli.speech import Said as Clip
from tests.bench.stimuli.speech import humans, insert_pause
from tests.end_to_end.prompts import measure_prompts
from tests.end_to_end.resources import growth, resident, ticks_and_missed
from tests.end_to_end.served import Served
from tests.end_to_end.spoken import RATE, Talk, model_server
from tests.end_to_end.together import changing_scene, together
from tests.network.testbed import Link
from tests.speech.wer import word_error_rate

__all__ = ["camera", "cycles", "endurance", "latency", "loss", "people"]

Result = dict[str, Any]

_SEED: Final = 5
_MOST_OF_A_SPEAKER: Final = 12
_PAUSES_SECONDS: Final = (0.5, 1.2)
_TURN_SECONDS: Final = 10.0
_CLIPS_A_CALL: Final = 3


def people(count: int) -> list[Clip]:
    """Whole sentences of people, drawn from a fixed seed, few of the most prolific speaker."""
    dice = np.random.default_rng(_SEED)
    pool = humans("dev")  # How the test split fares is the bench's to tell, and is logged there.
    chosen: list[Clip] = []
    for index in dice.permutation(len(pool)):
        clip = pool[index]
        of_speaker = sum(other.speaker == clip.speaker for other in chosen)
        if len(clip.audio) <= 8 * RATE and of_speaker < _MOST_OF_A_SPEAKER:
            chosen.append(clip)
    return chosen[:count]


# ---- latency -----------------------------------------------------------------------------------


async def latency(served: Served, clips: int = 24) -> Result:
    """Seconds from the person's last voiced sample to our first voiced one at the client."""
    dice = np.random.default_rng(_SEED)
    chosen = people(clips)
    paused = [insert_pause(dice, clip, dice.uniform(*_PAUSES_SECONDS)) for clip in chosen]
    turns = await _turns(served, chosen)
    interrupted = await _turns(served, [clip for clip in paused if clip is not None])
    found = [turn["latency_seconds"] for turn in turns if turn["latency_seconds"] is not None]
    taken = [turn["pause_taken"] for turn in interrupted]
    return {
        "clips": len(turns),
        "speakers": len({clip.speaker for clip in chosen}),
        "answered": len(found) / len(turns),
        "begun_before_the_end": sum(turn["early"] for turn in turns) / len(turns),
        "mean_seconds": statistics.mean(found),
        "p50_seconds": statistics.median(found),
        "p95_seconds": float(np.percentile(found, 95)),
        "pauses": len(taken),
        "pauses_taken": sum(taken) / len(taken),
        "turns": turns,
        "turns_with_a_pause": interrupted,
    }


async def camera(served: Served, clips: int = 12) -> Result:
    """How much later an answer comes while a camera shows changing pictures: the same clips with
    and without it, a few at a time, in turns."""
    chosen = people(clips)
    found: dict[bool, list[Result]] = {False: [], True: []}
    for first in range(0, len(chosen), _CLIPS_A_CALL):
        some = chosen[first : first + _CLIPS_A_CALL]
        for shows in (False, True) if first // _CLIPS_A_CALL % 2 else (True, False):
            found[shows] += await _turns(served, some, shows)
    pairs = [
        (plain["latency_seconds"], seen["latency_seconds"])
        for plain, seen in zip(found[False], found[True], strict=True)
        if None not in (plain["latency_seconds"], seen["latency_seconds"])
    ]
    means = [statistics.mean(one) for one in zip(*pairs, strict=True)]
    return {
        "clips": len(chosen),
        "answered_both": len(pairs),
        "mean_seconds": means,
        "p50_seconds": [statistics.median(one) for one in zip(*pairs, strict=True)],
        "ratio_of_means": means[1] / means[0],
        "pairs": pairs,
    }


async def _turns(served: Served, clips: list[Clip], shows: bool = False) -> list[Result]:
    """Each clip is the first turn of nobody: one conversation, its answers stopped early."""
    told: list[tuple[Clip, Any, Any]] = []
    async with served.call(rate=RATE, videos=1) as caller:
        talk = Talk(caller)
        await talk.begin()
        if shows:
            caller.show(changing_scene(rate=2))
            caller.send({"type": "eyes.look", "source": "camera", "on": True})
            await talk.until(lambda: bool(talk.events("eyes.seen")), 20.0)
        await asyncio.sleep(1.0)
        for clip in clips:
            said = talk.say(clip.audio)
            started = await talk.starts(said, _TURN_SECONDS)
            await asyncio.sleep(0.5)
            await talk.fall_silent()
            told.append((clip, said, started))
            await asyncio.sleep(0.8)
        loud = np.array(talk.loud_times())
        return [_turn(talk, loud, *one) for one in told]


def _turn(talk: Talk, loud: Any, clip: Clip, said: Any, started: Any) -> Result:
    heard = loud[loud > said.start + 0.1]
    after = heard[heard > said.end]
    early = bool(len(heard) and heard[0] <= said.end)
    answered = started is not None and len(after) and after[0] < said.end + _TURN_SECONDS
    taken = False
    if clip.pauses:
        # What was decided in the pause may be heard when the person has gone on: it counts too.
        first = said.start + clip.pauses[0][0] / RATE
        taken = bool(np.any((heard > first) & (heard <= said.end)))
    steps = {
        event.get("state") or event.get("decision") or event["type"]: round(
            talk.arrival(event) - said.end, 3
        )
        for event in talk.events("person.state", "floor", "agent.started", since=said.since)
        if started is not None and talk.arrival(event) <= talk.arrival(started)
    }
    return {
        "text": clip.text,
        "heard": talk.heard_person(said.since) if started is None else None,
        "latency_seconds": float(after[0] - said.end) if answered else None,
        "early": early,
        "pause_taken": taken,
        "steps": steps,
    }


# ---- memory ------------------------------------------------------------------------------------


async def cycles(served: Served, count: int = 200, settled: int = 20) -> Result:
    """Connect, hear of the session, say something, hang up: what stays behind."""
    clip = people(1)[0]
    before: dict[str, int] = {}
    for number in range(1, count + 1):
        async with served.call(rate=RATE) as caller:
            talk = Talk(caller)
            await talk.begin()
            talk.say(clip.audio[: RATE // 2])
            await asyncio.sleep(0.6)
        if number == settled:
            await asyncio.sleep(2.0)
            before = resident(served)
    await asyncio.sleep(2.0)
    after = resident(served)
    open_streams = await asyncio.to_thread(served.metric, "engine_streams")
    return {
        "cycles": count,
        "before": before,
        "after": after,
        "growth": growth(before, after),
        "streams_left": open_streams,
    }


async def endurance(served: Served, minutes: float = 30.0, settled_minutes: float = 5.0) -> Result:
    """One conversation, a sentence every ten seconds: micro-turns missed, memory over time."""
    clips = people(24)
    loop = asyncio.get_running_loop()
    began = loop.time()
    samples: list[Result] = []
    answered = spoken = 0
    async with served.call(rate=RATE) as caller:
        talk = Talk(caller)
        await talk.begin()
        ticks, missed = await ticks_and_missed(served)
        while loop.time() - began < minutes * 60:
            since = len(caller.events)
            talk.say(clips[spoken % len(clips)].audio)
            spoken += 1
            await asyncio.sleep(10.0)
            answered += bool(talk.events("agent.started", since=since))
            minute = (loop.time() - began) / 60
            if not samples or minute - samples[-1]["minute"] >= 1.0:
                samples.append({"minute": round(minute, 2), **resident(served)})
    last_ticks, last_missed = await ticks_and_missed(served)
    settled = next((s for s in samples if s["minute"] >= settled_minutes), samples[0])
    names = ("server_bytes", "engine_bytes")
    slow = [event for event in caller.events if event["type"] == "engine"]
    return {
        "minutes": minutes,
        "said": spoken,
        "answered": answered / spoken,
        "micro_turns": last_ticks - ticks,
        "missed": (last_missed - missed) / max(1.0, last_ticks - ticks),
        "told_slow": sum(event["state"] == "slow" for event in slow),
        "growth": growth({n: settled[n] for n in names}, {n: samples[-1][n] for n in names}),
        "memory": samples,
    }


# ---- loss --------------------------------------------------------------------------------------


async def loss(served: Served, clips: int = 12) -> Result:
    """What is understood, and what of the person's audio was made up, on a lossy wire."""
    rates = []
    async with served.call(rate=RATE) as caller:
        talk = Talk(caller)
        await talk.begin()
        for clip in people(clips):
            said = talk.say(clip.audio)
            await talk.starts(said, 6.0)
            await talk.fall_silent()
            rates.append(word_error_rate(clip.text, talk.heard_person(said.since)))
            await asyncio.sleep(0.5)
        health = talk.events("health")[-1]
    return {
        "word_error_rate": statistics.mean(rates),
        "lost": health["lost"],
        "concealed": health["concealed"],
    }


# ---- the command -------------------------------------------------------------------------------


def _flags(arguments: argparse.Namespace) -> list[str]:
    return [f"--engine={setting}" for setting in arguments.engine]


def measure(arguments: argparse.Namespace) -> Result:
    """Start a server, measure one thing."""
    link = Link(loss=0.05, delay_seconds=0.02, seed=11) if arguments.what == "loss" else None
    count = {} if arguments.count is None else {"count": arguments.count}
    works: dict[str, Callable[[Served], Any]] = {
        "latency": lambda served: latency(served, *count.values()),
        "camera": lambda served: camera(served, *count.values()),
        "prompts": lambda served: measure_prompts(served, **count, at_once=arguments.at_once),
        "cycles": lambda served: cycles(served, **count),
        "endurance": lambda served: endurance(served, arguments.minutes or 30.0),
        "together": lambda served: together(served, people(24), arguments.minutes or 20.0),
        "loss": lambda served: loss(served, *count.values()),
    }
    load = os.getloadavg()
    began = time.monotonic()
    with model_server(*_flags(arguments), link=link) as served:
        try:
            result: Result = asyncio.run(works[arguments.what](served))
        except BaseException:
            print(served.spawned.output()[-4000:], file=sys.stderr)
            raise
    return {
        "what": arguments.what,
        "engine": arguments.engine,
        "load_average": {"before": load, "after": os.getloadavg()},
        "took_seconds": round(time.monotonic() - began, 1),
        **result,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", choices="latency camera together prompts cycles endurance loss".split()
    )
    parser.add_argument("--engine", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--count", type=int, help="clips, prompts or cycles")
    parser.add_argument("--minutes", type=float, help="of endurance (30), together (20)")
    parser.add_argument("--at-once", type=int, default=1, help="spoken conversations of prompts")
    parser.add_argument("--json", type=Path, help="write it here too")
    arguments = parser.parse_args()
    text = json.dumps(measure(arguments), indent=1)
    print(text)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
