"""One clip of suite `visual` shown to a server in a real call: script in, log out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tests.bench.harness.caller import FRAME, Caller, CallFailed
from tests.bench.harness.conversation import utterances_of
from tests.bench.harness.recording import Arrival, agent_intervals
from tests.bench.metrics.activity import Interval, Utterance, bursts
from tests.bench.metrics.visual import Announcement, VisualLog, number_in
from tests.bench.stimuli.script import RATE, Audio
from tests.bench.visual.film import Film, developed
from tests.bench.visual.script import VisualScript, Wanted

__all__ = ["LOSS", "NotLooked", "Viewed", "announced", "told_of", "unseen", "view"]

LOSS: Final = 0.02
TAIL_SECONDS: Final = 3.0
"""After the action, for what is still said of it."""

_LOOK_SECONDS: Final = 15.0
_PROMISE_SECONDS: Final = 180.0
"""The first request to an engine waits for its examples to be read: ten seconds, minutes where
everything is busy."""

_QUIET_SECONDS: Final = 0.6
_HISS: Final = 10 ** (-65 / 20)


class NotLooked(CallFailed):
    """There was a call, and the server did not look at the camera."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """What one clip left behind.

    Attributes:
        log: for the metrics.
        promise: what the agent said to the request.
        said: (seconds of the action, text) of everything it said then.
        told: (seconds of the action, label) of everything it told of what it sees.
        late_p99_seconds: how late the client's own packets of sound left.
    """

    log: VisualLog
    promise: str
    said: tuple[tuple[float, str], ...]
    told: tuple[tuple[float, str], ...]
    late_p99_seconds: float


async def view(url: str, script: VisualScript, seed: int, loss: float = LOSS) -> Viewed:
    """Call, show the scene, ask, show the action, hang up.

    Raises:
        CallFailed: no call.
        NotLooked: the server does not look.
    """
    frames = await asyncio.to_thread(developed, script.paint, script.rate, script.seconds)
    film = Film(frames)
    dice = np.random.default_rng(seed)

    def hiss(k: int) -> Audio:
        del k
        return (_HISS * dice.standard_normal(FRAME)).astype(np.float32)

    caller = Caller(url, hiss, camera=film)
    try:
        await caller.connect()
        caller.lose(loss, seed)
        await _shown(caller)
        promise = await _asked(caller, script.request)
        film.act()
        await asyncio.wait_for(film.acting.wait(), 10.0)
        await asyncio.sleep(script.seconds + TAIL_SECONDS - (time.monotonic() - film.began))
    finally:
        await caller.close()
        film.stop()
    return _collected(script, caller, film.began - caller.origin, promise)


async def _until(done: Callable[[], bool], limit_seconds: float) -> bool:
    until = time.monotonic() + limit_seconds
    while time.monotonic() < until:
        if done():
            return True
        await asyncio.sleep(0.02)
    return False


async def _shown(caller: Caller) -> None:
    """Let it look, and wait until it does."""

    def looking() -> bool:
        return any(
            event.get("type") == "eyes.state" and event.get("state") in ("looking", "limited")
            for _, event in caller.events
        )

    if not await _until(lambda: caller.open, _LOOK_SECONDS):
        raise CallFailed("the data channel did not open within 15 s")
    caller.send({"type": "eyes.look", "source": "camera", "on": True})
    if not await _until(looking, _LOOK_SECONDS):
        raise NotLooked("the server did not look at the camera within 15 s")


async def _asked(caller: Caller, request: str) -> str:
    """Type the request and wait until what is said to it is over; that, or nothing."""
    since = len(caller.events)
    caller.send({"type": "text.send", "text": request})

    def over() -> bool:
        answers = _utterances(caller, since)
        return bool(answers) and all(one.finished != "open" for one in answers)

    if not await _until(over, _PROMISE_SECONDS):
        return ""
    await asyncio.sleep(_QUIET_SECONDS)
    await _until(over, 10.0)
    return " ".join(_text(one) for one in _utterances(caller, since))


def _utterances(caller: Caller, since: int = 0) -> tuple[Utterance, ...]:
    events = caller.events[since:]
    return utterances_of(tuple((at - caller.origin, event) for at, event in events))


def _text(utterance: Utterance) -> str:
    return "".join(word.text for word in utterance.words).strip()


def announced(
    utterances: Sequence[Utterance], agent: Sequence[Interval], began: float, ended: float
) -> tuple[tuple[Announcement, str], ...]:
    """What was said between two moments, each from its first voiced sample at the client.

    An utterance of which nothing was heard counts from when it was told to begin.
    """
    voiced = bursts(tuple(agent))
    found = []
    for number, one in enumerate(utterances):
        if not began <= one.started < ended:
            continue
        following = utterances[number + 1].started if number + 1 < len(utterances) else ended
        onset = next(
            (b.start for b in voiced if one.started - 0.1 <= b.start < following), one.started
        )
        text = _text(one)
        found.append((Announcement(onset, number_in(text)), text))
    return tuple(found)


def told_of(event: dict[str, Any], wanted: Wanted) -> int | None:
    """Whether an event on the data channel is what was asked for: its number, 0 for none; None
    where it is something else."""
    label = str(event.get("label", ""))
    if event.get("type") != "eyes.seen":
        return None
    what = event.get("what")
    if wanted.kind == "count":
        fits = what == "count" and label.startswith(f"{wanted.which},")
        return number_in(label) if fits else None
    expected = {
        "object": ("object", wanted.which),
        "hand": ("hand", f"raised, {wanted.which}"),
        "person": ("scene", "somebody there" if wanted.way == "comes" else "nobody there"),
    }[wanted.kind]
    either = wanted.kind == "hand" and not wanted.which and label.startswith("raised")
    return 0 if what == expected[0] and (label == expected[1] or either) else None


def unseen(script: VisualScript) -> Viewed:
    """What a clip leaves behind when nobody looks: all that could be seen, and nothing said."""
    ended = script.seconds + TAIL_SECONDS
    log = VisualLog(script.clip, script.measured, 0.0, ended, script.moments, asked=False)
    return Viewed(log, "", (), (), 0.0)


def _collected(script: VisualScript, caller: Caller, began: float, promise: str) -> Viewed:
    ended = began + script.seconds + TAIL_SECONDS
    arrivals = [
        Arrival(one.at - caller.origin, one.timestamp, one.audio)
        for one in caller.received.arrivals
    ]
    agent = agent_intervals(arrivals, len(caller.late_seconds) * FRAME / RATE)
    said = announced(_utterances(caller), agent, began, ended)
    events = [(at - caller.origin, event) for at, event in caller.events]
    during = [(at, event) for at, event in events if began <= at < ended]
    told = [(at, told_of(event, script.wanted)) for at, event in during]
    log = VisualLog(
        clip=script.clip,
        kind=script.measured,
        began=began,
        ended=ended,
        moments=tuple(began + moment for moment in script.moments),
        spoken=tuple(one for one, _ in said),
        told=tuple(Announcement(at, number) for at, number in told if number is not None),
        asked=any(name in promise.lower() for name in script.names),
    )
    late = caller.late_seconds or [0.0]
    seen = tuple(
        (round(at - began, 2), f"{event.get('what')}: {event.get('label')}")
        for at, event in during
        if event.get("type") == "eyes.seen"
    )
    texts = tuple((round(one.at - began, 2), text) for one, text in said)
    return Viewed(log, promise, texts, seen, float(np.percentile(late, 99)))
