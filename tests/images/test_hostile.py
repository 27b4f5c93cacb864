"""Whatever the bytes, decoding ends with pixels or with a typed error."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from figsight.errors import PhotoError
from figsight.images import decode

if TYPE_CHECKING:
    from pathlib import Path

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FORMS = ["AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WebP", "LZW", "APNG", "progressive"]


@cache
def picture(form: str) -> bytes:
    """Return a small picture file with everything around it that is parsed: EXIF and a profile."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description that does not fit into four bytes"
    options: dict[str, Any] = {"exif": exif} if form not in {"BMP", "GIF", "PPM"} else {}
    if form == "LZW":
        options, form = {"compression": "tiff_lzw"}, "TIFF"
    elif form == "APNG":
        options, form = {"save_all": True, "append_images": [Image.new("RGB", (17, 12))]}, "PNG"
    elif form == "progressive":
        options, form = {"progressive": True}, "JPEG"
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def assert_decodes_or_refuses(data: bytes) -> None:
    refusal = None
    try:
        pixels = decode(data)
    except PhotoError as error:
        refusal = error
    if refusal is None:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
    else:
        assert "\n" not in str(refusal)
        assert refusal.reason.startswith("expected ")


@QUICK
@given(st.sampled_from(FORMS), st.floats(0, 1, exclude_max=True))
def test_decode__survives_truncation(form: str, share: float) -> None:
    data = picture(form)
    assert_decodes_or_refuses(data[: int(len(data) * share)])


@QUICK
@given(
    st.sampled_from(FORMS),
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=8
    ),
)
def test_decode__survives_flipped_bits(form: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(picture(form))
    for share, bit in flips:
        data[int(len(data) * share)] ^= 1 << bit
    assert_decodes_or_refuses(bytes(data))


@QUICK
@given(st.sampled_from(FORMS), st.integers(2, 60), st.binary(max_size=80))
def test_decode__survives_any_bytes_after_a_signature(form: str, kept: int, junk: bytes) -> None:
    assert_decodes_or_refuses(picture(form)[:kept] + junk)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in {"PNG", "APNG"}])
def test_decode__refuses_half_a_picture(form: str) -> None:
    data = picture(form)
    for share in (0.3, 0.5, 0.8):
        with pytest.raises(PhotoError):
            decode(data[: int(len(data) * share)])


def test_decode__refuses_half_a_png() -> None:
    data = picture("PNG")
    begin, end = data.index(b"IDAT"), data.index(b"IEND") - 8
    for at in range(begin + 4, end - 8, 20):
        with pytest.raises(PhotoError):
            decode(data[:at])


CHILD = """
import json, sys, warnings
from pathlib import Path
from figsight.errors import PhotoError
from figsight.images import decode

warnings.simplefilter("error")
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        pixels = decode(path)
        result = [pixels.dtype.name, *pixels.shape]
    except PhotoError as error:
        result = str(error)
    print(json.dumps([path.name, result]), flush=True)
"""


def test_decode__survives_the_collection_of_bad_images(bad_images: Path) -> None:
    # In a process of its own: a crash would take the tests with it.
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(bad_images)], capture_output=True, text=True, check=False
    )
    results = dict(json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 0, (list(results)[-1:], done.stderr[-2000:])
    assert set(results) == {path.name for path in bad_images.iterdir()}
    decoded = {name for name, result in results.items() if isinstance(result, list)}
    for name, result in results.items():
        if name in decoded:
            assert result[0] == "uint8"
            assert len(result) == 4
            assert result[3] == 3
        else:
            # The second where the extra for HEIC is not installed.
            wanted = ("expected ", "HEIC needs an optional part")
            assert result.startswith(tuple(f"{bad_images / name}: {words}" for words in wanted))
    # Awkward but sound: these must be decoded, not refused.
    sound = {
        n for n in results if n.startswith(("hopper_orientation", "g4_orientation", "avif_rot"))
    }
    sound |= {"16bit.cropped.tif", "pil_sample_cmyk.jpg", "icc_profile_big.jpg", "apng_delay.png"}
    assert sound <= decoded
    assert not {"truncated_jpeg.jpg", "truncated_image.png", "broken.png"} & decoded


def _other(form: str) -> bytes:
    """Return a picture file of a format that is not ours, though Pillow's ``open`` takes it."""
    if form == "EPS":
        return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    if form == "PSD":
        head = b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\4\0\0\0\4\0\x08\0\3"
        return head + bytes(14)
    stream = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(stream, form)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["EPS", "JPEG2000", "PSD"])
def test_decode__loads_no_open_image_of_another_format(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.open(io.BytesIO(_other(form)))
    monkeypatch.setattr(type(image), "load", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(PhotoError) as caught:
        decode(image)
    assert caught.value.reason == (
        "expected AVIF, BMP, GIF, HEIC, JPEG, PNG, PPM, TIFF or WebP, found an image of the format "
        f"{form} that is not loaded; load() it if you trust it"
    )


def test_decode__takes_an_image_of_another_format_that_is_loaded() -> None:
    image = Image.open(io.BytesIO(_other("JPEG2000")))
    image.load()
    assert decode(image).shape == (20, 20, 3)


def test_decode__refuses_a_plain_ppm_however_it_comes() -> None:
    data = b"P3 2 1 255\n1 2 3 4 5 6\n"
    with pytest.raises(PhotoError, match="a form of PPM that we don't read; save it as PNG"):
        decode(Image.open(io.BytesIO(data)))
