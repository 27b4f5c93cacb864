"""Draws photos with words above them, as pages of tiles.

Knows pixels, words and layout. Does not know what the words mean, nor files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, overload

from PIL import Image, ImageDraw

from figsight.drawing.shapes import (
    EDGE,
    GROUND,
    INK,
    QUIET,
    TONES,
    card,
    fit_photo,
    leading,
    mark,
    rounded,
    widest,
    write,
)
from figsight.drawing.text import Lettering, fit_text
from figsight.drawing.tiles import GAP, look_at
from figsight.errors import OutputError

if TYPE_CHECKING:
    from figsight.drawing.tiles import Tile

PAGE_TILES = 600
"""At most so many photos are drawn on one page."""

_WIDEST, _TALLEST = 4000, 16000  # Pixels of a page; WebP ends at 16,383.
_SIZES = ((1, 640), (3, 360), (6, 320), (12, 280), (30, 232), (80, 192), (160, 160))
_SMALLEST = 132
# The same for tiles with something beside the photo: the words there must stay readable.
_WIDE_SIZES = ((2, 420), (6, 340), (12, 280), (40, 240))
_WIDE_SMALLEST = 200


@dataclass(frozen=True, slots=True)
class _Layout:
    """Measures of a page, in pixels."""

    columns: int
    tile: int
    centred: bool
    pictures: int = 1
    insets: int = 0

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
    def inset(self) -> int:
        """The side of the square that an inset is fitted into."""
        rows = max(3, self.insets)
        return max(16, (self.tile - (rows - 1) * self.pad) // rows)

    @property
    def inset_words(self) -> int:
        """The width of the words beside an inset."""
        return max(100, round(self.tile * 0.52))

    @property
    def inner(self) -> int:
        """The width of a card without its border: of its words."""
        beside = 3 * self.pad + self.inset + self.inset_words if self.insets else 0
        return self.pictures * self.tile + (self.pictures - 1) * self.pad + beside

    @property
    def card_width(self) -> int:
        return self.inner + 2 * self.pad

    @property
    def width(self) -> int:
        return 2 * self.margin + self.columns * (self.card_width + self.gap) - self.gap

    def card_height(self, words: int) -> int:
        return words + self.tile + 3 * self.pad


class Pages(Sequence[Image.Image]):
    """Pages that are drawn when they are asked for, and not held: one may take 200 MB."""

    def __init__(self, draw: Sequence[Callable[[], Image.Image]]) -> None:
        self._draw = draw

    def __len__(self) -> int:
        return len(self._draw)

    @overload
    def __getitem__(self, index: int) -> Image.Image: ...
    @overload
    def __getitem__(self, index: slice) -> Pages: ...
    def __getitem__(self, index: int | slice) -> Image.Image | Pages:
        found = self._draw[index]
        return Pages(found) if isinstance(found, Sequence) else found()


class _Words(NamedTuple):
    """The fitted text of one tile."""

    title: Lettering
    lines: tuple[Lettering, ...]
    insets: tuple[tuple[Lettering, Lettering], ...]
    foot: Lettering | None
    height: int


def draw_sheets(
    tiles: Sequence[Tile],
    *,
    heading: str | None = None,
    note: str | None = None,
    columns: int | None = None,
    tile_size: int | None = None,
    together: int = 1,
) -> Pages:
    """Draw photos with their titles above them, on as many pages as they need.

    The same tiles give the same pixels with the same Pillow and the same fonts.

    Args:
        tiles: The photos in reading order, at least one.
        heading: A text above them all; on several pages each adds "page 1 of 2".
        note: A smaller text below it, on every page.
        columns: Photos side by side; by default as many as give the page the shape of a screen.
        tile_size: Pixels of the square that each photo is fitted into with its aspect kept; by
            default the fewer photos the larger.
        together: So many neighbours stand in one row, by default and where a page is wide enough.

    Returns:
        RGB pictures of one width, each at most 4000 pixels wide and 16,000 high with up to
        ``PAGE_TILES`` photos, and drawn when it is asked for.

    Raises:
        OutputError: There are no photos, or one row of them is too wide or too high for a page.
    """
    if not tiles:
        raise OutputError(
            "expected at least one photo to draw, found none; check what was selected"
        )
    layout = _plan(tiles[:PAGE_TILES], columns, tile_size, together)
    rows = [tiles[at : at + layout.columns] for at in range(0, len(tiles), layout.columns)]
    words = [[_fit(tile, layout) for tile in row] for row in rows]
    heights = [layout.card_height(max(w.height for w in row)) + layout.gap for row in words]
    room = _TALLEST - 2 * layout.margin - _heading_room((heading or "page 1 of 99", note), layout)
    if max(heights) > room:
        raise OutputError(
            f"expected rows of at most {room} pixels, found one of {max(heights)}; "
            "ask for a smaller tile size"
        )
    pages = _paginate(heights, room, max(1, PAGE_TILES // layout.columns))
    drawn = []
    for number, (first, last) in enumerate(pages, start=1):
        label = heading
        if len(pages) > 1:
            label = " \u00b7 ".join(filter(None, (heading, f"page {number} of {len(pages)}")))
        page = rows[first:last], words[first:last], heights[first:last], (label, note), layout
        drawn.append(partial(_draw_page, *page))
    return Pages(drawn)


def _plan(
    tiles: Sequence[Tile], columns: int | None, tile_size: int | None, together: int
) -> _Layout:
    if columns is not None and columns < 1:
        raise OutputError(f"expected at least 1 column, found {columns}; ask for 1 or more")
    if tile_size is not None and tile_size < 16:
        raise OutputError(f"expected tiles of at least 16 pixels, found {tile_size}; ask for more")
    count = len(tiles)
    pictures = 2 if any(tile.second is not None for tile in tiles) else 1
    insets = max(len(tile.insets) for tile in tiles)
    wide = pictures > 1 or insets > 0
    sizes, smallest = (_WIDE_SIZES, _WIDE_SMALLEST) if wide else (_SIZES, _SMALLEST)
    tile = tile_size or next((size for most, size in sizes if count <= most), smallest)
    layout = _Layout(1, tile, count == 1 and not wide, pictures, insets)
    wish = columns or (count if count <= 3 and not wide else _count_columns(count, layout))
    if columns is None and replace(layout, columns=together).width <= _WIDEST:
        wish = max(1, round(wish / together)) * together
    else:
        together = 1
    layout = replace(layout, columns=wish)
    while layout.width > _WIDEST:
        if columns is not None or wish == 1:
            raise OutputError(
                f"expected a page of at most {_WIDEST} pixels, found {layout.width} for {wish} "
                f"columns of {tile} pixels; ask for fewer columns or a smaller tile size"
            )
        wish -= together
        layout = replace(layout, columns=wish)
    return layout


def _count_columns(count: int, layout: _Layout) -> int:
    """Return how many columns give the page about the shape of a screen, 4 : 3."""
    aspect = layout.inner / layout.tile
    return max(1, round(math.sqrt(count * 4 / 3 / aspect)))


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
    width = layout.inner
    indent = 0 if tile.tone == "plain" else _mark_room(layout)
    title = fit_text(tile.title, layout.title_size, width - indent, rows=3)
    lines = tuple(fit_text(line, layout.line_size, width - indent, rows=3) for line in tile.lines)
    foot = fit_text(tile.foot, layout.line_size, width - indent, rows=1) if tile.foot else None
    height = len(title.rows) * leading(layout.title_size)
    height += (sum(len(one.rows) for one in lines) + bool(foot)) * leading(layout.line_size)
    small, beside = layout.line_size, layout.inset_words
    insets = tuple(
        (fit_text(inset.title, small, beside, rows=2), fit_text(inset.line, small, beside, rows=1))
        for inset in tile.insets
    )
    return _Words(title, lines, insets, foot, height)


def _mark_room(layout: _Layout) -> int:
    return round(layout.title_size * 1.42)


def _heading_size(layout: _Layout) -> int:
    return 22 if layout.width < 700 else 28 if layout.width < 2400 else 40


def _fit_heading(texts: tuple[str | None, str | None], layout: _Layout) -> list[Lettering]:
    """Return the heading and the note, those that there are."""
    edge = layout.margin + layout.pad * (not layout.centred)
    size, width = _heading_size(layout), layout.width - 2 * edge
    sizes = (size, max(13, round(size * 0.68)))
    return [fit_text(t, s, width, rows=3) for t, s in zip(texts, sizes, strict=True) if t]


def _heading_room(texts: tuple[str | None, str | None], layout: _Layout) -> int:
    found = _fit_heading(texts, layout)
    return sum(len(one.rows) * leading(round(one.font.size)) for one in found) + (
        layout.gap if found else 0
    )


def _draw_page(
    rows: Sequence[Sequence[Tile]],
    words: Sequence[Sequence[_Words]],
    heights: Sequence[int],
    texts: tuple[str | None, str | None],
    layout: _Layout,
) -> Image.Image:
    top = layout.margin + _heading_room(texts, layout)
    size = (layout.width, top + sum(heights) - layout.gap + layout.margin)
    page = Image.new("RGB", size, GROUND)
    pen = ImageDraw.Draw(page)
    y = layout.margin
    for letters in _fit_heading(texts, layout):
        left = layout.margin + layout.pad * (not layout.centred)
        is_heading = round(letters.font.size) == _heading_size(layout)
        y = write(pen, letters, (left, y), INK if is_heading else QUIET, bold=is_heading)
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
    if tile is GAP:
        return
    left, top, height = place
    pen = ImageDraw.Draw(page)
    edge = TONES[tile.tone] if tile.tone in ("bad", "unsure") else EDGE
    page.paste(card(layout.card_width, height, layout.pad, edge), (left, top))
    x, y = left + layout.pad, top + layout.pad
    ink = TONES[tile.tone]
    indent = 0 if tile.tone == "plain" else _mark_room(layout)
    if layout.centred:
        written = [words.title, *words.lines, *filter(None, [words.foot])]
        longest = max(widest(letters) for letters in written)
        x += max(0, round((layout.tile - indent - longest) / 2))
    if tile.tone != "plain":
        sign = mark(tile.tone, layout.title_size)
        page.paste(sign, (x, y + round((leading(layout.title_size) - sign.height) / 2)))
    y = write(pen, words.title, (x + indent, y), INK, bold=True)
    for letters in words.lines:
        y = write(pen, letters, (x + indent, y), ink)
    if words.foot is not None:
        write(pen, words.foot, (x + indent, y), QUIET)
    x, y = left + layout.pad, top + height - layout.pad - layout.tile
    corners = rounded(layout.tile, layout.pad // 2)
    for picture in (tile.pixels, tile.second):
        if picture is not None:
            page.paste(fit_photo(look_at(picture), layout.tile), (x, y), corners)
            x += layout.tile + layout.pad
    _draw_insets(page, tile, words, (x + layout.pad, y), layout)


def _draw_insets(
    page: Image.Image, tile: Tile, words: _Words, place: tuple[int, int], layout: _Layout
) -> None:
    left, top = place
    pen, side = ImageDraw.Draw(page), layout.inset
    for inset, (title, line) in zip(tile.insets, words.insets, strict=True):
        page.paste(
            fit_photo(look_at(inset.pixels), side), (left, top), rounded(side, layout.pad // 3)
        )
        rows = len(title.rows) + bool(inset.line)
        y = top + max(0, (side - rows * leading(layout.line_size)) // 2)
        x = left + side + layout.pad
        y = write(pen, title, (x, y), INK)
        if inset.line:
            write(pen, line, (x, y), QUIET)
        top += side + layout.pad
