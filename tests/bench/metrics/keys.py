"""The fixed keys of a result, and which suite gives which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["KEYS", "PREFIXES", "check"]

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "turn": (
        "turn.latency_mean_s", "turn.latency_p50_s", "turn.latency_p95_s", "turn.answered",
        "turn.filler_latency_mean_s",
    ),
    "pause": ("pause.takeover", "pause.takeover_late"),
    "stop": (
        "stop.latency_mean_s", "stop.latency_p50_s", "stop.latency_p95_s", "stop.yielded",
    ),
    "overlap": (
        "overlap.balance", "overlap.backchannel", "overlap.vocal_tic", "overlap.not_directed",
    ),
    "backchannel": ("backchannel.f1_gain", "backchannel.takeover", "backchannel.f1"),
    "tick": ("tick.missed", "tick.p99_s", "tick.p99_drift", "tick.memory_growth"),
    "identity": ("identity.equal", "identity.overhead"),
    "transport": ("transport.round_trip_ms", "transport.stock_ratio"),
    "capacity": ("capacity.sessions", "capacity.cpu_seconds_per_minute"),
    "recognition": ("recognition.wer",),
    "voice": ("voice.wer",),
    "heard": ("heard.word_error", "heard.within_one"),
    "visual": (
        "visual.asked", "visual.count_off_by_one", "visual.count_delay_s", "visual.event_f1",
        "visual.event_delay_p50_s", "visual.false_per_minute", "visual.told_count_off_by_one",
        "visual.told_count_delay_s", "visual.told_event_f1", "visual.told_event_delay_p50_s",
        "visual.told_false_per_minute", "visual.found",
    ),
}  # fmt: skip
"""Keys of each suite; a key may be preceded by one of `PREFIXES`, and by `human.` or `real.`."""

PREFIXES: Final = ("null.", "baseline.", "rival.")
"""`null.<policy>.`, `baseline.<policy>.`, `rival.<name>.` before a key; `browser.` without a name:
our own page in Chromium."""

_ALL: Final = frozenset(key for keys in KEYS.values() for key in keys)


def check(key: str) -> None:
    """Raise `KeyError` for a key no report should hold."""
    bare = key
    if bare.startswith(PREFIXES):
        bare = bare.split(".", 2)[2]
    bare = bare.removeprefix("browser.").removeprefix("human.").removeprefix("real.")
    if bare not in _ALL:
        raise KeyError(f"{key} is not a key of the bench; see tests/bench/metrics/keys.py")
