"""``decode``: any picture -> upright sRGB pixels, or a typed error.

Knows the order of the steps: open, judge, decode, convert, turn. Each step has a module of its own.
Does not resize.

What is guaranteed: the same picture gives the same pixels whether it comes as a path, bytes, an
open image or an array (for a picture that needs no reduction, see ``limits``); a picture that can't
be decoded whole raises ``PhotoError`` and nothing else; no process-wide setting is changed, so any
number of threads may decode at once.

What is not: that a damaged file is noticed. JPEG and TIFF decoders fill in for bits that are wrong
but possible. And a program that sets ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` gets what it asks for,
here too.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from figsight.errors import PhotoError, PhotoTooLargeError, letting_go
from figsight.images import limits, streams
from figsight.images.colour import is_srgb, srgb_converter
from figsight.images.fitting import fit, fit_image
from figsight.images.formats import (
    ACCEPTED,
    HEAD_BYTES,
    PILLOW_FORMATS,
    Format,
    call_text,
    identify,
    open_image,
    refuse_plain_ppm,
)
from figsight.images.orientation import BACKWARDS, SIDEWAYS, TRANSPOSES, read_orientation
from figsight.images.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from figsight.images.fitting import InputSpec

    Source = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]
    # A loaded picture, what errors call it, and whether it is turned already -> the result.
    Finish = Callable[[Image.Image, str, bool], NDArray[np.uint8]]
else:
    Source = str | os.PathLike | bytes | Image.Image | np.ndarray

_BAND_PIXELS = 1 << 18  # converted at a time: what the processor's cache holds


@letting_go
def decode(source: Source, *, name: str | None = None) -> NDArray[np.uint8]:
    """Decode a picture to upright sRGB pixels.

    Files: AVIF, BMP, GIF, JPEG, PNG, PPM (binary), TIFF and WebP, and HEIC with the extra ``heic``;
    known by their first bytes, whatever their name. Of several frames or pages the first. Turned
    by their orientation tag, converted from any colours to sRGB by their ICC profile, laid on
    white where they are transparent.

    An open image goes through the same steps. It is loaded if it was not yet, and otherwise neither
    changed nor closed; one of another format must have been loaded. An array is taken for sRGB; it
    may be grey [H, W] or [H, W, 1], RGB [H, W, 3] or RGB with alpha [H, W, 4].

    Args:
        source: A path, the bytes of a file, an open image, or an array of dtype uint8.
        name: What errors call the picture; by default its path, or ``<bytes>`` and the like.

    Returns:
        Pixels of shape [height, width, 3], dtype uint8, C-contiguous, sRGB 0..255. Never a view of
        an array that was given.

    Raises:
        PhotoTooLargeError: It would take more memory than we allow (see ``limits``).
        PhotoError: It is missing, not a picture, of a format that we don't open, or damaged.
    """
    return _decode(source, name, _to_pixels)


@letting_go
def open_photo(source: Source, spec: InputSpec, name: str | None = None) -> NDArray[np.uint8]:
    """Decode a picture and bring it to the size of ``spec``: ``fit(decode(source), spec)``.

    Returns:
        Pixels of shape [spec.height, spec.width, 3], dtype uint8, sRGB 0..255.

    Raises:
        PhotoError: As ``decode``.
    """

    def finish(image: Image.Image, label: str, upright: bool) -> NDArray[np.uint8]:
        # Most photos stand upright in sRGB: they need not leave Pillow and come back, which takes
        # a third of the time of decoding them.
        if is_srgb(image) and (upright or read_orientation(image.info) == 1):
            return fit_image(image, spec)
        return fit(_to_pixels(image, label, upright), spec)

    if isinstance(source, np.ndarray):
        return fit(decode(source, name=name), spec)
    return _decode(source, name, finish)


def _decode(source: Source, name: str | None, finish: Finish) -> NDArray[np.uint8]:
    """Decode a picture, and make of it what ``finish`` makes."""
    label = name if name is not None else _describe(source)
    with quiet():
        if isinstance(source, np.ndarray):
            return _decode_array(source, label)
        if isinstance(source, Image.Image):
            return _decode_image(source, label, finish)
        if not isinstance(source, str | bytes | os.PathLike):
            raise PhotoError(
                label,
                f"expected a path, bytes, an image or an array, found {type(source).__name__}; "
                "read it first",
            )
        with streams.open_stream(source, label) as stream:
            return _decode_stream(stream, label, finish)


def _describe(source: Source) -> str:
    if isinstance(source, bytes):
        return "<bytes>"
    if isinstance(source, np.ndarray):
        return "<array>"
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "") or "<image>")
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else "<source>"


@contextmanager
def _codec_errors(label: str, what: str) -> Iterator[None]:
    """Turn whatever Pillow and its libraries raise into ``PhotoError``.

    Only their calls belong inside. They meet bytes that nobody has vetted, and raise anything from
    ``OSError`` to ``AssertionError`` and ``UnicodeDecodeError`` on them.
    """
    try:
        yield
    except PhotoError:
        raise
    except streams.FailedReadError as error:
        raise streams.refuse_unread(label, error) from error
    except limits.TooLargeError as error:
        raise PhotoTooLargeError(label, str(error)) from None
    except (Image.DecompressionBombError, MemoryError) as error:
        found = " ".join(str(error).split())[:160] or "one that does not"
        reason = f"expected {what} that fits in memory, found {found}; make it smaller"
        raise PhotoTooLargeError(label, reason) from error
    except Exception as error:
        found = " ".join(str(error).split())[:160] or type(error).__name__
        reason = f"expected a sound {what}, found a damaged one ({found}); get the original again"
        raise PhotoError(label, reason) from error


def _decode_stream(
    stream: streams.PhotoBytes | streams.PhotoFile, label: str, finish: Finish
) -> NDArray[np.uint8]:
    """Decode a picture file."""
    with streams.reading(label):
        head = stream.read(HEAD_BYTES)
        size = streams.size_of(stream)
    what = identify(head)
    if what is None:
        if head[:4] == b"PK\x03\x04":
            raise PhotoError(
                label, "expected a picture, found a zip; unpack it, and name the folder"
            )
        found = "a web page or SVG" if head.lstrip()[:1] == b"<" else call_text(head)
        raise PhotoError(label, f"expected {ACCEPTED}, found {found}; convert it to one of these")
    with _codec_errors(label, what):
        limits.check_file(what, size)
    image = _open(stream, what, size, label)
    try:
        with _codec_errors(label, what):
            image.load()
            if hasattr(image, "private_chunks"):
                image.private_chunks.clear()  # a PNG may hide its weight in them
        # Pillow turns TIFFs while it loads them.
        return finish(image, label, what == "TIFF")
    finally:
        image.close()


def _open(
    stream: streams.PhotoBytes | streams.PhotoFile, what: Format, size: int, label: str
) -> Image.Image:
    """Read the header of a picture file and judge by it whether to decode it, and how large."""
    try:
        with _codec_errors(label, what):
            if what == "TIFF":
                limits.check_tiff_tags(stream)
            stream.seek(0)
            image = open_image(stream, what)
            if what == "JPEG":
                scale = limits.jpeg_reduction(image, stream)
                if scale > 1:
                    image.draft(None, (image.width // scale, image.height // scale))
            else:
                limits.check_memory(image, stream, size)
            refuse_plain_ppm(image)
            return image
    except PhotoError as error:
        if what == "HEIC" and isinstance(error.__cause__, ImportError):
            reason = "HEIC needs an optional part: pip install 'figsight[heic]'"
            raise PhotoError(label, reason) from error
        raise


def _decode_image(image: Image.Image, label: str, finish: Finish) -> NDArray[np.uint8]:
    """Decode an open image without changing it, beyond loading it."""
    if _is_pending(image) and image.format not in PILLOW_FORMATS:
        # Loading one may take any memory, or start another program (Ghostscript, for EPS).
        found = f"an image of the format {image.format} that is not loaded"
        raise PhotoError(label, f"expected {ACCEPTED}, found {found}; load() it if you trust it")
    try:
        with _codec_errors(label, image.format or "picture"):
            refuse_plain_ppm(image)
            whole = _file_of_large_jpeg(image)
            if whole is None:
                limits.check_memory(image, None, 0)
                image.load()
    except PhotoError as error:
        # "Operation on closed image", or "seek of closed file" where it was not loaded before.
        if isinstance(error.__cause__, ValueError) and "closed" in str(error.__cause__):
            reason = "expected an open image, found a closed one; decode it before it is closed"
            raise PhotoError(label, reason) from error.__cause__
        raise
    if whole is not None:
        with streams.PhotoBytes(whole) as stream:
            return _decode_stream(stream, label, finish)
    return finish(image, label, hasattr(image, "tag_v2"))


def _is_pending(image: Image.Image) -> bool:
    """Say whether an open image is a file's whose pixels are not decoded yet."""
    # Not every plugin has tiles before it loads, and not every one has a core image after it.
    return isinstance(image, ImageFile) and (
        bool(image.tile) or getattr(image, "_im", None) is None
    )


