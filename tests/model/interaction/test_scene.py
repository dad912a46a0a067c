"""What a row of looks makes of a scene: what begins and ends, when, and what watches fire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from model.interaction import looking, scene, sight_told, watching
from model.interaction.looked import Body, Face, Looked, Network, Thing
from model.interaction.looking import Looking
from model.interaction.reading import Line
from model.interaction.scene import Scene
from model.interaction.stillness import changed, thumbnail
from model.sight import Box, Picture, Seen
from tests.model.interaction.bodies import DRAWN_AT, figure

BOX = (0.1, 0.1, 0.2, 0.3)
EVERY_SECONDS = 0.4


def things(*found: tuple[str, float], at: float = 0.0) -> Looked:
    made = tuple(Thing(label, score, BOX) for label, score in found)
    return Looked("camera", at, ("things",), made)


def run(looks: Iterable[Looked], start: Scene | None = None) -> tuple[Scene, list[Seen]]:
    here = start or Scene("camera")
    events: list[Seen] = []
    for number, one in enumerate(looks):
        at = one.at_seconds or number * EVERY_SECONDS
        here, more, _ = scene.after(here, replace(one, at_seconds=at))
        events += more
    return here, events


def labels(events: list[Seen]) -> list[tuple[str, str]]:
    return [(one.what, one.label) for one in events]


def test_something_begins_when_it_is_seen_twice_or_surely() -> None:
    assert run([things(("cup", 0.4))])[1] == []
    assert labels(run([things(("cup", 0.4)), things(("cup", 0.4))])[1]) == [("object", "cup")]
    assert labels(run([things(("cup", 0.7))])[1]) == [("object", "cup")]
    assert run([things(("cup", 0.4)), things(), things(("cup", 0.4)), things()])[1] == []
    assert run([things(("cup", 0.25))] * 9)[1] == []


def test_what_is_watched_for_may_be_missed_once_between_two_looks() -> None:
    def told(*looks: Looked, expected: str) -> list[tuple[str, str]]:
        here = Scene("camera")
        events: list[Seen] = []
        for number, one in enumerate(looks):
            one = replace(one, at_seconds=number * EVERY_SECONDS)
            here, more, _ = scene.after(here, one, [("object", expected)])
            events += more
        return labels(events)

    faint, nothing = things(("cup", 0.31)), things()
    assert told(faint, nothing, faint, expected="cup") == [("object", "cup")]
    assert told(faint, nothing, nothing, faint, expected="cup") == []
    assert told(faint, nothing, faint, expected="dog") == []
    assert told(things(("cup", 0.25)), things(("cup", 0.25)), expected="cup") == []


def test_it_ends_when_it_was_missed_for_some_time_not_at_once() -> None:
    there = [things(("cup", 0.7))]
    assert labels(run([*there, things(), things(), things(("cup", 0.3)), things()])[1]) == [
        ("object", "cup")
    ]
    here, events = run([*there, *[things()] * 6])
    assert labels(events) == [("object", "cup"), ("object", "cup, gone")]
    assert events[1].at_seconds - events[0].at_seconds <= 1.5
    assert here.there(("object", "cup")) is None


def test_who_did_not_look_misses_nothing() -> None:
    face_only = Looked("camera", 0.0, ("faces",))
    here, events = run([things(("cup", 0.7)), *[face_only] * 20])
    assert labels(events) == [("object", "cup")]
    assert here.there(("object", "cup")) is not None


def test_people_come_and_go() -> None:
    _, events = run([things(("person", 0.7)), *[things()] * 8, *[things(("person", 0.5))] * 2])
    assert labels(events) == [
        ("scene", "somebody there"), ("scene", "nobody there"), ("scene", "somebody there"),
    ]  # fmt: skip


def test_a_face_of_a_cat_is_nobodys() -> None:
    cat = (Thing("cat", 0.6, BOX),)
    looked = Looked("camera", 0.0, ("things", "faces"), cat, faces=(Face(0.95, BOX, 0.1),))
    _, events = run([looked] * 3)
    assert labels(events) == [("object", "cat")]


def body(way: float, at: float = 0.0, seed: int = 0) -> Looked:
    made = figure("raised hands", way, seed)
    return Looked("camera", at, ("body",), body=made)


def test_a_raised_hand_is_the_persons_own_and_comes_down_again() -> None:
    _, events = run([*[body(0.0)] * 3, *[body(1.0)] * 3, *[body(0.0)] * 5])
    hands = [label for label in labels(events) if label[0] == "hand"]
    assert hands == [("hand", "raised, right"), ("hand", "lowered, right")]


def test_a_body_that_is_none_is_not_believed() -> None:
    nothing = Body(((0.5, 0.5),) * 17, (0.1,) * 17, DRAWN_AT)
    assert run([Looked("camera", 0.0, ("body",), body=nothing)] * 5)[1] == []


def with_face(looked: Looked, at: tuple[float, float] = (0.5, 0.15)) -> Looked:
    box = (at[0] - 0.05, at[1] - 0.05, 0.1, 0.1)
    return replace(looked, faces=(Face(0.8, box, 0.0),))


def test_a_body_without_a_face_at_its_head_is_clutter_where_things_were_looked_for() -> None:
    made = replace(body(0.0), networks=("body", "faces", "things"))
    assert run([made] * 4)[1] == []
    assert run([with_face(made, at=(0.2, 0.8))] * 4)[1] == []
    assert labels(run([with_face(made)] * 4)[1]) == [("scene", "somebody there")]


def test_a_body_tells_that_somebody_is_there_where_things_are_lost_in_clutter() -> None:
    both: tuple[Network, ...] = ("body", "things")
    there = [with_face(replace(body(0.0, seed=n), networks=both)) for n in range(4)]
    nothing = Body(((0.5, 0.5),) * 17, (0.34,) * 17, DRAWN_AT)
    gone = [Looked("camera", 0.0, both, body=nothing)] * 4
    here, events = run(there)
    assert labels(events) == [("scene", "somebody there")]
    sighting = here.there(("person", ""))
    assert sighting is not None and sighting.many == 1
    assert labels(run([*there, *gone])[1]) == [
        ("scene", "somebody there"), ("scene", "nobody there"),
    ]  # fmt: skip


def test_who_is_seen_by_two_networks_is_one_person_where_things_were_found() -> None:
    looked = with_face(replace(things(("person", 0.7)), body=body(0.0).body))
    here, _ = run([looked] * 2)
    sighting = here.there(("person", ""))
    assert sighting is not None and (sighting.many, sighting.box) == (1, BOX)


def arm(elbow_up: bool, wrist_seen: bool) -> Looked:
    """The person's right arm: its elbow above the shoulder or below, the wrist perhaps unseen."""
    made = figure("raised hands", 1.0 if elbow_up else 0.0)
    scores = [0.7] * 17
    scores[10] = 0.7 if wrist_seen else 0.1
    return Looked("camera", 0.0, ("body",), body=replace(made, scores=tuple(scores)))


