"""What is kept of a photo to find its copies: a few kilobytes, whatever its size.

Knows pixels. Does not know files, labels, or how two fingerprints are compared: that is the work of
``candidates`` (which pairs to look at), ``resemblance`` (are two photos one shot?) and ``copies``
(the answer for a whole set).
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from figsight.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

GREY_SIZE: Final = 64
COLOUR_SIZE: Final = 16

# A photo whose thumbnail holds less fine structure than this (RMS in grey levels, after taking away
# what is smooth) is plain. Rounding to whole levels alone gives 0.3; the plainest of 5,232 chest
# X-rays has 1.3, the plainest of 457 photographs of toys 3.1.
PLAIN_BELOW: Final = 1.0
_AT_ONCE: Final = 1024  # thumbnails that are in memory while they are copied


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What one photo is recognised by; 4.7 kB.

    Attributes:
        sha256: SHA-256 of the bytes of the picture file, in hexadecimal.
        grey: The luma of the photo squashed to 64 x 64, row by row, uint8.
        colour: Its chroma (Cb, then Cr; 128 is grey) at 16 x 16, row by row, uint8.
        plain_pixels: For a photo too plain to be told from another plain one by its thumbnail (a
            blank sheet, a smooth sky), SHA-256 of its shape and pixels: only a photo with the same is
            its copy; empty for all others.
    """

    sha256: str
    grey: bytes
    colour: bytes
    plain_pixels: bytes = b""


class Fingerprints:
    """The fingerprints of many photos, in their order; about 0.2 kB each in memory.

    The thumbnails of a large set lie in a file: see ``Rows``.

    Args:
        prints: The first of them.

    Attributes:
        sha256: Of each photo's file, in hexadecimal.
        plain_pixels: Of each photo: see ``Fingerprint``.
    """

    def __init__(self, prints: Iterable[Fingerprint] = ()) -> None:
        self.sha256: list[str] = []
        self.plain_pixels: list[bytes] = []
        self._thumbnails = Rows((GREY_SIZE**2 + 2 * COLOUR_SIZE**2,), np.uint8)
        for print_ in prints:
            self.append(print_)

    def __len__(self) -> int:
        return len(self.sha256)

    def append(self, print_: Fingerprint) -> None:
        """Add the fingerprint of a photo."""
        self.sha256.append(print_.sha256)
        self.plain_pixels.append(print_.plain_pixels)
        self._thumbnails.append(np.frombuffer(print_.grey + print_.colour, np.uint8))

    def extend(self, others: Fingerprints, numbers: Sequence[int]) -> None:
        """Add some of other fingerprints, by their numbers."""
        self.sha256 += [others.sha256[i] for i in numbers]
        self.plain_pixels += [others.plain_pixels[i] for i in numbers]
        for start in range(0, len(numbers), _AT_ONCE):
            rows = np.array(numbers[start : start + _AT_ONCE], np.intp)
            self._thumbnails.extend(others._thumbnails[rows])

    def thumbnails(self, numbers: NDArray[np.intp]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return luma, uint8 [B, 64, 64], and chroma, uint8 [B, 2, 16, 16], of some photos."""
        grey, colour = np.split(self._thumbnails[numbers], [GREY_SIZE**2], axis=1)
        return (
            grey.reshape(-1, GREY_SIZE, GREY_SIZE),
            colour.reshape(-1, 2, COLOUR_SIZE, COLOUR_SIZE),
        )

    def close(self) -> None:
        """Let go of the thumbnails."""
        self._thumbnails.close()


def fingerprint(pixels: NDArray[np.uint8], sha256: str) -> Fingerprint:
    """Return what a photo is recognised by.

    Takes about 1 ms for 512 x 512 pixels; nothing of the photo is kept alive.

    Args:
        pixels: uint8[H, W, 3], upright sRGB, as the decoder gives it.
        sha256: SHA-256 of the bytes of the picture file, in hexadecimal.

    Raises:
        ValueError: ``pixels`` is anything else than uint8[H, W, 3] with at least one pixel.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(
            f"pixels: expected uint8 of shape (height, width, 3), found {pixels.dtype} of shape "
            f"{pixels.shape}; decode the picture first"
        )
    small = Image.fromarray(pixels).resize(
        (GREY_SIZE, GREY_SIZE), Image.Resampling.BILINEAR, reducing_gap=2.0
    )
    luma, blue, red = small.convert("YCbCr").split()
    factor = GREY_SIZE // COLOUR_SIZE
    grey = np.asarray(luma)  # [64, 64]
    plain = b""
    if fine_structure(grey) < PLAIN_BELOW:
        digest = hashlib.sha256(repr(pixels.shape).encode())
        digest.update(np.ascontiguousarray(pixels).data)
        plain = digest.digest()
    colour = blue.reduce(factor).tobytes() + red.reduce(factor).tobytes()
    return Fingerprint(sha256, grey.tobytes(), colour, plain)


def fingerprint_photos(sha256: Iterable[str]) -> str:
    """Return SHA-256 over the sorted hashes (hex) of photos' files: the same photos in any order."""
    return hashlib.sha256("".join(sorted(sha256)).encode()).hexdigest()


def fine_structure(grey: NDArray[np.uint8]) -> float:
    """Return how much fine structure a thumbnail holds: RMS of its detail, in grey levels.

    Args:
        grey: uint8[64, 64].
    """
    # A band of the border is left out: there, smoothing a ramp leaves a rest that is no structure.
    inner = detail(grey[None].astype(np.float32))[0, 4:-4, 4:-4]
    return float(np.sqrt(np.mean(inner * inner)))


def smooth(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[..., H, W] smoothed by the binomial filter [1 2 1] / 4 both ways."""
    padding = [(0, 0)] * (planes.ndim - 2) + [(1, 1), (1, 1)]
    wide = np.pad(planes, padding, mode="edge")
    tall = wide[..., :-2, :] + 2 * wide[..., 1:-1, :] + wide[..., 2:, :]
    smoothed: NDArray[np.float32] = tall[..., :-2] + 2 * tall[..., 1:-1] + tall[..., 2:]
    smoothed /= 16
    return smoothed


def detail(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[..., S, S] without what is smooth over about five pixels (``smooth`` x 4)."""
    low = _smoother(planes.shape[-1])
    low_part = np.asarray(low @ planes @ low.T, np.float32)
    return planes - low_part


@functools.cache
def _smoother(size: int) -> NDArray[np.float32]:
    """Return float32[S, S]: smoothing a column four times, as a matrix."""
    once = np.zeros((size, size), np.float32)
    for pixel in range(size):
        for beside, weight in ((-1, 0.25), (0, 0.5), (1, 0.25)):
            once[pixel, min(max(pixel + beside, 0), size - 1)] += weight
    return np.linalg.matrix_power(once, 4)
