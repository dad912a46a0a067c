"""What a run is judged by: issue C's lines and the aims of the project's table of benchmarks.

A line whose key a result does not have is not measured; that is never fine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.matched import families
from tests.bench.metrics.machine import CORE
from tests.bench.metrics.overlap import IGNORED
from tests.bench.sides import name_of

__all__ = ["ENOUGH", "LINES", "Line", "falls_short", "in_words", "of_curves", "of_variants",
           "too_few", "variants_of"]  # fmt: skip

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what must hold, and what is aimed at; either may be lacking.

    `sign` is `<=` or `>=`; `least` is how many events a claim wants.
    """

    key: str
    sign: str
    must: float | None
    aim: float | None
    least: int = 0

    def told(self, measure: Mapping[str, Any]) -> str:
        """What of this line a measure misses, in words; empty where it holds."""
        value = measure["value"]
        if value is None:
            few = "too few turns were answered" if "turn.latency" in self.key else "it has no value"
            return f"{self.key} is withheld: {measure.get('reason', few)}"
        if measure["n"] < self.least:
            return f"{self.key} stands on {measure['n']}, wanted {self.least}"
        if self.must is not None and not self._met(value, self.must):
            aim = "" if self.aim in (None, self.must) else f" (aim {self.sign} {self.aim:g})"
            return f"{self.key} is {value:.3g}, wanted {self.sign} {self.must:g}{aim}"
        if self.aim is not None and not self._met(value, self.aim):
            held = "" if self.must is None else f", which holds {self.sign} {self.must:g}"
            return f"{self.key} is {value:.3g}{held}, aim {self.sign} {self.aim:g}"
        return ""

    def _met(self, value: float, bound: float) -> bool:
        return value <= bound if self.sign == "<=" else value >= bound


_AIMS: Final[Mapping[str, tuple[str, float]]] = {
    "turn.latency_mean_s": ("<=", 0.60),
    "turn.latency_p95_s": ("<=", 0.90),
    "turn.answered": (">=", 0.95),
    "pause.takeover": ("<=", 0.15),
    "stop.latency_p50_s": ("<=", 0.40),
    "stop.yielded": (">=", 0.95),
    "overlap.balance": (">=", 0.75),
    "overlap.ignored": (">=", 0.85),
    "backchannel.takeover": ("<=", 0.15),
    "backchannel.f1_gain": (">=", 0.20),
    "visual.count_off_by_one": (">=", 0.90),
    "visual.start_stop_iou": (">=", 0.70),
    "tick.missed": ("<=", 0.001),
    "identity.equal": (">=", 1.0),
    "transport.round_trip_ms": ("<=", 80.0),
    "capacity.sessions": (">=", 2.0),
    "voice.wer": ("<=", 0.12),
    "heard.within_one": (">=", 1.0),
}
"""Of benchmarks.md, its targets; of `overlap.ignored`, the other term of B, which has none there,
the least that is wanted of either. Nothing gives `visual.start_stop_iou`: it is told as not
measured."""

_HUMAN: Final = ("turn.latency_mean_s", "turn.latency_p95_s", "turn.answered", "pause.takeover",
                 "voice.wer")  # fmt: skip
"""What human recordings decide as well. How well is recognised, they alone decide."""


_LEAST: Final = {"identity.equal": 10_000}
"""Of benchmarks.md, metric 10: so many micro-turns."""


def _lines() -> tuple[Line, ...]:
    must = {**CORE, "tick.missed": ("<=", 0.001)}
    found = [Line(key, sign, must[key][1] if key in must else None, aim, _LEAST.get(key, 0))
             for key, (sign, aim) in _AIMS.items()]  # fmt: skip
    found += [Line(f"human.{line.key}", line.sign, line.must, line.aim)
              for line in found if line.key in _HUMAN]  # fmt: skip
    return (*found, Line("human.recognition.wer", "<=", None, 0.12))


LINES: Final = _lines()


def _with_terms(measures: Mapping[str, Any]) -> Mapping[str, Any]:
    """With B's other term: the mean of the shares of events rightly talked through."""
    parts = [measures.get(f"overlap.{kind}") for kind in IGNORED]
    known = [part for part in parts if part is not None and part["value"] is not None]
    if not known:
        return measures
    mean = sum(part["value"] for part in known) / len(known)
    return {**measures, "overlap.ignored": {"value": mean, "n": sum(part["n"] for part in known)}}


def falls_short(measures: Mapping[str, Any]) -> list[str]:
    """What of ours misses a line, in words; last, in one line, what was not measured."""
    every = _with_terms(measures)
    missed = [line.told(every[line.key]) for line in LINES if line.key in every]
    absent = [line.key for line in LINES if line.key not in every]
    told = [f"not measured in this run: {', '.join(absent)}"] if absent else []
    return [line for line in missed if line] + told


ENOUGH: Final = 100
"""Events of each of metrics 1 to 4 that a claim wants."""

_COUNTED: Final = ("turn.answered", "pause.takeover", "stop.yielded")


