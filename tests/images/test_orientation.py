"""Pictures are upright, whichever way the camera was held."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from figsight.images import decode
from figsight.images.orientation import read_orientation

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What each orientation asks for (EXIF 2.32, 4.6.4 A), in numpy's words.
TURNS: dict[int, Any] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: np.rot90,
}
SAVING: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "WebP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "TIFF": {},
}


def blocks(height: int = 48, width: int = 80) -> Image.Image:
    """Return four flat colours, so that lossy formats keep them."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (200, 30, 30)
    pixels[: height // 2, width // 2 :] = (30, 200, 30)
    pixels[height // 2 :, : width // 2] = (30, 30, 200)
    return Image.fromarray(pixels)


def exif(orientation: int, order: str = ">", kind: int = 3) -> bytes:
    head = b"MM\0*" if order == ">" else b"II*\0"
    value = {1: "B3x", 3: "H2x", 4: "L"}[kind]
    entry = struct.pack(order + "HHL" + value, 0x0112, kind, 1, orientation)
    return b"Exif\0\0" + head + struct.pack(order + "LH", 8, 1) + entry + bytes(4)


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", SAVING)
def test_decode__turns_upright(form: str, orientation: int) -> None:
    image = blocks()
    tag: dict[str, Any] = {"exif": exif(orientation)}
    if form == "TIFF":
        tag = {"tiffinfo": {0x0112: orientation}}
    decoded = decode(encode(image, form, **SAVING[form], **tag))
    wanted = TURNS[orientation](np.asarray(image))
    assert decoded.shape == wanted.shape
    # Chroma may bleed over the edges of the blocks in lossy formats.
    assert np.median(np.abs(decoded.astype(int) - wanted)) <= 2
    assert np.mean(np.abs(decoded.astype(int) - wanted)) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode__turns_large_pictures_band_by_band(orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (520, 600, 3), dtype=np.uint8)
    decoded = decode(
        encode(Image.fromarray(pixels), "PNG", exif=exif(orientation), compress_level=0)
    )
    np.testing.assert_array_equal(decoded, TURNS[orientation](pixels))
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize("compression", ["raw", "tiff_deflate"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_decode__turns_an_open_tiff_once(orientation: int, compression: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    data = encode(
        Image.fromarray(pixels), "TIFF", compression=compression, tiffinfo={0x0112: orientation}
    )
    loaded = Image.open(io.BytesIO(data))
    loaded.load()
    for source in (data, Image.open(io.BytesIO(data)), loaded):
        np.testing.assert_array_equal(decode(source), TURNS[orientation](pixels))


def test_decode__obeys_xmp_when_exif_is_silent() -> None:
    image = blocks()
    xmp = PngImagePlugin.PngInfo()
    xmp.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    wanted = TURNS[6](np.asarray(image))
    np.testing.assert_array_equal(decode(encode(image, "PNG", pnginfo=xmp)), wanted)
    both = encode(image, "PNG", pnginfo=xmp, exif=exif(3))
    np.testing.assert_array_equal(decode(both), TURNS[3](np.asarray(image)))


def test_decode__turns_by_exif_kept_as_text() -> None:
    image, block = blocks(), exif(8)
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n")
    decoded = decode(encode(image, "PNG", pnginfo=text))
    np.testing.assert_array_equal(decoded, TURNS[8](np.asarray(image)))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_read_orientation__reads_either_byte_order_and_any_whole_type(
    order: str, kind: int
) -> None:
    assert read_orientation({"exif": exif(7, order, kind)}) == 7


@pytest.mark.parametrize("stated", [0, 9, 255])
def test_read_orientation__takes_nonsense_for_upright(stated: int) -> None:
    assert read_orientation({"exif": exif(stated)}) == 1


@QUICK
@given(st.binary(max_size=60), st.integers(0, 70))
def test_read_orientation__survives_any_bytes(junk: bytes, cut: int) -> None:
    assert 1 <= read_orientation({"exif": junk}) <= 8
    assert 1 <= read_orientation({"exif": (exif(6) + junk)[:cut]}) <= 8
    assert 1 <= read_orientation({"exif": b"MM\0*" + junk, "xmp": junk}) <= 8
    assert read_orientation({"Raw profile type exif": junk.decode("latin-1")}) >= 1
