"""What came into a picture, on grey: light, noise, a camera that moves, and sizes that change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.interaction.apart import GREY, alone
from model.interaction.stillness import background, changed_within, thumbnail

SHAPE = (60, 80, 3)
THING = (slice(20, 40), slice(30, 60))


def room(seed: int = 1) -> np.ndarray:
    """A wall of tiles, a little noisy."""
    tiles = np.kron(np.random.default_rng(4).integers(60, 190, (6, 8, 3)), np.ones((10, 10, 1)))
    noise = np.random.default_rng(seed).normal(0, 2, SHAPE)
    return np.clip(tiles + noise, 0, 255).astype(np.uint8)


def with_thing(pixels: np.ndarray) -> np.ndarray:
    pixels = pixels.copy()
    pixels[THING] = (250, 20, 20)
    return pixels


def shown(pixels: np.ndarray, behind: np.ndarray | None) -> np.ndarray | None:
    found = alone(torch.tensor(pixels).permute(2, 0, 1).float(), behind)
    return None if found is None else found.permute(1, 2, 0).numpy()


def test_only_what_came_is_shown_and_all_of_it() -> None:
    found = shown(with_thing(room(2)), background(None, room(1), 0.0))
    assert found is not None
    assert (found[THING] == (250, 20, 20)).all()
    kept = (found != GREY).any(2)
    assert kept.sum() < 2.2 * 20 * 30, "with a margin, not with the room"


@pytest.mark.parametrize("light", [0.8, 1.2])
def test_light_that_changes_evenly_is_no_change(light: float) -> None:
    behind = background(None, room(1), 0.0)
    lit = np.clip(room(2) * light, 0, 255).astype(np.uint8)
    assert shown(lit, behind) is None
    found = shown(with_thing(lit), behind)
    assert found is not None and (found[THING] == (250, 20, 20)).all()


def test_where_nothing_or_everything_changed_all_is_to_be_looked_at() -> None:
    behind = background(None, room(1), 0.0)
    assert shown(room(2), behind) is None
    assert shown(255 - room(2), behind) is None
    assert shown(with_thing(room(2)), None) is None
    assert shown(with_thing(room(2)), behind[:-1]) is None, "another size"


def test_what_stays_becomes_background_slowly() -> None:
    behind = background(None, room(0), 0.0)
    still_apart = []
    for number in range(200):
        pixels = with_thing(room(number))
        still_apart.append(shown(pixels, behind) is not None)
        behind = background(behind, pixels, 0.2)
    assert all(still_apart[:25]), "five seconds"
    assert not any(still_apart[100:]), "twenty"
    assert background(behind, room(1)[:-2], 0.2).shape == (58, 80, 3), "begun anew"


def test_a_box_changes_when_something_in_it_does() -> None:
    before, after = thumbnail(room(1)), thumbnail(with_thing(room(2)))
    assert changed_within(before, after, (0.35, 0.3, 0.4, 0.4))
    assert not changed_within(before, after, (0.0, 0.0, 0.2, 0.2))
    assert not changed_within(before, thumbnail(room(3)), (0.0, 0.0, 1.0, 1.0))
    slender = before.copy()
    slender[8:16, 10] = 220
    assert changed_within(before, slender, (0.1, 0.1, 0.6, 0.8)), "a tenth of the box"
    assert changed_within(before, after, (0.5, 0.5, 0.0, 0.0)), "a box without size is a cell"
