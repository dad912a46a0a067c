"""A result as tables of text, for the page and for the text alike."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.bench import machines
from tests.bench.anchors import ANCHORS
from tests.bench.metrics.activity import recording_of
from tests.bench.metrics.keys import KEYS
from tests.bench.metrics.machine import CORE, broken_by
from tests.bench.metrics.statistics import Measure
from tests.bench.records import Record
from tests.bench.sides import in_order, name_of

__all__ = ["Table", "by_machine", "by_sessions", "failed", "figures", "load", "lost", "matched",
           "paired", "sittings", "speakers", "targets_of"]  # fmt: skip

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Heads, rows of as many cells, and notes under it."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def targets_of(measures: Mapping[str, Any]) -> list[str]:
    """Ours first, then our page in a browser, rivals, baselines, nulls; each with its dot."""
    found: set[str] = set()
    for key in measures:
        if key.startswith("browser."):
            found.add("browser.")
        elif key.startswith(("null.", "baseline.", "rival.")):
            found.add(".".join(key.split(".")[:2]) + ".")
    order = ("browser", "rival", "baseline", "null")
    return ["", *sorted(found, key=lambda one: (order.index(one.split(".")[0]), in_order(one)))]


def _cell(measure: Mapping[str, Any] | None) -> str:
    if measure is None:
        return ""
    if measure["value"] is None:
        why = measure.get("reason", "")
        if not measure["n"]:
            return str(why) or "none"
        return f"withheld (n={measure['n']})" + (f": {why}" if why else "")
    interval = ""
    if measure["ci95"] is not None:
        interval = " [{:.3g}, {:.3g}]".format(*measure["ci95"])
    whole = measure.get("recordings")
    of = f" ({whole} recordings)" if whole else ""
    return f"{measure['value']:.3g}{interval} n={measure['n']}{of}"


def _sessions(measure: Mapping[str, Any] | None) -> str:
    """Of a capacity, whose n is the most sessions tried: where they were carried, more may be."""
    if measure is None or measure["value"] is None:
        return _cell(measure)
    most = measure["n"]
    if measure["value"] >= most:
        return f">= {measure['value']:g} (no more were tried)"
    return f"{measure['value']:g} ({most} tried)"


_EMPTY: Final[Mapping[str, tuple[str, str]]] = {
    "baseline": (
        "a",
        "a baseline, or a variant of ours, is our server with another floor: only that is measured",
    ),
    "null": ("b", "a null is scripted: there is no server, no network and no word"),
    "rival": (
        "c",
        "a rival tells no words with times to be judged, and is not asked for what only ours has",
    ),
    "browser": ("d", "a few turns and pauses go through the browser, nothing else"),
}
"""Why a cell is empty, by kind of target, with the letter that stands in it."""

_FLOOR: Final = tuple(key for suite in ("turn", "pause", "stop", "overlap", "backchannel")
                      for key in KEYS[suite])  # fmt: skip


def _why_empty(target: str, key: str) -> str:
    """The letter of the reason for which a target cannot have this key; empty when it could."""
    kind = target.split(".")[0]
    if kind in ("baseline", "null") and key in _FLOOR:
        return ""
    if kind == "baseline" and key.startswith("recognition."):
        return ""
    if kind == "rival" and not key.startswith(
        ("voice.", "heard.", "tick.", "identity.", "visual.")
    ):
        return ""
    return _EMPTY[kind][0] if kind in _EMPTY else ""


def figures(measures: Mapping[str, Any], half: str) -> Table:
    """A row for every key that somebody has in a half: `synthetic` or `human`."""
    prefix = "human." if half == "human" else ""
    targets = targets_of(measures)
    rows: list[list[str]] = []
    letters: set[str] = set()
    for key in (key for keys in KEYS.values() for key in keys):
        shown = _sessions if key == "capacity.sessions" else _cell
        cells = [shown(measures.get(f"{target}{prefix}{key}")) for target in targets]
        if not any(cells):
            continue
        for i, target in enumerate(targets):
            if not cells[i] and (letter := _why_empty(target, key)):
                cells[i] = f"({letter})"
                letters.add(letter)
        rows.append([key, *cells, ANCHORS.get(key, "")])
    notes = [f"({letter}) {why}." for letter, why in _EMPTY.values() if letter in letters]
    heads = ["", *(name_of(t) for t in targets), "anchor (published, other stimuli)"]
    return Table(f"{half.capitalize()} half", heads, rows, notes)


_FAVOURED: Final[Mapping[str, str]] = {
    "takeover_at_our_latency": "take-over compared in our favour",
    "latency_at_our_takeover_s": "latency compared in our favour",
}

_BEYOND: Final = (
    "Beyond a curve its end is compared with, in its favour or in ours; where in ours, nothing is "
    "said of it in words."
)
_BEYOND_LATENCY: Final = (
    "Take-over at our latency: where we are quicker than its quickest setting that is in its "
    "favour, for it would take more pauses; where we are later than its slowest, in ours."
)
_BEYOND_TAKEOVER: Final = (
    "Latency at our take-over: where we take fewer pauses than its most careful setting that is in "
    "its favour, for it would be later; where we take more than its quickest, in ours."
)


def matched(result: Result) -> Table:
    """Ours, and variants of it (`from NAME`), against whole curves."""
    rows: list[list[str]] = []
    for name, curve in result.get("matched", {}).items():
        keys = ("takeover_at_our_latency", "latency_at_our_takeover_s", "balance", "stop_p50_s")
        ends = [
            ("our latency lies beyond its curve", curve["beyond"]),
            ("our take-over lies beyond its curve", curve.get("beyond_takeover")),
        ]
        said = [words for words, holds in ends if holds]
        said += [_FAVOURED[key] for key in curve.get("favoured", ())]
        if out := curve.get("left_out"):
            names = ", ".join(name_of(target) for target in out)
            said.append(f"no points of it, for they answered too few turns: {names}")
        rows.append([name, *(_cell(curve[key]) for key in keys), "; ".join(said)])
    heads = ("against", "take-over at our latency", "latency at our take-over, s",
             "balance B, against its best", "stop p50, s, against the same", "")  # fmt: skip
    minus = "Ours minus the curve; where a row says `from X`, X minus the curve."
    notes = [f"{minus} Less is better but for B. Rows without a half are synthetic."]
    notes += [_BEYOND, _BEYOND_LATENCY, _BEYOND_TAKEOVER]
    return Table("Against whole curves", heads, rows, notes)


def paired(result: Result) -> Table:
    """Ours minus each other target, clip by clip."""
    keys = ("latency_mean_s", "filler_latency_mean_s", "pause_takeover", "balance", "stop_p50_s")
    rows = [
        [name_of(target).replace(". from", " from"), *(_cell(pair.get(key)) for key in keys)]
        for target, pair in result.get("paired", {}).items()
    ]
    heads = ("ours minus", "latency of content, s", "latency of any sound, s", "pauses taken",
             "balance B", "stop p50, s")  # fmt: skip
    halves = (
        "Both halves together, but for lines that name one. Less is better but for B. Where a row "
        "says `from X`, X minus the other."
    )
    words = (
        "Who tells no words (a rival) has fillers counted as content: the latency of any sound "
        "compares like with like."
    )
    return Table("Clip by clip", heads, rows, [halves, words])


def by_sessions(result: Result) -> dict[str, dict[str, Any]]:
    """What was measured at each number of sessions, by whose and how many: `rival.NAME.load_2`."""
    found: dict[str, dict[str, Any]] = {}
    for key, measure in result.get("load", {}).items():
        whose, _, rest = key.partition("load_")
        number, _, name = rest.partition(".")
        found.setdefault(f"{whose}load_{number}", {})[name] = measure
    return dict(sorted(found.items(), key=lambda one: _sessions_of(one[0])))


def _sessions_of(name: str) -> tuple[str, int]:
    whose, _, number = name.partition("load_")
    return whose, int(number)


def _calls(measure: Mapping[str, Any] | None) -> str:
    if measure is None:
        return ""
    why = f": {measure['reason']}" if measure.get("reason") else ""
    return f"{measure['value']:g}{why}"


def load(result: Result) -> Table:
    """A row for each number of sessions: the floor's figures, and what breaks there."""
    found = by_sessions(result)
    keys = [key for key in _FLOOR if any(key in measures for measures in found.values())]
    rows: list[list[str]] = []
    for number, measures in found.items():
        calls = _calls(measures.get("calls.failed"))
        known = {key: Measure.of_json(one) for key, one in measures.items() if key in CORE}
        # As capacity has it: whether a latency may be published is the share's own target.
        withheld = {key for key, one in known.items() if math.isnan(one.value) and one.n}
        broken = [
            *(key for key in broken_by(known) if key not in withheld),
            *(["calls"] if calls not in ("", "0") else []),
        ]
        cells = (_cell(measures.get(key)) for key in keys)
        rows.append([number, *cells, calls, ", ".join(broken)])
    bounds = ", ".join(f"{key} {sign} {bound:g}" for key, (sign, bound) in CORE.items())
    breaks = "A failed call breaks a point; a share breaks it when its whole interval does."
    holds = "Capacity is the most sessions at which these hold, a latency though it be withheld"
    notes = [breaks, f"{holds}: {bounds}. The synthetic half, a few calls a point."]
    heads = ("sessions", *keys, "calls that failed", "broken by")
    return Table("Load", heads, rows, notes)


