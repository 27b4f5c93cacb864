"""Lays a map of heat over a photo. Knows colours, not what the heat means or where it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.images import InputSpec

# Eight colours whose OKLab lightness (Ottosson 2020) rises in equal steps from 0.28 to 0.93 while
# the hue turns from violet over red to yellow: equal steps of heat look equally large, and the
# order survives colour blindness and grey print.
RAMP: NDArray[np.uint8] = np.array(
    [
        (0x23, 0x01, 0x77),
        (0x5A, 0x04, 0x8D),
        (0x90, 0x1B, 0x88),
        (0xC3, 0x31, 0x75),
        (0xED, 0x53, 0x56),
        (0xFF, 0x87, 0x3F),
        (0xFF, 0xBB, 0x58),
        (0xFF, 0xEA, 0x6D),
    ],
    dtype=np.uint8,
)
_STRONGEST = 0.72  # The photo stays visible under the hottest spot.


def colour_heat(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ramp's colour for each heat, interpolated between its stops.

    Args:
        heat: [...], float in 0..1.

    Returns:
        [..., 3], float32 in 0..255, sRGB.
    """
    stops = np.linspace(0.0, 1.0, len(RAMP))
    channels = [np.interp(heat, stops, RAMP[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def scale_heat(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what speaks for a figure as shares of the strongest place, 0..1.

    What speaks against it (below 0) becomes 0. The scale is each photo's own: the brightest place
    of one map may mean less than a dim one of another, and a map without anything for the figure
    is dark all over.

    Args:
        heat: [h, w], any finite numbers.
    """
    strongest = float(heat.max())
    if strongest <= 0:
        return np.zeros(heat.shape, np.float32)
    shares: NDArray[np.float32] = np.clip(heat / strongest, 0.0, 1.0).astype(np.float32)
    return shares


def place_heat(
    heat: NDArray[np.float32], spec: InputSpec, height: int, width: int
) -> NDArray[np.float32]:
    """Lay a map that covers what the network saw over the photo that this was made from.

    What a crop cut off has no heat; what padding added is cut off.

    Args:
        heat: [h, w], covers the network's input evenly.
        spec: How the photo was brought to that input.
        height: Of the photo, in pixels; or of a smaller copy with its proportions.
        width: Likewise.

    Returns:
        float32 [height, width], enlarged bilinearly.
    """
    small = Image.fromarray(np.ascontiguousarray(heat, dtype=np.float32))
    across, down = width / spec.width, height / spec.height
    if spec.fit == "squash":
        across = down = 1.0  # each side by itself: the map covers all of the photo
    scale = min(across, down) if spec.fit == "crop" else max(across, down)
    # The part of the photo that the input shows, and the part of the input that shows the photo,
    # both as shares of their sides.
    shown = min(1.0, scale / across), min(1.0, scale / down)
    used = min(1.0, across / scale), min(1.0, down / scale)
    h, w = heat.shape
    box = (
        w * (1 - used[0]) / 2,
        h * (1 - used[1]) / 2,
        w * (1 + used[0]) / 2,
        h * (1 + used[1]) / 2,
    )
    size = max(1, round(width * shown[0])), max(1, round(height * shown[1]))
    placed = np.zeros((height, width), np.float32)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    placed[top : top + size[1], left : left + size[0]] = np.asarray(
        small.resize(size, Image.Resampling.BILINEAR, box)
    )
    return placed


def overlay_heat(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a coarse map of heat over a photo, hotter is brighter and covers more.

    The map is enlarged bilinearly, so it looks smoother than it is: one cell of a 7 x 7 map stands
    for a 32 x 32 square of a 224 x 224 photo, and its border is not evidence of an outline.

    Args:
        pixels: [H, W, 3] uint8, sRGB.
        heat: [h, w] float in 0..1, any size; it covers the whole photo.

    Returns:
        [H, W, 3] uint8. Where the heat is 0 the photo is unchanged.

    Raises:
        ValueError: A shape or a range is another.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels: expected uint8 [H, W, 3], found {pixels.dtype} {pixels.shape}")
    if heat.ndim != 2 or heat.size == 0:
        raise ValueError(f"heat: expected float [h, w], found {heat.dtype} {heat.shape}")
    if not (heat.min() >= 0.0 and heat.max() <= 1.0):  # false for NaN too
        raise ValueError(f"heat: expected 0..1, found {heat.min():.3g}..{heat.max():.3g}")
    height, width = pixels.shape[:2]
    small = Image.fromarray(np.ascontiguousarray(heat, dtype=np.float32))
    large = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))
    large = np.clip(large, 0.0, 1.0)  # [H, W]
    alpha = (large * _STRONGEST)[..., None]  # [H, W, 1]
    mixed = pixels * (1.0 - alpha) + colour_heat(large) * alpha
    result: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return result