def too_few(measures: Mapping[str, Any], targets: Sequence[str]) -> list[str]:
    """Who was measured on fewer than `ENOUGH` events, and of what."""
    told: list[str] = []
    for target in targets:
        ignored = [measures.get(f"{target}overlap.{kind}") for kind in IGNORED]
        counts = {key: measures.get(f"{target}{key}", {"n": 0})["n"] for key in _COUNTED}
        # Of people there are recordings of turns alone: metrics 1 and 2.
        people = {key: measures.get(f"{target}human.{key}") for key in _COUNTED[:2]}
        counts |= {f"human.{key}": one["n"] for key, one in people.items() if one}
        counts["what is to be ignored"] = sum(one["n"] for one in ignored if one)
        few = [f"{key} {n}" for key, n in counts.items() if n < ENOUGH]
        if few:
            told.append(f"fewer than {ENOUGH} events of {name_of(target)}: {', '.join(few)}")
    return told


def _of(measures: Mapping[str, Any], target: str) -> dict[str, Any]:
    """The measures of one target, as if they were ours."""
    return {key.removeprefix(target): m for key, m in measures.items() if key.startswith(target)}


def variants_of(result: Result) -> list[str]:
    """Of every variant of ours, the prefix of its keys."""
    return [f"baseline.{one.partition('=')[0]}." for one in result["run"].get("variant") or ()]


def of_variants(result: Result) -> list[tuple[str, list[str]]]:
    """What of each variant of ours misses a line, by its name; its own are asked, and no more: what
    is played to ours alone is not measured of it."""
    told: list[tuple[str, list[str]]] = []
    for variant in variants_of(result):
        every = _with_terms(_of(result["measures"], variant))
        missed = [line.told(every[line.key]) for line in LINES if line.key in every]
        told.append((name_of(variant), [line for line in missed if line]))
    return told


_BETTER: Final = "is better"


def _verdict(measure: Mapping[str, Any]) -> str:
    """Of a difference ours minus theirs, where less is better."""
    if measure["value"] is None or measure["ci95"] is None:
        return f"is not compared ({measure.get('reason') or 'nothing is paired'})"
    low, high = measure["ci95"]
    if high < 0.0:
        return _BETTER
    return "is worse" if low > 0.0 else "is not told apart"


def in_words(result: Result) -> list[str]:
    """Of each rival with a single setting, how ours and its variants stand beside it.

    Such a rival has no curve to be matched with, only its point: nothing is said of what another
    setting of it would do. Latency is of content, which is in favour of who tells no words.
    """
    pairs: Mapping[str, Any] = result.get("paired", {})
    points = [t for t in pairs if t.startswith("rival.") and t.count(".") == 2 and t[-1] == "."]
    swept = {point for family in families(points).values() for point in family}
    told: list[str] = []
    for subject in ("", *variants_of(result)):
        of = f" from {name_of(subject)}" if subject else ""
        for target in (point for point in points if point not in swept):
            for tail, half in _TAILS:
                if (pair := pairs.get(f"{target}{tail}{of}")) is not None:
                    told.append(f"{name_of(subject)} beside {name_of(target)} at its one setting "
                                f"({half}): {_beside(pair)}")  # fmt: skip
    return told


_TAILS: Final = (("", "both halves"), ("synthetic.", "synthetic"), ("human.", "human"))


def _beside(pair: Mapping[str, Any]) -> str:
    keys = ("latency_mean_s", "filler_latency_mean_s", "pause_takeover")
    latency, sound, takeover = (_verdict(pair[key]) for key in keys)
    at_once = "; so this point of it is beaten" if latency == takeover == _BETTER else ""
    return (
        f"latency of content {latency}, of any sound {sound}; take-over {takeover}{at_once}. "
        "Its other settings were not measured."
    )


def of_curves(result: Result) -> list[str]:
    """Of ours, and of its variants, whether they are better than each swept curve, in words.

    Nothing is said where the curve had ended and what stood for it is in our favour.
    """
    told: list[str] = []
    for name, curve in result.get("matched", {}).items():
        curve_name, _, subject = name.partition(" from ")
        takeover, latency = (
            _NOT_TOLD if _in_our_favour(curve, key) else _verdict(curve[key])
            for key in ("takeover_at_our_latency", "latency_at_our_takeover_s")
        )
        balance = _verdict(_turned(curve["balance"]))
        told.append(
            f"{subject or 'ours'} against {curve_name}: share of pauses at its latency {takeover}; "
            f"latency at its share of pauses {latency}; B {balance}."
        )
    return told


_NOT_TOLD: Final = "is not told: beyond the curve"
_BEYOND: Final = {
    "takeover_at_our_latency": "beyond",
    "latency_at_our_takeover_s": "beyond_takeover",
}


def _in_our_favour(curve: Mapping[str, Any], key: str) -> bool:
    """Whether the curve's end was taken where the curve, if it went on, would be better than that.

    A result that does not tell the side may be so wherever its curve has ended.
    """
    if "favoured" in curve:
        return key in curve["favoured"]
    return bool(curve.get(_BEYOND[key]))


def _turned(measure: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a difference where more is better, the other way round."""
    if measure["value"] is None or measure["ci95"] is None:
        return measure
    low, high = measure["ci95"]
    return {**measure, "value": -measure["value"], "ci95": [-high, -low]}
