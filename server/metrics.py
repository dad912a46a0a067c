"""Counters and gauges as Prometheus text. No labels that could name a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["Gauge", "Histogram", "Metrics", "render"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value that is looked up when it is asked for."""

    name: str
    help: str
    value: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often a time was at most each of the bounds, and how often in all.

    Attributes:
        name: ends with its unit.
        help: in words.
        bounds: rising.
        counts: cumulative, one more than bounds: the last is of all.
        total: the sum of all times.
    """

    name: str
    help: str
    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


@dataclass(slots=True)
class Metrics:
    """What is counted while things happen; keys are label values."""

    sessions_started: int = 0
    sessions_resumed: int = 0
    blocks_dropped: int = 0
    events_dropped: int = 0
    server_tool_calls: int = 0
    sessions_ended: Counter[str] = field(default_factory=Counter)
    requests_refused: Counter[str] = field(default_factory=Counter)
    messages_refused: Counter[str] = field(default_factory=Counter)


def render(metrics: Metrics, gauges: Iterable[Gauge | Histogram]) -> str:
    """The text that `/metrics` answers with."""
    lines: list[str] = []
    for name, help_text, total in (
        ("sessions_started_total", "Sessions begun.", metrics.sessions_started),
        ("sessions_resumed_total", "Sessions that resumed another.", metrics.sessions_resumed),
        ("blocks_dropped_total", "Micro-turns of audio not heard.", metrics.blocks_dropped),
        ("events_dropped_total", "Events a client was too slow for.", metrics.events_dropped),
        ("server_tool_calls_total", "Calls of this server's tools.", metrics.server_tool_calls),
    ):
        lines += _head(name, help_text, "counter")
        lines.append(f"counterpoint_{name} {total}")
    for name, help_text, label, counts in (
        ("sessions_ended_total", "Sessions over.", "reason", metrics.sessions_ended),
        ("requests_refused_total", "Requests refused.", "code", metrics.requests_refused),
        ("messages_refused_total", "Client events refused.", "code", metrics.messages_refused),
    ):
        lines += _head(name, help_text, "counter")
        lines += [
            f'counterpoint_{name}{{{label}="{value}"}} {count}'
            for value, count in sorted(counts.items())
        ]
    for one in gauges:
        if isinstance(one, Histogram):
            lines += _buckets(one)
            continue
        lines += _head(one.name, one.help, "gauge")
        lines.append(f"counterpoint_{one.name} {one.value:g}")
    return "\n".join(lines) + "\n"


def _buckets(histogram: Histogram) -> list[str]:
    name = f"counterpoint_{histogram.name}"
    ends = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
    buckets = [
        f'{name}_bucket{{le="{end}"}} {count}'
        for end, count in zip(ends, histogram.counts, strict=True)
    ]
    whole = [f"{name}_sum {histogram.total:.6f}", f"{name}_count {histogram.counts[-1]}"]
    return [*_head(histogram.name, histogram.help, "histogram"), *buckets, *whole]


def _head(name: str, help_text: str, kind: str) -> list[str]:
    return [f"# HELP counterpoint_{name} {help_text}", f"# TYPE counterpoint_{name} {kind}"]
