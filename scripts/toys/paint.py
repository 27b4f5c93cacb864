"""Colours of surfaces: plain, striped, dotted, and the faces.

Knows colours in a part's own coordinates. Does not know shapes, light or cameras. Colours are
linear light, [3, N] in 0..1, made from sRGB hex codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toys.shapes import Array, column

Paint = Callable[[Array], Array]
Mask = Callable[[Array], Array]
_SOFT = 0.006  # Half the width over which one colour turns into the next.


def linear(code: str) -> Array:
    """Return the linear light [3] of an sRGB hex code such as ``#c0ffee``."""
    parts = np.array([int(code[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    light = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Finish:
    """How a surface takes the light.

    Attributes:
        gloss: 0 (felt) .. 1 (glass).
        metal: 0 or 1.
        glow: Light of its own, in units of its colour.
    """

    gloss: float = 0.55
    metal: float = 0.0
    glow: float = 0.0


PLASTIC = Finish()
MATT = Finish(0.12)
SKIN = Finish(0.38)
SHINY = Finish(0.85)
STEEL = Finish(0.75, metal=1.0)
BRASS = Finish(0.8, metal=1.0)


def step(values: Array, edge: float | Array, soft: float = _SOFT) -> Array:
    """Return 0 below the edge and 1 above it, smooth between."""
    part = np.clip((values - edge) / (2.0 * soft) + 0.5, 0.0, 1.0)
    result: Array = part * part * (3.0 - 2.0 * part)
    return result


def plain(code: str) -> Paint:
    """One colour."""
    colour = column(linear(code))
    return lambda p: np.broadcast_to(colour, p.shape)


def over(base: Paint, *layers: tuple[Mask, str]) -> Paint:
    """Colours laid over a paint, each where its mask is 1."""
    colours = [(mask, column(linear(code))) for mask, code in layers]

    def paint(p: Array) -> Array:
        found = base(p)
        for mask, colour in colours:
            share = mask(p)
            found = found + (colour - found) * share
        return found

    return paint


def band(low: float, high: float, axis: int = 1) -> Mask:
    """Where a coordinate lies between two values."""
    return lambda p: step(p[axis], low) * (1.0 - step(p[axis], high))


def stripes(period: float, share: float = 0.5, axis: int = 1, phase: float = 0.0) -> Mask:
    """Bands that repeat along an axis."""

    def mask(p: Array) -> Array:
        at = np.mod(p[axis] / period + phase, 1.0)
        return 1.0 - step(np.abs(at - 0.5) * period, share * period / 2.0)

    return mask


def disc(x: float, y: float, radius: float, tall: float = 1.0) -> Mask:
    """A spot on the front, ``tall`` times as high as wide."""
    return lambda p: (
        (1.0 - step(np.hypot(p[0] - x, (p[1] - y) / tall), radius)) * (p[2] > 0)
    ).astype(np.float32)


def discs(places: Sequence[tuple[float, float]], radius: float) -> Mask:
    """Several spots on the front."""
    return any_of(*(disc(x, y, radius) for x, y in places))


def blush(x: float, y: float, radius: float, strength: float = 0.55) -> Mask:
    """A spot on the front that fades out."""

    def mask(p: Array) -> Array:
        away = np.hypot(p[0] - x, (p[1] - y) * 1.3) / radius
        result: Array = np.exp(-2.5 * away * away) * (p[2] > 0) * np.float32(strength)
        return result

    return mask


def patch(x: float, y: float, wide: float, high: float, side: float = 1.0) -> Mask:
    """A rectangle of these half sizes on the front (``side`` 1) or the back (-1)."""

    def mask(p: Array) -> Array:
        inside = np.maximum(np.abs(p[0] - x) - wide, np.abs(p[1] - y) - high)
        result: Array = ((1.0 - step(inside, 0.0)) * (p[2] * side > 0)).astype(np.float32)
        return result

    return mask


def arc(x: float, y: float, radius: float, thick: float, open_up: bool = True) -> Mask:
    """The lower (or upper) part of a ring on the front: a smile, a brow."""
    sign = 1.0 if open_up else -1.0

    def mask(p: Array) -> Array:
        dx, dy = p[0] - x, (p[1] - y) * sign
        ring = np.abs(np.hypot(dx, dy) - radius)
        part = (1.0 - step(ring, thick)) * step(-dy, radius * 0.45, 0.012)
        result: Array = (part * (p[2] > 0)).astype(np.float32)
        return result

    return mask


def star(x: float, y: float, radius: float, points: int = 5, side: float = 1.0) -> Mask:
    """A star on the front (``side`` 1) or the back (-1)."""

    def mask(p: Array) -> Array:
        dx, dy = p[0] - x, p[1] - y
        turn = np.mod(np.arctan2(dx, dy) * points / (2 * np.pi) + 0.5, 1.0) - 0.5
        edge = radius * (1.0 - 1.15 * np.abs(turn))
        inside = 1.0 - step(np.hypot(dx, dy) - edge, 0.0)
        result: Array = (inside * (p[2] * side > 0)).astype(np.float32)
        return result

    return mask


def any_of(*masks: Mask) -> Mask:
    """Where any of the masks is."""

    def mask(p: Array) -> Array:
        found = masks[0](p)
        for other in masks[1:]:
            found = np.maximum(found, other(p))
        return found

    return mask


def oval(x: float, y: float, wide: float, high: float, soft: float = 0.04) -> Mask:
    """An ellipse on the front of these half sizes."""

    def mask(p: Array) -> Array:
        away = np.hypot((p[0] - x) / wide, (p[1] - y) / high)
        result: Array = ((1.0 - step(away, 1.0, soft)) * (p[2] > 0)).astype(np.float32)
        return result

    return mask


def face(
    skin: str, *, cheeks: str = "#f0796b", mouth: str = "#7a2f2a", smile: float = 0.085
) -> Paint:
    """A head's paint: skin, cheeks and a smile (the eyes are shapes of their own)."""
    return over(
        plain(skin),
        (blush(0.205, -0.085, 0.085), cheeks),
        (blush(-0.205, -0.085, 0.085), cheeks),
        (arc(0.0, -0.045, smile, 0.011), mouth),
    )
