"""How a photo was taken, as four numbers: size, light, contrast, blur; and which ones are odd.

Knows pixels. Does not know labels, nor what a photo shows. A photo is judged as a network sees it,
shrunk to a few hundred pixels: blur that vanishes when a large photo is made small is none.

What counts as dark, blank or blurred is a fixed limit *and* a comparison with the set: in a set
that is dark or soft by its nature (stars, ultrasound), only what stands out in it is odd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Measured on 396 photographs of toys, 96 catalogue pictures, 1,308 chest X-rays of 28 pixels and
# drawn toys, and on the toys made darker and blurred; see docs/decisions/0005-audit.md.
MAX_BLUR: Final = 1.05
MIN_HIGHLIGHT: Final = 72.0
MIN_CONTRAST: Final = 4.0
# How far from the median of the set a photo must be to be odd.
_TIMES_BLUR: Final = 2.0
_SHARE: Final = 0.5  # of light and of contrast
_TIMES_AREA: Final = 4.0
_TIMES_SHAPE: Final = 1.5

_NOTHING: Final = 0.1  # level: what is below is nothing at all
_DIM: Final = 8.0  # levels: light at which contrast is mostly noise

_FINE: Final = 256  # pixels of the longer side on which blur is measured
_COARSE: Final = 64
_TILE: Final = 8
_STRONGEST: Final = 0.1  # the share of tiles that blur is measured in
_FEWEST_TILES: Final = 4


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of one photo.

    Attributes:
        width: Pixels, upright, as decoded.
        height: Pixels.
        contrast: Standard deviation of luma, in levels of 255, after shrinking.
        highlight: The luma that 95 % of the photo stay below, 0 to 255.
        blur: How soft the sharpest edges are, in pixels of a photo of 256 pixels (a smaller one is
            not enlarged): the standard deviation of the Gaussian that would make them so. About
            0.5 for a sharp photo; too small above 3, where rounding to whole levels makes edges of
            its own; 0 where there are no edges or too few pixels to tell.
    """

    width: int
    height: int
    contrast: float
    highlight: float
    blur: float


@dataclass(frozen=True, slots=True)
class Oddities:
    """The numbers of the photos that are odd, the oddest first. A photo may be odd in several ways.

    Attributes:
        blank: One tone from edge to edge.
        dark: Even their bright parts are dark.
        blurred: Their sharpest edges are soft; none of these is blank.
        sizes: Of another size or shape than most.
    """

    blank: list[int]
    dark: list[int]
    blurred: list[int]
    sizes: list[int]


def measure(pixels: NDArray[np.uint8]) -> Quality:
    """Measure a photo; about 1.5 ms for 512 x 512 pixels.

    Blur: on luma g, with the Laplacian L and the gradient G in every tile of 8 x 8 pixels, taken
    over the tenth of the tiles with the largest gradients,

        blur = sqrt(sum of |G|^2 / (2 sum of L^2)).

    Across a step edge that a Gaussian of standard deviation s has softened, this is s. The variance
    of the Laplacian alone (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy",
    ICPR 2000) grows with contrast and with how much of the photo is textured: of the toys it takes
    sharp ones on plain ground for blurred. A ratio in the strongest tiles depends on neither.

    Args:
        pixels: uint8[H, W, 3], upright sRGB, as the decoder gives it.

    Raises:
        ValueError: ``pixels`` is anything else.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(
            f"pixels: expected uint8 of shape (height, width, 3), found {pixels.dtype} of shape "
            f"{pixels.shape}; decode the picture first"
        )
    height, width = pixels.shape[:2]
    fine = _shrink(Image.fromarray(np.ascontiguousarray(pixels)), _FINE).convert("L")
    coarse = np.asarray(_shrink(fine, _COARSE), np.float32)
    return Quality(
        width=width,
        height=height,
        contrast=float(coarse.std()),
        highlight=float(np.percentile(coarse, 95)),
        blur=_blur(np.asarray(fine, np.float32)),
    )


def _shrink(image: Image.Image, side: int) -> Image.Image:
    """Bring the longer side to ``side``; never enlarge."""
    share = side / max(image.size)
    if share >= 1:
        return image
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _blur(g: NDArray[np.float32]) -> float:
    """Measure the blur of luma [H, W]; see ``measure``."""
    rows, columns = (max(side - 2, 0) // _TILE for side in g.shape)
    if rows * columns < _FEWEST_TILES:
        return 0.0
    g = g[: rows * _TILE + 2, : columns * _TILE + 2]
    middle = g[1:-1, 1:-1]
    up, down, left, right = g[:-2, 1:-1], g[2:, 1:-1], g[1:-1, :-2], g[1:-1, 2:]
    curved = (up + down + left + right - 4 * middle) ** 2
    steep = ((right - left) ** 2 + (down - up) ** 2) / 4

    def tiles(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(x.reshape(rows, _TILE, columns, _TILE).mean(axis=(1, 3))).ravel()

    edges = tiles(steep)
    number = max(_FEWEST_TILES, round(_STRONGEST * len(edges)))
    strongest = np.argsort(-edges, kind="stable")[:number]
    energy = float(edges[strongest].sum())
    # Below two levels of slope a tile, rounding to whole levels is all that there is.
    if energy < number:
        return 0.0
    return float(np.sqrt(energy / (2 * max(float(tiles(curved)[strongest].sum()), 1e-6))))


def find_odd(qualities: Sequence[Quality]) -> Oddities:
    """Say which photos are odd, each compared with fixed limits and with the median of the set.

    - blank: contrast below 4 levels at full light, and below half of the median.
    - dark: highlight below 72, and below half of the median.
    - blurred: blur above 1.05 pixels, and above twice the median.
    - sizes: four times more or fewer pixels than the median, or a shape (width by height) more than
      1.5 times wider or narrower.

    Linear in the number of photos, sorting aside.

    Args:
        qualities: One for each photo.
    """
    if not qualities:
        return Oddities([], [], [], [])
    contrast, light, blur, width, height = np.array(
        [(q.contrast, q.highlight, q.blur, q.width, q.height) for q in qualities], np.float64
    ).T
    # A dark photo holds little contrast, and may be one of something all the same.
    relative = contrast * (255 + _DIM) / (light + _DIM)
    blank = relative < min(MIN_CONTRAST, _SHARE * np.median(relative))
    dark = light < min(MIN_HIGHLIGHT, _SHARE * np.median(light))
    # A set of nothing but blank photos is still one of blank photos.
    blank |= contrast < _NOTHING
    dark |= light < _NOTHING
    blurred = ~blank & (blur > max(MAX_BLUR, _TIMES_BLUR * np.median(blur)))
    area, shape = np.log(width * height), np.log(width / height)
    larger, wider = np.abs(area - np.median(area)), np.abs(shape - np.median(shape))
    oddness = np.maximum(larger / np.log(_TIMES_AREA), wider / np.log(_TIMES_SHAPE))
    return Oddities(
        blank=_worst(blank, relative),
        dark=_worst(dark, light),
        blurred=_worst(blurred, -blur),
        # A photo of exactly four times the area is odd: equal in spite of rounding.
        sizes=_worst(oddness > 1 - 1e-9, -oddness),
    )


def _worst(chosen: NDArray[np.bool_], least: NDArray[np.float64]) -> list[int]:
    numbers = np.flatnonzero(chosen)
    return [int(number) for number in numbers[np.argsort(least[numbers], kind="stable")]]
