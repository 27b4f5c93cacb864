"""Pixels -> the same picture through another camera: grain, softness, distance, light; not what is shown.

Knows what cameras do to pictures. Does not know what networks make of that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

ENOUGH = 96  # pictures to learn from what a change does: it is a direction or two

_SEED = 1
_GRAIN = (1.0, 10.0)  # standard deviation, of 255: daylight, and a phone in a dim room
# Size of a grain, of the longer side: of a pixel, and smoothed into blotches.
_COARSE = (1 / 192, 1 / 32)
_BACK = (1.1, 2.2)  # how many times as far away
_STRIP = (0.03, 0.5)  # of a side: what goes on beyond an edge, once or folded back and forth
_BLUR = (0.001, 0.0073)  # of the longer side: 0.2 and 1.4 pixels of 192
_EXPOSED = (0.7, 1.4)  # times the light, and the exponent that grey values are raised to
_TINT = (0.86, 1.16)  # times the light of each colour: a lamp, and the shade


def add_grain(pixels: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Return a picture [H, W, 3] with noise as of a sensor in little light, uint8 [H, W, 3].

    Normal, independent in each colour, but of no colour in a picture without any; its standard
    deviation is drawn, and how coarse it is, all ratios alike: cameras smooth their noise, and small
    pictures are enlarged with theirs.
    """
    height, width = pixels.shape[:2]
    colours = 1 if (pixels == pixels[..., :1]).all() else 3
    spread, coarse = (np.exp(rng.uniform(*np.log(ends))) for ends in (_GRAIN, _COARSE))
    grain = max(1.0, coarse * max(height, width))  # in pixels
    shape = (colours, math.ceil(height / grain), math.ceil(width / grain))
    noise = [
        np.asarray(Image.fromarray(colour).resize((width, height), Image.Resampling.BICUBIC))
        for colour in rng.standard_normal(shape, np.float32)
    ]
    added = np.stack(noise, axis=2)
    added *= spread / (added.std() or 1)  # enlarging took a part of it
    grainy: NDArray[np.uint8] = np.rint(np.clip(pixels + added, 0, 255)).astype(np.uint8)
    return grainy


def soften(pixels: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Return a picture [H, W, 3] out of focus, uint8 [H, W, 3]: a Gaussian blur whose width is drawn."""
    radius = rng.uniform(*_BLUR) * max(pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def step_back(pixels: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Return a picture [H, W, 3] as from farther away, uint8 [H, W, 3]: smaller, somewhere in the frame.

    Around it what lies along its edges goes on: strips, folded back and forth. How far, how wide the
    strips and where is drawn.
    """
    height, width = pixels.shape[:2]
    back, strip = (np.exp(rng.uniform(*np.log(ends))) for ends in (_BACK, _STRIP))
    size = [max(1, round(side / back)) for side in (width, height)]
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    rows, columns = (
        _fold(np.arange(side) - rng.integers(side - inner + 1), inner, strip)
        for side, inner in ((height, len(small)), (width, small.shape[1]))
    )
    return small[rows][:, columns]


def relight(pixels: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Return a picture [H, W, 3] in other light, uint8 [H, W, 3]: its exposure, contrast and colour.

    ``255 gain (p / 255)^exponent``, with a gain for each colour; all are drawn. A picture without any
    colour is given none.
    """
    (low, high), (least, most) = np.log(_EXPOSED), np.log(_TINT)
    exponent, gain = np.exp(rng.uniform(low, high, 2))
    tint = np.exp(rng.uniform(least, most, 3))
    if (pixels == pixels[..., :1]).all():
        tint = np.ones(3)
    curve = 255 * (np.arange(256) / 255) ** exponent * gain  # what becomes of each number
    curves = np.clip(np.rint(curve[:, None] * tint), 0, 255).astype(np.uint8)
    relit: NDArray[np.uint8] = curves[pixels, np.arange(3)]
    return relit


def _fold(places: NDArray[np.intp], side: int, strip: float) -> NDArray[np.intp]:
    """Bring places beyond 0..side-1 back into a strip of such a share of the side along the edge."""
    wide = max(1, round(strip * side))
    beyond = np.maximum(np.maximum(-1 - places, places - side), 0) % (2 * wide)
    inwards = np.minimum(beyond, 2 * wide - 1 - beyond)
    return np.where(places < 0, inwards, np.where(places >= side, side - 1 - inwards, places))


CHANGES: tuple[Callable[[NDArray[np.uint8], Generator], NDArray[np.uint8]], ...] = (
    add_grain,
    soften,
    step_back,
    relight,
)
"""What another camera may do to a picture; each by itself."""


def change_camera(pixels: NDArray[np.uint8], first: int = 0) -> list[NDArray[np.uint8]]:
    """Return pictures as each of ``CHANGES`` makes them; always the same for the same pictures.

    Args:
        pixels: uint8 [N, H, W, 3].
        first: The number of the first of them: each draws by its own.

    Returns:
        uint8 [N, H, W, 3] for each change.
    """
    return [
        np.stack(
            [
                change(one, np.random.default_rng([_SEED, kind, number]))
                for number, one in enumerate(pixels, start=first)
            ]
        )
        for kind, change in enumerate(CHANGES)
    ]


def choose_some(n: int) -> NDArray[np.intp]:
    """Return which of n pictures to change, spread over all: at most ``ENOUGH``, ascending."""
    return np.unique(np.linspace(0, n - 1, min(ENOUGH, n), dtype=np.intp))
