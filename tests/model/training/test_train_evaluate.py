"""Dev is judged as the bench will judge: probabilities made by hand have answers known by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.interaction import streams
from model.interaction.core import OperatingPoint
from model.nn.core_network import CoreNetwork
from model.training import evaluate
from model.training.ablation import ablation
from model.training.acknowledging import acknowledgements, matched, misplaced, told
from model.training.curve import picture
from model.training.dataset import Whole
from model.training.events import KINDS, PAUSING, SPEAKING, Event, Judged, events_of
from model.training.failures import failures
from model.training.operating_point import sweep
from tests.model.nn.core_steps import made_up
from tests.model.training.tiny_shards import (
    ACKNOWLEDGING,
    BACKCHANNEL,
    HOLD,
    LISTEN,
    SILENT,
    TAKE,
    TINY,
    YIELD,
    labels,
)

POINT = OperatingPoint(take=0.5, yielding=0.5, backchannel=0.5)


def judged(*acts: tuple[int, int], **columns: int) -> Judged:
    """A conversation in which the model is sure of `(micro-turn, action)`, and else listens."""
    made = labels()
    floor = np.zeros((len(made["live"]), 5), np.float32)
    for k, action in acts:
        floor[k, action] = 0.9
    floor[:, 0] = 1 - floor[:, 1:].sum(1)
    return Judged(floor, made)


def test_every_kind_of_event_is_found_where_it_is() -> None:
    found = {kind: [(one.first, len(one.trace)) for one in events]
             for kind, events in events_of(judged()).items()}  # fmt: skip
    assert found["turn end"] == [(38, 6), (74, 8)]
    assert found["pause"] == found["clear pause"] == [(13, 6), (25, 7)]
    # The last two micro-turns before an end are no longer over the person's words.
    assert found["speaking"] == [(5, 8), (19, 6), (32, 4), (68, 4)]
    assert found["interruption"] == [(63, 5)]
    assert found["acknowledged over us"] == [(50, 8)]
    assert found["other sound"] == [(82, 7)]
    assert found["silence"] == [(0, 5)]
    assert found["holding"] == [(44, 6), (58, 5)]
    assert found["acknowledged"] == found["other sound over us"] == found["long pause"] == []
    assert found.keys() == KINDS.keys()


def test_a_take_is_heard_only_while_we_are_silent_and_a_yield_while_we_speak() -> None:
    made = judged((52, TAKE), (13, YIELD), (26, TAKE))
    events = events_of(made)
    assert max(one.trace.max() for one in events["pause"]) == pytest.approx(0.9)
    assert not any(one.trace.max() for kind in ("turn end", "speaking") for one in events[kind])
    assert not any(one.trace.max() for one in events["acknowledged over us"])


def test_the_report_counts_as_one_does_by_hand() -> None:
    """Answers after 2.5 and 0.5 micro-turns, one pause of two taken, a stop after 1.5."""
    made = judged((40, TAKE), (74, TAKE), (14, TAKE), (64, YIELD), (69, TAKE), (60, YIELD))
    found = evaluate.report([made], POINT)
    assert found["turn"] == {
        "n": 2,
        "latency_mean_s": 0.15,
        "latency_p50_s": 0.05,
        "latency_all_s": 0.15,
        "answered": 1.0,
    }
    assert found["pause"]["takeover"] == 0.5 and found["pause"]["n"] == 2
    assert found["stop"]["latency_p50_s"] == 0.15 and found["stop"]["yielded"] == 1.0
    assert found["overlap"]["acknowledged"] == 1.0 and found["overlap"]["balance"] == 1.0
    assert found["wrong"]["speaking"] == 0.25
    minutes = len(made.floor) / 600
    assert found["minutes"] == pytest.approx(minutes, abs=0.01)
    held = int((made.labels["floor"] == HOLD).sum()) / 600
    assert found["wrong"]["holding_per_minute"] == pytest.approx(1 / held, rel=1e-3)


def test_wrong_yields_cost_balance() -> None:
    made = judged((51, YIELD), (64, YIELD), (83, TAKE))
    overlap = evaluate.report([made], POINT)["overlap"]
    assert (overlap["acknowledged"], overlap["other_sound"]) == (0.0, 0.0)
    assert overlap["balance"] == 0.5 and overlap["false_yields_acknowledged"] == 1.0


def test_what_was_cut_short_by_an_answer_is_estimated_not_guessed() -> None:
    """Two of four act at once; of the two that are still open one acts next; one was cut."""
    due = [np.array(trace) for trace in ([0.9], [0.9, 0.9], [0.1], [0.1, 0.9])]
    (point,) = sweep(due, [np.zeros(1)], [0.5])
    assert point.acted == pytest.approx(1.0)
    assert point.delay_seconds == pytest.approx(0.5 * 0.05 + 0.5 * 0.15)
    assert point.median_seconds == pytest.approx(0.05)


def test_backchannels_are_matched_and_judged_against_a_metronome() -> None:
    assert matched([10, 20, 30], [14, 26, 60]) == 2 and matched([10, 12], [11]) == 1
    # The place lies at 25, its middle at 30; ours is heard from the next micro-turn on.
    near = judged((27, BACKCHANNEL), (28, BACKCHANNEL))
    far, none = judged((10, BACKCHANNEL)), judged()
    for talk, f1 in ((near, 1.0), (far, 0.0), (none, 0.0)):
        (found,) = acknowledgements([talk], 0.5, [0.5])
        assert (found.places, found.f1) == (1, f1)
        # A long period with the right phase beats once, and meets it.
        assert found.metronome == 1.0 and found.gain == f1 - 1.0
    taken = judged((27, BACKCHANNEL))
    taken.labels["floor"][26] = HOLD
    assert acknowledgements([taken], 0.5, [0.5])[0].places == 0


def test_a_story_is_a_turn_with_whole_sentences_and_silences_between_them() -> None:
    """Silences of 4, 2 and 5 micro-turns between sentences, an "mhm" of ours in the last."""
    labels = {name: np.zeros(60, np.int8) for name in ("person", "event", "floor")}
    labels["person"][:] = SILENT
    labels["person"][5:40] = SPEAKING
    for first, last in ((10, 14), (20, 22), (30, 35)):
        labels["person"][first:last] = PAUSING
        labels["event"][first:last] = streams.BACKCHANNEL_PLACE
    floor = np.zeros((60, 5), np.float32)
    floor[12, TAKE], floor[21, TAKE], floor[31, TAKE], floor[33, TAKE] = 0.3, 0.9, 0.4, 0.8
    labels["floor"][33:35] = HOLD
    (story,) = told([Judged(floor, labels)])
    assert [round(float(trace.max()), 2) for trace in story] == [0.3, 0.4]
    labels["person"][30:35] = SPEAKING  # One silence makes no story.
    assert told([Judged(floor, labels)]) == []


def test_a_short_sign_where_a_turn_is_over_is_misplaced_unless_the_answer_comes_first() -> None:
    labels = {"floor": np.zeros(40, np.int8)}
    floor = np.zeros((40, 5), np.float32)
    floor[12, BACKCHANNEL], floor[14, TAKE] = 0.8, 0.9
    floor[24, TAKE], floor[26, BACKCHANNEL] = 0.9, 0.8
    talk = Judged(floor, labels)
    ends = [Event(floor[k : k + 8, TAKE], 0, k) for k in (10, 22)]
    assert misplaced([talk], ends, 0.5, 0.5) == 0.5
    assert misplaced([talk], ends, 0.95, 0.5) == 1.0  # No answer comes at all.
    assert misplaced([talk], ends, 0.5, 0.85) == 0.0
    labels["floor"][12] = HOLD  # One of ours sounds already.
    assert misplaced([talk], ends, 0.5, 0.5) == 0.0
    assert misplaced([talk], [], 0.5, 0.5) == 0.0


def test_the_operating_point_is_the_quickest_within_bounds() -> None:
    made = judged(*((k, TAKE) for k in (*range(39, 44), *range(75, 82))), (63, YIELD),
                  (27, BACKCHANNEL))  # fmt: skip
    made.floor[13:19, TAKE] = 0.3
    made.floor[52, YIELD] = 0.2
    point = evaluate.choose([made])
    assert 0.3 < point.take <= 0.9 and 0.2 < point.yielding <= 0.9 and point.backchannel <= 0.9
    found = evaluate.report([made])
    assert found["point"]["take"] == point.take
    assert found["matched"]["latency_at_0.05"] == found["turn"]["latency_mean_s"] == 0.15
    assert "turn 0.15 s" in evaluate.summary(found)
    made.labels["event"][made.labels["person"] == ACKNOWLEDGING] = 0
    with pytest.raises(ValueError, match="more conversations"):
        evaluate.choose([made])


def test_latency_is_told_by_how_long_we_had_been_silent() -> None:
    """The first turn, of 3.3 s, before we ever spoke; the second, of 1.1 s, over our voice, or 1.3
    s behind it where that had ended."""
    made = judged((40, TAKE), (74, TAKE))
    none = {"n": 0, "answered": None, "latency_all_s": None}
    short = {"n": 1, "answered": 1.0, "latency_all_s": 0.05}
    over, soon, later = evaluate.report([made], POINT)["behind_ours"]
    assert over == {"behind": "under 0.5 s", **short, "brief": short}
    assert soon == {"behind": "0.5 to 2.5 s", **none, "brief": none}
    assert later["behind"] == "later, or first" and later["brief"] == none
    assert (later["n"], later["latency_all_s"]) == (1, 0.25)
    # Enough of ours is left for an interruption and an overlap to be judged by.
    silent = judged((40, TAKE))
    silent.labels["floor"][50:68] = LISTEN
    (_, second) = events_of(silent)["turn end"]
    assert second.behind_ours == pytest.approx(1.3) and second.said_seconds == pytest.approx(1.1)
    _, soon, _ = evaluate.report([made, silent], POINT)["behind_ours"]
    assert soon["n"] == soon["brief"]["n"] == 1
    assert soon["latency_all_s"] == soon["brief"]["latency_all_s"] == 3.0
    lines = failures([silent], [Whole({}, silent.labels, {})], POINT, 0)
    told = [line for line in lines if "behind our voice" in line]
    assert told == [
        "    begun behind our voice: under 0.5 s 0/0, 0.5 to 2.5 s 1/1, later, or first 0/1"
    ]


def test_who_learnt_no_projection_is_judged_by_its_states_alone() -> None:
    """Its head says that somebody is about to speak, ever; its states, that nobody does: behind
    2.5 s a take is overdue."""
    torch.manual_seed(1)
    network = CoreNetwork(TINY.network)
    with torch.no_grad():
        network.heads.bias[5 + SILENT] = 20.0
        network.heads.bias[5 + 6 :] = 40.0
    columns = made_up(1, 40)
    whole = Whole(columns, {name: column[:40] for name, column in labels().items()}, {})
    (by_head,) = evaluate.judge(network, [whole], 0.05)
    (by_states,) = evaluate.judge(network, [whole], 0.05, projects=False)
    assert by_head.floor[-1, TAKE] < 0.9 and by_states.floor[-1, TAKE] == 1.0


def test_a_take_given_by_hand_is_what_the_other_thresholds_are_chosen_by() -> None:
    """By dev's take the ends are answered before a "mhm" of .3 would come; by .95 none ever is."""
    made = judged(*((k, TAKE) for k in (*range(39, 44), *range(75, 82))), (63, YIELD),
                  (27, BACKCHANNEL))  # fmt: skip
    made.floor[13:19, TAKE] = 0.3
    made.floor[40, BACKCHANNEL] = 0.3
    by_dev, by_hand = evaluate.choose([made]), evaluate.choose([made], take=0.95)
    assert by_dev.take < 0.95 and by_dev.backchannel < 0.3
    assert by_hand.take == 0.95 and by_hand.backchannel > 0.3


