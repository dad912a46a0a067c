"""Clips of suite `visual`: exact moments, splits that share nothing, pictures as they should be."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiortc import RTCIceGatherer, RTCIceTransport

from model.training.intents.sentences import gather
from tests.bench.harness.losing import losing
from tests.bench.metrics import statistics
from tests.bench.metrics.activity import HeardWord, Interval, Utterance
from tests.bench.metrics.keys import check
from tests.bench.metrics.visual import Announcement, VisualLog
from tests.bench.records import ShardMismatch
from tests.bench.visual.acting import ABOVE, RAISE_SECONDS, Actor, Repetitions, entering
from tests.bench.visual.calling import Viewed, announced, told_of
from tests.bench.visual.drawing import ellipse, resized
from tests.bench.visual.drawn import DRAWN, Split
from tests.bench.visual.figures import Look, Place, draw
from tests.bench.visual.film import Film, Frames
from tests.bench.visual.postures import EXERCISES, Build, exercising, standing, turned
from tests.bench.visual.running import Reel, measures_of
from tests.bench.visual.script import KINDS, Wanted, make_script
from tests.bench.visual.wording import asking, clips


def flat(value: Any) -> set[Any]:
    """What may not be in two splits, one by one."""
    if isinstance(value, tuple):
        return set(value)
    return {name for names in value.values() for name in names}


def test_nothing_is_in_two_splits() -> None:
    dev, test = DRAWN["dev"], DRAWN["test"]
    for field in fields(dev):
        one, other = getattr(dev, field.name), getattr(test, field.name)
        if field.name in ("shoulders", "arms", "legs", "girth"):
            assert one[1] < other[0] or other[1] < one[0], field.name
        elif field.name == "hues":
            assert all(a[1] < b[0] or b[1] < a[0] for a in one for b in other)
        elif field.name == "sizes":
            assert flat(one) & flat(other) == {(320, 240)}, "what the server asks for"
        else:
            assert not flat(one) & flat(other), field.name
    assert not set(dev.stamps) & set(test.stamps), "other things, not only other photographs"


def test_no_wording_is_in_two_splits_nor_in_what_the_probe_of_intents_is_fitted_on() -> None:
    def said(split: Split) -> set[str]:
        lists = (*clips(split).values(), *asking(split).values())
        return {plain(text) for texts in lists for text in texts}

    def plain(text: str) -> str:
        return "".join(letter for letter in text.lower() if letter.isalpha() or letter == " ")

    fitted = {plain(one.text) for one in gather(1)} | {plain(one.template) for one in gather(1)}
    assert min(len(said("dev")), len(said("test")), len(fitted)) > 100
    # Counted, not shown: whoever reads a sentence of test works on it.
    assert len(said("dev") & said("test")) == 0
    assert len(said("test") & fitted) == 0


@pytest.mark.parametrize("split", ["dev", "test"])
def test_every_clip_asks_for_one_thing(split: Split) -> None:
    for kind, texts in clips(split).items():
        slots = 0 if kind in ("enters", "leaves") else 1
        assert {text.count("{}") for text in texts} == {slots}, kind


@pytest.mark.parametrize("seed", range(5))
def test_a_repetition_is_counted_from_half_way_back(seed: int) -> None:
    course = Repetitions.drawn(np.random.default_rng(seed), 10.0 * (1 + seed % 4))
    assert 6 <= len(course.moments) <= 12
    for moment, (start, end, _, far) in zip(course.moments, course.spans, strict=True):
        assert start < moment < end
        assert course.way(moment) == pytest.approx(far / 2)
        assert course.way(moment - 0.02) > far / 2 > course.way(moment + 0.02)
    assert course.way(-1.0) == course.way(course.seconds) == 0.0
    steps = np.diff([course.way(t) for t in np.arange(0, course.seconds, 0.01)])
    assert np.abs(steps).max() < 0.08, "nobody jumps"


def test_a_hand_is_raised_when_its_wrist_is_above_its_shoulder() -> None:
    actor = Actor(Look())
    moment = actor.above_shoulder(5.0)
    assert 5.0 < moment < 5.0 + RAISE_SECONDS
    up = standing(actor.look.build, 1.0)
    assert up["wrist_l"][1] - up["shoulder_l"][1] > ABOVE * actor.look.build.shoulders
    assert up["wrist_r"][1] < up["shoulder_r"][1]


def test_limbs_keep_their_length_in_every_posture() -> None:
    build = Build()
    for exercise in EXERCISES:
        for way in np.linspace(0, 1, 5):
            joints = turned(exercising(exercise, float(way), build), 0.8)
            for side in ("_l", "_r"):
                arm = np.linalg.norm(joints[f"elbow{side}"] - joints[f"shoulder{side}"])
                leg = np.linalg.norm(joints[f"ankle{side}"] - joints[f"knee{side}"])
                assert arm == pytest.approx(0.53 * build.arm)
                assert leg == pytest.approx(0.5 * build.leg)


def test_hands_and_feet_of_a_push_up_stay_on_the_floor() -> None:
    for way in np.linspace(0, 1, 7):
        joints = exercising("push-ups", float(way), Build())
        assert 0.0 <= joints["wrist_l"][1] < 0.08
        assert 0.0 <= joints["ankle_l"][1] < 0.12
    low, high = (exercising("push-ups", way, Build())["head"][1] for way in (1.0, 0.0))
    assert high - low > 0.12


def test_somebody_comes_from_outside_and_leaves_nothing() -> None:
    sight, came, went = entering(Actor(Look()), 200.0, (320, 230.0), ((1.0, 5.0),))
    empty = np.full((240, 320, 3), 100.0, np.float32)

    def shows(time: float) -> bool:
        canvas = empty.copy()
        sight(canvas, time)
        return bool((canvas != empty).any())

    assert not shows(0.9)
    assert shows(came[0] + 0.2) and shows(3.0) and shows(went[0] - 0.3)
    assert not shows(went[0] + 0.15)


def test_figures_are_drawn_where_they_stand() -> None:
    canvas = np.zeros((240, 320, 3), np.float32)
    draw(canvas, standing(Build()), Look(top=(0, 0, 250)), Place(200, (160, 235)))
    rows, columns = np.nonzero(canvas.sum(2) > 30)
    assert 15 < rows.min() < 45 and 225 < rows.max() < 240
    assert 110 < columns.min() and columns.max() < 210
    assert canvas[110, 160].argmax() == 2, "the shirt"


def test_pictures_are_averaged_when_they_get_smaller() -> None:
    dice = np.random.default_rng(0)
    picture = dice.uniform(0, 255, (60, 80, 4)).astype(np.float32)
    small = resized(picture, 6, 8)
    assert small == pytest.approx(picture.reshape(6, 10, 8, 10, 4).mean((1, 3)), abs=1e-2)
    assert resized(picture, 90, 123).mean() == pytest.approx(picture.mean(), rel=1e-3)
    canvas = np.zeros((20, 20, 3), np.float32)
    ellipse(canvas, (100.0, 100.0), (3.0, 3.0), (255, 0, 0))
    assert not canvas.any(), "what lies outside is not drawn"


@pytest.mark.parametrize("index", [n for n, kind in enumerate(KINDS) if kind in ("count", "hand")])
def test_a_clip_is_the_same_again_and_of_its_size(index: int) -> None:
    one, again = make_script("dev", 7, index), make_script("dev", 7, index)
    assert one.moments == again.moments and one.request == again.request
    assert one.moments == tuple(sorted(one.moments))
    assert all(0 < moment < one.seconds for moment in one.moments)
    picture = one.paint(1.0)
    assert picture.shape == (one.size[1], one.size[0], 3) and picture.dtype == np.uint8
    assert np.array_equal(picture, again.paint(1.0))
    assert not np.array_equal(picture, make_script("dev", 8, index).paint(1.0)[:240, :320])


async def test_a_film_rests_until_it_is_told_to_act() -> None:
    def plane(number: int) -> Any:
        return np.full((24, 16), number, np.uint8)

    film = Film(Frames(100.0, tuple(map(plane, (1, 2, 3))), tuple(map(plane, (10, 20, 30)))))

    async def shown(count: int) -> list[int]:
        return [int((await film.recv()).to_ndarray()[0, 0]) for _ in range(count)]

    assert await shown(7) == [1, 2, 3, 3, 2, 1, 1]
    film.act()
    assert await shown(6) == [2, 3, 10, 20, 30, 30]
    assert film.acting.is_set() and film.began > 0
    await asyncio.wait_for(film.acting.wait(), 1)


class _Wire:
    """Sends into a list, and receives numbered packets."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.received = 0

    async def _send(self, data: bytes) -> None:
        self.sent.append(data)

    async def _recv(self) -> bytes:
        self.received += 1
        return b"%d" % self.received