def test_a_hand_above_the_picture_is_raised_by_its_elbow() -> None:
    def hands(looks: list[Looked]) -> list[str]:
        return [label for what, label in labels(run(looks)[1]) if what == "hand"]

    up, lost, down = arm(True, True), arm(True, False), arm(False, False)
    assert hands([up, *[lost] * 9]) == ["raised, right"]
    assert hands([lost] * 3) == ["raised, right"]
    assert hands([up, *[lost] * 3, *[down] * 5]) == ["raised, right", "lowered, right"]


# ---- looking ------------------------------------------------------------------------------------

GREY = np.full((48, 64, 3), 90, np.uint8)


def picture(k: int, pixels: np.ndarray = GREY) -> Picture:
    return Picture("camera", k * 1600, pixels)


def watch_for(way: watching.Way, key: scene.Key, say: str = "") -> Looking:
    return looking.watched(looking.shown(Looking(), [picture(0)], 0, thumbnail), way, key, say)


def test_nothing_is_looked_at_when_nothing_is_shown() -> None:
    assert looking.due(Looking(), 5, changed) is None
    assert looking.wants(Looking())[1] is None


def test_without_a_watch_there_are_glances_and_none_when_nothing_changed() -> None:
    here = Looking()
    looks: list[tuple[int, tuple[Network, ...]]] = []
    rng = np.random.default_rng(1)
    for k in range(200):
        still = k >= 100
        pixels = GREY if still else rng.integers(0, 255, GREY.shape, dtype=np.uint8)
        here = looking.shown(here, [picture(k, pixels)], k, thumbnail)
        look = looking.due(here, k, changed)
        if look is not None:
            looks.append((k, look[1]))
            here = looking.failed(looking.began(here, look[1], k))
    assert looks == [(k, ("faces", "things")) for k in (0, 40, 80, 120)]


