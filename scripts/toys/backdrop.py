"""What the toy figures stand on and in front of: wood, cloth, paper, grass, stone and more.

Knows colours of a floor and a wall. Does not know figures, light or cameras. Lengths are those of
the figures: one unit is a bit more than half a figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toys.paint import linear, step
from toys.shapes import Array, column

if TYPE_CHECKING:
    from numpy.typing import NDArray

Surface = Callable[[Array, Array], Array]
_TABLE = np.random.default_rng(7).permutation(256).astype(np.int32)
_VALUES = np.random.default_rng(8).random(256).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A place.

    Attributes:
        floor: Two coordinates [N] -> linear colours [3, N].
        wall: The same, sideways and upwards.
        away: How far behind the figure the wall stands.
        sweep: Whether the floor bends up into the wall, as a photographer's paper does.
        glow: Whether the wall shines by itself (outdoors).
    """

    floor: Surface
    wall: Surface
    away: float = 4.0
    sweep: bool = False
    glow: bool = False


def hash_cells(x: NDArray[np.int32], y: NDArray[np.int32], salt: int = 0) -> Array:
    """Return for each cell of a grid a number in 0..1 that looks random."""
    found: Array = _VALUES[(_TABLE[(_TABLE[(x + salt * 31) & 255] + y) & 255] + salt) & 255]
    return found


def noise(x: Array, y: Array, salt: int = 0) -> Array:
    """Return smooth noise in 0..1 with one bump a unit."""
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    i, j = x0.astype(np.int32), y0.astype(np.int32)
    low = hash_cells(i, j, salt) * (1 - fx) + hash_cells(i + 1, j, salt) * fx
    high = hash_cells(i, j + 1, salt) * (1 - fx) + hash_cells(i + 1, j + 1, salt) * fx
    return low * (1 - fy) + high * fy


def cloudy(x: Array, y: Array, octaves: int = 3, salt: int = 0) -> Array:
    """Return noise of several scales, in 0..1."""
    total, weight = np.zeros_like(x), 0.0
    for octave in range(octaves):
        share = 0.5**octave
        total += share * noise(x * 2**octave, y * 2**octave, salt + octave)
        weight += share
    return total / np.float32(weight)


def mix(first: str, second: str, share: Array) -> Array:
    """Return colours between two hex codes, [3, N]."""
    a, b = column(linear(first)), column(linear(second))
    return a + (b - a) * share


def wood(light: str, dark: str, seam: str) -> Surface:
    """Boards along x."""

    def floor(x: Array, z: Array) -> Array:
        board = np.floor(z / 0.8).astype(np.int32)
        own = hash_cells(board, board * 0, 3)
        bend = cloudy(x * 0.5 + own * 40, z * 1.5, 2, 11)
        grain = noise(x * 0.7 + own * 90, z * 9.0 + bend * 7.0, 5)
        fine = noise(x * 3.0, z * 60.0, 6)
        colour = mix(light, dark, 0.3 * own + 0.75 * grain * grain + 0.25 * fine - 0.1)
        gap = 1.0 - step(np.abs(np.mod(z / 0.8, 1.0) - 0.5) * -0.8 + 0.4, 0.012, 0.01)
        return colour + (column(linear(seam)) - colour) * gap * 0.7

    return floor


def cloth(light: str, dark: str) -> Surface:
    """A weave with soft folds."""

    def floor(x: Array, z: Array) -> Array:
        thread = np.sin(x * 75.0) * np.sin(z * 75.0)
        folds = cloudy(x * 0.6 + z * 0.25, z * 0.9, 2, 21)
        return mix(light, dark, np.clip(0.35 + 0.25 * thread + 0.9 * (folds - 0.5), 0, 1))

    return floor


def gingham(code: str) -> Surface:
    """A checked tablecloth."""

    def floor(x: Array, z: Array) -> Array:
        first = step(np.abs(np.mod(x / 0.5, 1.0) - 0.5) * 0.5, 0.125)
        second = step(np.abs(np.mod(z / 0.5, 1.0) - 0.5) * 0.5, 0.125)
        return mix("#f7f5f0", code, 0.5 * (first + second) + 0.06 * np.sin((x + z) * 90.0))

    return floor


def terrazzo(base: str, *chips: str) -> Surface:
    """Stone with coloured chips."""

    def floor(x: Array, z: Array) -> Array:
        colour = mix(base, "#ffffff", 0.15 * noise(x * 8, z * 8, 2))
        for index, chip in enumerate(chips):
            size = 0.16 + 0.05 * index
            i, j = (np.floor(v / size + index * 0.37).astype(np.int32) for v in (x, z))
            dx = x / size + index * 0.37 - i - 0.25 - 0.5 * hash_cells(i, j, index * 5 + 1)
            dz = z / size + index * 0.37 - j - 0.25 - 0.5 * hash_cells(i, j, index * 5 + 2)
            turn = np.arctan2(dx, dz) + 6.0 * hash_cells(i, j, index * 5 + 3)
            radius = 0.27 * hash_cells(i, j, index * 5 + 4) * (1 + 0.25 * np.sin(3 * turn))
            share = 1.0 - step(np.hypot(dx, dz) - radius, 0.0, 0.03)
            colour = colour + (column(linear(chip)) - colour) * share
        return colour

    return floor


