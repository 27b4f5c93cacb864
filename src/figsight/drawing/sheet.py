"""Draws photos with words above them, as pages of tiles.

Knows pixels, words and layout. Does not know what the words mean, nor files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from figsight.drawing.text import Lettering, fit_text, load_font
from figsight.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Tone = Literal["plain", "good", "bad", "unsure"]

PAGE_TILES = 600
"""At most so many photos are drawn on one page."""

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
_WIDEST, _TALLEST = 4000, 16000  # Pixels of a page; WebP ends at 16,383.
_SIZES = ((1, 640), (3, 360), (6, 320), (12, 280), (30, 232), (80, 192), (160, 160))
_SMALLEST = 132
_SMOOTH = 4  # Shapes are drawn so many times larger, then reduced: Pillow's have hard edges.


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One photo and the words above it.

    Attributes:
        pixels: [H, W, 3] uint8, sRGB, any size.
        title: The first line; broken into two where it must be, then shortened in its middle.
        lines: Further lines in the colour of the tone, each on one row.
        tone: Draws a mark before the title, in its own shape and colour: a tick for "good", a
            cross for "bad", a question mark for "unsure", none for "plain".
    """

    pixels: NDArray[np.uint8]
    title: str
    lines: tuple[str, ...] = ()
    tone: Tone = "plain"

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
            raise ValueError(f"pixels: expected uint8 [H, W, 3], found {dtype} {shape}")
        if self.tone not in TONES:
            raise ValueError(f"tone: expected one of {', '.join(TONES)}, found {self.tone!r}")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Measures of a page, in pixels."""

    columns: int
    tile: int
    centred: bool

    @property
    def pad(self) -> int:
        return min(20, max(8, self.tile // 24))

    @property
    def gap(self) -> int:
        return min(24, max(8, self.tile // 18))

    @property
    def margin(self) -> int:
        return 2 * self.gap

    @property
    def title_size(self) -> int:
        return min(30, max(13, round(7 + self.tile * 0.036)))

    @property
    def line_size(self) -> int:
        return max(12, round(self.title_size * 0.86))

    @property
    def card_width(self) -> int:
        return self.tile + 2 * self.pad

    @property
    def width(self) -> int:
        return 2 * self.margin + self.columns * (self.card_width + self.gap) - self.gap

    def card_height(self, words: int) -> int:
        return words + self.tile + 3 * self.pad


class _Words(NamedTuple):
    """The fitted text of one tile."""

    title: Lettering
    lines: tuple[Lettering, ...]
    height: int


def draw_sheet(
    tiles: Sequence[Tile],
    *,
    heading: str | None = None,
    columns: int | None = None,
    tile_size: int | None = None,
) -> Image.Image:
    """Draw photos with their titles above them, on one page.

    The same tiles give the same pixels with the same Pillow and the same fonts.

    Args:
        tiles: The photos in reading order, 1 to ``PAGE_TILES`` of them.
        heading: A text above them all.
        columns: Photos side by side; by default as many as give the page the shape of a screen.
        tile_size: Pixels of the square that each photo is fitted into with its aspect kept; by
            default the fewer photos the larger.

    Returns:
        An RGB picture, at most 4000 pixels wide and 16,000 high.

    Raises:
        OutputError: There are no photos, or more than fit one page (see ``draw_sheets``).
    """
    pages = draw_sheets(tiles, heading=heading, columns=columns, tile_size=tile_size)
    if len(pages) > 1:
        raise OutputError(
            f"expected photos that fit one page (at most {PAGE_TILES}), found {len(tiles)} that "
            f"fill {len(pages)} pages; draw fewer or smaller ones, or several pages"
        )
    return pages[0]


def draw_sheets(
    tiles: Sequence[Tile],
    *,
    heading: str | None = None,
    columns: int | None = None,
    tile_size: int | None = None,
) -> list[Image.Image]:
    """Draw photos with their titles above them, on as many pages as they need.

    Args:
        tiles: The photos in reading order, at least one.
        heading: A text above them all; on several pages each adds "page 1 of 2".
        columns: As for ``draw_sheet``.
        tile_size: As for ``draw_sheet``.

    Returns:
        RGB pictures of one width, each within the bounds of ``draw_sheet``.

    Raises:
        OutputError: There are no photos, or one row of them is too wide or too high for a page.
    """
    if not tiles:
        raise OutputError(
            "expected at least one photo to draw, found none; check what was selected"
        )
    layout = _plan(min(len(tiles), PAGE_TILES), columns, tile_size)
    rows = [tiles[at : at + layout.columns] for at in range(0, len(tiles), layout.columns)]
    words = [[_fit(tile, layout) for tile in row] for row in rows]
    heights = [layout.card_height(max(w.height for w in row)) + layout.gap for row in words]
    room = _TALLEST - 2 * layout.margin - _heading_room(heading or "page 1 of 99", layout)
    if max(heights) > room:
        raise OutputError(
            f"expected rows of at most {room} pixels, found one of {max(heights)}; "
            "ask for a smaller tile size"
        )
    pages = _paginate(heights, room, max(1, PAGE_TILES // layout.columns))
    pictures = []
    for number, (first, last) in enumerate(pages, start=1):
        label = heading
        if len(pages) > 1:
            label = " \u00b7 ".join(filter(None, (heading, f"page {number} of {len(pages)}")))
        pictures.append(
            _draw_page(rows[first:last], words[first:last], heights[first:last], label, layout)
        )
    return pictures


def _plan(count: int, columns: int | None, tile_size: int | None) -> _Layout:
    if columns is not None and columns < 1:
        raise OutputError(f"expected at least 1 column, found {columns}; ask for 1 or more")
    if tile_size is not None and tile_size < 16:
        raise OutputError(f"expected tiles of at least 16 pixels, found {tile_size}; ask for more")
    tile = tile_size or next((size for most, size in _SIZES if count <= most), _SMALLEST)
    wish = columns or (count if count <= 3 else round(math.sqrt(count * 4 / 3)))
    layout = _Layout(wish, tile, centred=count == 1)
    while layout.width > _WIDEST:
        if columns is not None or wish == 1:
            raise OutputError(
                f"expected a page of at most {_WIDEST} pixels, found {layout.width} for {wish} "
                f"columns of {tile} pixels; ask for fewer columns or a smaller tile size"
            )
        wish -= 1
        layout = _Layout(wish, tile, layout.centred)
    return layout


def _paginate(heights: list[int], room: int, most_rows: int) -> list[tuple[int, int]]:
    pages: list[tuple[int, int]] = []
    first = used = 0
    for row, height in enumerate(heights):
        if used + height > room or row - first == most_rows:
            pages.append((first, row))
            first, used = row, 0
        used += height
    return [*pages, (first, len(heights))]


def _fit(tile: Tile, layout: _Layout) -> _Words:
    width = layout.tile
    indent = 0 if tile.tone == "plain" else _mark_room(layout)
    title = fit_text(tile.title, layout.title_size, width - indent, rows=2)
    lines = tuple(fit_text(line, layout.line_size, width - indent, rows=1) for line in tile.lines)
    height = len(title.rows) * _leading(layout.title_size)
    height += len(lines) * _leading(layout.line_size)
    return _Words(title, lines, height)


def _leading(size: int) -> int:
    return round(size * 1.34)


def _mark_room(layout: _Layout) -> int:
    return round(layout.title_size * 1.42)


def _heading_size(layout: _Layout) -> int:
    return 22 if layout.width < 700 else 28 if layout.width < 2400 else 40


def _heading_room(heading: str | None, layout: _Layout) -> int:
    if not heading:
        return 0
    size = _heading_size(layout)
    rows = len(fit_text(heading, size, layout.width - 2 * layout.margin, rows=3).rows)
    return rows * _leading(size) + layout.gap


def _draw_page(
    rows: Sequence[Sequence[Tile]],
    words: Sequence[Sequence[_Words]],
    heights: Sequence[int],
    heading: str | None,
    layout: _Layout,
) -> Image.Image:
    top = layout.margin + _heading_room(heading, layout)
    size = (layout.width, top + sum(heights) - layout.gap + layout.margin)
    page = Image.new("RGB", size, GROUND)
    pen = ImageDraw.Draw(page)
    if heading:
        letters = fit_text(heading, _heading_size(layout), size[0] - 2 * layout.margin, rows=3)
        left = layout.margin + layout.pad * (not layout.centred)
        _write(pen, letters, (left, layout.margin), INK, bold=True)
    for row, row_words, height in zip(rows, words, heights, strict=True):
        left = layout.margin
        for tile, tile_words in zip(row, row_words, strict=True):
            _draw_tile(page, tile, tile_words, (left, top, height - layout.gap), layout)
            left += layout.card_width + layout.gap
        top += height
    return page


def _draw_tile(
    page: Image.Image,
    tile: Tile,
    words: _Words,
    place: tuple[int, int, int],
    layout: _Layout,
) -> None:
    left, top, height = place
    pen = ImageDraw.Draw(page)
    edge = TONES[tile.tone] if tile.tone in ("bad", "unsure") else EDGE
    page.paste(_card(layout.card_width, height, layout.pad, edge), (left, top))
    x, y = left + layout.pad, top + layout.pad
    ink = TONES[tile.tone]
    indent = 0 if tile.tone == "plain" else _mark_room(layout)
    if layout.centred:
        widest = max(_widest(letters) for letters in (words.title, *words.lines))
        x += max(0, round((layout.tile - indent - widest) / 2))
    if tile.tone != "plain":
        mark = _mark(tile.tone, layout.title_size)
        page.paste(mark, (x, y + round((_leading(layout.title_size) - mark.height) / 2)))
    y = _write(pen, words.title, (x + indent, y), INK, bold=True)
    for letters in words.lines:
        y = _write(pen, letters, (x + indent, y), ink)
    photo = _fit_photo(tile.pixels, layout.tile)
    below = top + height - layout.pad - layout.tile
    page.paste(photo, (left + layout.pad, below), _rounded(layout.tile, layout.pad // 2))


def _write(
    pen: ImageDraw.ImageDraw,
    letters: Lettering,
    place: tuple[int, int],
    ink: str,
    *,
    bold: bool = False,
) -> int:
    left, top = place
    size = round(letters.font.size)
    stroke = size * 0.018 if bold else 0.0  # Pillow's own font has no bold face.
    for row in letters.rows:
        # Baselines, not tops: rows in fonts of different ascent still stand on one line.
        baseline = top + round(size * 1.02)
        pen.text((left, baseline), row, ink, letters.font, anchor="ls", stroke_width=stroke)
        top += _leading(size)
    return top


def _widest(letters: Lettering) -> float:
    return max(letters.font.getlength(row) for row in letters.rows)


def _fit_photo(pixels: NDArray[np.uint8], side: int) -> Image.Image:
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
def _rounded(side: int, radius: int) -> Image.Image:
    large = Image.new("L", (side * _SMOOTH, side * _SMOOTH), 0)
    box = (0, 0, side * _SMOOTH - 1, side * _SMOOTH - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, radius * _SMOOTH, 255)
    return large.resize((side, side), Image.Resampling.BOX)


@lru_cache(maxsize=16)
def _card(width: int, height: int, radius: int, edge: str) -> Image.Image:
    large = Image.new("RGB", (width * _SMOOTH, height * _SMOOTH), GROUND)
    box = (0, 0, width * _SMOOTH - 1, height * _SMOOTH - 1)
    thick = _SMOOTH if edge == EDGE else 2 * _SMOOTH
    ImageDraw.Draw(large).rounded_rectangle(box, radius * _SMOOTH, CARD, edge, thick)
    return large.resize((width, height), Image.Resampling.BOX)


@lru_cache(maxsize=16)
def _mark(tone: Tone, size: int) -> Image.Image:
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