def failed(result: Result) -> Table:
    """Clips that failed, by target."""
    found = result.get("failed") or {}
    by_target = {} if isinstance(found, list) else found
    rows = [
        [name_of(target), str(one["n"]), str(one.get("calls", "")), "; ".join(one["reasons"])]
        for target, one in by_target.items()
    ]
    heads = ("target", "clips without a call", "calls that came to nothing", "reasons")
    lost = "Turns of a clip without a call are in no share: of these, none was answered."
    return Table("Calls that failed", heads, rows, [lost])


def lost(result: Result) -> list[str]:
    """What was asked for and not measured, with reasons where they are known."""
    told = [str(line) for line in result.get("not_measured") or ()]
    # Of results from before failures were counted by target.
    told += result["failed"] if isinstance(result.get("failed"), list) else []
    for word in result["run"].get("rival") or ():
        name = f"rival.{word.partition('=')[0]}"
        present = any(key.startswith(f"{name}.") for key in result["measures"])
        if not present and not any(line.startswith(name) for line in told):
            told.append(f"{name}: absent from this run")
    return told


def sittings(result: Result) -> Table:
    """The calibration and the machine of every sitting; of the last where they are not kept."""
    every: Sequence[Mapping[str, Any]] = result.get("sittings") or [result]
    rows: list[list[str]] = []
    for number, one in enumerate(every, 1):
        machine: Mapping[str, Any] = one.get("machine") or {}
        place = machines.named(machine)
        busy = str(one.get("load", machine.get("load", "")))
        begun = (
            time.strftime("%Y-%m-%d %H:%M", time.gmtime(one["started"]))
            if one.get("started")
            else ""
        )
        rows.append([str(number), begun, *_calibration(one.get("calibration")), place, busy])
    heads = ("sitting", "begun (UTC)", "known delay, s", "error, ms", "clock drift, ppm",
             "arrivals p95, ms", "machine", "load")  # fmt: skip
    kinds = {
        json.dumps((one.get("machine") or {}).get("versions"), sort_keys=True) for one in every
    }
    many = len({row[6] for row in rows}) > 1
    notes = ["Packages differ between sittings."] if len(kinds) > 1 else []
    notes += ["Figures of more than one machine are in one column."] if many else []
    return Table("Sittings", heads, rows, notes)