def test_a_watch_brings_its_network_and_faster_pictures() -> None:
    here = watch_for("comes", ("hand", ""))
    here, asked = looking.wants(here)
    assert asked == 5.0
    assert looking.wants(here)[1] is None
    look = looking.due(here, 1, changed)
    assert look is not None and "body" in look[1]
    here = looking.began(here, look[1], 1)
    assert looking.due(here, 9, changed) is None, "a look is under way"
    assert looking.wants(looking.stopped(here))[1] == 1.0


def test_who_comes_is_looked_for_with_two_networks_and_movements_more_often_with_one() -> None:
    def times(*keys: scene.Key) -> dict[Network, int]:
        here = looking.shown(Looking(), [picture(0)], 0, thumbnail)
        for key in keys:
            here = looking.watched(here, "comes", key)
        found: dict[Network, int] = {"body": 0, "faces": 0, "things": 0}
        for k in range(24):
            if (look := looking.due(here, k, lambda before, now: True)) is None:
                continue
            for network in found:
                found[network] += network in look[1]
            here = looking.failed(looking.began(here, look[1], k))
        return found

    assert times(("person", "")) == {"body": 5, "faces": 5, "things": 5}
    assert times(("person", ""), ("object", "cup")) == {"body": 5, "faces": 5, "things": 5}
    assert times(("person", ""), ("hand", "")) == {"body": 12, "faces": 1, "things": 2}


def test_whoever_comes_is_looked_for_with_three_networks_in_one_picture() -> None:
    here = watch_for("comes", ("person", ""))
    look = looking.due(looking.failed(looking.began(here, ("faces",), 0)), 1, changed)
    assert look is not None and look[1] == ("body", "faces", "things")
    here = watch_for("comes", ("hand", ""))
    look = looking.due(looking.failed(looking.began(here, ("faces", "things"), 0)), 1, changed)
    assert look is not None and look[1] == ("body",)


def test_a_body_is_looked_for_where_somebody_moves_while_movements_are_counted() -> None:
    def moves(way: watching.Way, key: scene.Key, pixels: list[np.ndarray]) -> Box | None:
        here = watch_for(way, key)
        for k, one in enumerate(pixels):
            here = looking.shown(here, [picture(2 * k + 2, one)], 2 * k + 2, thumbnail)
        return looking.around(here).moves

    there = GREY.copy()
    there[16:32, 24:40] = 250
    squats = ("count", "squats")
    found = moves("counts", squats, [GREY, there, GREY, there])
    assert found == pytest.approx((0.25, 1 / 6, 0.5, 2 / 3), abs=0.07)
    assert moves("comes", ("hand", ""), [GREY, there, GREY, there]) is None
    assert moves("counts", squats, [GREY] * 4) is None
    assert moves("counts", squats, [GREY, GREY + 100, GREY, GREY + 100]) is None
    assert moves("counts", squats, [GREY, there, *[there] * 40]) is None


def test_a_thing_that_is_watched_for_is_looked_for_apart_two_times_in_three() -> None:
    here = watch_for("comes", ("object", "cup"))
    found = []
    for k in range(0, 16, 4):
        found.append(looking.around(here).behind is not None)
        here = looking.failed(looking.began(here, ("things",), k))
    assert found == [False, True, True, False]
    here = looking.failed(looking.began(here, ("faces",), 16))
    here = looking.failed(looking.began(here, ("faces",), 17))
    assert looking.around(here).behind is not None, "only looks for things count"
    assert looking.around(looking.hidden(here, "camera")).behind is None
    assert looking.around(looking.began(looking.stopped(here), ("things",), 24)).behind is None


