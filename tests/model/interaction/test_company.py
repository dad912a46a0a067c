"""Several people before one camera: how many there are, and who comes in beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.interaction import looking, scene
from model.interaction.looked import Body, Face, Looked, Thing
from model.interaction.looking import Looking
from model.interaction.scene import Scene, Sighting
from model.interaction.stillness import thumbnail
from model.sight import Box, Seen
from tests.model.interaction.bodies import figure
from tests.model.interaction.test_scene import picture

LEFT, RIGHT = (0.05, 0.2, 0.3, 0.7), (0.6, 0.2, 0.3, 0.7)
BUST = (0.08, 0.2, 0.2, 0.3)
FACES = (Face(0.95, (0.15, 0.2, 0.1, 0.1), 0.0), Face(0.95, (0.7, 0.2, 0.1, 0.1), 0.0))


def people(*boxes: Box, score: float = 0.7) -> Looked:
    return Looked("camera", 0.0, ("things",), tuple(Thing("person", score, box) for box in boxes))


def run(*looks: Looked) -> tuple[Scene, list[Seen]]:
    here = Scene("camera")
    events: list[Seen] = []
    for number, one in enumerate(looks):
        here, more, _ = scene.after(here, replace(one, at_seconds=number * 0.5))
        events += more
    return here, events


def somebody(here: Scene) -> Sighting:
    sighting = here.there(("person", ""))
    assert sighting is not None
    return sighting


def body() -> Body:
    return figure("raised hands", 0.0, 0)


@pytest.mark.parametrize(
    "look",
    [
        Looked("camera", 0.0, ("body",), body=body()),
        Looked("camera", 0.0, ("faces",), faces=FACES),
        replace(people(RIGHT), apart=True),
    ],
)
def test_who_does_not_look_for_all_there_is_does_not_tell_how_many_there_are(look: Looked) -> None:
    here, _ = run(people(LEFT, RIGHT), look, look)
    assert somebody(here).many == 2
    if "things" not in look.networks:
        assert somebody(here).box == LEFT


def test_things_are_counted_where_all_there_is_was_looked_at() -> None:
    cup = Thing("cup", 0.7, LEFT)
    two = Looked("camera", 0.0, ("things",), (cup, replace(cup, box=RIGHT)))
    here, _ = run(two, replace(two, things=(cup,), apart=True))
    one = here.there(("object", "cup"))
    assert one is not None and one.many == 2
    here, _ = run(two, replace(two, things=(cup,)))
    one = here.there(("object", "cup"))
    assert one is not None and one.many == 1


def test_who_went_is_counted_no_more() -> None:
    here, _ = run(people(LEFT, RIGHT), people(LEFT))
    assert somebody(here).many == 1


def fired(*looks: Looked, way: str = "comes") -> list[str]:
    """What is said of people who were there, one of them, when the watch was made."""
    here = looking.shown(Looking(), [picture(0)], 0, thumbnail)
    here, _, _ = looking.entered(here, replace(people(LEFT), at_seconds=0.1))
    here = looking.watched(here, "comes" if way == "comes" else "goes", ("person", ""))
    heard = []
    for number, one in enumerate(looks, start=1):
        here, _, told = looking.entered(here, replace(one, at_seconds=number * 0.5))
        heard += [each.text for each in told]
    return heard


def test_who_comes_in_beside_somebody_is_told_of_once() -> None:
    assert fired(*[people(LEFT)] * 2, *[people(LEFT, RIGHT)] * 5) == ["Somebody else is there."]
    assert fired(*[people(LEFT, RIGHT)] * 2, people(LEFT), people(LEFT, RIGHT)) == [
        "Somebody else is there."
    ]


def test_who_leaves_and_comes_again_is_told_of_again() -> None:
    both, one = [people(LEFT, RIGHT)] * 2, [people(LEFT)] * 8
    assert fired(*both, *one, *both) == ["Somebody else is there."] * 2


def test_one_person_seen_twice_in_one_place_or_for_a_moment_is_nobody_else() -> None:
    assert fired(*[people(LEFT, BUST)] * 5) == []
    assert fired(people(LEFT, RIGHT), people(LEFT), people(LEFT, RIGHT), people(LEFT)) == []
    faint = people(LEFT, RIGHT, score=0.38)
    assert fired(*[faint] * 5) == []


def test_who_comes_in_is_seen_less_surely_than_who_is_alone() -> None:
    assert fired(*[people(LEFT, RIGHT, score=0.42)] * 2) == ["Somebody else is there."]


def test_nobody_has_left_while_one_of_two_stays() -> None:
    both, one = [people(LEFT, RIGHT)] * 3, [people(LEFT)] * 8
    assert fired(*both, *one, way="goes") == []
    assert fired(*both, *[people()] * 8, way="goes") == ["Nobody is there any more."]


def test_clients_are_told_of_somebody_and_not_of_each() -> None:
    _, events = run(*[people(LEFT, RIGHT)] * 3, *[people()] * 8)
    assert [one.label for one in events] == ["somebody there", "nobody there"]
