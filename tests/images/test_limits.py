"""No picture takes more memory or time than we allow."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from figsight.errors import PhotoError, PhotoTooLargeError
from figsight.images import decode, limits

if TYPE_CHECKING:
    from pathlib import Path


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def noise(width: int, height: int) -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + body + struct.pack(">L", zlib.crc32(body))
    body = b"IDAT" + zlib.compress(bytes(100))
    return data + struct.pack(">L", len(body) - 4) + body + struct.pack(">L", zlib.crc32(body))


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrink the limits a thousandfold, so that small pictures are too large."""
    monkeypatch.setattr(limits, "MAX_PIXELS", 37_000)
    monkeypatch.setattr(limits, "MAX_MEMORY_BYTES", 280_000)


def test_decode__refuses_a_bomb_by_its_header() -> None:
    with pytest.raises(PhotoTooLargeError) as caught:
        decode(png_header(60_000, 60_000), name="bomb.png")
    assert str(caught.value) == (
        "bomb.png: expected at most 37 megapixels and 65535 pixels a side, "
        "found 60000 x 60000 pixels; make it smaller, or save it as JPEG"
    )
    with pytest.raises(PhotoTooLargeError, match="found 70000 x 1 pixels"):
        decode(png_header(70_000, 1))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WebP", "AVIF", "PPM"])
@pytest.mark.usefixtures("small_limits")
def test_decode__refuses_too_many_pixels(form: str) -> None:
    data = encode(noise(240, 160), form)
    with pytest.raises(PhotoTooLargeError, match="found 240 x 160 pixels"):
        decode(data)
    with pytest.raises(PhotoTooLargeError, match="found 240 x 160 pixels"):
        decode(Image.open(io.BytesIO(data)))
    with pytest.raises(PhotoTooLargeError, match="found 240 x 160 pixels"):
        decode(np.asarray(noise(240, 160)))


@pytest.mark.parametrize("form", ["WebP", "AVIF"])
@pytest.mark.usefixtures("small_limits")
def test_decode__refuses_costly_formats_sooner(form: str) -> None:
    image = noise(180, 160)
    assert decode(encode(image, "PNG")).shape == (160, 180, 3)
    with pytest.raises(PhotoTooLargeError) as caught:
        decode(encode(image, form))
    assert caught.value.reason.startswith(
        "expected a picture that takes at most 0 MB to decode, "
        f"found 180 x 160 pixels as {form.upper()}, about 0 MB; make it smaller"
    )


@pytest.mark.usefixtures("small_limits")
def test_decode__refuses_a_tiff_of_one_large_strip() -> None:
    image = noise(160, 150)
    decode(encode(image, "TIFF", compression="tiff_deflate", strip_size=8192))
    data = encode(image, "TIFF", compression="tiff_deflate", strip_size=10**9)
    with pytest.raises(PhotoTooLargeError, match="as TIFF"):
        decode(data)


def test_decode__refuses_a_tiff_of_a_giant_tile() -> None:
    stream = io.BytesIO()
    tags = {
        256: 8,
        257: 8,
        258: 8,
        259: 8,
        262: 1,
        277: 1,
        322: 60_000,
        323: 60_000,
        324: 300,
        325: 9,
    }
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in tags.items())
    stream.write(b"II*\0" + struct.pack("<LH", 8, len(tags)) + entries + bytes(4))
    with pytest.raises(PhotoTooLargeError, match="found 8 x 8 pixels as TIFF, about 14,4"):
        decode(stream.getvalue().ljust(400, b"\0"))


def test_decode__refuses_a_tiff_of_many_tags() -> None:
    shared = 1_000_000  # one block of the file that hundreds of tags claim
    entries = b"".join(struct.pack("<HHLL", 40_000 + i, 7, shared, 5_000) for i in range(300))
    data = b"II*\0" + struct.pack("<LH", 8, 300) + entries + bytes(4)
    with pytest.raises(PhotoTooLargeError) as caught:
        decode(data.ljust(shared + 6_000, b"\0"))
    assert caught.value.reason == (
        "expected at most 64 MB of tags in a TIFF, and 300,000 numbers in one, found more; "
        "save it without layers"
    )


