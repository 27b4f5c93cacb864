"""Which picture files we open: their signatures, their names, and one Pillow plugin for each.

Knows how a file begins and which plugin reads it. Does not judge sizes, decode pixels or convert.

The list is short on purpose. Every parser is an attack surface, and Pillow knows some forty formats
of which photographs use ten. A file is identified by its first bytes alone, whatever its name says,
and handed to that one plugin. ``Image.open`` is not used: it refuses from the header what we can
read reduced (JPEGs of 200 megapixels), and it parses EXIF, which is of no use to us.

Left out: JPEG 2000 (its decoder takes 40 bytes a pixel), PPM with plain text or odd maxima (decoded
by Python loops, which a hostile file keeps busy for minutes), PSD, EPS, ICO and the rest.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import TYPE_CHECKING, Literal

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from figsight.images.orientation import read_orientation

if TYPE_CHECKING:
    from typing import BinaryIO

    from PIL.ImageFile import ImageFile

Format = Literal["AVIF", "BMP", "GIF", "HEIC", "JPEG", "PNG", "PPM", "TIFF", "WebP"]

ACCEPTED = "AVIF, BMP, GIF, HEIC, JPEG, PNG, PPM, TIFF or WebP"
HEAD_BYTES = 1024
# The same in Pillow's words, of images that somebody else has opened.
PILLOW_FORMATS = frozenset(
    {"AVIF", "BMP", "GIF", "HEIF", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP"}
)

_EXTENSIONS = frozenset(
    {"apng", "avif", "bmp", "dib", "gif", "heic", "heif", "jfif", "jpe", "jpeg", "jpg", "mpo"}
    | {"pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff", "webp"}
)
_SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
# Binary PPM: the header must end within the bytes we look at.
_GAP = rb"(?:[\s]|#[^\r\n]*[\r\n])+"
_PPM = re.compile(rb"P(?:4(?:%b\d+){2}|[56](?:%b\d+){2}%b(?:255|65535))\s" % ((_GAP,) * 3))
_ORIENTATION = 0x0112  # TIFF's tag
_PLUGINS: dict[Format, tuple[str, str]] = {
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "HEIC": ("pillow_heif", "HeifImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "PPM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
}


def is_picture_name(name: str) -> bool:
    r"""Say whether a file name is that of a picture that we open, going by its extension.

    Hidden files and folders (``.DS_Store``, ``._photo.jpg``, ``.thumbnails/a.jpg``) and what macOS
    adds to zips (``__MACOSX/``) do not count. Of an absolute path only the last part is judged:
    where somebody keeps a set of photos, in ``~/.cache`` perhaps, says nothing about the set.

    Args:
        name: A name or path, with ``/`` or ``\`` between its parts.
    """
    parts = name.replace("\\", "/").split("/")
    ours = parts[-1:] if name.startswith(("/", "\\")) or name[1:2] == ":" else parts
    if any(part.startswith(".") and part not in {".", ".."} for part in ours):
        return False
    stem, dot, extension = parts[-1].rpartition(".")
    return bool(stem and dot) and "__MACOSX" not in parts and extension.lower() in _EXTENSIONS


def identify(head: bytes) -> Format | None:
    """Return the format that a file's first ``HEAD_BYTES`` bytes announce; ``None`` if not ours."""
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        size = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}
        # AVIF first: both families share the brand mif1.
        return "AVIF" if brands & _AVIF_BRANDS else "HEIC" if brands & _HEIC_BRANDS else None
    return "PPM" if _PPM.match(head) else None


def open_image(stream: BinaryIO, name: Format) -> ImageFile:
    """Read the header of a picture; its pixels are decoded when it is loaded.

    Raises:
        ImportError: The format needs a package that is not installed (HEIC).
        Exception: Whatever the plugin raises on bytes that it can't read.
    """
    return _plugin(name)(stream)


def refuse_plain_ppm(image: Image.Image) -> None:
    """Refuse a PPM, not loaded yet, that Pillow would decode in a Python loop; others pass.

    Raises:
        ValueError: It is one.
    """
    tiles = getattr(image, "tile", None)
    if image.format == "PPM" and tiles and tiles[0][0] != "raw":
        raise ValueError("a form of PPM that we don't read; save it as PNG")


@cache
def _plugin(name: Format) -> type[ImageFile]:
    if name == "JPEG":
        return QuickJpeg
    if name == "TIFF":
        return _quick_tiff()
    module, class_name = _PLUGINS[name]
    plugin: type[ImageFile] = getattr(importlib.import_module(module), class_name)
    return plugin


class QuickJpeg(JpegImageFile):
    """Pillow's JPEG without EXIF, which it would parse in search of the print resolution.

    Of an MPO (several JPEGs in one file, as phones write them) this reads the main picture.
    """

    def getexif(self) -> Image.Exif:
        """Return none."""
        return Image.Exif()


def _quick_tiff() -> type[ImageFile]:
    from PIL.TiffImagePlugin import TiffImageFile

    class QuickTiff(TiffImageFile):
        """Pillow's TIFF, which turns itself upright while it loads, by the one tag that matters."""

        def getexif(self) -> Image.Exif:
            exif = Image.Exif()
            stated = self.tag_v2.get(_ORIENTATION)
            exif[_ORIENTATION] = stated if stated is not None else read_orientation(self.info)
            return exif

    return QuickTiff


def call_text(head: bytes) -> str:
    """Say what a file is that begins so and is no picture, as far as people can read it."""
    words = head[:20].split(b"\n")[0].strip()
    if words.isascii() and words.decode("ascii").isprintable() and words:
        return f"text that begins '{words.decode('ascii')}'"
    return "a file of another kind"
