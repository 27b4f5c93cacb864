"""Pixels -> a small JPEG: how a model remembers a photo. Made in one place, so that two compare."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from figsight.images.fitting import InputSpec, fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SPEC = InputSpec(96, 96, fit="pad")
_QUALITY = 82


def make_thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """Return a JPEG of 96 x 96 pixels, about 3 kB, with the whole photo [H, W, 3] inside."""
    buffer = io.BytesIO()
    Image.fromarray(fit(pixels, _SPEC)).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
