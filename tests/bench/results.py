"""From records to the fixed keys: ours, the nulls on the same stimuli, baselines, rivals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from tests.bench.metrics.activity import ClipLog, Label, recording_of
from tests.bench.metrics.backchannels import backchannel_measures
from tests.bench.metrics.keys import check
from tests.bench.metrics.overlap import IGNORED, overlap_measures, stop_measures
from tests.bench.metrics.statistics import Measure, paired_difference, withheld
from tests.bench.metrics.turns import (
    answer_delay,
    asked,
    filler_delay,
    pause_measures,
    turn_measures,
)  # fmt: skip
from tests.bench.metrics.words import CutCount, heard_measures, word_error_measures
from tests.bench.policies import POLICIES, perform
from tests.bench.records import Record
from tests.bench.sides import name_of, resampled, shared_sides, unanswered
from tests.bench.stimuli.making import Half
from tests.bench.stimuli.script import Script

__all__ = ["HALVES", "NULLS", "compared", "failures", "measures_of", "null_records", "unreached"]

NULLS: Final = ("silence", "metronome", "never_yield", "always_yield", "timeout_300",
                "timeout_700", "timeout_1500")  # fmt: skip
HALVES: Final[tuple[Half, ...]] = ("synthetic", "human")
_MOST_REASONS: Final = 5


def null_records(scripts: Iterable[Script]) -> list[Record]:
    """Every null policy on the same stimuli, without a network (70 ms stand for the way)."""
    return [
        Record(f"null.{name}.", script.suite, script.clip, perform(script, POLICIES[name]()))
        for script in scripts
        for name in NULLS
    ]


_NO_PAUSE: Final = "these clips hold no pause that could be taken"
_NO_BALANCE: Final = "these clips give no B: a policy that stops for any sound stops fastest"


def _of_logs(logs: Sequence[ClipLog], seed: int) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    kinds = {label.kind for log in logs for label in log.labels}
    if "pause" in kinds:
        found |= pause_measures(logs, seed)
    if "turn" in kinds:
        # A turn after a pause counts: a floor that is quick only without pauses is not quick.
        turns = turn_measures(logs, seed)
        found |= turns if "pause" in kinds else _without_latency(turns, _NO_PAUSE)
    if not kinds.isdisjoint(IGNORED):
        found |= overlap_measures(logs, seed)
    if "interruption" in kinds:
        stops = stop_measures(logs, seed)
        balance = found.get("overlap.balance", withheld(0, seed))
        told = np.isfinite(balance.value)
        found |= stops if told else _without_latency(stops, _NO_BALANCE)
    if "monologue" in kinds:
        found |= backchannel_measures(logs, seed)
    return found


def _without_latency(found: Mapping[str, Measure], why: str) -> dict[str, Measure]:
    """No latency is published without the false-action rate of the same run."""
    return {
        key: withheld(one.n, one.seed, why) if "latency" in key else one
        for key, one in found.items()
    }


def _of_words(records: Sequence[Record], seed: int) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    cuts = [CutCount(*cut) for record in records for cut in record.cuts]
    for key, name in (("recognition", "recognised"), ("voice", "spoken")):
        pairs = [(pair, _recording(record)) for record in records for pair in getattr(record, name)]
        if pairs:
            texts, recordings = zip(*pairs, strict=True)
            found |= word_error_measures(key, texts, seed, recordings)
    if cuts:
        found |= heard_measures(cuts, seed)
    return found


def _recording(record: Record) -> str:
    return recording_of(record.log) if record.log is not None else ""


def measures_of(records: Sequence[Record], seed: int) -> dict[str, Measure]:
    """All keys these records can give: `<target><key>`, and `<target>human.<key>` apart.

    A latency is withheld where the same clips do not tell the false actions that belong to it:
    take-overs of pauses beside a turn's, B beside a stop's.
    """
    found: dict[str, Measure] = {}
    for target in sorted({record.target for record in records}):
        ours = [r for r in records if r.target == target and r.log is not None]
        for half, prefix in zip(HALVES, ("", "human."), strict=True):
            chosen = [r for r in ours if r.log is not None and r.log.half == half]
            # Clips of `voice` are turns too, but nulls and baselines play none of them.
            logs = [r.log for r in chosen if r.log is not None and r.suite != "voice"]
            measured = _of_logs(logs, seed) | _of_words(chosen, seed)
            found |= {f"{target}{prefix}{key}": value for key, value in measured.items()}
    for key in found:
        check(key)
    return found


def _delays(
    records: Iterable[Record], delay_of: Callable[[ClipLog, Label], float | None]
) -> dict[str, float]:
    found: dict[str, float] = {}
    for record in records:
        if record.log is not None:
            for number, turn in enumerate(record.log.labelled("turn")):
                delay = delay_of(record.log, turn)
                if delay is not None and asked(record.log, turn):
                    found[f"{record.clip}#{number}"] = delay
    return found


def _pairs(
    records: Sequence[Record], target: str, halves: Sequence[str], seed: int, subject: str = ""
) -> dict[str, Measure]:
    def of(prefix: str) -> list[Record]:
        # Clips of `voice` are there for words, and count for no floor.
        return [r for r in records if r.target == prefix and r.suite != "voice"
                and r.log is not None and r.log.half in halves]  # fmt: skip

    ours, theirs = of(subject), of(target)
    recordings = {r.clip: _recording(r) for r in ours}
    (one, other), clips = shared_sides(records, halves, (subject, target))
    whys = (_withheld(records, (subject, target), half) for half in halves)
    why = "; ".join(filter(None, whys))

    def later(delay_of: Callable[[ClipLog, Label], float | None]) -> Measure:
        delays = _delays(ours, delay_of), _delays(theirs, delay_of)
        found = paired_difference(*delays, seed, recordings)
        return withheld(found.n, seed, why) if why else found

    return {
        "latency_mean_s": later(answer_delay),
        "filler_latency_mean_s": later(filler_delay),
        "pause_takeover": resampled(clips, lambda c: one.takeover(c) - other.takeover(c), seed),
        "balance": resampled(clips, lambda c: one.balance(c) - other.balance(c), seed),
        "stop_p50_s": resampled(clips, lambda c: one.stop(c) - other.stop(c), seed),
    }


def _withheld(records: Sequence[Record], two: tuple[str, str], half: str) -> str:
    """Why a half has no latency of both sides; empty for one in which no turn was played."""
    sides, _ = shared_sides(records, (half,), two)
    if np.isnan([side.answered for side in sides]).all():
        return ""
    return unanswered(dict(zip(two, sides, strict=True)))


def compared(
    records: Sequence[Record], seed: int, variants: Sequence[str] = ()
) -> Mapping[str, dict[str, Measure]]:
    """Ours minus each other target over the clips both played, paired, both halves together.
    Variants of ours minus each rival besides, as `rival.NAME. from VARIANT`.

    All but nulls also by half, as `rival.NAME.human.` and `rival.NAME.synthetic.`. Latencies, of
    content and of any sound, are paired over the turns both answered, and withheld where either
    answered fewer than 95 % of a half.
    """
    found: dict[str, dict[str, Measure]] = {}
    targets = sorted({r.target for r in records} - {""})
    rivals = [target for target in targets if target.startswith("rival.")]
    asked = [("", target) for target in targets]
    asked += [(variant, rival) for variant in variants for rival in rivals]
    for subject, target in asked:
        of = f" from {name_of(subject)}" if subject else ""
        found[f"{target}{of}"] = _pairs(records, target, HALVES, seed, subject)
        if not target.startswith("null."):
            for half in HALVES:
                pair = _pairs(records, target, (half,), seed, subject)
                found[f"{target}{half}.{of}"] = pair
    return found


def failures(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Of each target with any, by prefix or `ours`: clips that failed (`n`), calls that came to
    nothing, those clips' too (`calls`), and five reasons at most."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.failure or record.tried:
            told = found.setdefault(record.target or "ours", {"n": 0, "calls": 0, "reasons": []})
            told["n"] += bool(record.failure)
            told["calls"] += len(record.tried)
            told["reasons"] += [*record.tried, *([record.failure] if record.failure else [])]
    for told in found.values():
        told["reasons"] = list(dict.fromkeys(told["reasons"]))[:_MOST_REASONS]
    return found


def unreached(records: Sequence[Record]) -> dict[str, int]:
    """Clips by target with a cue that never came: the agent did not speak long enough.

    What was to follow cannot count for or against it in metrics 3 and 4; a report must say how
    many.
    """
    found: dict[str, int] = {}
    for record in records:
        if record.log is not None and not _complete(record.suite, record.log):
            found[record.target] = found.get(record.target, 0) + 1
    return found


def _complete(suite: str, log: ClipLog) -> bool:
    kinds = {label.kind for label in log.labels}
    if suite == "talk":
        return "interruption" in kinds and not kinds.isdisjoint(IGNORED)
    return suite not in ("stop", "overlap") or bool(kinds)
