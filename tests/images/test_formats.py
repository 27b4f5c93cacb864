"""Which files we open, by name and by content."""

from __future__ import annotations

import builtins
import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from figsight.errors import PhotoError
from figsight.images import decode, is_picture_name
from figsight.images.formats import identify

if TYPE_CHECKING:
    from collections.abc import Mapping

HEIC_HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        *(f"a.{extension}" for extension in "jpg jpeg jpe png webp gif bmp tif tiff avif".split()),  # noqa: SIM905
        "a.heic",
        "a.heif",
        "A.JPG",
        "class 1/photo.of.me.Png",
        "./a.jpg",
        "../photos/a.jpg",
        "photos\\a.jpg",
        "/home/me/.cache/kagglehub/a.jpg",
        "C:\\Users\\me\\.cache\\a.jpg",
    ],
)
def test_is_picture_name__accepts_what_we_open(name: str) -> None:
    assert is_picture_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "a.psd",
        "jpg",
        ".jpg",
        "a.jpg.part",
        "a.",
        "",
        "._a.jpg",
        "figure/._a.jpg",
        ".thumbnails/a.jpg",
        "photos\\.hidden\\a.jpg",
        "__MACOSX/figure/a.jpg",
        "/home/me/__MACOSX/a.jpg",
        "/home/me/._a.jpg",
    ],
)
def test_is_picture_name__leaves_out_others_and_hidden_ones(name: str) -> None:
    assert not is_picture_name(name)


@pytest.mark.parametrize(
    "form", ["AVIF", "BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WebP"]
)
def test_identify__goes_by_content(form: str) -> None:
    data = encode(Image.new("RGB", (20, 10)), form)
    assert identify(data[:1024]) == {"MPO": "JPEG"}.get(form, form)


def test_identify__tells_avif_from_heic_by_all_their_brands() -> None:
    assert identify(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"
    assert identify(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf") == "HEIC"
    assert identify(b"\0\0\0\x18ftypisom\0\0\0\0isommp41") is None  # a video


@pytest.mark.parametrize("form", ["PCX", "TGA", "ICO", "SGI", "PDF", "JPEG2000"])
def test_decode__refuses_other_formats(form: str) -> None:
    data = encode(Image.new("RGB", (16, 16)), form)
    found = "text that begins '%PDF-1.4'" if form == "PDF" else "a file of another kind"
    with pytest.raises(PhotoError) as caught:
        decode(data, name="shelf/a.jpg")
    assert str(caught.value) == (
        "shelf/a.jpg: expected AVIF, BMP, GIF, HEIC, JPEG, PNG, PPM, TIFF or WebP, "
        f"found {found}; convert it to one of these"
    )


def test_decode__says_how_a_text_begins() -> None:
    with pytest.raises(PhotoError, match=r"found text that begins 'path,label'; convert it"):
        decode(b"path,label\n1.png,a\n", name="a.jpg")


def test_decode__names_a_web_page_saved_as_a_photo() -> None:
    with pytest.raises(PhotoError, match=r"found a web page or SVG; convert it to one of these$"):
        decode(b"\n<!DOCTYPE html><html></html>")


@pytest.mark.parametrize(
    "data",
    [
        b"P2\n2 1\n255\n0 255\n",  # plain text
        b"P6\n1 1\n100\nabc",  # an odd maximum
        b"P6\n#" + b"c" * 2000 + b"\n1 1\n255\nabc",  # a comment that never ends
        b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nENDHDR\nabc",
        b"Pf\n1 1\n-1.0\n\0\0\0\0",
    ],
)
def test_decode__refuses_ppms_that_python_would_have_to_decode(data: bytes) -> None:
    with pytest.raises(PhotoError, match="convert it to one of these"):
        decode(data)


def test_decode__reads_binary_ppm_with_comments() -> None:
    data = b"P6 # by hand\n# more\n2 1\n255\n\x01\x02\x03\xfa\xfb\xfc"
    np.testing.assert_array_equal(decode(data), [[[1, 2, 3], [250, 251, 252]]])


def test_decode__says_how_to_get_heic(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "pillow_heif":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(builtins, "__import__", absent)
    from figsight.images import formats

    formats._plugin.cache_clear()
    with pytest.raises(PhotoError) as caught:
        decode(HEIC_HEAD, name="IMG_1.HEIC")
    assert str(caught.value) == (
        "IMG_1.HEIC: HEIC needs an optional part: pip install 'figsight[heic]'"
    )


def test_decode__reads_heic_with_the_extra() -> None:
    heif = pytest.importorskip("pillow_heif")
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], np.uint8(90)), -1)
    stream = io.BytesIO()
    heif.from_pillow(Image.fromarray(pixels)).save(stream, quality=95, chroma=444)
    decoded = decode(stream.getvalue())
    assert np.abs(decoded.astype(int) - pixels).mean() < 3
    formats: Mapping[str, object] = Image.OPEN
    assert "HEIF" not in formats  # nothing was registered for the whole process
    with pytest.raises(PhotoError, match=r"^<bytes>: expected a sound HEIC, found a damaged one"):
        decode(HEIC_HEAD)
