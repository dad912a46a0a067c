"""Eyes on real pictures that packages ship (docs/eyes.md), in pieces, at any size."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from model.engine.pieces import finished
from model.interaction.eyes import Eyes
from model.interaction.looked import Looked, Network
from model.interaction.stillness import Around
from model.sight import Picture
from model.weights import store
from tests.model.interaction.room import room

ALL: tuple[Network, ...] = ("things", "faces", "body", "hands")


@pytest.fixture(scope="module")
def eyes() -> Eyes:
    return Eyes.load(store.folder("eyes"))


def photograph(name: str) -> np.ndarray:
    with av.open(str(store.folder("pictures") / name)) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")


def look(eyes: Eyes, pixels: np.ndarray, networks: tuple[Network, ...]) -> Looked:
    pixels = np.ascontiguousarray(pixels[::2, ::2])
    return finished(eyes.look(Picture("camera", 16_000, pixels), networks))


@pytest.mark.timeout(60)
def test_a_person_is_found_with_face_and_shoulders_at_their_place(eyes: Eyes) -> None:
    found = look(eyes, photograph("astronaut.png"), ("things", "faces", "body"))
    assert found.at_seconds == 1.0
    (person,) = [thing for thing in found.things if thing.label == "person"]
    left, top, wide, high = person.box
    assert left < 0.15 and top < 0.15 and wide > 0.5 and high > 0.7
    (face,) = found.faces
    assert face.score > 0.75 and abs(face.turned) < 0.3
    assert found.body is not None
    nose, left_shoulder, right_shoulder = (found.body.points[place] for place in (0, 5, 6))
    assert 0.38 < nose[0] < 0.5 and 0.15 < nose[1] < 0.3
    assert left_shoulder[0] > nose[0] > right_shoulder[0], "the person's own left"
    assert face.box[0] < nose[0] < face.box[0] + face.box[2]


@pytest.mark.timeout(60)
def test_a_body_in_a_part_of_the_picture_is_found_at_its_place_in_the_whole(eyes: Eyes) -> None:
    pixels = np.ascontiguousarray(photograph("astronaut.png")[::2, ::2])
    wide = np.full((256, 640, 3), 128, np.uint8)
    wide[:, 320:576] = pixels
    around = Around(moves=(0.5, 0.0, 0.4, 1.0))
    whole = finished(eyes.look(Picture("camera", 0, pixels), ("body",))).body
    part = finished(eyes.look(Picture("camera", 0, wide), ("body",), around)).body
    assert whole is not None and part is not None
    for place in (0, 5, 6):
        (x, y), there = whole.points[place], part.points[place]
        assert there == pytest.approx((0.5 + 0.4 * x, y), abs=0.02)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("name", "label"), [("coffee.png", "cup"), ("chelsea.png", "cat")])
def test_a_thing_is_found(eyes: Eyes, name: str, label: str) -> None:
    found = look(eyes, photograph(name), ("things",))
    assert found.things[0].label == label and found.things[0].score > 0.33
    assert "person" not in [thing.label for thing in found.things]


@pytest.mark.timeout(60)
def test_what_came_in_is_found_where_it_is_apart_from_all_that_was_there(eyes: Eyes) -> None:
    room = np.ascontiguousarray(photograph("astronaut.png")[::2, ::2])
    cat = np.ascontiguousarray(photograph("chelsea.png")[::3, ::3])[:100, 20:120]
    behind = room.astype(np.float32)
    room = room.copy()
    room[140:240, 10:110] = cat
    found = finished(eyes.look(Picture("camera", 0, room), ("things",), Around(behind)))
    assert found.apart and [thing.label for thing in found.things] == ["cat"]
    left, top, wide, high = found.things[0].box
    assert left < 0.1 and 0.5 < top < 0.6 and wide < 0.5 and high < 0.5
    same = finished(
        eyes.look(Picture("camera", 0, room), ("things",), Around(room.astype(np.float32)))
    )
    assert not same.apart and "person" in [thing.label for thing in same.things]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("shape", [(1, 1), (3, 400)])
def test_odd_sizes_and_black_pictures_are_looked_at_and_show_nothing(
    eyes: Eyes, shape: tuple[int, int]
) -> None:
    black = Picture("camera", 0, np.zeros((*shape, 3), np.uint8))
    found = finished(eyes.look(black, ALL))
    assert found.things == () and found.faces == () and found.hands == ()
    assert found.body is not None and len(found.body.points) == 17


@pytest.mark.timeout(90)
def test_a_watch_for_a_cup_fires_when_one_is_really_shown(eyes: Eyes) -> None:
    here = room(eyes=eyes)
    here.pixels = np.ascontiguousarray(photograph("astronaut.png")[::2, ::2])
    here.wait(5)
    here.ask("Tell me when a cup appears.", " watch: a cup appears, tell\n")
    before = here.said
    here.wait(20)
    assert here.said == before, "not before there is one"
    here.pixels = np.ascontiguousarray(photograph("coffee.png")[::2, ::2])
    here.wait(40)
    assert here.said[len(before) :] == " I see a cup."
    assert ("object", "cup") in here.seen() and ("scene", "nobody there") in here.seen()


def test_without_its_part_nothing_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Eyes.load(tmp_path)
