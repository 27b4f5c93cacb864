"""Writes a picture to a file, whole or not at all. Knows formats and files, not what is drawn."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

from PIL import Image

from figsight.errors import OutputError
from figsight.files import write_whole

# Lossless where the format can be: the sheets hold small text. 4:4:4 keeps coloured text sharp. An
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
_READ = 2**16  # bytes at either end of a file, where its EXIF lies


def check_picture(path: str | os.PathLike[str]) -> Path:
    """Return where a picture is to be written, before the work that it will show is begun.

    Raises:
        OutputError: The extension is none that is written, the folder is missing, or something else
            than a picture drawn by figsight is there: photos are easily named by mistake.
    """
    target = Path(path)
    try:
        is_folder = target.is_dir()
    except OSError as error:  # a name that is too long
        raise OutputError(
            f"{target}: expected a name for a file, found one that cannot be used "
            f"({error.strerror}); choose another"
        ) from error
    if not target.name or is_folder:
        raise OutputError(f"{target}: expected the name of a file, found a folder; add a file name")
    if target.suffix.lower() not in _FORMATS:
        found = repr(target.suffix) if target.suffix else "no extension"
        raise OutputError(
            f"{target}: expected a file ending in .png, .jpg, .jpeg or .webp, found {found}; "
            f"write for example {target.with_suffix('.png').name}"
        )
    if not target.parent.is_dir():
        raise OutputError(
            f"{target}: expected an existing folder {target.parent}, found none; make it first"
        )
    if not os.access(target.parent, os.W_OK):
        raise OutputError(
            f"{target}: expected a folder that can be written to, found {target.parent}; choose "
            "another"
        )
    if not _may_be_replaced(target):
        raise OutputError(
            f"{target}: expected no file, or a picture that figsight drew, found another; choose "
            "another name, or remove it first"
        )
    return target


def _may_be_replaced(target: Path) -> bool:
    """Say whether nothing is lost with a file: there is none, it is empty, or it was drawn here."""
    try:
        if not stat.S_ISREG(target.stat().st_mode):  # a pipe would wait for ever
            return False
        with target.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            ends = file.read(_READ)
            file.seek(max(0, size - _READ))
            ends += file.read(_READ)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return size == 0 or _MARK in ends


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
