"""How long a run will take, from the scripts themselves and an agent that takes its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.metrics.activity import ClipLog
from tests.bench.policies import Discerning, perform
from tests.bench.running import Draw, Work, wants

__all__ = ["Cost", "cost_of", "costs", "shown"]

ANSWER_SECONDS: Final = 0.9
STOP_SECONDS: Final = 0.4
SPEECH_SECONDS: Final = 9.0
"""Of the agent that stands for a server: slower than ours, and about as long in its answers."""

CALL_SECONDS: Final = 0.5
"""To connect, hang up and write down, measured against our server."""

_LABELS: Final = ("turn", "pause", "interruption", "backchannel", "vocal_tic", "not_directed",
                  "opportunity")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What one target costs: clips, seconds of calls with all that is around them, labels."""

    prefix: str
    clips: int
    seconds: float
    labels: Counter[str]


def _log(work: Work, draw: Draw) -> ClipLog:
    agent = Discerning(ANSWER_SECONDS, STOP_SECONDS, SPEECH_SECONDS)
    return perform(draw.script(work), agent)


def cost_of(prefix: str, works: Sequence[Work], logs: dict[str, ClipLog]) -> Cost:
    """The cost of these clips for a target with this prefix."""
    chosen = [logs[work.clip] for work in works if wants(prefix, work)]
    labels = Counter(label.kind for log in chosen for label in log.labels)
    seconds = sum(log.length + CALL_SECONDS for log in chosen)
    return Cost(prefix, len(chosen), seconds, Counter({str(k): v for k, v in labels.items()}))


def costs(works: Sequence[Work], prefixes: Sequence[str], draw: Draw) -> list[Cost]:
    """The cost of a run, target by target."""
    logs = {work.clip: _log(work, draw) for work in works}
    return [cost_of(prefix, works, logs) for prefix in prefixes]


def shown(found: Sequence[Cost]) -> str:
    """As a table with a total, minutes and hours."""
    lines = [f"{'target':28} {'clips':>5} {'minutes':>8}  events"]
    for cost in found:
        events = ", ".join(f"{cost.labels[kind]} {kind}" for kind in _LABELS if cost.labels[kind])
        name = cost.prefix.rstrip(".") or "ours"
        lines.append(f"{name:28} {cost.clips:5} {cost.seconds / 60:8.1f}  {events}")
    total = sum(cost.seconds for cost in found)
    clips = sum(cost.clips for cost in found)
    lines.append(f"{'total':28} {clips:5} {total / 60:8.1f}  = {total / 3600:.2f} hours")
    return "\n".join(lines)
