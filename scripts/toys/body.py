"""The body that every toy figure shares: its joints, its pose, and its plain limbs.

Knows anatomy. Does not know who the figure is (``characters.py``) nor how it is photographed.

Every part belongs to a joint and is described in that joint's coordinates. A figure looks along z,
so its left is at positive x. What a hand holds stands upright in the hand's coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from toys.paint import MATT, PLASTIC, SHINY, SKIN, Finish, Paint, face, plain
from toys.shapes import Array, Shape, Vector, box, ellipsoid, rod, rotation, sphere

Joint = Literal[
    "torso", "head", "left arm", "right arm", "left hand", "right hand", "left leg", "right leg"
]
_SIDES: tuple[tuple[Literal["left", "right"], int], ...] = (("left", 1), ("right", -1))
_HIP, _SHOULDER, _HEAD = 0.5, 0.455, 0.87
_REACH = 0.385  # From shoulder to the middle of the hand.


@dataclass(frozen=True, slots=True)
class Part:
    """A painted solid at a joint."""

    joint: Joint
    shape: Shape
    paint: Paint
    finish: Finish = PLASTIC


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees; arms and legs forward, arms also outward; the left side first."""

    arms: tuple[float, float] = (25.0, 40.0)
    spread: tuple[float, float] = (18.0, 18.0)
    legs: tuple[float, float] = (0.0, 0.0)
    tilt: tuple[float, float] = (15.0, 15.0)  # of what the hands hold
    yaw: float = 0.0  # of the head
    nod: float = 0.0
    lean: float = 0.0  # of the whole figure, sideways


Frames = dict[str, tuple[Array, Array]]


def place_joints(pose: Pose) -> Frames:
    """Return the rotation [3, 3] and origin [3] that bring each joint's points to the world."""
    whole = rotation("z", pose.lean)
    local: dict[str, tuple[Array, Vector]] = {
        "torso": (np.eye(3, dtype=np.float32), (0.0, _HIP, 0.0)),
        "head": (rotation("y", pose.yaw) @ rotation("x", pose.nod), (0.0, _HIP + _HEAD, 0.0)),
    }
    for index, (side, sign) in enumerate(_SIDES):
        arm = rotation("z", sign * pose.spread[index]) @ rotation("x", -pose.arms[index])
        shoulder = np.array((sign * 0.235, _HIP + _SHOULDER, 0.0), np.float32)
        hand = shoulder + arm @ np.array((0.0, -_REACH, 0.0), np.float32)
        upright = rotation("z", sign * pose.spread[index] * 0.35)
        local[f"{side} arm"] = (arm, _vector(shoulder))
        local[f"{side} hand"] = (upright @ rotation("x", pose.tilt[index]), _vector(hand))
        local[f"{side} leg"] = (rotation("x", -pose.legs[index]), (sign * 0.135, _HIP, 0.0))
    frames = {
        joint: (whole @ turn, whole @ np.asarray(origin, np.float32))
        for joint, (turn, origin) in local.items()
    }
    soles = np.array([(x, -_HIP, z) for x in (-0.1, 0.1) for z in (-0.1, 0.2)], np.float32).T
    lowest = min(
        float((turn @ soles)[1].min() + origin[1])
        for turn, origin in (frames["left leg"], frames["right leg"])
    )
    lift = np.array((0.0, -lowest, 0.0), np.float32)
    return {joint: (turn, origin + lift) for joint, (turn, origin) in frames.items()}


def _vector(values: Array) -> Vector:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def both(
    first: Literal["arm", "hand", "leg"], shape: Shape, paint: Paint, finish: Finish
) -> list[Part]:
    """The same part at the left and the right joint, mirrored."""
    joints: dict[str, tuple[Joint, Joint]] = {
        "arm": ("left arm", "right arm"),
        "hand": ("left hand", "right hand"),
        "leg": ("left leg", "right leg"),
    }
    left, right = joints[first]
    inner = shape.distance
    flipped = Shape(
        lambda p: inner(p * np.array([[-1], [1], [1]], np.float32)),
        (-shape.centre[0], shape.centre[1], shape.centre[2]),
        shape.radius,
    )
    return [Part(left, shape, paint, finish), Part(right, flipped, paint, finish)]


def make_torso(paint: Paint, finish: Finish = PLASTIC, belly: float = 0.27) -> list[Part]:
    """An egg-shaped trunk."""
    shape = rod((0, 0.10, 0), (0, 0.47, 0), belly, 0.185).squashed(z=0.86)
    return [Part("torso", shape, paint, finish)]


def make_arms(sleeve: Paint, hand: Paint, finish: Finish = PLASTIC) -> list[Part]:
    """Stubby arms with balls for hands."""
    return [
        *both("arm", rod((0, 0, 0), (0, -0.27, 0), 0.1, 0.085), sleeve, finish),
        *both("arm", sphere(0.092).at(y=-_REACH), hand, SKIN),
    ]


def make_legs(trousers: Paint, shoes: Paint, finish: Finish = PLASTIC) -> list[Part]:
    """Short legs in rounded shoes."""
    shoe = ellipsoid(0.128, 0.13, 0.19).at(0, -0.45, 0.05).cut("y", below=-0.5)
    return [
        *both("leg", rod((0, 0.0, 0), (0, -0.34, 0), 0.128, 0.112), trousers, finish),
        *both("leg", shoe, shoes, SHINY),
    ]


def make_head(skin: str, *, brows: str | None = "#3a2a22", smile: float = 0.085) -> list[Part]:
    """A round head with bead eyes, cheeks and a smile."""
    parts = [
        Part("head", ellipsoid(0.365, 0.335, 0.345), face(skin, smile=smile), SKIN),
        Part(
            "head",
            ellipsoid(0.038, 0.056, 0.03).at(0.13, 0.02, 0.315).mirrored(),
            plain("#15110f"),
            SHINY,
        ),
        Part(
            "head", sphere(0.013).at(0.142, 0.045, 0.342), plain("#ffffff"), Finish(0.5, glow=0.5)
        ),
        Part(
            "head", sphere(0.013).at(-0.118, 0.045, 0.342), plain("#ffffff"), Finish(0.5, glow=0.5)
        ),
        Part("torso", rod((0, 0.5, 0), (0, 0.62, 0), 0.12), plain(skin), SKIN),
    ]
    if brows:
        brow = rod((0.085, 0.128, 0.318), (0.178, 0.132, 0.292), 0.014).mirrored()
        parts.append(Part("head", brow, plain(brows), MATT))
    return parts


def make_hair(colour: str, *, long: bool = False) -> list[Part]:
    """A cap of hair, to the neck or to the shoulders."""
    cap = ellipsoid(0.395, 0.365, 0.378).at(0, 0.03, -0.025)
    opening = ellipsoid(0.31, 0.30, 0.30).at(0, -0.13, 0.285)
    hair = cap.minus(opening, 0.05)
    if long:
        back = box(0.3, 0.22, 0.12, 0.11).at(0, -0.25, -0.2)
        hair = hair.plus(back, 0.1)
    else:
        hair = hair.cut("y", below=-0.2)
    return [Part("head", hair, plain(colour), Finish(0.45))]
