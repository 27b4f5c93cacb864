"""Writes a picture to a file, whole or not at all. Knows formats and files, not what is drawn."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figsight.errors import OutputError
from figsight.files import write_whole

if TYPE_CHECKING:
    import os

    from PIL import Image

# Lossless where the format can be: the sheets hold small text. 4:4:4 keeps coloured text sharp.
_FORMATS: dict[str, tuple[str, int, dict[str, Any]]] = {
    ".png": ("PNG", 2**31 - 1, {"compress_level": 6}),
    ".jpg": ("JPEG", 65_500, {"quality": 90, "subsampling": 0, "optimize": True}),
    ".jpeg": ("JPEG", 65_500, {"quality": 90, "subsampling": 0, "optimize": True}),
    ".webp": ("WEBP", 16_383, {"quality": 90, "method": 4}),
}


def save_picture(image: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write a picture as PNG, JPEG or WebP, as the file's extension says.

    It is written beside its place and then moved there, so that a file of this name is never half
    a picture, and an older one stays whole when writing fails.

    Args:
        image: The picture; a mode that the format cannot hold is converted to RGB.
        path: Where to; an existing file is replaced.

    Raises:
        OutputError: The extension is another, the folder is missing, the picture is larger than
            the format allows, or the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in _FORMATS:
        found = repr(target.suffix) if target.suffix else "no extension"
        raise OutputError(
            f"{target}: expected a file ending in .png, .jpg, .jpeg or .webp, found {found}; "
            f"write for example {target.with_suffix('.png').name}"
        )
    name, longest, options = _FORMATS[target.suffix.lower()]
    if not target.parent.is_dir():
        raise OutputError(
            f"{target}: expected an existing folder {target.parent}, found none; make it first"
        )
    if target.is_dir():
        raise OutputError(f"{target}: expected the name of a file, found a folder; add a file name")
    if max(image.size) > longest:
        raise OutputError(
            f"{target}: expected at most {longest} pixels a side for {name}, "
            f"found {image.width} x {image.height}; write a .png"
        )
    picture = image if image.mode in ("RGB", "L") else image.convert("RGB")
    stream = io.BytesIO()
    picture.save(stream, format=name, **options)
    write_whole({target: stream.getvalue()})