def test_a_thing_that_is_seen_no_more_stays_while_nothing_changes_where_it_was() -> None:
    with_cup, without = thumbnail(GREY), thumbnail(GREY)
    with_cup[3:9, 4:9] = 200
    here, events, _ = scene.after(
        Scene("camera"), replace(things(("cup", 0.7)), thumbnail=with_cup)
    )
    told = [*events]
    for number in range(1, 12):
        looked = replace(things(), at_seconds=number * EVERY_SECONDS, thumbnail=with_cup)
        here, events, _ = scene.after(here, looked)
        told += events
    assert labels(told) == [("object", "cup")]
    for number in range(12, 20):
        looked = replace(things(), at_seconds=number * EVERY_SECONDS, thumbnail=without)
        here, events, _ = scene.after(here, looked)
        told += events
    assert labels(told) == [("object", "cup"), ("object", "cup, gone")]
    assert told[1].at_seconds <= 12 * EVERY_SECONDS + 1.3


def test_of_what_stays_a_look_at_what_changed_tells_nothing() -> None:
    apart = replace(things(), apart=True)
    _, events = run([things(("person", 0.7)), *[apart] * 9])
    assert labels(events) == [("scene", "somebody there")]


def test_what_stops_being_shown_is_forgotten() -> None:
    here = watch_for("comes", ("object", "cup"))
    here, _, _ = looking.entered(here, things(("cup", 0.9)))
    assert here.scene("camera").sightings
    here = looking.shown(here, [], looking.BLANK_MICRO_TURNS + 1, thumbnail)
    assert here.shown == () and here.scenes == ()
    here, events, fired = looking.entered(here, things(("cup", 0.9)))
    assert events == () and fired == ()


def test_what_is_hidden_is_forgotten_at_once_with_what_was_to_be_said() -> None:
    here = watch_for("comes", ("object", "cup"))
    here, _, fired = looking.entered(here, things(("cup", 0.9)))
    here = looking.hidden(looking.told(here, fired), "camera")
    assert (here.shown, here.scenes, here.fired) == ((), (), ())
    assert here.watches, "it stands until the camera is on again"
    assert sight_told.line(here, 1.0).startswith("I was asked to")
    here, events = looking.read(here, picture(0), [Line("Platform seven", 0.9, BOX)])
    assert events == () and here.scenes == (), "it was hidden while it was read"


def test_one_picture_is_not_looked_at_twice_to_be_sure() -> None:
    here = looking.shown(Looking(), [picture(0)], 0, thumbnail)
    here = looking.began(here, ("faces", "things"), 0)
    here, events, _ = looking.entered(here, things(("cup", 0.4)))
    assert events == ()
    assert all(looking.due(here, k, changed) is None for k in range(1, 10))
    here = looking.shown(here, [picture(10)], 10, thumbnail)
    look = looking.due(here, 10, changed)
    assert look is not None and look[1] == ("things",)


def test_a_hand_nobody_looks_for_any_more_is_not_there_for_ever() -> None:
    here = watch_for("comes", ("hand", ""))
    for number in range(3):
        here, _, _ = looking.entered(here, body(1.0, 0.2 + number * 0.2))
    assert "hand raised" in sight_told.line(here, 1.0)
    assert "hand raised" not in sight_told.line(looking.stopped(here), 1.0)
    assert "person" in sight_told.line(looking.stopped(here), 1.0)


