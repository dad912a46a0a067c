"""Core on conversations of the dev split, in the bench's terms, and the operating point it gives.

Whole conversations, with the attention window of live. Delays are those of the decision: heard
from the next micro-turn on, they lack the network and the time a phrase takes to begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

import numpy as np
import torch

from model.interaction.core import OperatingPoint, tensors
from model.interaction.overdue import as_at_once, silence_seconds, voiced
from model.interaction.weighing import weighed
from model.nn.core_network import CoreNetwork
from model.timebase import MICRO_TURN_SECONDS
from model.training.acknowledging import acknowledgements, misplaced, told
from model.training.dataset import Whole
from model.training.events import (
    BEHIND,
    HOLD,
    SILENT,
    TAKE,
    Event,
    Events,
    Judged,
    events_of,
    joined,
    of_ours,
)
from model.training.hesitating import a_minute, choose_hesitating, faltered, silent_p50
from model.training.operating_point import (
    NEVER_SECONDS,
    Point,
    choose_balanced,
    choose_quick,
    sweep,
)

__all__ = ["MOST_WRONG", "THRESHOLDS", "choose", "judge", "report"]

THRESHOLDS: Final = tuple(float(1 / (1 + np.exp(-x))) for x in np.arange(-4.5, 4.6, 0.1))
MOST_WRONG: Final = 0.08
"""Share of pauses that may be taken at the operating point: well under what is accepted."""

YIELD_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = NEVER_SECONDS
ACCEPTED: Final = (0.05, 0.15)
"""Shares of taken pauses at which latencies are compared."""

BRIEF_SECONDS: Final = 2.0
"""A short turn lasts no longer."""

Report = dict[str, Any]


@torch.inference_mode()
def judge(
    network: CoreNetwork,
    conversations: Sequence[Whole],
    overdue: float = OperatingPoint().overdue,
    projects: bool = True,
) -> list[Judged]:
    """Probabilities of every micro-turn, as `core.decide` weighs them: of a take, what it is worth
    after so long a silence as the network itself believes it to be.

    Args:
        network: what is judged.
        conversations: what it hears.
        overdue: see `OperatingPoint`.
        projects: whether it learnt what is ahead; else its states alone tell where silence begins.
    """
    device = network.heads.weight.device
    judged = []
    for one in conversations:
        inputs = tensors(one.inputs, device, (1, len(one.inputs["k"])))
        found = network.whole(inputs)
        floor, person = (
            head[0].float().softmax(-1).cpu().numpy() for head in (found.floor, found.person)
        )
        floor = weighed(floor, person, of_ours(one.labels))
        ahead = found.projection[0, :, 0, 0].float().sigmoid().cpu().numpy() * projects
        silence = silence_seconds(voiced(person, ahead))
        floor[:, TAKE] = as_at_once(floor[:, TAKE], overdue, silence)
        judged.append(Judged(floor, one.labels))
    return judged


def choose(
    talks: Sequence[Judged],
    most_wrong: float = MOST_WRONG,
    take: float | None = None,
    yielding: float | None = None,
) -> OperatingPoint:
    """The thresholds of these conversations.

    Take: the quickest that takes at most `most_wrong` of the pauses, with 3 s for turns that are
    never answered; or as given. Yield: the quickest of the best balanced, or as given.
    Backchannel: the best F1 less the share of turns' ends that get one, where we answer by that
    `take`. Hesitating: the least at which we falter at few of the things that ask for nothing
    (`hesitating.py`).

    Raises:
        ValueError: a kind of event does not occur.
    """
    events = _all(talks)
    if take is None:
        take = choose_quick(_taking(events), most_wrong).threshold
    if yielding is None:
        yielding = choose_balanced(_yielding(events)).threshold
    ends = events["turn end"]
    scores = {
        threshold: found.f1 - misplaced(talks, ends, take, threshold)
        for threshold, found in zip(
            THRESHOLDS, acknowledgements(talks, take, THRESHOLDS), strict=True
        )
    }
    backchannel = max(scores, key=lambda threshold: scores[threshold])
    point = OperatingPoint(take, yielding, backchannel)
    return replace(point, hesitating=_hesitating(events, point))


def report(talks: Sequence[Judged], point: OperatingPoint | None = None) -> Report:
    """All that is measured.

    Args:
        talks: conversations of the dev split.
        point: where to act; by default the one these conversations give.
    """
    point = point or choose(talks)
    events = _all(talks)
    taking, yielding = _taking(events), _yielding(events)
    at_take = _taking(events, (point.take,))[0]
    at_yield = _yielding(events, (point.yielding,))[0]
    return {
        "conversations": len(talks),
        "minutes": round(_minutes(np.ones(len(one.floor), bool) for one in talks), 2),
        "point": asdict(point),
        "turn": {
            "n": len(events["turn end"]),
            "latency_mean_s": _number(at_take.delay_seconds),
            "latency_p50_s": _number(at_take.median_seconds),
            "latency_all_s": _number(at_take.cost_seconds),
            "answered": _number(at_take.acted),
        },
        "behind_ours": _behind_ours(events, point.take),
        "pause": {
            "n": len(events["pause"]),
            "takeover": _number(at_take.wrong),
            "takeover_clear": _acted(events["clear pause"], point.take),
            "takeover_long": _acted(events["long pause"], point.take),
        },
        "stop": {
            "n": len(events["interruption"]),
            "latency_mean_s": _number(at_yield.delay_seconds),
            "latency_p50_s": _number(at_yield.median_seconds),
            "yielded": _number(at_yield.acted),
        },
        "overlap": _overlap(events, point, at_yield.acted),
        "hesitation": _hesitation(events, point),
        "backchannel": _backchannel(talks, point, events["turn end"]),
        "wrong": _wrong(talks, events, point),
        "matched": _matched(taking, yielding),
        "take_curve": [_point(one) for one in taking[::3]],
        "yield_curve": [_point(one) for one in yielding[::3]],
    }


def summary(found: Report) -> str:
    """A line about a report."""
    turn, pause, stop = found["turn"], found["pause"], found["stop"]
    soon, held = found["behind_ours"][1]["brief"], found["hesitation"]
    return (
        f"turn {turn['latency_mean_s']} s (answered {turn['answered']}), a short one soon behind "
        f"ours {soon['latency_all_s']} s (n {soon['n']}), pauses taken "
        f"{pause['takeover']} (clear {pause['takeover_clear']}), "
        f"stop p50 {stop['latency_p50_s']} s (yielded {stop['yielded']}), "
        f"silent p50 {held['silent_p50_s']} s instead of {held['without_p50_s']} s (falters at "
        f"{held['faltered']} of what asks for nothing, {held['a_minute']} a minute for nothing), "
        f"B {found['overlap']['balance']}, backchannel gain {found['backchannel']['f1_gain']}, "
        f"stories taken over {found['backchannel']['takeover']}, "
        f"takes over speech {found['wrong']['speaking']}; "
        f"{found['matched']}"
    )


def _all(talks: Sequence[Judged]) -> Events:
    return joined([events_of(talk, number) for number, talk in enumerate(talks)])


def _traces(events: Sequence[Event]) -> list[Any]:
    return [event.trace for event in events]


def _taking(events: Events, thresholds: Sequence[float] = THRESHOLDS) -> list[Point]:
    due, wrong = _traces(events["turn end"]), _traces(events["pause"])
    return sweep(due, wrong, thresholds, ANSWER_SECONDS)


def _yielding(events: Events, thresholds: Sequence[float] = THRESHOLDS) -> list[Point]:
    return sweep(_traces(events["interruption"]), _over_us(events), thresholds, YIELD_SECONDS)


def _over_us(events: Events) -> list[Any]:
    """What asks for nothing while we speak."""
    return _traces(events["acknowledged over us"] + events["other sound over us"])


def _hesitation(events: Events, point: OperatingPoint) -> Report:
    """With and without, by one estimate, which is not that of `stop`: what was cut short before we
    would have stopped is left out."""
    found = {"faltered": _number(faltered(_over_us(events), point)),
             "a_minute": _number(a_minute(_traces(events["holding"]), point))}  # fmt: skip
    for name, at in (("silent_p50_s", point), ("without_p50_s", replace(point, hesitating=1.0))):
        found[name] = _number(silent_p50(_traces(events["interruption"]), at, YIELD_SECONDS))
    return found


def _hesitating(events: Events, point: OperatingPoint) -> float:
    due, quiet = _traces(events["interruption"]), _traces(events["holding"])
    return choose_hesitating(due, _over_us(events), quiet, point)


def _behind_ours(events: Events, take: float) -> list[Report]:
    """Turns by how long we had been silent when they began, and the short ones of them.

    `latency_all_s` counts `NEVER_SECONDS` for those that are not answered, None without any.
    """
    wrong = _traces(events["pause"])

    def answered(some: Sequence[Event]) -> Report:
        if not some:
            return {"n": 0, "answered": None, "latency_all_s": None}
        (at,) = sweep(_traces(some), wrong, (take,), ANSWER_SECONDS)
        return {"n": len(some), "answered": _number(at.acted),
                "latency_all_s": _number(at.cost_seconds)}  # fmt: skip

    ends = events["turn end"]
    made = []
    for name in BEHIND:
        inside = [one for one in ends if one.behind == name]
        brief = [one for one in inside if one.said_seconds <= BRIEF_SECONDS]
        made.append({"behind": name, **answered(inside), "brief": answered(brief)})
    return made


def _acted(events: Sequence[Event], threshold: float) -> float | None:
    """Share of the events in which the threshold is reached, None without any."""
    if not events:
        return None
    acts = sum(event.trace.max(initial=0.0) >= threshold for event in events)
    return round(float(acts) / len(events), 3)


def _overlap(events: Events, point: OperatingPoint, yielded: float) -> Report:
    """B and the shares it is made of; a share without events does not count."""
    shares: dict[str, float] = {}
    for name, silent in (("acknowledged", "acknowledged"), ("other_sound", "other sound")):
        over = [one.trace.max(initial=0.0) >= point.yielding for one in events[f"{silent} over us"]]
        takes = [one.trace.max(initial=0.0) >= point.take for one in events[silent]]
        if over or takes:
            shares[name] = 1.0 - float(np.mean(over + takes))
    kept = float(np.mean(list(shares.values()))) if shares else 1.0
    return {
        "balance": _number((yielded + kept) / 2),
        **{name: _number(share) for name, share in shares.items()},
        "false_yields_acknowledged": _acted(events["acknowledged over us"], point.yielding),
        "false_yields_other_sound": _acted(events["other sound over us"], point.yielding),
        "n": len(events["acknowledged over us"]) + len(events["other sound over us"]),
    }


def _backchannel(talks: Sequence[Judged], point: OperatingPoint, ends: Sequence[Event]) -> Report:
    found = acknowledgements(talks, point.take, (point.backchannel,))[0]
    over = [any(trace.max() >= point.take for trace in story) for story in told(talks)]
    return {
        "n": found.places,
        "given": found.given,
        "f1": _number(found.f1),
        "metronome_f1": _number(found.metronome),
        "f1_gain": _number(found.gain),
        "misplaced": _number(misplaced(talks, ends, point.take, point.backchannel)),
        "stories": len(over),
        "takeover": _number(np.mean(over)) if over else None,
    }


def _wrong(talks: Sequence[Judged], events: Events, point: OperatingPoint) -> Report:
    """False actions where nothing asks for one; those of no event by the minute."""
    holding = _minutes(one.labels["floor"] == HOLD for one in talks)
    silence = _minutes(~of_ours(one.labels) & (one.labels["person"] == SILENT) for one in talks)
    return {
        "speaking": _acted(events["speaking"], point.take),
        "silence_per_minute": _rate(events["silence"], point.take, silence),
        "holding_per_minute": _rate(events["holding"], point.yielding, holding),
    }


def _rate(events: Sequence[Event], threshold: float, minutes: float) -> float:
    acts = sum(event.trace.max(initial=0.0) >= threshold for event in events)
    return round(float(acts) / max(minutes, 1e-9), 3)


def _matched(taking: Sequence[Point], yielding: Sequence[Point]) -> Report:
    """What does not depend on the operating point: how models are compared."""
    made: Report = {}
    for most in ACCEPTED:
        within = [point.cost_seconds for point in taking if point.wrong <= most]
        made[f"latency_at_{most:.2f}"] = _number(min(within, default=float("inf")))
    made["best_balance"] = _number(max(point.balance for point in yielding))
    return made


def _minutes(parts: Any) -> float:
    return float(sum(int(part.sum()) for part in parts)) * MICRO_TURN_SECONDS / 60


def _point(point: Point) -> list[float | None]:
    """Threshold, acted, mean delay, wrong."""
    made = (point.threshold, point.acted, point.delay_seconds, point.wrong)
    return [_number(value) for value in made]


def _number(value: Any) -> Any:
    """Three places, None for what JSON has no number for."""
    return round(float(value), 3) if np.isfinite(value) else None