def test_failures_are_shown_with_what_was_said() -> None:
    made = judged((14, TAKE), (39, TAKE), (51, YIELD))
    facts = {
        "meta": {"voice": "anna"},
        "person": [{"kind": "turn", "first": 0.5, "last": 3.8, "text": "Well, and"}],
        "told": [{"k": 9, "text": "Well"}, {"k": 30, "text": "Well, and"}],
    }
    lines = list(failures([made], [Whole({}, made.labels, facts)], POINT, 5))
    shown = {line.split(" (")[0]: line.split(": ")[-1] for line in lines if not line[0].isspace()}
    assert shown["pause"] == "1 of 2 fail" and shown["acknowledged over us"] == "1 of 1 fail"
    # The second end is never answered; the interruption was cut before it was late.
    assert shown["turn end"] == "1 of 2 fail" and shown["interruption"] == "0 of 1 fail"
    at = lines.index("    anna 1/2", next(n for n, one in enumerate(lines) if one[:5] == "pause"))
    assert "conversation 0, k 13: 0.00 0.90" in lines[at + 1]
    assert lines[at + 2].strip() == "person turn 0.5-3.8 'Well, and'; Ears: 'Well'"


def test_a_curve_is_drawn_with_and_without_lines() -> None:
    found = evaluate.report([judged((40, TAKE))], POINT)
    lines: list[dict[str, Any]] = [
        {"step": 1, "total": 2.0},
        {"step": 2, "total": 1.0, "dev": None},
    ]
    lines += [{"step": 3, "dev": found}]
    empty: list[dict[str, Any]] = []
    for given in (empty, lines):
        drawn = picture(given)
        assert drawn.startswith("<svg") and drawn.count("<polyline") == 13
    assert 'points="140.0,34.0 280.0,102.0"' in picture(lines)


def test_an_ablation_needs_dev(tmp_path: Path) -> None:
    from tests.model.training.test_train_run import run

    with pytest.raises(ValueError, match="--dev"):
        ablation(replace(run(tmp_path, "out"), dev=None), TINY, 1, 2)
