"""How much memory and time a picture would take, judged by its header before it is decoded.

Knows what Pillow's decoders allocate. Does not decode.

The aim: no picture, however hostile, takes the process over 400 MB. A process that has loaded a
model holds some 120 MB, so a picture may take ``MAX_MEMORY_BYTES`` = 280 MB. The bytes per pixel
below were measured by decoding large pictures in fresh processes (``benchmarks/decode.py``); they
hold the decoder's own buffers, Pillow's pixels (4 bytes each) and our result (3 bytes).

A JPEG that is too large is decoded at a half, a quarter or an eighth of its size, which libjpeg
does without ever holding the whole: phones make JPEGs of 50 to 200 megapixels, and a network looks
at 224 x 224 of them. Other formats can't do that and are refused.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import BinaryIO

    from PIL import Image

MAX_MEMORY_BYTES = 280_000_000
MAX_PIXELS = 37_000_000  # 7 bytes each, and 20 MB for everything else
MAX_SIDE = 65_535  # the most that JPEG and GIF can say
MAX_FILE_BYTES = 128_000_000  # of formats that compress; the others are bounded by their pixels
MAX_HELD_BYTES = 256 * 2**20  # of those others, where they are not read from a file of ours
MAX_LOOPED_PIXELS = 4_000_000  # Pillow decodes run-length BMPs in a Python loop, 0.1 us a pixel
MAX_SCANS = 100  # of a progressive JPEG; each passes over the whole picture, cameras write ten
MAX_TAG_BYTES = 64_000_000  # of a TIFF, beside its pixels
MAX_TAG_NUMBERS = 300_000  # of one tag of a TIFF: each becomes a Python object

_PIXEL_BYTES = 7  # Pillow's 4 and our 3
_TURNED_BYTES = 8  # Pillow turns TIFFs upright itself, through a second copy of its 4
_CODED_BYTES = {  # at most, with the buffers of the codec: plain, and with alpha or over 8 bits
    "WEBP": (20, 20),
    "AVIF": (16, 20),  # Pillow does not say how deep an AVIF is
    "HEIF": (11, 20),
}
_HELD_WHOLE = frozenset({"AVIF", "HEIF", "WEBP"})  # their plugins read the file into memory
_HEADER_HELD = frozenset({"GIF", "JPEG", "MPO", "PNG"})  # theirs keep what comes before the pixels
_UNCOMPRESSED = frozenset({"BMP", "PPM", "TIFF"})
_MB = 1_000_000

_TYPE_BYTES = dict(enumerate((0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)))
_TEXT_TYPES = frozenset({1, 2, 6, 7})
_BITS, _COMPRESSION, _ORIENTATION, _ROWS_PER_STRIP = 258, 259, 274, 278
_TILE_WIDTH, _TILE_LENGTH = 322, 323


class TooLargeError(Exception):
    """A picture would take more than we allow; the text is the reason, without the path."""


def limit_held(what: str) -> int:
    """Return how many bytes a file of a format may have where all of it is in memory."""
    return MAX_HELD_BYTES if what in _UNCOMPRESSED else MAX_FILE_BYTES


def check_file(what: str, size: int) -> None:
    """Refuse a picture file by its size.

    Raises:
        TooLargeError: It is of a format that compresses, and more than ``MAX_FILE_BYTES``.
    """
    if size > MAX_FILE_BYTES and what not in _UNCOMPRESSED:
        raise TooLargeError(
            f"expected at most {MAX_FILE_BYTES // _MB} MB of {what}, found {size // _MB} MB; "
            "make it smaller"
        )


def check_size(width: int, height: int) -> None:
    """Refuse a picture by its number of pixels.

    Raises:
        TooLargeError: More than ``MAX_PIXELS`` pixels, or a side over ``MAX_SIDE``.
        ValueError: It has no pixels.
    """
    if not width * height:
        raise ValueError(f"no pixels: {width} x {height}")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise TooLargeError(
            f"expected at most {MAX_PIXELS // _MB} megapixels and {MAX_SIDE} pixels a side, found "
            f"{width} x {height} pixels; make it smaller, or save it as JPEG"
        )


def check_memory(image: Image.Image, stream: BinaryIO | None, stream_bytes: int) -> None:
    """Refuse a picture that its decoder would need too much memory or time for.

    Args:
        image: As its plugin opened it; its pixels are not decoded yet. Not a JPEG of ours: these
            go through ``jpeg_reduction``.
        stream: What it was opened from, standing where the plugin left it; ``None`` if unknown.
        stream_bytes: The size of the file.

    Raises:
        TooLargeError: It would take more than ``MAX_MEMORY_BYTES``.
    """
    width, height = image.size
    check_size(width, height)
    pixels = width * height
    needed = pixels * _PIXEL_BYTES
    if image.format in _CODED_BYTES:
        plain, rich = _CODED_BYTES[image.format]
        deep = image.info.get("bit_depth", 8) != 8  # pillow-heif's word
        needed = pixels * (rich if deep or image.mode.endswith(("A", "a")) else plain)
    elif image.format == "TIFF":
        needed = max(needed, pixels * _TURNED_BYTES) + _tiff_buffers(image, stream_bytes)
    elif _decoder_of(image) == "bmp_rle" and pixels > MAX_LOOPED_PIXELS:
        raise TooLargeError(
            f"expected at most {MAX_LOOPED_PIXELS // _MB} megapixels in a run-length BMP, found "
            f"{width} x {height} pixels; save it as PNG"
        )
    if image.format in _HELD_WHOLE:
        needed += stream_bytes
    elif image.format in _HEADER_HELD and stream is not None:
        needed += stream.tell()
    if needed > MAX_MEMORY_BYTES:
        raise _too_much(image, needed)


def jpeg_reduction(image: Image.Image, stream: BinaryIO) -> int:
    """Return by how much to reduce a JPEG while decoding it: 1 (not at all), 2, 4 or 8.

    A JPEG of several scans (a progressive one) is held as coefficients of the full size, two bytes
    a sample, however small it is decoded.

    Args:
        image: A JPEG as its plugin opened it.
        stream: What it was opened from, standing behind the header of its first scan.

    Raises:
        TooLargeError: An eighth is still too large, or it has more than ``MAX_SCANS`` scans.
    """
    pixels = image.width * image.height
    held = stream.tell()
    if _has_several_scans(image, stream):
        held += 2 * int(pixels * _samples_per_pixel(image))
        if _count_scans(stream) > MAX_SCANS:
            raise TooLargeError(
                f"expected at most {MAX_SCANS} scans in a progressive JPEG, found more; "
                "save it as a baseline JPEG"
            )
    for scale in (1, 2, 4, 8):
        reduced = -(-image.width // scale) * -(-image.height // scale)
        decoding, converting = held + 4 * reduced, stream.tell() + _PIXEL_BYTES * reduced
        if reduced <= MAX_PIXELS and max(decoding, converting) <= MAX_MEMORY_BYTES:
            return scale
    raise _too_much(image, max(held, pixels // 64 * _PIXEL_BYTES))


def check_tiff_tags(stream: BinaryIO) -> None:
    """Refuse a TIFF whose first directory would fill the memory, before Pillow reads it.

    Args:
        stream: The file, at any position; left at its beginning.

    Raises:
        TooLargeError: Its tags hold more than ``MAX_TAG_BYTES``, or ``MAX_TAG_NUMBERS`` in one.
    """
    stream.seek(0)
    head = stream.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in {b"+\0", b"\0+"}
    counter, entry = ("Q", "HHQQ") if big else ("H", "HHLL")
    try:
        (start,) = struct.unpack_from(order + ("Q" if big else "L"), head, 8 if big else 4)
        stream.seek(start)
        (entries,) = struct.unpack(order + counter, stream.read(struct.calcsize(order + counter)))
        size = struct.calcsize(order + entry)
        table = stream.read(min(entries, 65_535) * size)
    except (OSError, OverflowError, ValueError, struct.error):
        table, size = b"", 1  # no directory where there should be one: the plugin says so
    stream.seek(0, 2)
    file_bytes = stream.tell()
    stream.seek(0)
    total = 0
    for at in range(0, len(table) - size + 1, size):
        _, kind, count, offset = struct.unpack_from(order + entry, table, at)
        tag_bytes = _TYPE_BYTES.get(kind, 0) * count
        if tag_bytes + offset > file_bytes:
            continue  # corrupt: Pillow reads what there is, and drops it
        total += tag_bytes
        if total > MAX_TAG_BYTES or (kind not in _TEXT_TYPES and count > MAX_TAG_NUMBERS):
            raise TooLargeError(
                f"expected at most {MAX_TAG_BYTES // _MB} MB of tags in a TIFF, and "
                f"{MAX_TAG_NUMBERS:,} numbers in one, found more; save it without layers"
            )


def _tiff_buffers(image: Image.Image, file_bytes: int) -> int:
    """Return the bytes that libtiff takes for one strip or tile, and for what it reads of the file.

    Pillow reads uncompressed TIFFs itself, row by row.
    """
    tags: Any = getattr(image, "tag_v2", {})
    if _decoder_of(image) != "libtiff":
        return 0
    bits = tags.get(_BITS, (1,))
    sample_bits = sum(bits) if isinstance(bits, tuple) else int(bits)
    if _TILE_WIDTH in tags and _TILE_LENGTH in tags:
        width, rows = int(tags[_TILE_WIDTH]), int(tags[_TILE_LENGTH])
    else:
        width, rows = image.width, min(int(tags.get(_ROWS_PER_STRIP, image.height)), image.height)
        if tags.get(_ORIENTATION, 1) in {5, 6, 7, 8}:  # image.size is that of the upright picture
            width, rows = (
                image.height,
                min(int(tags.get(_ROWS_PER_STRIP, image.width)), image.width),
            )
    # A codec may hold a strip of 8-bit RGBA on its way, whatever the samples are.
    return width * rows * max(sample_bits // 8, 4) + file_bytes


def _has_several_scans(image: Image.Image, stream: BinaryIO) -> bool:
    """Say whether the first scan of a JPEG leaves out a component, or is one of many."""
    if image.info.get("progressive"):
        return True
    components = len(getattr(image, "layer", ()))
    header_bytes = 8 + 2 * components  # FF DA, a length that counts itself, N, 2 N bytes, 3 bytes
    here = stream.tell()
    stream.seek(max(0, here - header_bytes))
    header = stream.read(header_bytes)
    stream.seek(here)
    return header[:2] != b"\xff\xda" or header[4:5] != bytes([components])


def _samples_per_pixel(image: Image.Image) -> float:
    """Return how many samples a JPEG stores for a pixel: 1 for grey, 1.5 for 4:2:0, 3 for 4:4:4."""
    areas: list[int] = [
        max(1, layer[1]) * max(1, layer[2]) for layer in getattr(image, "layer", ())
    ]
    return sum(areas) / max(areas, default=1)


def _count_scans(stream: BinaryIO) -> int:
    """Count the scans from here to the end of the picture, leaving the stream where it was."""
    here = stream.tell()
    scans, tail = 1, b""
    while block := stream.read(1 << 20):
        block = tail + block
        end = block.find(b"\xff\xd9")
        scans += block.count(b"\xff\xda", 0, end if end >= 0 else len(block))
        if end >= 0:
            break
        tail = block[-1:]
    stream.seek(here)
    return scans


def _decoder_of(image: Image.Image) -> str:
    """Return the name of Pillow's decoder for a picture that is not loaded; empty if unknown."""
    tiles = getattr(image, "tile", ())
    return str(tiles[0][0]) if tiles else ""


def _too_much(image: Image.Image, needed: int) -> TooLargeError:
    return TooLargeError(
        f"expected a picture that takes at most {MAX_MEMORY_BYTES // _MB} MB to decode, found "
        f"{image.width} x {image.height} pixels as {image.format}, about {needed // _MB:,} MB; "
        "make it smaller, or save it as a baseline JPEG"
    )