def _file_of_large_jpeg(image: Image.Image) -> bytes | None:
    """Return the file of a JPEG that is not loaded and may need reduction; ``None`` for others.

    ``draft`` would change an image that isn't ours, so such a one is opened once more.
    """
    file = getattr(image, "fp", None)
    pending = getattr(image, "tile", None) and not getattr(image, "decoderconfig", None)
    if image.format not in {"JPEG", "MPO"} or file is None or not pending or image.tell() > 0:
        return None
    if image.width * image.height <= limits.MAX_PIXELS and not image.info.get("progressive"):
        return None
    here = file.tell()
    file.seek(0)
    try:
        whole: bytes = file.read(limits.MAX_FILE_BYTES + 1)
    finally:
        file.seek(here)
    return whole


def _decode_array(array: NDArray[np.uint8], label: str) -> NDArray[np.uint8]:
    """Bring an array to [H, W, 3]."""
    shape = array.shape
    fits = array.ndim == 2 or (array.ndim == 3 and shape[2] in {1, 3, 4})
    if array.dtype != np.uint8 or not fits or array.size == 0:
        raise PhotoError(
            label,
            "expected an array of dtype uint8 and shape [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], "
            f"found {array.dtype} {list(shape)}; convert it (0..255, channels last, one picture)",
        )
    with _codec_errors(label, "array"):
        limits.check_size(shape[1], shape[0])
    if array.ndim == 3 and shape[2] == 4:
        return _to_pixels(Image.fromarray(np.ascontiguousarray(array)), label, True)
    planes = array if array.ndim == 3 else array[:, :, None]  # [H, W, 1 or 3]
    return np.array(np.broadcast_to(planes, (*shape[:2], 3)), order="C")