def by_machine(result: Result) -> Table:
    """What each machine of a run gave, a row for each target; nothing of one machine."""
    rows: list[list[str]] = []
    for one in result.get("machines") or ():
        for target in targets_of(dict.fromkeys(f"{t}x" for t in one["targets"])):
            if target not in one["targets"]:
                continue
            told = one["targets"][target]
            cells = [_cell(told.get(key)) for key in machines.FIGURES]
            rows.append([one["machine"], name_of(target), *cells])
    calls = "; ".join(
        f"{one['machine']}: {one['calls']} calls, load p50 {one['load_p50']}"
        for one in result.get("machines") or ()
    )
    note = "A clip is played to all targets on one machine; the figures above are of all together."
    heads = ("machine", "target", *machines.FIGURES)
    return Table("By machine", heads, rows, [note, f"{calls}."] if rows else [])


def _calibration(found: Mapping[str, Any] | None) -> list[str]:
    if not found:
        return ["not calibrated", "", "", ""]
    return [f"{found['known_seconds']:.3f}", f"{1000 * found['error_seconds']:.1f}",
            f"{1e6 * found['drift']:.0f}", f"{1000 * found['jitter_seconds']:.1f}"]  # fmt: skip


def speakers(records: Sequence[Record]) -> str:
    """Who speaks in the human half, in how many clips, of how many recordings; empty without."""
    human = {r.log.clip: r.log for r in records if r.log is not None and r.log.half == "human"}
    if not human:
        return ""
    counts = Counter(log.speaker for log in human.values())
    each = ", ".join(f"{speaker} ({n})" for speaker, n in sorted(counts.items()))
    played = len({recording_of(log) for log in human.values()})
    return (
        f"Human half: {len(human)} clips of {len(counts)} speakers: {each}. They play {played} "
        "recordings, drawn with replacement; how many a figure stands on is beside its n."
    )
