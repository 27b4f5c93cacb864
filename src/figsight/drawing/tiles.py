"""What a sheet is made of: a photo, the words above it, and what stands beside it.

Knows pixels and words. Does not know where they go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from figsight.drawing.shapes import TONES, Tone

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Picture: TypeAlias = "NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]"
"""Pixels [H, W, 3] uint8, sRGB, any size; or what makes them when they are drawn, so that thousands
of photos need not be held at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Inset:
    """A small picture beside a photo, with words to its right.

    Attributes:
        pixels: Its pixels, or what makes them.
        title: Broken into two rows where it must be, then shortened in its middle.
        line: A further row.
    """

    pixels: Picture
    title: str
    line: str = ""

    def __post_init__(self) -> None:
        _check(self.pixels)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One photo and the words above it.

    Attributes:
        pixels: The photo's pixels, or what makes them.
        title: The first line; broken into three where it must be, then shortened in its middle.
        lines: Further lines in the colour of the tone, likewise.
        foot: A last line, quiet, on one row.
        tone: Draws a mark before the title, in its own shape and colour: a tick for "good", a
            cross for "bad", a question mark for "unsure", none for "plain".
        second: Another picture, drawn to the right of the photo at its size.
        insets: Small pictures to the right of these, one below the other.
    """

    pixels: Picture
    title: str
    lines: tuple[str, ...] = ()
    tone: Tone = "plain"
    second: Picture | None = None
    insets: tuple[Inset, ...] = ()
    foot: str = ""

    def __post_init__(self) -> None:
        _check(self.pixels)
        if self.second is not None:
            _check(self.second)
        if self.tone not in TONES:
            raise ValueError(f"tone: expected one of {', '.join(TONES)}, found {self.tone!r}")


def look_at(picture: Picture) -> NDArray[np.uint8]:
    """Return the pixels of a picture [H, W, 3], made now if they were not there."""
    pixels = picture() if callable(picture) else picture
    _check(pixels)
    return pixels


def _check(picture: Picture) -> None:
    if callable(picture):
        return
    shape, dtype = picture.shape, picture.dtype
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
        raise ValueError(f"pixels: expected uint8 [H, W, 3], found {dtype} {shape}")


GAP = Tile(np.zeros((1, 1, 3), np.uint8), "")
"""A place in a row where nothing is drawn, not even a card."""
