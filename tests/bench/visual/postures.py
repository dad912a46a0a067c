"""How a body moves: joints in three dimensions for a moment of an exercise. Pure.

The body stands at the origin and looks at the camera: x to the right of the picture (the person's
own left), y up, z towards the camera, in heights of the body; `turned` turns it about its middle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "EXERCISES",
    "Build",
    "Exercise",
    "Joints",
    "exercising",
    "standing",
    "turned",
    "walking",
]

Exercise = Literal["push-ups", "squats", "jumping jacks", "raised hands"]
EXERCISES: Final[tuple[Exercise, ...]] = ("push-ups", "squats", "jumping jacks", "raised hands")

Vector = npt.NDArray[np.float64]
Joints = Mapping[str, Vector]
"""`head`, `neck`, `pelvis`; with `_l` and `_r` behind: `shoulder`, `elbow`, `wrist`, `hand`, `hip`,
`knee`, `ankle`, `toe`; each `[3]`."""

SIDES: Final = (("_l", 1.0), ("_r", -1.0))


@dataclass(frozen=True, slots=True)
class Build:
    """Proportions, in heights of the body."""

    shoulders: float = 0.21
    hips: float = 0.13
    arm: float = 0.30
    leg: float = 0.47
    trunk: float = 0.30
    girth: float = 1.0


def _v(x: float, y: float, z: float) -> Vector:
    found = np.array([x, y, z], np.float64)
    length = float(np.linalg.norm(found))
    return found / length if length else found


@dataclass(slots=True)
class _Pose:
    """Directions of the limbs, which need not be of unit length."""

    pelvis: Vector
    trunk: Vector
    upper_arms: tuple[Vector, Vector]
    forearms: tuple[Vector, Vector]
    thighs: tuple[Vector, Vector]
    shins: tuple[Vector, Vector]
    feet: Vector


def _joints(build: Build, pose: _Pose) -> dict[str, Vector]:
    across = _v(1.0, 0.0, 0.0)
    neck = pose.pelvis + build.trunk * pose.trunk
    found = {
        "pelvis": pose.pelvis,
        "neck": neck,
        "head": neck + 0.115 * _v(*(pose.trunk + 0.15 * np.array([0, 0, 1.0]))),
    }
    for place, (side, sign) in enumerate(SIDES):
        shoulder = neck - 0.02 * pose.trunk + sign * build.shoulders / 2 * across
        elbow = shoulder + 0.53 * build.arm * pose.upper_arms[place]
        wrist = elbow + 0.47 * build.arm * pose.forearms[place]
        hip = pose.pelvis + sign * build.hips / 2 * across
        knee = hip + 0.5 * build.leg * pose.thighs[place]
        ankle = knee + 0.5 * build.leg * pose.shins[place]
        found |= {
            f"shoulder{side}": shoulder,
            f"elbow{side}": elbow,
            f"wrist{side}": wrist,
            f"hand{side}": wrist + 0.05 * pose.forearms[place],
            f"hip{side}": hip,
            f"knee{side}": knee,
            f"ankle{side}": ankle,
            f"toe{side}": ankle + 0.09 * pose.feet,
        }
    return found


def _arm(sign: float, up: float) -> tuple[Vector, Vector]:
    """Upper arm and forearm from hanging (0) to raised beside the head (1), going sideways."""
    angle = 0.12 + up * (pi - 0.35)
    bend = 0.12 + 0.1 * sin(pi * up)
    upper = _v(sign * sin(angle), -cos(angle), 0.05)
    fore = _v(sign * sin(angle + bend * (up - 0.3)), -cos(angle + bend * (up - 0.3)), 0.15)
    return upper, fore


def standing(build: Build, left: float = 0.0, right: float = 0.0, sway: float = 0.0) -> Joints:
    """Upright, each hand raised from 0 (hanging) to 1; `sway` shifts the weight, about -1 to 1."""
    arms = (_arm(1.0, left), _arm(-1.0, right))
    legs = (_v(0.06 + 0.02 * sway, -1, 0), _v(-0.06 + 0.02 * sway, -1, 0))
    pose = _Pose(
        np.array([-0.01 * sway, build.leg + 0.04, 0.0]),
        _v(0.02 * sway, 1, 0),
        (arms[0][0], arms[1][0]),
        (arms[0][1], arms[1][1]),
        legs,
        legs,
        _v(0.0, -0.25, 1.0),
    )
    return _joints(build, pose)


def exercising(exercise: Exercise, way: float, build: Build) -> Joints:
    """A body `way` of the way there: 0 at rest, 1 at the far end."""
    if exercise == "raised hands":
        return standing(build, 0.0, way)
    if exercise == "jumping jacks":
        return _jack(way, build)
    return _squat(way, build) if exercise == "squats" else _push_up(way, build)


def _jack(way: float, build: Build) -> Joints:
    arms = (_arm(1.0, way), _arm(-1.0, way))
    spread = 0.05 + 0.33 * way
    legs = (_v(spread, -1, 0), _v(-spread, -1, 0))
    lift = 0.04 * sin(pi * min(max(way, 0.0), 1.0))
    down = build.leg * float(-legs[0][1])
    pose = _Pose(
        np.array([0.0, down + 0.04 + lift, 0.0]), _v(0, 1, 0), (arms[0][0], arms[1][0]),
        (arms[0][1], arms[1][1]), legs, legs, _v(0.0, -0.25, 1.0),
    )  # fmt: skip
    return _joints(build, pose)


def _squat(way: float, build: Build) -> Joints:
    thigh, shin, lean = 1.45 * way, 0.55 * way, 0.6 * way
    thighs = _v(0.0, -cos(thigh), sin(thigh))
    shins = _v(0.0, -cos(shin), -sin(shin))
    legs = tuple(_v(sign * 0.14, *one[1:]) for one in (thighs, shins) for sign in (1.0, -1.0))
    ankle = 0.5 * build.leg * (legs[0] + legs[2])
    reach = 0.25 + 1.25 * way
    arms = tuple(_v(sign * 0.12, -cos(reach), sin(reach)) for sign in (1.0, -1.0))
    pose = _Pose(
        np.array([0.0, 0.04 - ankle[1], -ankle[2]]), _v(0.0, cos(lean), sin(lean)),
        (arms[0], arms[1]), (arms[0], arms[1]), (legs[0], legs[1]), (legs[2], legs[3]),
        _v(0.0, -0.1, 1.0),
    )  # fmt: skip
    return _joints(build, pose)


def _push_up(way: float, build: Build) -> Joints:
    """Face down along z, head towards +z, feet where they are; hands on the floor."""
    bent = 0.06 + 1.15 * way
    upper = _v(0.0, -cos(bent), -sin(bent))
    fore = _v(0.0, -cos(0.28 * way), 0.3 * sin(0.9 * bent))
    height = -(0.53 * build.arm * upper[1] + 0.47 * build.arm * fore[1]) + 0.03
    body = build.trunk + build.leg
    rise = min(max((height - 0.07) / body, -0.9), 0.9)
    along = _v(0.0, rise, (1 - rise**2) ** 0.5)
    pelvis = np.array([0.0, 0.07, -body / 2]) + build.leg * along
    pose = _Pose(
        pelvis, along, (upper, upper), (fore, fore), (-along, -along), (-along, -along),
        _v(0.0, -1.0, -0.2),
    )  # fmt: skip
    found = _joints(build, pose)
    found["head"] = found["neck"] + 0.115 * _v(0.0, float(along[1]) + 0.12, float(along[2]))
    return found


def turned(joints: Joints, angle: float) -> Joints:
    """The same body turned about the upright axis: a quarter turn looks to the picture's right."""
    c, s = cos(angle), sin(angle)
    about = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    return {name: about @ place for name, place in joints.items()}


def walking(build: Build, phase: float) -> Joints:
    """A step: `phase` counts strides, forwards is where the body looks."""
    swing = 0.42 * sin(2 * pi * phase)
    legs = (_v(0.05, -cos(swing), sin(swing)), _v(-0.05, -cos(swing), -sin(swing)))
    shins = tuple(_v(one[0], one[1], one[2] - max(0.0, -one[2]) * 0.8 - 0.1) for one in legs)
    arms = (_v(0.12, -cos(swing), -sin(swing)), _v(-0.12, -cos(swing), sin(swing)))
    pose = _Pose(
        np.array([0.0, build.leg * 0.96 + 0.04, 0.0]), _v(0.0, 1.0, 0.05), arms, arms,
        legs, (shins[0], shins[1]), _v(0.0, -0.2, 1.0),
    )  # fmt: skip
    return _joints(build, pose)