@pytest.mark.parametrize(("times", "reduced"), [(1, 1), (2, 2), (6, 4), (50, 8)])
@pytest.mark.usefixtures("small_limits")
def test_decode__reduces_a_large_jpeg(times: int, reduced: int) -> None:
    width = round((36_000 * times * 4 / 3) ** 0.5) // 8 * 8
    image = noise(width, width * 3 // 4)
    data = encode(image, "JPEG", quality=95)
    size = -(-image.width // reduced), -(-image.height // reduced)
    pixels = decode(data)
    assert pixels.shape == (size[1], size[0], 3)
    wanted = np.asarray(image.resize(size, Image.Resampling.BOX)).astype(int)
    assert np.abs(pixels - wanted).mean() < 2
    lazy = Image.open(io.BytesIO(data))
    np.testing.assert_array_equal(decode(lazy), pixels)
    assert lazy.size == image.size  # as it was


@pytest.mark.usefixtures("small_limits")
def test_decode__refuses_a_jpeg_that_is_too_large_at_an_eighth() -> None:
    with pytest.raises(PhotoTooLargeError, match="found 1920 x 1920 pixels as JPEG"):
        decode(encode(noise(1920, 1920), "JPEG"))


@pytest.mark.usefixtures("small_limits")
def test_decode__counts_the_coefficients_of_a_progressive_jpeg() -> None:
    # 400 x 300 at 4:4:4: 720,000 bytes of coefficients, however small it is decoded.
    with pytest.raises(PhotoTooLargeError, match="found 400 x 300 pixels as JPEG"):
        decode(encode(noise(400, 300), "JPEG", progressive=True, subsampling=0))
    assert decode(encode(noise(240, 180), "JPEG", subsampling=0)).shape == (90, 120, 3)
    # 200 x 160 at 4:2:0: 96,000 bytes of them, and room for the pixels.
    assert decode(encode(noise(200, 160), "JPEG", progressive=True)).shape == (160, 200, 3)


def test_decode__refuses_a_jpeg_of_many_scans() -> None:
    data = encode(noise(64, 64), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    scan = data[at:-2]
    assert decode(data[:-2] + scan * 5 + data[-2:]).shape == (64, 64, 3)
    with pytest.raises(PhotoTooLargeError) as caught:
        decode(data[:-2] + scan * 200 + data[-2:])
    assert caught.value.reason == (
        "expected at most 100 scans in a progressive JPEG, found more; save it as a baseline JPEG"
    )


def test_decode__reads_progressive_jpegs_without_reduction() -> None:
    image = noise(640, 480)
    assert decode(encode(image, "JPEG", progressive=True)).shape == (480, 640, 3)


def test_decode__refuses_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 2_000_000)
    path = tmp_path / "a.png"
    path.write_bytes(png_header(8, 8) + bytes(3_000_000))
    with pytest.raises(PhotoTooLargeError) as caught:
        decode(path)
    assert caught.value.reason == "expected at most 2 MB of PNG, found 3 MB; make it smaller"


def test_decode__stops_a_header_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    from figsight.images import streams

    monkeypatch.setattr(streams, "MAX_READS", 10_000)
    data = encode(noise(8, 8), "JPEG")
    assert decode(data).shape == (8, 8, 3)
    with pytest.raises(PhotoError) as caught:
        decode(data[:20] + bytes(50_000) + data[20:])  # junk, skipped byte by byte
    assert caught.value.reason == (
        "expected a sound JPEG, found a damaged one (its header needs more than 10,000 reads); "
        "get the original again"
    )


def test_decode__refuses_text_bombs() -> None:
    text = PngImagePlugin.PngInfo()
    text.add(b"zTXt", b"comment\0\0" + zlib.compress(bytes(2_000_000)))
    with pytest.raises(PhotoError, match="Decompressed data too large"):
        decode(encode(noise(8, 8), "PNG", pnginfo=text))


def test_decode__refuses_run_length_bmps_that_python_would_decode_for_ever() -> None:
    head = struct.pack("<LLLHHLLLLLL", 40, 3000, 2000, 1, 8, 1, 0, 0, 0, 0, 0)
    data = b"BM" + struct.pack("<LLL", 0, 0, 14 + 40 + 1024) + head + bytes(1024) + b"\0\1"
    with pytest.raises(PhotoTooLargeError) as caught:
        decode(data)
    assert caught.value.reason == (
        "expected at most 4 megapixels in a run-length BMP, found 3000 x 2000 pixels; "
        "save it as PNG"
    )
