"""The same hand and body in pictures of other shapes: an upright phone sees what a laptop does."""

from __future__ import annotations

from dataclasses import replace
from math import dist

import numpy as np
import pytest

from model.interaction import scene
from model.interaction.eyes import _palm
from model.interaction.gestures import gesture
from model.interaction.looked import Body, Hand, Looked
from model.interaction.posture import EXERCISES, Exercise, held_up, signal
from model.interaction.scene import Scene
from model.interaction.stillness import moved, moving, thumbnail
from tests.model.interaction.bodies import figure, hand, reframed

FRAMES = {"4:3": (640, 480), "3:4": (480, 640), "9:16": (360, 640), "16:9": (640, 360)}
"""Width and height in pixels."""

frames = pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())


def framed(body: Body, frame: tuple[int, int]) -> Body:
    return reframed(body, frame[0] / frame[1])


# ---- bodies --------------------------------------------------------------------------------------


@frames
@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_repetition_goes_as_far(exercise: Exercise, frame: tuple[int, int]) -> None:
    for way in (0.0, 0.3, 0.6, 1.0):
        body = figure(exercise, way, seed=3)
        assert signal(framed(body, frame), exercise) == pytest.approx(signal(body, exercise))


def with_wrist(height: float) -> Body:
    """The person's right wrist so many widths of the shoulders above its shoulder."""
    body = figure("raised hands", 0.0)
    left, right = body.points[5], body.points[6]
    # The picture is 4 by 3: a share of its height is three quarters of a share of its width.
    wide = dist((left[0], left[1] * 3 / 4), (right[0], right[1] * 3 / 4))
    points = list(body.points)
    points[10] = (right[0] - 0.02, right[1] - height * wide * 4 / 3)
    return replace(body, points=tuple(points))


@frames
@pytest.mark.parametrize(("height", "hands"), [(0.13, 0), (0.17, 1), (1.0, 1)])
def test_a_hand_is_raised_at_the_same_height(
    height: float, hands: int, frame: tuple[int, int]
) -> None:
    body = framed(with_wrist(height), frame)
    assert held_up(body, "right") == pytest.approx(height, abs=0.01)
    here, told = Scene("camera"), []
    for number in range(2):
        here, events, _ = scene.after(here, Looked("camera", number * 0.2, ("body",), body=body))
        told += [one.label for one in events if one.what == "hand"]
    assert told == ["raised, right"] * hands


@frames
def test_a_hand_is_looked_for_in_a_square_as_large_as_the_body_says(
    frame: tuple[int, int],
) -> None:
    body = figure("raised hands", 1.0)
    points = list(body.points)
    points[5] = (points[5][0], points[5][1] + 0.12)  # Shoulders that slant,
    points[7] = (points[9][0], points[9][1] + 0.01)  # and a forearm that is seen end on.
    body = framed(replace(body, points=tuple(points)), frame)
    wide, high = frame
    found = _palm(body, 0, (3, high, wide))
    assert found is not None
    left, right = ((body.points[n][0] * wide, body.points[n][1] * high) for n in (5, 6))
    assert found[1] == pytest.approx(0.6 * dist(left, right))


# ---- hands ---------------------------------------------------------------------------------------

UP, DOWN, ASIDE = (0.0, -0.14), (0.0, 0.14), (-0.14, 0.0)
BENT = (False,) * 4


def on_its_side(made: Hand) -> Hand:
    """A quarter turn: what stood out to the left stands up."""
    return replace(made, points=tuple((1.0 - y, x) for x, y in made.points))


@frames
@pytest.mark.parametrize(
    ("made", "sign"),
    [
        (hand(True, True, True, True, thumb=ASIDE), "open hand"),
        (hand(True, True, False, False), "victory"),
        (hand(True, False, False, False), "pointing"),
        (hand(*BENT), "fist"),
        (hand(*BENT, thumb=UP), "thumb up"),
        (hand(*BENT, thumb=DOWN), "thumb down"),
        (hand(False, True, False, True), ""),
        (on_its_side(hand(*BENT, thumb=(-0.10, 0.0))), "thumb up"),
        (on_its_side(hand(*BENT, thumb=(-0.06, 0.0))), "fist"),
        (on_its_side(hand(True, True, False, False)), "victory"),
    ],
)
def test_signs(made: Hand, sign: str, frame: tuple[int, int]) -> None:
    assert gesture(reframed(made, frame[0] / frame[1])) == sign


# ---- where something moves -----------------------------------------------------------------------


@frames
@pytest.mark.parametrize("size", [(160, 80), (80, 160)])
def test_as_many_pixels_are_seen_around_what_moves(
    size: tuple[int, int], frame: tuple[int, int]
) -> None:
    wide, high = frame
    before = np.full((high, wide, 3), 90, np.uint8)
    after = before.copy()
    left, top = (wide - size[0]) // 2, (high - size[1]) // 2
    after[top : top + size[1], left : left + size[0]] = 250
    cells = moved(None, None, thumbnail(before), 0.0)
    cells = moved(cells, thumbnail(before), thumbnail(after), 0.2)
    down, across = np.nonzero(cells == 0.2)
    moves = (np.ptp(across) + 1) / 32 * wide, (np.ptp(down) + 1) / 24 * high
    assert moves == pytest.approx(size, abs=40), "in whole cells"
    box = moving(cells, 0.2, wide / high)
    assert box is not None
    # Half its shorter side, in shares of a picture of 4 by 3.
    above = 0.5 * min(moves[1], moves[0] * 3 / 4)
    margins = (box[2] * wide - moves[0]) / 2, (box[3] * high - moves[1]) / 2
    assert margins == pytest.approx((above * 4 / 3, above))