async def test_two_per_cent_of_all_packets_are_lost_both_ways_and_the_same_ones_again() -> None:
    real = vars(RTCIceTransport(RTCIceGatherer([])))
    assert "_send" in real and "_recv" in real, "aiortc calls them otherwise now"
    came: list[list[bytes]] = []
    for _ in range(2):
        wire: Any = _Wire()
        losing(wire, 0.02, 5)
        for number in range(5000):
            await wire._send(b"%d" % number)
        assert 60 < 5000 - len(wire.sent) < 140
        came.append(wire.sent + [await wire._recv() for _ in range(2000)])
        assert 2020 < wire.received < 2070
    assert came[0] == came[1]


def test_what_is_said_counts_from_its_first_voiced_sample() -> None:
    said = [
        Utterance(3.0, (HeardWord(" All right.", 0.0, 0.4),), "done", 4.0, 2),
        Utterance(11.0, (HeardWord(" 4.", 0.0, 0.3),), "done", 11.6, 1),
        Utterance(14.0, (HeardWord(" I", 0.0, 0.1), HeardWord(" see.", 0.1, 0.3)), "cut", 14.2, 1),
        Utterance(40.0),
    ]
    agent = [Interval(3.1, 3.8), Interval(11.12, 11.5)]
    found = announced(said, agent, 10.0, 30.0)
    assert [(one.at, one.number, text) for one, text in found] == [
        (11.12, 4, "4."),
        (14.0, 0, "I see."),
    ]


