"""Which way is up: the orientation that a camera wrote beside its pixels.

Knows where EXIF and XMP keep it and how to apply it. Does not decode pixels.

EXIF is read here rather than by Pillow, because only one tag of it matters: a corrupt or hostile
EXIF block costs nothing and hinders nobody.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

from PIL.Image import Transpose

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG = 0x0112
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')

# Orientation -> what makes the picture upright (EXIF 2.32, 4.6.4 A).
TRANSPOSES: dict[int, Transpose] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
# Those that put the last row of the file first, and those that turn its rows into columns.
BACKWARDS = frozenset({3, 4, 6, 7})
SIDEWAYS = frozenset({5, 6, 7, 8})


def read_orientation(info: Mapping[str | tuple[int, int], Any]) -> int:
    """Return the orientation 1..8 that Pillow's ``info`` of a picture states; 1 if none is valid.

    EXIF wins; XMP counts when EXIF is silent. PNGs written by ImageMagick keep EXIF as text.
    """
    exif = info.get("exif")
    text = info.get("Raw profile type exif")
    if not isinstance(exif, bytes) and isinstance(text, str):
        exif = _bytes_of_raw_profile(text)
    stated = _orientation_of_exif(exif) if isinstance(exif, bytes) else None
    if stated is None:
        stated = _orientation_of_xmp(info.get("XML:com.adobe.xmp") or info.get("xmp"))
    return stated if stated in TRANSPOSES else 1


def _bytes_of_raw_profile(text: str) -> bytes:
    """Decode ImageMagick's form: a line "exif", one with the length, then hexadecimal digits."""
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b""


def _orientation_of_exif(exif: bytes) -> int | None:
    """Find the orientation in the first directory of an EXIF block; ``None`` if it has none."""
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return None
    (start,) = struct.unpack_from(order + "L", exif, 4)
    if start + 2 > len(exif):
        return None
    (count,) = struct.unpack_from(order + "H", exif, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, _ = struct.unpack_from(order + "HHL", exif, at)
        if tag == _TAG:
            layout = {1: "B", 3: "H", 4: "L"}.get(kind)  # the standard says 3, some write 1 or 4
            return struct.unpack_from(order + layout, exif, at + 8)[0] if layout else None
    return None


def _orientation_of_xmp(xmp: object) -> int | None:
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    match = _XMP.search(xmp) if isinstance(xmp, bytes) else None
    return int(match[1]) if match else None
