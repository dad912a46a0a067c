"""Which clips a suite plays, and playing them: interleaved over the targets, resumable."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.evidence import record_of
from tests.bench.harness.caller import CallFailed
from tests.bench.harness.conversation import Played, play
from tests.bench.harness.dialects import COUNTERPOINT, Dialect
from tests.bench.records import Record, Shard
from tests.bench.stimuli.making import Half, make_script
from tests.bench.stimuli.script import Script
from tests.bench.stimuli.splits import Split

__all__ = ["CLIP_SUITES", "Draw", "Target", "Work", "plan", "run_clips"]

CLIP_SUITES: Final[Mapping[str, tuple[str, ...]]] = {
    "turn": ("turn",),
    "pause": ("pause",),
    "stop": ("stop",),
    "overlap": ("stop", "overlap"),
    "backchannel": ("backchannel",),
    "floor": ("turn", "pause", "stop", "overlap", "backchannel"),
    "recognition": ("turn",),
    "voice": ("voice",),
    "heard": ("stop",),
    "nulls": ("turn", "pause", "stop", "overlap", "backchannel"),
    "all": ("turn", "pause", "stop", "overlap", "backchannel", "voice"),
}
"""Stimuli of each suite that consists of clips. The balance of `overlap` needs interruptions."""

_HUMAN: Final = ("turn", "pause", "voice")
_UNSTEADY_SECONDS: Final = 0.05
_TRIES: Final = 3


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
    """

    prefix: str
    url: str
    settings: Mapping[str, object] = field(default_factory=dict)
    dialect: Dialect = COUNTERPOINT


def plan(suite: str, n: int, halves: Sequence[Half] = ("synthetic", "human")) -> list[Work]:
    """`n` clips of each kind of the suite and half, kinds interleaved.

    Monologues are long and hold many opportunities: a quarter of `n`. Events of `overlap` are of
    three kinds: `n` of each would be 3 n, so n clips hold n / 3 of each.
    """
    works: list[Work] = []
    for kind in CLIP_SUITES[suite]:
        count = max(n // 4, 1) if kind == "backchannel" else n
        if "synthetic" in halves:
            works += [Work(kind, "synthetic", i) for i in range(count)]
        if "human" in halves and kind in _HUMAN:
            works += [Work(kind, "human", i) for i in range(count)]
    # Every kind at every time of the run: a machine that gets busier must not favour one.
    totals = {kind: sum(w.suite == kind for w in works) for kind in CLIP_SUITES[suite]}
    return sorted(works, key=lambda w: ((w.index + 0.5) / max(totals[w.suite], 1), w.half, w.suite))


async def _played(target: Target, script: Script) -> Played:
    """Play until the client itself was on time, three times at most."""
    failure: CallFailed | TimeoutError | None = None
    played: Played | None = None
    for attempt in range(_TRIES):
        try:
            played = await play(target.url, script, target.settings, target.dialect)
        except (CallFailed, TimeoutError) as error:
            failure = error
            await asyncio.sleep(1.0 + attempt)
            continue
        if played.late_p99_seconds <= _UNSTEADY_SECONDS:
            return played
    if played is None:
        raise failure or CallFailed("not played")
    return played


async def run_clips(
    shard: Shard, works: Sequence[Work], targets: Sequence[Target], draw: Draw, *, words: bool
) -> None:
    """Play what the shard does not hold yet, each clip to every target in turn."""
    for number, work in enumerate(works):
        # The order of targets rotates, so that none is always first after a change.
        rotated = [targets[(number + turn) % len(targets)] for turn in range(len(targets))]
        missing = [t for t in rotated if not shard.has(t.prefix, work.clip)]
        if not missing:
            continue
        script = await asyncio.to_thread(draw.script, work)
        for target in missing:
            shard.add(await _record(target, script, words=words))
        print(f"\r{number + 1}/{len(works)} clips ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


async def _record(target: Target, script: Script, *, words: bool) -> Record:
    try:
        played = await _played(target, script)
    except (CallFailed, TimeoutError) as error:
        return Record(target.prefix, script.suite, script.clip, failure=str(error) or "time out")
    return await asyncio.to_thread(record_of, target.prefix, script, played, words=words)