@pytest.mark.parametrize(
    ("way", "key", "looks", "said"),
    [
        ("comes", ("object", "cup"), [things(), things(("cup", 0.8))], ["I see a cup."]),
        ("comes", ("object", "cup"), [things(("dog", 0.8))] * 3, []),
        ("goes", ("object", "cup"), [things(("cup", 0.8)), *[things()] * 6], ["The cup is gone."]),
        ("comes", ("hand", ""), [body(0.0), body(1.0), body(1.0)], ["You raised your right hand."]),
        ("comes", ("hand", "left"), [body(0.0), body(1.0), body(1.0)], []),
        ("comes", ("person", ""), [things(("person", 0.8))], ["Somebody is there."]),
    ],
)
def test_a_watch_fires_for_what_it_waits_for_once(
    way: watching.Way, key: scene.Key, looks: list[Looked], said: list[str]
) -> None:
    here, heard = watch_for(way, key), []
    for number, one in enumerate([*looks, *looks[-1:] * 4]):
        at = 0.1 + number * EVERY_SECONDS
        one = Looked("camera", at, one.networks, one.things, one.body)
        here, _, fired = looking.entered(here, one)
        heard += [each.text for each in fired]
    assert heard == said


def test_the_persons_own_words_are_said() -> None:
    here = watch_for("comes", ("object", "cup"), "stop")
    _, _, fired = looking.entered(here, things(("cup", 0.8)))
    assert [one.text for one in fired] == ["Stop."]


def test_raised_hands_are_counted_in_events_and_aloud() -> None:
    here, heard = watch_for("counts", ("count", "raised hands")), []
    events: list[Seen] = []
    for number in range(40):
        way = 1.0 if number % 10 in (4, 5, 6) else 0.0
        here, more, fired = looking.entered(here, body(way, 0.1 + number * 0.2, seed=number))
        events += more
        heard += [one.text for one in fired]
    counts = [one.label for one in events if one.what == "count"]
    assert counts == [f"raised hands, {n}" for n in (1, 2, 3, 4)]
    assert heard == ["1.", "2.", "3.", "4."]
    assert "count raised hands (4 so far)" in sight_told.line(here, 9.0)


def test_watches_are_bounded_and_the_same_one_is_replaced() -> None:
    here = Looking()
    for label in ("cup", "dog", "cup", "cat", "bird", "horse", "sheep", "cow", "bear", "zebra"):
        here = looking.watched(here, "comes", ("object", label))
    assert len(here.watches) == watching.MOST_WATCHES
    assert [one.key[1] for one in here.watches].count("cup") <= 1


def test_every_wording_is_of_one_watch_only() -> None:
    choices = watching.choices()
    assert len(set(choices.values())) > 160
    assert choices["the dog appears"] == choices["a dog appears"] == ("comes", ("object", "dog"))
    assert choices["a hand is raised"] == ("comes", ("hand", ""))
    assert choices["an apple is gone"] == ("goes", ("object", "apple"))


def test_the_line_says_what_is_there_and_what_changed_and_when() -> None:
    here = looking.shown(Looking(), [picture(0)], 0, thumbnail)
    assert "I recognise nothing yet" in sight_told.line(here, 0.1)
    faces = (Face(0.95, BOX, 0.05),)
    found = (Thing("person", 0.7, BOX), Thing("cup", 0.6, BOX), Thing("book", 0.6, BOX))
    for at in (1.0, 1.5):
        here, _, _ = looking.entered(
            here, Looked("camera", at, ("things", "faces"), found, faces=faces)
        )
    told = sight_told.line(here, 11.5)
    assert told.startswith(
        "I saw one person looking at me, a cup, a book 10 seconds ago. Somebody came"
    )
    assert "the cup came 10 seconds ago" in told
    assert len(told) < 400
    assert sight_told.line(Looking(), 3.0) == ""


def test_thumbnails_tell_noise_from_change() -> None:
    rng = np.random.default_rng(2)
    plain = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
    noisy = (plain.astype(int) + rng.integers(-6, 7, plain.shape)).clip(0, 255).astype(np.uint8)
    other = plain.copy()
    other[100:160, 100:160] //= 3
    before = thumbnail(plain)
    assert changed(None, before)
    assert not changed(before, thumbnail(noisy))
    assert changed(before, thumbnail(other))
    assert thumbnail(np.zeros((1, 1, 3), np.uint8)).shape == (24, 32)
