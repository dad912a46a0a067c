"""Before every run: is a server of known delay measured as such?

`python -m tests.bench.harness.calibration` does it in a network of its own and prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from tests.bench.harness import bed
from tests.bench.harness.conversation import Played, play
from tests.bench.metrics.activity import voiced_intervals
from tests.bench.metrics.turns import answer_delay
from tests.bench.stimuli.script import RATE, Audio, Cue, Mark, Piece, Script

__all__ = ["TOLERANCE_SECONDS", "Calibration", "calibrate", "probe", "round_trips"]

DELAY_SECONDS: Final = 0.35
TOLERANCE_SECONDS: Final = 0.010


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well a known delay was recovered.

    Attributes:
        known_seconds: of the reference agent.
        measured_seconds: what the harness found for each turn.
        error_seconds: of the median.
        drift: the sender's clock against ours, as a share.
        jitter_seconds: 95th percentile of arrivals against the fit.
        late_p99_seconds: how late the client's own packets left.
        agrees_seconds: largest distance between our onsets and an independent detector's.
    """

    known_seconds: float
    measured_seconds: tuple[float, ...]
    error_seconds: float
    drift: float
    jitter_seconds: float
    late_p99_seconds: float
    agrees_seconds: float

    @property
    def good(self) -> bool:
        """Within 10 ms."""
        return abs(self.error_seconds) <= TOLERANCE_SECONDS

    def as_json(self) -> dict[str, object]:
        """Plain fields."""
        return asdict(self) | {"good": self.good}


def _buzz(length_seconds: float) -> Audio:
    times = np.arange(round(length_seconds * RATE)) / RATE
    waves = (np.sin(2 * np.pi * 150.0 * n * times) / n for n in range(1, 6))
    return np.asarray(0.15 * np.sum(list(waves), axis=0), dtype=np.float32)


def probe(turns: int, seed: int = 0, gap_seconds: float = 2.0) -> Script:
    """A script of buzzes whose ends fall on every phase of the 20 ms grid, with gaps between.

    The first is not labelled: codecs and clocks settle on it.
    """
    generator = np.random.default_rng(seed)
    pieces = []
    for i in range(turns + 1):
        audio = _buzz(0.6 + float(generator.uniform(0.0, 0.02)))
        mark = Mark("turn", 0, len(audio))
        seconds = 0.7 if i == 0 else gap_seconds
        marks = (mark,) if i else ()
        pieces.append(Piece(audio, marks, ((0, len(audio)),), cue=Cue("clock", seconds)))
    empty = np.zeros(0, np.float32)
    return Script(
        "calibration", "calibration", "synthetic", "buzz", tuple(pieces), empty, empty,
        tail_seconds=gap_seconds,
    )  # fmt: skip


def _independent_onsets(heard: Audio) -> list[float]:
    """Onsets by another rule: the envelope's rise through a tenth of its local maximum."""
    window = RATE // 200
    envelope = np.sqrt(np.convolve(heard.astype(np.float64) ** 2, np.ones(window) / window, "same"))
    loud = envelope > 0.1 * max(float(envelope.max()), 1e-6)
    rises = np.flatnonzero(loud[1:] & ~loud[:-1])
    first = [rise for rise in rises if not loud[max(rise - RATE // 10, 0) : rise].any()]
    return [float(rise) / RATE for rise in first]


def _agreement(played: Played) -> float:
    onsets = _independent_onsets(played.heard)
    apart = [
        min((abs(interval.start - onset) for onset in onsets), default=1.0)
        for interval in voiced_intervals(played.heard, RATE)
    ]
    return max(apart, default=1.0)


async def calibrate(url: str, known_seconds: float = DELAY_SECONDS, turns: int = 6) -> Calibration:
    """Play the probe to a reference agent that runs at `url` with this delay.

    Raises:
        RuntimeError: it answered fewer than half of the turns.
    """
    played = await play(url, probe(turns))
    delays = [answer_delay(played.log, label) for label in played.log.labelled("turn")]
    measured = tuple(delay for delay in delays if delay is not None)
    if 2 * len(measured) < turns:
        raise RuntimeError(f"the reference agent answered {len(measured)} of {turns} turns")
    return Calibration(
        known_seconds,
        tuple(round(delay, 5) for delay in measured),
        float(np.median(measured)) - known_seconds,
        played.clock.drift,
        played.clock.jitter_seconds,
        played.late_p99_seconds,
        _agreement(played),
    )


def round_trips(played: Played) -> tuple[float, ...]:
    """Of a probe played to an echo: each buzz' onset sent to its onset received, seconds."""
    trips = []
    for label in played.log.labelled("turn"):
        after = [i.start for i in played.log.agent if 0 <= i.start - label.start < 1.0]
        if after:
            trips.append(min(after) - label.start)
    return tuple(trips)


def reference_command(
    policy: str, port: int, delay: float | None = None, host: str = bed.ADDRESS
) -> list[str]:
    """The command line of a reference agent."""
    command = [sys.executable, "-m", "tests.bench.harness.reference",
               "--host", host, "--port", str(port), "--policy", policy]  # fmt: skip
    return command + (["--delay", str(delay)] if delay is not None else [])


async def _main(delays: Sequence[float], turns: int) -> list[dict[str, object]]:
    found = []
    for i, delay in enumerate(delays):
        url = f"http://{bed.ADDRESS}:{8401 + i}"
        async with bed.running(reference_command("reference", 8401 + i, delay), url):
            found.append((await calibrate(url, delay, turns)).as_json())
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("delays", type=float, nargs="*", default=[DELAY_SECONDS])
    parser.add_argument("--turns", type=int, default=6)
    chosen = parser.parse_args()
    bed.prepare()
    print(json.dumps(asyncio.run(_main(chosen.delays, chosen.turns))))