def grass(x: Array, z: Array) -> Array:
    """A lawn."""
    blades = noise(x * 26 + 4 * noise(x * 3, z * 3, 4), z * 9, 31)
    tufts = cloudy(x * 2.2, z * 2.2, 3, 33)
    shade = np.clip(0.6 * blades + 0.6 * tufts - 0.1, 0, 1)
    return mix("#3d6b23", "#9dc455", shade)


def sand(x: Array, z: Array) -> Array:
    """Fine sand with ripples."""
    ripple = 0.5 + 0.5 * np.sin(z * 9 + 3 * cloudy(x, z, 2, 41))
    return mix("#d9bd8b", "#f0dcb2", 0.45 * ripple + 0.55 * noise(x * 60, z * 60, 42))


def stone(light: str, dark: str) -> Surface:
    """Concrete or slate."""
    return lambda x, z: mix(
        dark, light, np.clip(1.3 * cloudy(x * 1.3, z * 1.3, 4, 51) - 0.15, 0, 1)
    )


def flat(code: str, other: str | None = None) -> Surface:
    """One colour, or a gradient upwards to another over four units."""
    return lambda _, v: mix(code, other or code, np.clip(v / 4.0, 0, 1))


def lights(base: str, *codes: str) -> Surface:
    """Spots of light far out of focus, as in a street or under trees."""

    def wall(u: Array, v: Array) -> Array:
        colour = mix(base, codes[0], 0.45 * cloudy(u * 0.7, v * 0.7, 2, 61))
        for index, code in enumerate(codes):
            i, j = (np.floor(w * 0.9 + index * 0.4).astype(np.int32) for w in (u, v))
            du = u * 0.9 + index * 0.4 - i - 0.3 - 0.4 * hash_cells(i, j, 70 + index)
            dv = v * 0.9 + index * 0.4 - j - 0.3 - 0.4 * hash_cells(i, j, 80 + index)
            radius = 0.12 + 0.16 * hash_cells(i, j, 90 + index)
            spot = (1.0 - step(np.hypot(du, dv), radius, 0.03)) * 0.6
            colour = colour + (column(linear(code)) - colour) * spot
        return colour

    return wall


def shelf(u: Array, v: Array) -> Array:
    """Spines of books, two rows high."""
    row = np.floor(v / 1.9).astype(np.int32)
    i = np.floor(u / 0.33 + row * 0.4).astype(np.int32)
    colour = mix("#efe6d6", "#7d8fa3", hash_cells(i, row, 1))
    for salt, code in ((2, "#b5483a"), (3, "#2f5d62"), (4, "#d8a53a"), (5, "#3f4a6b")):
        colour = colour + (column(linear(code)) - colour) * (hash_cells(i, row, salt) > 0.72)
    top = 1.2 + 0.45 * hash_cells(i, row, 6)
    dark = (np.mod(v, 1.9) > top) | (np.mod(u / 0.33 + row * 0.4, 1.0) < 0.06)
    return np.where(dark, column(linear("#3b2c22")), colour).astype(np.float32)


def sky(_: Array, v: Array) -> Array:
    """Sea and sky."""
    air = mix("#d8eefb", "#6fb4e8", np.clip((v - 0.9) / 3.5, 0, 1))
    return np.where(v < 0.75, column(linear("#3d8fae")), air).astype(np.float32)


def make_backdrops(rng: np.random.Generator) -> list[Backdrop]:
    """Return twelve places, their colours drawn anew where they vary."""
    papers = ["#f4a79d", "#a7d8c4", "#a9cdf0", "#f6dd8c", "#cbb8ea", "#e9e6df", "#8fc1c7"]
    coral, mint, third = rng.permutation(papers)[:3]
    walls = ["#dfe5e8", "#c9d8c5", "#e8d3c0", "#b9c7da", "#e3c6c6", "#5d7a8c"]
    plaster, paint = rng.permutation(walls)[:2]
    check = str(rng.permutation(["#d3423d", "#3d74c4", "#4f9a5b"])[0])
    linen = rng.permutation(
        [("#d9d2c3", "#a99f8a"), ("#8fa6b8", "#5d7488"), ("#c9a3a0", "#94676a")]
    )
    oak, walnut = wood("#e0b981", "#a06d38", "#4e331b"), wood("#8d6140", "#46291a", "#1c0f08")
    chips = ("#d98c6a", "#5b7f8c", "#3f4a54", "#d8b45a")
    park = lights("#4d7a3a", "#a8cf6a", "#dff0a0", "#6fa84f")
    street = lights("#2b2f45", "#ffb65c", "#ff7d6b", "#8fb4ff")
    return [
        Backdrop(oak, flat(str(plaster)), 3.5),
        Backdrop(walnut, flat(str(paint), "#ffffff"), 5.0),
        Backdrop(cloth(*linen[0]), flat("#e7e2d8", "#cfd6dc"), 3.0),
        Backdrop(flat(str(coral)), flat(str(coral)), 3.2, sweep=True),
        Backdrop(flat(str(mint)), flat(str(mint)), 4.2, sweep=True),
        Backdrop(grass, park, 7.0, glow=True),
        Backdrop(terrazzo("#ece7df", *chips), flat(str(third)), 3.0),
        Backdrop(gingham(check), shelf, 5.0),
        Backdrop(stone("#b8b6b1", "#83827f"), street, 7.0, glow=True),
        Backdrop(sand, sky, 9.0, glow=True),
        Backdrop(flat("#f6f6f4"), flat("#f6f6f4", "#dfe3e6"), 4.0, sweep=True),
        Backdrop(oak, shelf, 4.5),
    ]
