"""Sheets of photos with words above them, maps of heat over a photo, and writing them to files.

Knows pixels, words, colours and picture files. Does not know models, labels or metrics: it is told
what to write above each photo. Photos are resized here for the eye only; no number that figsight
prints is measured on such pixels.

    text.py   which font draws a text, and how the text is broken to fit a width
    shapes.py colours, marks and cards
    tiles.py  a photo, its words, and what stands beside it
    sheet.py  tiles -> pages
    heat.py   a map of heat over a photo
    files.py  a picture -> a file, whole or not at all
"""

from __future__ import annotations

from figsight.drawing.files import check_picture, save_picture
from figsight.drawing.heat import overlay_heat, place_heat, scale_heat
from figsight.drawing.shapes import Tone
from figsight.drawing.sheet import PAGE_TILES, Pages, draw_sheets
from figsight.drawing.tiles import GAP, Inset, Picture, Tile

__all__ = [
    "GAP",
    "PAGE_TILES",
    "Inset",
    "Pages",
    "Picture",
    "Tile",
    "Tone",
    "check_picture",
    "draw_sheets",
    "overlay_heat",
    "place_heat",
    "save_picture",
    "scale_heat",
]
