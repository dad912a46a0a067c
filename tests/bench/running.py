"""Which clips a suite plays, and playing them: interleaved over the targets, resumable."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import aiohttp

from model.weights.errors import WeightsError
from tests.bench.evidence import record_of
from tests.bench.harness.caller import CallFailed
from tests.bench.harness.conversation import Played, play
from tests.bench.harness.dialects import COUNTERPOINT, Dialect
from tests.bench.records import Record, Shard
from tests.bench.stimuli.making import Half, make_script
from tests.bench.stimuli.script import Script
from tests.bench.stimuli.splits import Split

__all__ = ["CLIP_SUITES", "UNSTEADY_SECONDS", "Draw", "SittingEnded", "Target", "Work", "gone",
           "plan", "reason", "run_clips", "wants"]  # fmt: skip

_Part = tuple[str, Half, float]

_FLOOR: Final[tuple[_Part, ...]] = (
    # Each call of `talk` holds an event of every metric from 1 to 4. Some find no one speaking,
    # or an answer that ends by itself, some calls fail: what is left must not be fewer than n.
    # `talk` alone gives more than n of each; of people there are turns and pauses alone, told
    # apart with their n: at a share of 1 they take a third of the time.
    ("talk", "synthetic", 1.3),
    # All of `talk`'s turns have a pause or break in: these are whole.
    ("turn", "synthetic", 0.15),
    ("pause", "human", 0.35),
    ("turn", "human", 0.1),
    ("backchannel", "synthetic", 0.08),
)
_TURN: Final[tuple[_Part, ...]] = (("turn", "synthetic", 1.0), ("turn", "human", 1.0))
_VOICE: Final[tuple[_Part, ...]] = (("voice", "synthetic", 1.0), ("voice", "human", 1.0))

CLIP_SUITES: Final[Mapping[str, tuple[_Part, ...]]] = {
    # No latency without false actions: pauses beside turns, what asks for nothing beside stops.
    "turn": (*_TURN, ("pause", "synthetic", 0.5), ("pause", "human", 0.5)),
    "pause": (("pause", "synthetic", 1.0), ("pause", "human", 1.0)),
    "stop": (("stop", "synthetic", 1.0), ("overlap", "synthetic", 0.5)),
    # The balance needs interruptions too.
    "overlap": (("stop", "synthetic", 1.0), ("overlap", "synthetic", 1.0)),
    "backchannel": (("backchannel", "synthetic", 0.25),),
    "floor": _FLOOR,
    "recognition": _TURN,
    "voice": _VOICE,
    "heard": (("stop", "synthetic", 1.0),),
    "nulls": _FLOOR,
    "all": (*_FLOOR, *((kind, half, 0.12) for kind, half, _ in _VOICE)),
}
"""Of each suite that consists of clips: stimulus, half, and how many of `n`."""

WORDS_SHARE: Final = 0.3
"""Of a clip that would be transcribed: a recogniser takes a second or two for each."""

UNSTEADY_SECONDS: Final = 0.05
"""A client whose own packets were later than this (99th percentile) plays the clip again."""

_TRIES: Final = 3
_PATIENCE_SECONDS: Final = 90.0
"""For a server whose engine is being started again."""


class SittingEnded(Exception):
    """Nothing more can be measured now; the message says why. What was played is kept."""


@dataclass(frozen=True, slots=True)
class Work:
    """One clip to be played."""

    suite: str
    half: Half
    index: int

    @property
    def clip(self) -> str:
        """The name `make_script` gives it."""
        return f"{self.suite}-{self.half}-{self.index:04d}"


@dataclass(frozen=True, slots=True)
class Draw:
    """Where clips come from."""

    split: Split
    seed: int

    def script(self, work: Work) -> Script:
        """The clip."""
        return make_script(work.suite, self.split, self.seed, work.index, work.half)


@dataclass(frozen=True, slots=True)
class Target:
    """A server that is measured.

    Attributes:
        prefix: of its keys; empty for the one measured, else `baseline.NAME.` or `rival.NAME.`.
        url: where it is.
        settings: of the offer.
        dialect: how it wants to be called.
        process: the server, where the bench started it.
    """

    prefix: str
    url: str
    settings: Mapping[str, object] = field(default_factory=dict)
    dialect: Dialect = COUNTERPOINT
    process: subprocess.Popen[bytes] | None = field(default=None, compare=False)


def plan(suite: str, n: int, halves: Sequence[Half] = ("synthetic", "human")) -> list[Work]:
    """The clips of a suite, kinds interleaved: `n` of each that has a share of 1.

    Monologues are long and hold five opportunities each, so they have less; so have those that
    are there for words only.
    """
    works: list[Work] = []
    totals: dict[tuple[str, Half], int] = {}
    for kind, half, share in CLIP_SUITES[suite]:
        if half in halves:
            totals[kind, half] = max(round(share * n), 1)
            works += [Work(kind, half, i) for i in range(totals[kind, half])]
    # Every kind at every time of the run: a machine that gets busier must not favour one.
    return sorted(works, key=lambda w: ((w.index + 0.5) / totals[w.suite, w.half], w.half, w.suite))


def wants(prefix: str, work: Work) -> bool:
    """Whether a clip is played to this target.

    A baseline is our own server with another floor: it recognises and speaks as ours does.
    """
    return work.suite != "voice" or not prefix.startswith("baseline.")


async def _played(target: Target, script: Script, failed: list[str]) -> Played:
    """Play until the client itself was on time, three times at most; `failed` is told why a call
    came to nothing."""
    failure: Exception | None = None
    played: Played | None = None
    for attempt in range(_TRIES):
        try:
            played = await play(target.url, script, target.settings, target.dialect)
        except Exception as error:  # Whatever one call dies of, the others go on.
            failure = error
            failed.append(reason(error))
            await asyncio.sleep(1.0 + attempt)
            continue
        if played.late_p99_seconds <= UNSTEADY_SECONDS:
            return played
    if played is None:
        raise failure or CallFailed("not played")
    return played


async def run_clips(
    shard: Shard,
    works: Sequence[Work],
    targets: Sequence[Target],
    draw: Draw,
    *,
    words: bool,
    at_once: int = 1,
) -> None:
    """Play what the shard does not hold yet, each clip to every target in turn.

    `at_once` clips go on side by side: for scripted agents only, which cost no time to think.

    Raises:
        SittingEnded: a server is gone.
    """
    waiting = list(enumerate(works))
    waiting.reverse()

    async def caller() -> None:
        while waiting:
            number, work = waiting.pop()
            await _clip(shard, number, work, targets, draw, words=words)
            done = len(works) - len(waiting)
            print(f"\r{done}/{len(works)} clips ", end="", file=sys.stderr, flush=True)

    await asyncio.gather(*(caller() for _ in range(at_once)))
    print(file=sys.stderr)


async def _clip(
    shard: Shard, number: int, work: Work, targets: Sequence[Target], draw: Draw, *, words: bool
) -> None:
    # The order of targets rotates, so that none is always first after a change.
    rotated = [targets[(number + turn) % len(targets)] for turn in range(len(targets))]
    missing = [t for t in rotated if wants(t.prefix, work) and not shard.has(t.prefix, work.clip)]
    if not missing:
        return
    script = await asyncio.to_thread(draw.script, work)
    for target in missing:
        read = words and not target.prefix.startswith("baseline.") and _is_read(work)
        record = await _record(target, script, words=read)
        # Kept before anything else: a clip that ends a server must not end every sitting.
        shard.add(record)
        if record.failure and (why := await gone(target)):
            name = target.prefix.rstrip(".") or "our server"
            raise SittingEnded(
                f"{name} is gone ({why}), after {work.clip}: {record.failure}; what was played is "
                "kept, start the same command again"
            )


def _is_read(work: Work) -> bool:
    """Whether its words are transcribed: all of `voice`, some of the others, spread evenly."""
    return work.suite in ("voice", "stop") or int(work.index * WORDS_SHARE) != int(
        (work.index + 1) * WORDS_SHARE
    )


async def _record(target: Target, script: Script, *, words: bool) -> Record:
    failed: list[str] = []
    try:
        played = await _played(target, script, failed)
        made = await asyncio.to_thread(record_of, target.prefix, script, played, words=words)
    except WeightsError:  # Of the bench's recogniser: no call's failure.
        raise
    except Exception as error:
        made = Record(target.prefix, script.suite, script.clip, failure=reason(error))
    return replace(made, tried=tuple(failed))


def reason(error: Exception) -> str:
    """Why a call failed, in words."""
    kind = type(error).__name__
    if isinstance(error, CallFailed | TimeoutError):
        return str(error) or "time out"
    return f"{kind}: {error}"


async def gone(target: Target, patience_seconds: float = _PATIENCE_SECONDS) -> str:
    """Why a server cannot be called any more; empty when it can."""
    until = time.monotonic() + patience_seconds
    while True:
        if target.process is not None and target.process.poll() is not None:
            return f"it ended with {target.process.returncode}"
        status = await _status(target.url)
        # A stranger's server may not know the path, but it is there.
        if status == 200 or (target.process is None and 0 < status < 500):
            return ""
        if time.monotonic() >= until:
            return f"/healthz says {status}" if status else "/healthz is not answered"
        await asyncio.sleep(min(1.0, patience_seconds))


async def _status(url: str) -> int:
    """What `/healthz` is answered with; 0 for nothing."""
    limit = aiohttp.ClientTimeout(total=10.0)
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with aiohttp.ClientSession(timeout=limit) as http:
            async with http.get(f"{url}/healthz") as response:
                return response.status
    return 0
