"""Any of Pillow's modes and any ICC profile -> sRGB, without transparency.

Knows colours. Does not know files, sizes or orientations.

- Alpha, palettes with alpha and colour keys are laid on white: what a catalogue picture stands on.
- A profile is followed when it fits the colours of the picture (an RGB profile for RGB, and so on).
  A broken or mismatched one is ignored and the numbers are taken for sRGB, as browsers do; so is
  one of more than ``MAX_PROFILE_BYTES``. CMYK without a profile is converted the plain way.
- Grey pictures of more than 8 bits keep their proportions and lose low bits, never high ones:
  ``_range_of`` says which number is white. Colours of 16 bits lose their low byte, in Pillow.

Not guaranteed: a colour key (PNG's tRNS without a palette) of a picture with less or more than 8
bits a sample, which Pillow compares with the samples that it has already scaled.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray
    from PIL.ImageCms import ImageCmsTransform

MAX_PROFILE_BYTES = 4_000_000
WHITE = (255, 255, 255)

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}
_NUMBERS = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})
_WHITES = {255: 0, 1023: 2, 4095: 4, 16383: 6, 65535: 8}  # white, and the bits beyond eight


def srgb_converter(
    image: Image.Image, bands: Callable[[], Iterable[Image.Image]]
) -> Callable[[Image.Image], Image.Image]:
    """Return the function that turns each band (some rows) of a picture into mode RGB, in sRGB.

    Args:
        image: The whole picture, loaded. Not changed.
        bands: Yields the picture in bands, as often as it is called.
    """
    if is_srgb(image):
        return lambda band: band
    profile = _profile_of(image)
    scale = _scaler(bands()) if image.mode in _NUMBERS else None

    def convert(band: Image.Image) -> Image.Image:
        colours, alpha = _split_alpha(_scaled(band, scale) if scale else band)
        return _on_white(_to_srgb(colours, profile), alpha)

    return convert


def is_srgb(image: Image.Image) -> bool:
    """Say whether a picture's pixels are what ``srgb_converter`` would make of them already."""
    if image.mode != "RGB" or "transparency" in image.info:
        return False
    profile = _profile_of(image)
    return profile is None or _transform(profile, "RGB") is None


def _profile_of(image: Image.Image) -> bytes | None:
    profile = image.info.get("icc_profile")
    usable = isinstance(profile, bytes) and 0 < len(profile) <= MAX_PROFILE_BYTES
    return profile if usable else None


def _scaler(
    bands: Iterable[Image.Image],
) -> Callable[[NDArray[np.generic]], NDArray[np.uint8]]:
    """Return the function that turns the numbers of a picture into 0..255."""
    low, high = _range_of(np.asarray(band) for band in bands)

    if isinstance(high, int):
        bits = _WHITES[high]
        return lambda values: np.right_shift(values, bits).astype(np.uint8)

    def scale(values: NDArray[np.generic]) -> NDArray[np.uint8]:
        known = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
        return np.rint((known - low) * 255.0 / (high - low)).astype(np.uint8)

    return scale


def _range_of(bands: Iterable[NDArray[np.generic]]) -> tuple[float, float]:
    """Return which numbers mean black and white in a picture that does not say so.

    Whole numbers: black is 0 and white the greatest number of 8, 10, 12, 14 or 16 bits, whichever
    is the least that holds them all. Detectors of 10 to 14 bits are kept in files of 16; at the
    range of the file such an X-ray would be black. The price: a very dark photo of 16 bits becomes
    lighter. Fractions: 0..1, 0..255 or 0..65535. Failing these, from the least to the greatest of
    the picture. Not-a-number counts as black, infinity as the end that it lies beyond.
    """
    low, high, whole = np.inf, -np.inf, True
    for values in bands:
        whole = np.issubdtype(values.dtype, np.integer)
        finite = values if whole else values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        return 0.0, 1.0  # nothing is finite
    for white in _WHITES if whole else (1.0, 255.0, 65535.0):
        if low >= 0 and high <= white:
            return 0, white
    return (low, high) if high > low else (low, low + 1)


def _scaled(
    band: Image.Image, scale: Callable[[NDArray[np.generic]], NDArray[np.uint8]]
) -> Image.Image:
    values = np.asarray(band)  # [h, W]
    grey = Image.fromarray(scale(values))
    key = band.info.get("transparency")
    if not isinstance(key, int):
        return grey
    return Image.merge(
        "LA", (grey, Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    )


def _split_alpha(band: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split a picture into colours (L, RGB, CMYK or LAB) and alpha (L, or ``None`` if opaque)."""
    transparent = band.has_transparency_data
    mode = band.mode
    if mode in {"1", "L", "LA", "La"}:
        # Pillow undoes premultiplied alpha only on the way to the same mode.
        band = band.convert("LA" if transparent else "L")
    elif mode not in {"CMYK", "LAB", "RGB"} or transparent:
        if mode == "PA" and band.palette is not None and "transparency" in band.info:
            band = band.copy()
            del band.info["transparency"]  # the alpha channel says more
        band = band.convert("RGBA" if transparent else "RGB")
    if band.mode not in {"LA", "RGBA"}:
        return band, None
    alpha = band.getchannel("A")
    return band.convert(band.mode[:-1]), None if alpha.getextrema()[0] == 255 else alpha


def _to_srgb(colours: Image.Image, profile: bytes | None) -> Image.Image:
    if colours.mode == "LAB":
        return _lab_to_srgb().apply(colours)
    transform = _transform(profile, colours.mode) if profile else None
    return transform.apply(colours) if transform else colours.convert("RGB")


def _on_white(colours: Image.Image, alpha: Image.Image | None) -> Image.Image:
    if alpha is None:
        return colours
    white = Image.new("RGB", colours.size, WHITE)
    white.paste(colours, mask=alpha)
    return white


@lru_cache(maxsize=1)
def _lab_to_srgb() -> ImageCmsTransform:
    from PIL import ImageCms

    lab, srgb = (ImageCms.ImageCmsProfile(ImageCms.createProfile(to)) for to in ("LAB", "sRGB"))
    return ImageCms.ImageCmsTransform(lab, srgb, "LAB", "RGB")


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """Return the transform from a profile to sRGB; ``None`` if there is nothing to do.

    That is: the profile is broken, or not for this mode, or it is sRGB itself (the usual case),
    which shows in that no colour of a grid changes by more than rounding. LittleCMS may apply one
    transform in many threads at once.
    """
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        transform = ImageCms.ImageCmsTransform(source, srgb, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if mode == "CMYK":
        return transform
    sample = _all_greys() if mode == "L" else _some_colours()
    change = np.asarray(transform.apply(sample)).astype(int) - np.asarray(sample.convert("RGB"))
    return None if np.abs(change).max() <= 1 else transform


def _all_greys() -> Image.Image:
    return Image.fromarray(np.arange(256, dtype=np.uint8)[None])  # [1, 256]


def _some_colours() -> Image.Image:
    """Return every combination of 9 levels a channel, 31.875 apart: shape [1, 729, 3]."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1)  # [9, 9, 9, 3]
    return Image.fromarray(grid.reshape(1, -1, 3))
