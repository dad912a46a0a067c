"""What belongs to which split of suite `visual`: shapes, colours, clutter, rates; none in two."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import numpy as np

from tests.bench.visual.drawing import Colour
from tests.bench.visual.figures import Cloth, Hair, Look
from tests.bench.visual.postures import Build

__all__ = ["DRAWN", "Drawn", "Split", "clothes", "drawn_look"]

Split = Literal["dev", "test"]
Range = tuple[float, float]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a split is drawn from; ranges are drawn from evenly and do not meet another split's.

    Attributes:
        shoulders, arms, legs, girth: proportions, as `Build` names them.
        hues: of clothes and clutter, in turns of the circle of colours.
        skins, hairs, cloths: of people.
        clutter: kinds of background.
        rates: frames a second.
        sizes: of the picture, width and height.
        stamps: photographs by the label under which things are watched: such as the network knows
            on an even grey, alone, at .33 or more, since nothing else of them was asked.
        others: photographs of what nobody asked for.
    """

    shoulders: Range
    arms: Range
    legs: Range
    girth: Range
    hues: tuple[Range, ...]
    skins: tuple[Colour, ...]
    hairs: tuple[Hair, ...]
    cloths: tuple[Cloth, ...]
    clutter: tuple[str, ...]
    rates: tuple[float, ...]
    sizes: tuple[tuple[int, int], ...]
    stamps: Mapping[str, tuple[str, ...]]
    others: tuple[str, ...]


DRAWN: Final[Mapping[Split, Drawn]] = {
    "dev": Drawn(
        shoulders=(0.19, 0.21),
        arms=(0.285, 0.305),
        legs=(0.465, 0.485),
        girth=(0.9, 1.05),
        hues=((0.0, 0.14), (0.5, 0.66)),
        skins=((231, 186, 160), (176, 122, 88), (92, 62, 48)),
        hairs=("short", "long"),
        cloths=("plain", "rings"),
        clutter=("room", "shelves"),
        rates=(8.0, 12.0, 15.0, 24.0),
        sizes=((320, 240), (352, 288)),
        stamps={
            "banana": ("food/fruit/banana.png",),
            "bird": ("animals/birds/pigeon.png", "animals/birds/duck.png"),
            "bus": ("vehicles/masstransit/green_korean_bus.png",),
            "cup": ("household/dishes/glass.png", "household/dishes/mug.png"),
            "elephant": ("animals/mammals/elephant.png",),
            "sheep": ("animals/mammals/bovines/sheep.png", "animals/mammals/bovines/ram.png"),
            "stop sign": ("town/roadsigns/stop.png",),
        },
        others=(
            "clothes/t_scarf.png",
            "food/vegetables/broccoli.png",
            "household/key.png",
            "household/tools/toolbox.png",
        ),
    ),
    "test": Drawn(
        shoulders=(0.215, 0.235),
        arms=(0.31, 0.33),
        legs=(0.44, 0.46),
        girth=(1.08, 1.25),
        hues=((0.2, 0.44), (0.72, 0.94)),
        skins=((244, 204, 182), (198, 150, 112), (124, 82, 58)),
        hairs=("bald", "bun"),
        cloths=("stripes", "checks"),
        clutter=("tiles", "leaves"),
        rates=(5.0, 10.0, 20.0, 30.0),
        sizes=((320, 240), (400, 300)),
        stamps={
            "airplane": ("vehicles/flight/planes/747.png",),
            "cow": ("animals/mammals/bovines/cow.png", "animals/mammals/bovines/zebu.png"),
            "giraffe": ("animals/mammals/giraffe.png",),
            "horse": ("animals/mammals/equines/horse.png",),
            "orange": ("food/fruit/mandarine.png", "food/fruit/orange.png"),
            "traffic light": ("town/roadsigns/stoplight_01_red.png",),
            "zebra": ("animals/mammals/equines/zebra.png",),
        },
        others=(
            "clothes/t_jacket.png",
            "food/vegetables/eggplant.png",
            "hobbies/camera_35mm.png",
            "household/kettle.png",
        ),
    ),
}


def _within(generator: np.random.Generator, allowed: Range) -> float:
    return float(generator.uniform(*allowed))


def clothes(generator: np.random.Generator, drawn: Drawn, dark: bool = False) -> Colour:
    """A colour of one of the split's hues."""
    hue = _within(generator, drawn.hues[int(generator.integers(len(drawn.hues)))])
    value = generator.uniform(0.2, 0.4) if dark else generator.uniform(0.45, 0.9)
    found = colorsys.hsv_to_rgb(hue, generator.uniform(0.35, 0.85), float(value))
    return (found[0] * 255, found[1] * 255, found[2] * 255)


def drawn_look(generator: np.random.Generator, drawn: Drawn) -> Look:
    """A person of the split."""

    def one(of: Sequence[_T]) -> _T:
        return of[int(generator.integers(len(of)))]

    build = Build(
        shoulders=_within(generator, drawn.shoulders),
        arm=_within(generator, drawn.arms),
        leg=_within(generator, drawn.legs),
        girth=_within(generator, drawn.girth),
    )
    dark = float(generator.uniform(20, 70))
    return Look(
        build=build,
        skin=one(drawn.skins),
        hair_colour=(dark * 1.2, dark, dark * 0.8),
        hair=one(drawn.hairs),
        top=clothes(generator, drawn),
        cloth=one(drawn.cloths),
        sleeves="short" if generator.random() < 0.5 else "long",
        trousers=clothes(generator, drawn, dark=True),
        legs="long" if generator.random() < 0.7 else "short",
        shoes=(220.0, 220.0, 220.0) if generator.random() < 0.5 else (40.0, 40.0, 45.0),
    )
