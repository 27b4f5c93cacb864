"""Writes a picture to a file, whole or not at all. Knows formats and files, not what is drawn."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image

from figsight.errors import OutputError
from figsight.files import check_output, write_whole

if TYPE_CHECKING:
    import os
    from pathlib import Path

# The sheets hold small text: 4:4:4 keeps it sharp in a JPEG where it is coloured. Nothing is lost in
# a PNG only: a lossless WebP of 72 photos takes 2.5 MB and 6 seconds, this one 0.4 MB and one. An
# optimised JPEG must fit into a buffer that Pillow guesses, and noise does not.
_FORMATS: dict[str, tuple[str, int, dict[str, Any]]] = {
    ".png": ("PNG", 2**31 - 1, {"compress_level": 6}),
    ".jpg": ("JPEG", 65_500, {"quality": 90, "subsampling": 0}),
    ".jpeg": ("JPEG", 65_500, {"quality": 90, "subsampling": 0}),
    ".webp": ("WEBP", 16_383, {"quality": 90, "method": 4}),
}
# In the EXIF of what is drawn here, as its software: it may be drawn again, other pictures may not.
_MARK = b"drawn by figsight"
_SOFTWARE = 0x0131


def check_picture(path: str | os.PathLike[str]) -> Path:
    """Return where a picture is to be written, before the work that it will show is begun.

    Raises:
        OutputError: The extension is none that is written, the folder is missing, or something else
            than a picture drawn by figsight is there: photos are easily named by mistake.
    """
    return check_output(path, list(_FORMATS), _is_ours, "a picture that figsight drew")


def _is_ours(ends: bytes) -> bool:
    return _MARK in ends


def save_picture(image: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write a picture as PNG, JPEG or WebP, as the file's extension says.

    It is written beside its place and then moved there, so that a file of this name is never half
    a picture, and an older one stays whole when writing fails.

    Args:
        image: The picture; a mode that the format cannot hold is converted to RGB.
        path: Where to; a picture that was drawn before is replaced.

    Raises:
        OutputError: As ``check_picture``; or the picture is larger than the format allows, or the file
            cannot be written.
    """
    target = check_picture(path)
    name, longest, options = _FORMATS[target.suffix.lower()]
    if max(image.size) > longest:
        raise OutputError(
            f"{target}: expected at most {longest} pixels a side for {name}, "
            f"found {image.width} x {image.height}; write a .png"
        )
    picture = image if image.mode in ("RGB", "L") else image.convert("RGB")
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[_SOFTWARE] = _MARK.decode()
    picture.save(stream, format=name, exif=exif, **options)
    write_whole({target: stream.getvalue()})
