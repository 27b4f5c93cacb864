"""Photos as small pictures inside the page.

Knows how to decode, shrink and encode, and how a map is laid over a photo. A photo that is gone or
damaged since it was measured leaves a place that says so, not an error: the numbers stand.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from figsight.drawing import overlay_heat, place_heat
from figsight.errors import PhotoError
from figsight.evaluation.report.markup import image, path, text
from figsight.images import decode, shrink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.dataset import Photo
    from figsight.images import InputSpec

SIDE = 160  # pixels of the longer side
QUALITY = 78


def show_photo(photo: Photo, side: int = SIDE) -> str:
    """Return a photo as HTML."""
    try:
        return _show(shrink(decode(photo.read(), name=photo.path), side), photo.path)
    except PhotoError as error:
        return _gone(error)


def show_thumbnail(data: bytes, name: str) -> str:
    """Return a thumbnail from a bundle as HTML: decoded and encoded anew, whatever its bytes are."""
    try:
        return _show(shrink(decode(data, name=name), SIDE), name)
    except PhotoError as error:
        return _gone(error)


def show_heat(photo: Photo, heat: NDArray[np.float32], spec: InputSpec, top: float) -> str:
    """Return a photo under a map as HTML.

    Args:
        photo: The photo.
        heat: float32 [h, w]; what is negative spoke against, and is not drawn.
        spec: How the network's input was prepared.
        top: What is drawn as hottest, > 0; maps that are to be compared share it.
    """
    try:
        pixels = shrink(decode(photo.read(), name=photo.path), SIDE)
    except PhotoError as error:
        return _gone(error)
    shares = np.clip(heat / top, 0.0, 1.0).astype(np.float32)
    placed = np.clip(place_heat(shares, spec, *pixels.shape[:2]), 0.0, 1.0)
    return _show(overlay_heat(pixels, placed), f"map over {photo.path}")


def _show(pixels: NDArray[np.uint8], words: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY)
    return image(buffer.getvalue(), words)


def _gone(error: PhotoError) -> str:
    return f'<div class="gone"><span>{path(error.path)}<br>{text(error.reason)}</span></div>'
