"""Pixels -> the size that a network is fed, here alone; and small ones for people to look at.

Knows sizes and resampling. Does not know files or networks.

What a network was trained on must be what it is served, so this is data (``InputSpec``, kept with
the weights) and one function that everybody calls.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Fit = Literal["squash", "crop", "pad"]
Resample = Literal["bilinear", "bicubic", "lanczos"]

MAX_INPUT_SIDE = 4096

_FILTERS: dict[Resample, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# A picture is first averaged in whole blocks to this many times the wanted size. Large photos take
# a third of the time (30 ms instead of 98 for 12 megapixels to 224 px), and no value changes by
# more than 3 of 255, by 0.13 on average. Up to 6 times the wanted size it does nothing.
_REDUCING_GAP = 3.0


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a picture is brought to the size of a network's input.

    Attributes:
        width: Pixels, 1 to 4096.
        height: Pixels, 1 to 4096.
        fit: ``squash`` scales each side by itself, and keeps everything but the proportions;
            ``crop`` keeps the proportions and loses what sticks out on both sides of the centre;
            ``pad`` keeps both, and fills the rest with the mean colour of the picture's edge (so
            that a dark X-ray gets no bright frame, nor a catalogue picture a grey one).
        resample: The filter. All are antialiased: their support grows with the reduction.

    Raises:
        ValueError: A side or a word is not one of these.
    """

    width: int
    height: int
    fit: Fit = "squash"
    resample: Resample = "bicubic"

    def __post_init__(self) -> None:
        for key in ("width", "height"):
            side = getattr(self, key)
            if type(side) is not int or not 1 <= side <= MAX_INPUT_SIDE:
                raise ValueError(
                    f"input.{key}: expected a whole number of pixels from 1 to {MAX_INPUT_SIDE}, "
                    f"found {side!r}; 224 is usual"
                )
        for key, words in (("fit", get_args(Fit)), ("resample", get_args(Resample))):
            word = getattr(self, key)
            if word not in words:
                raise ValueError(
                    f"input.{key}: expected one of {', '.join(words)}, found {word!r}; choose one"
                )

    def to_dict(self) -> dict[str, int | str]:
        """Return the spec as plain data for JSON; ``from_dict`` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> InputSpec:
        """Read what ``to_dict`` wrote. Every key must be there, and no other.

        Raises:
            ValueError: A key is missing or unknown, or a value is not allowed.
        """
        keys = [field.name for field in fields(cls)]
        if not hasattr(data, "keys") or set(data) != set(keys):
            found = ", ".join(map(str, data)) if hasattr(data, "keys") else type(data).__name__
            raise ValueError(
                f"input: expected exactly the keys {', '.join(keys)}, found {found or 'none'}; "
                "write it with to_dict"
            )
        return cls(**data)  # type: ignore[arg-type]  # __post_init__ checks the types


def fit(pixels: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """Bring pixels to the size of ``spec``.

    Args:
        pixels: As ``decode`` returns them: shape [H, W, 3], dtype uint8.
        spec: The size and the way there.

    Returns:
        Shape [spec.height, spec.width, 3], dtype uint8, C-contiguous. A picture that has the size
        already comes back with the same values.

    Raises:
        ValueError: ``pixels`` has another shape or dtype.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(
            f"pixels: expected uint8 [H, W, 3], found {pixels.dtype} {list(pixels.shape)}; "
            "use figsight.images.decode"
        )
    if pixels.shape[:2] == (spec.height, spec.width):
        return np.array(pixels, order="C")
    return fit_image(Image.fromarray(np.ascontiguousarray(pixels)), spec)


def fit_image(image: Image.Image, spec: InputSpec) -> NDArray[np.uint8]:
    """Bring a picture that Pillow holds to the size of ``spec``: what ``fit`` does with its pixels.

    Args:
        image: Loaded, mode RGB. Not changed.
        spec: The size and the way there.

    Returns:
        Shape [spec.height, spec.width, 3], dtype uint8, C-contiguous.
    """
    width, height = image.size
    if (width, height) == (spec.width, spec.height):
        return np.array(image)
    if spec.fit == "pad":
        return _pad(image, spec)
    box = (0.0, 0.0, float(width), float(height))
    if spec.fit == "crop":
        scale = min(width / spec.width, height / spec.height)
        across, down = spec.width * scale, spec.height * scale
        left, top = (width - across) / 2, (height - down) / 2
        box = (max(left, 0), max(top, 0), min(left + across, width), min(top + down, height))
    return np.array(_resize(image, (spec.width, spec.height), spec, box))  # [height, width, 3]


def shrink(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a picture small enough to be looked at; no network is fed with it.

    Args:
        pixels: Shape [H, W, 3], dtype uint8.
        side: Pixels of the longer side, at most: nothing is made larger.

    Returns:
        Shape [h, w, 3], dtype uint8, proportions kept; not to be written to.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    return np.asarray(image)


def _pad(image: Image.Image, spec: InputSpec) -> NDArray[np.uint8]:
    scale = max(image.width / spec.width, image.height / spec.height)
    size = max(1, round(image.width / scale)), max(1, round(image.height / scale))
    left, top = (spec.width - size[0]) // 2, (spec.height - size[1]) // 2
    canvas = np.empty((spec.height, spec.width, 3), np.uint8)
    canvas[:] = _edge_colour(image)
    inner = np.asarray(_resize(image, size, spec, (0, 0, image.width, image.height)))
    canvas[top : top + size[1], left : left + size[0]] = inner
    return canvas


def _edge_colour(image: Image.Image) -> NDArray[np.uint8]:
    """Return the mean colour of the outermost rows and columns, shape [3]."""
    width, height = image.size
    rows = [(0, 0, width, 1), (0, height - 1, width, height)]
    columns = [(0, 0, 1, height), (width - 1, 0, width, height)]
    lines = [np.asarray(image.crop(edge)).reshape(-1, 3) for edge in rows + columns]
    colour: NDArray[np.uint8] = np.rint(np.concatenate(lines).mean(axis=0)).astype(np.uint8)  # [3]
    return colour


def _resize(
    image: Image.Image, size: tuple[int, int], spec: InputSpec, box: tuple[float, ...]
) -> Image.Image:
    return image.resize(size, _FILTERS[spec.resample], box, reducing_gap=_REDUCING_GAP)  # type: ignore[arg-type]
