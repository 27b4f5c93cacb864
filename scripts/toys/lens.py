"""The lens and the film: means of rays, blur out of focus, highlights that roll off.

Knows pixels and depths. Does not know figures or lamps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toys.shapes import Array

_VISIBLE = 0.06  # A difference of square roots of light.


def shrink(values: Array, size: int, finer: int) -> Array:
    """Return the mean light of each pixel, [size, size, C], from rays [C, N]."""
    cells = values.reshape(values.shape[0], size, finer, size, finer)
    result: Array = cells.mean(axis=(2, 4)).transpose(1, 2, 0)
    return result


def find_edges(layers: Array) -> NDArray[np.bool_]:
    """Return which pixels of [C, H, W] differ visibly from a neighbour, as [H, W]."""
    tones = np.sqrt(np.minimum(layers, 1.0))
    rough = np.zeros(layers.shape[1:], bool)
    down = (np.abs(np.diff(tones, axis=1)) > _VISIBLE).any(axis=0)
    right = (np.abs(np.diff(tones, axis=2)) > _VISIBLE).any(axis=0)
    rough[1:] |= down
    rough[:-1] |= down
    rough[:, 1:] |= right
    rough[:, :-1] |= right
    return rough


def defocus(image: Array, depth: Array, focus: float, size: int) -> Array:
    """Blur each pixel by its distance from the plane of focus, from a small stack of blurs."""
    circle = np.abs(1.0 / depth - 1.0 / focus) * focus * size * 0.034  # pixels
    widths = (0.0, 0.8, 1.8, 3.6, 7.0)
    stack = [image] + [blur(image, width) for width in widths[1:]]
    place = np.interp(circle, widths, np.arange(len(widths)))
    result = np.zeros_like(image)
    for number, layer in enumerate(stack):
        result += layer * np.clip(1.0 - np.abs(place - number), 0.0, 1.0)[..., None].astype(
            np.float32
        )
    return result


def blur(image: Array, width: float) -> Array:
    """Return an image [H, W, C] under a Gaussian of this standard deviation, in pixels."""
    reach = max(1, int(np.ceil(2.5 * width)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        wide = np.pad(image, pad, mode="edge")
        count = image.shape[axis]
        image = sum(
            (w * np.take(wide, range(k, k + count), axis=axis) for k, w in enumerate(weights)),
            start=np.zeros_like(image),
        )
    return image


def develop(light: Array, exposure: float = 1.0) -> Array:
    """Return linear light as sRGB in 0..1, its highlights rolled off instead of clipped."""
    bright = np.maximum(light * exposure, 0.0)
    rolled = bright * (1.0 + bright / 5.0) / (1.0 + bright * 0.62)
    rolled = np.clip(rolled, 0.0, 1.0)
    low = 12.92 * rolled
    high = 1.055 * np.power(np.maximum(rolled, 1e-6), 1 / 2.4) - 0.055
    result: Array = np.where(rolled <= 0.0031308, low, high).astype(np.float32)
    return result
