"""Published figures of other systems, taken on other stimuli: a sense of scale, no comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["ANCHORS", "ANSWER_ANCHORS", "STOP_ANCHORS"]

ANCHORS: Final[Mapping[str, str]] = {
    "turn.latency_mean_s": "0.40 TML-Interaction-Small; 0.57-0.94 Gemini live; 1.18-1.63 "
    "GPT-Realtime-2; 0.07 PersonaPlex (takes 58-66 % of pauses)",
    "pause.takeover": "0.01-0.12 GPT-Realtime at 1.47 s; none below 0.5 s under 0.20",
    "stop.latency_p50_s": "0.41 gpt-realtime-1.5",
    "stop.yielded": "1.00 gpt-realtime-1.5",
    "overlap.balance": "0.78 best cascade; 0.73 best native; 0.53 gpt-realtime-1.5",
    "backchannel.takeover": "0.327 PersonaPlex",
    "transport.round_trip_ms": "187 stock aiortc",
}
"""By key, as text."""

ANSWER_ANCHORS: Final[Mapping[str, tuple[float, float | None]]] = {
    "PersonaPlex": (0.07, 0.62),
    "GPT-Realtime": (1.47, 0.065),
    "TML-Interaction-Small": (0.40, None),
}
"""(mean latency in seconds, share of pauses taken or None where none was published)."""

STOP_ANCHORS: Final[Mapping[str, tuple[float, float | None]]] = {"gpt-realtime-1.5": (0.41, 0.53)}
"""(stop p50 in seconds, balance B)."""