def _to_pixels(image: Image.Image, label: str, upright: bool) -> NDArray[np.uint8]:
    """Convert a loaded picture to sRGB and turn it, band by band.

    So the picture is held twice at most: as Pillow has it, and as we return it.

    Args:
        image: Loaded; not changed.
        label: What errors call it.
        upright: Its pixels are turned already, whatever its orientation says.
    """
    width, height = image.size
    rows = max(1, _BAND_PIXELS // width)
    orientation = 1 if upright else read_orientation(image.info)
    sideways, backwards = orientation in SIDEWAYS, orientation in BACKWARDS
    pixels = np.empty((width, height, 3) if sideways else (height, width, 3), np.uint8)
    by_rows = pixels.swapaxes(0, 1) if sideways else pixels  # first axis: rows of the file

    def bands() -> Iterator[Image.Image]:
        if rows >= height:
            yield image
            return
        for top in range(0, height, rows):
            yield image.crop((0, top, width, min(top + rows, height)))

    with _codec_errors(label, image.format or "picture"):
        convert = srgb_converter(image, bands)
        top = 0
        for band in bands():
            converted = convert(band)
            end = top + converted.height
            if orientation in TRANSPOSES:
                converted = converted.transpose(TRANSPOSES[orientation])
            values = np.asarray(converted)  # [h, W, 3], or [W, h, 3] if sideways
            where = slice(height - end, height - top) if backwards else slice(top, end)
            by_rows[where] = values.swapaxes(0, 1) if sideways else values
            top = end
    return pixels
