"""What sheets are drawn with: colours, text, cards, marks, a photo on a square.

Knows pixels and shapes. Does not know where on a page they go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageDraw

from figsight.drawing.text import Lettering, load_font

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tone = Literal["plain", "good", "bad", "unsure"]

# Every colour of text has a contrast of at least 4.5 : 1 on the card (WCAG 2.2, level AA).
GROUND = "#f3f4f6"
CARD = "#ffffff"
EDGE = "#dfe3e8"
INK = "#1c2430"
QUIET = "#5a6472"
TONES: dict[Tone, str] = {
    "plain": QUIET,
    "good": "#157347",
    "bad": "#b3261e",
    "unsure": "#8a5300",
}
_SMOOTH = 4  # Shapes are drawn so many times larger, then reduced: Pillow's have hard edges.


def leading(size: int) -> int:
    """Return the height of a row of text of this size, in pixels."""
    return round(size * 1.34)


def write(
    pen: ImageDraw.ImageDraw,
    letters: Lettering,
    place: tuple[int, int],
    ink: str,
    *,
    bold: bool = False,
) -> int:
    """Write rows of text, ``place`` being the left and top of the first; return their bottom."""
    left, top = place
    size = round(letters.font.size)
    stroke = size * 0.018 if bold else 0.0  # Pillow's own font has no bold face.
    for row in letters.rows:
        # Baselines, not tops: rows in fonts of different ascent still stand on one line.
        baseline = top + round(size * 1.02)
        pen.text((left, baseline), row, ink, letters.font, anchor="ls", stroke_width=stroke)
        top += leading(size)
    return top


def widest(letters: Lettering) -> float:
    """Return the width of the widest row, in pixels."""
    return max(letters.font.getlength(row) for row in letters.rows)


def fit_photo(pixels: NDArray[np.uint8], side: int) -> Image.Image:
    """Return a photo [H, W, 3] on a square of the ground's colour, its aspect kept."""
    photo = Image.fromarray(np.ascontiguousarray(pixels))
    scale = side / max(photo.size)
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    if size != photo.size:
        method = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
        photo = photo.resize(size, method)
    square = Image.new("RGB", (side, side), GROUND)
    square.paste(photo, ((side - size[0]) // 2, (side - size[1]) // 2))
    return square


@lru_cache(maxsize=8)
def rounded(side: int, radius: int) -> Image.Image:
    """Return the mask of a square with round corners."""
    large = Image.new("L", (side * _SMOOTH, side * _SMOOTH), 0)
    box = (0, 0, side * _SMOOTH - 1, side * _SMOOTH - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, radius * _SMOOTH, 255)
    return large.resize((side, side), Image.Resampling.BOX)


@lru_cache(maxsize=16)
def card(width: int, height: int, radius: int, edge: str) -> Image.Image:
    """Return a card with round corners; an edge of another colour than usual is thicker."""
    large = Image.new("RGB", (width * _SMOOTH, height * _SMOOTH), GROUND)
    box = (0, 0, width * _SMOOTH - 1, height * _SMOOTH - 1)
    thick = _SMOOTH if edge == EDGE else 2 * _SMOOTH
    ImageDraw.Draw(large).rounded_rectangle(box, radius * _SMOOTH, CARD, edge, thick)
    return large.resize((width, height), Image.Resampling.BOX)


@lru_cache(maxsize=16)
def mark(tone: Tone, size: int) -> Image.Image:
    """Return the shape that stands for a tone, ``size`` pixels a side."""
    side = size * _SMOOTH
    large = Image.new("RGB", (side, side), CARD)
    pen = ImageDraw.Draw(large)
    ink, thick = TONES[tone], max(1, side // 9)
    # Three shapes, so that they differ without their colours: a disc, a square, a diamond.
    if tone == "good":
        pen.ellipse((0, 0, side - 1, side - 1), ink)
        tick = [(side * x, side * y) for x, y in ((0.27, 0.53), (0.44, 0.69), (0.74, 0.34))]
        pen.line(tick, CARD, thick, joint="curve")
    elif tone == "bad":
        pen.rounded_rectangle((0, 0, side - 1, side - 1), side // 5, ink)
        for x0, x1 in ((0.3, 0.7), (0.7, 0.3)):
            pen.line((side * x0, side * 0.3, side * x1, side * 0.7), CARD, thick)
    else:
        half = side / 2
        pen.polygon([(half, 0), (side - 1, half), (half, side - 1), (0, half)], ink)
        font = load_font(None, round(side * 0.66))
        pen.text((half, half * 1.02), "?", CARD, font, anchor="mm", stroke_width=side // 40)
    return large.resize((size, size), Image.Resampling.BOX)