def test_events_of_the_data_channel_are_told_apart() -> None:
    def seen(what: str, label: str) -> dict[str, str]:
        return {"type": "eyes.seen", "what": what, "label": label}

    squats, cup = Wanted("counts", "count", "squats"), Wanted("comes", "object", "cup")
    left, either = Wanted("comes", "hand", "left"), Wanted("comes", "hand", "")
    gone = Wanted("goes", "person", "")
    assert told_of(seen("count", "squats, 12"), squats) == 12
    assert told_of(seen("count", "push-ups, 12"), squats) is None
    assert told_of(seen("object", "cup"), cup) == 0
    assert told_of(seen("object", "cup, gone"), cup) is None
    assert told_of(seen("hand", "raised, right"), left) is None
    assert told_of(seen("hand", "raised, right"), either) == 0
    assert told_of(seen("hand", "lowered, right"), either) is None
    assert told_of(seen("scene", "nobody there"), gone) == 0
    assert told_of(seen("scene", "somebody there"), gone) is None
    assert told_of({"type": "agent.words", "label": "cup"}, cup) is None


def test_a_killed_run_goes_on_and_another_runs_clips_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "run.visual.jsonl"
    log = VisualLog("one", "event", 1.0, 9.0, (2.0,), (Announcement(2.5),), (Announcement(2.2),))
    Reel(path, {"seed": 1}, fresh=False).add(Viewed(log, "All right.", ((1.5, "x"),), (), 0.001))
    with path.open("a") as file:
        file.write('{"log": {"clip": "cut off by a ki')
    assert Reel(path, {"seed": 1}, fresh=False).logs == {"one": log}
    with pytest.raises(ShardMismatch, match="seed.*--fresh"):
        Reel(path, {"seed": 2}, fresh=False)
    assert Reel(path, {"seed": 1}, fresh=False).logs == {"one": log}, "nothing is lost by it"
    assert Reel(path, {"seed": 2}, fresh=True).logs == {}


def test_measures_come_with_the_nulls_of_the_same_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 20)
    good = (Announcement(2.5),)
    log = VisualLog("one", "event", 1.0, 31.0, (2.0, 12.0), good, good, asked=False)
    found = measures_of([log], 1)
    for key in found:
        check(key)
        check(key.replace("visual.", "real.visual.", 1))
    assert found["visual.event_f1"].value == pytest.approx(2 / 3)
    assert found["null.silence.visual.event_f1"].value == 0.0
    assert found["null.metronome.visual.false_per_minute"].value >= 4.0
    assert measures_of([], 1) == {}
