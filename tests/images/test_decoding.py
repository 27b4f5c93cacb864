"""The same picture gives the same pixels, wherever it comes from; anything else a typed error."""

from __future__ import annotations

import errno
import gc
import io
import os
import traceback
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from figsight.errors import PhotoError
from figsight.images import InputSpec, decode, fit, open_photo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("RGB", {}),
    "MPO": ("RGB", {}),
    "PNG": ("RGB", {}),
    "WebP": ("RGBA", {}),
    "GIF": ("P", {"transparency": 3}),
    "BMP": ("RGB", {}),
    "TIFF": ("CMYK", {"compression": "tiff_lzw"}),
    "AVIF": ("RGB", {}),
    "PPM": ("L", {}),
}


def photo(mode: str = "RGB") -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((80, 60)).convert(mode)


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_decode__is_the_same_from_every_source(form: str, tmp_path: Path) -> None:
    mode, options = FORMS[form]
    data = encode(photo(mode), form, **options)
    path = tmp_path / "photo.dat"  # its name says nothing
    path.write_bytes(data)
    pixels = decode(data)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (60, 80, 3)
    assert pixels.flags.c_contiguous
    for source in (path, str(path), Image.open(io.BytesIO(data)), pixels):
        np.testing.assert_array_equal(decode(source), pixels)
    with Image.open(path) as image:
        np.testing.assert_array_equal(decode(image), pixels)
        np.testing.assert_array_equal(decode(image), pixels)  # loaded now, and still open
    spec = InputSpec(24, 32, "crop")
    np.testing.assert_array_equal(open_photo(path, spec), fit(pixels, spec))


def _wide_gamut() -> bytes:
    """A profile that changes colours: sRGB's with red and blue exchanged in its primaries."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def _srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


ENCODINGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "plain": ("RGB", "JPEG", {}),
    "turned": ("RGB", "JPEG", {"exif": _exif(6)}),
    "upright": ("RGB", "JPEG", {"exif": _exif(1)}),
    "turned TIFF": ("RGB", "TIFF", {"tiffinfo": {274: 8}}),
    "sRGB": ("RGB", "JPEG", {"icc_profile": _srgb()}),
    "other colours": ("RGB", "JPEG", {"icc_profile": _wide_gamut()}),
    "grey": ("L", "JPEG", {}),
    "CMYK": ("CMYK", "JPEG", {}),
    "transparent": ("RGBA", "PNG", {}),
    "colour key": ("RGB", "PNG", {"transparency": (0, 0, 0)}),
    "palette": ("P", "PNG", {}),
}
SPECS = [
    InputSpec(24, 32),
    InputSpec(24, 32, "crop", "bilinear"),
    InputSpec(40, 24, "pad"),
    InputSpec(80, 60),
    InputSpec(100, 90, resample="lanczos"),
    InputSpec(4, 3),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("which", ENCODINGS)
def test_open_photo__is_decode_and_fit(which: str, spec: InputSpec) -> None:
    mode, form, options = ENCODINGS[which]
    data = encode(photo(mode), form, **options)
    expected = fit(decode(data), spec)
    for source in (data, Image.open(io.BytesIO(data)), decode(data)):
        found = open_photo(source, spec)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.uint8
        assert found.flags.c_contiguous
        assert found.flags.writeable


def test_open_photo__leaves_an_open_image_as_it_was() -> None:
    image = photo()
    before = np.array(image)
    open_photo(image, InputSpec(80, 60))[:] = 0
    np.testing.assert_array_equal(np.asarray(image), before)


def test_open_photo__follows_the_profile_of_a_picture() -> None:
    # Or the comparison with decode above could not fail where colours are concerned.
    spec = InputSpec(24, 32)
    plain, other = (
        open_photo(encode(photo(), "PNG", **options), spec)
        for options in ({}, {"icc_profile": _wide_gamut()})
    )
    assert np.abs(plain.astype(int) - other).max() > 30


@pytest.mark.parametrize("form", FORMS)
def test_decode__leaves_an_open_image_as_it_was(form: str) -> None:
    mode, options = FORMS[form]
    image = Image.open(io.BytesIO(encode(photo(mode), form, **options)))
    image.load()
    before = image.mode, image.size, dict(image.info), image.tobytes()
    pixels = decode(image)
    pixels[:] = 0
    assert (image.mode, image.size, dict(image.info), image.tobytes()) == before


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
def test_decode__takes_arrays(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = array.copy()
    pixels = decode(array)
    planes = array if array.ndim == 3 else array[..., None]
    wanted = np.broadcast_to(planes[..., :3].astype(float), (5, 7, 3))
    if shape[-1] == 4:
        share = planes[..., 3:] / 255.0
        wanted = np.rint(wanted * share + 255 * (1 - share))
    assert np.abs(pixels.astype(int) - wanted).max() <= 1
    assert pixels.flags.c_contiguous
    pixels[:] = 0
    np.testing.assert_array_equal(array, before)
    np.testing.assert_array_equal(decode(before[::-1, ::-1]), decode(before)[::-1, ::-1])


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((4, 4, 3)), "float64 [4, 4, 3]"),
        (np.zeros((4, 4), np.uint16), "uint16 [4, 4]"),
        (np.zeros((4, 4), bool), "bool [4, 4]"),
        (np.zeros((3, 4, 4, 3), np.uint8), "uint8 [3, 4, 4, 3]"),
        (np.zeros((3, 40, 40), np.uint8), "uint8 [3, 40, 40]"),
        (np.zeros(4, np.uint8), "uint8 [4]"),
        (np.zeros((0, 4, 3), np.uint8), "uint8 [0, 4, 3]"),
    ],
)
def test_decode__refuses_other_arrays(array: Any, found: str) -> None:
    with pytest.raises(PhotoError) as caught:
        decode(array)
    assert str(caught.value) == (
        "<array>: expected an array of dtype uint8 and shape [H, W], [H, W, 1], [H, W, 3] or "
        f"[H, W, 4], found {found}; convert it (0..255, channels last, one picture)"
    )


@pytest.mark.parametrize("source", [None, 3, ["a.jpg"], io.BytesIO()])
def test_decode__refuses_other_sources(source: Any) -> None:
    with pytest.raises(PhotoError) as caught:
        decode(source)
    assert str(caught.value) == (
        "<source>: expected a path, bytes, an image or an array, "
        f"found {type(source).__name__}; read it first"
    )


def test_decode__says_what_is_wrong_with_a_path(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    reasons = {
        "absent.jpg": "expected a picture file, found nothing at this path; "
        "check how it is written",
        ".": "expected a picture file, found a folder; name its pictures",
        "pipe.jpg": "expected a picture file, found a device or pipe; copy it first",
        "empty.jpg": "expected a picture, found an empty file; get the original again",
        "nul\0.jpg": "expected a readable file, found 'embedded null byte'; "
        "check it and its folder",
        "a" * 300: "expected a readable file, found 'file name too long'; check it and its folder",
    }
    for name, reason in reasons.items():
        path = f"{tmp_path}/{name}"
        with pytest.raises(PhotoError) as caught:
            decode(path)
        assert (caught.value.path, caught.value.reason) == (path, reason)


def test_decode__calls_a_picture_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"no picture at all")
    for source, name in ((path, str(path)), (b"no picture", "<bytes>")):
        with pytest.raises(PhotoError) as caught:
            decode(source)
        assert caught.value.path == name
        with pytest.raises(PhotoError, match=r"^photos\.zip/a\.jpg: expected AVIF, BMP"):
            decode(source, name="photos.zip/a.jpg")
    broken = Image.open(io.BytesIO(encode(photo(), "JPEG")[:700]))
    with pytest.raises(PhotoError, match=r"^<image>: expected a sound JPEG, found a damaged one"):
        decode(broken)


def test_decode__refuses_a_truncated_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    data = encode(photo(), "JPEG")
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(PhotoError) as caught:
        decode(path)
    assert caught.value.reason.startswith(
        "expected a sound JPEG, found a damaged one (image file is truncated ("
    )
    assert caught.value.reason.endswith("); get the original again")
    assert isinstance(caught.value.__cause__, OSError)


UPLOAD = 1_000_000
NOISE = np.random.default_rng(0).integers(0, 256, (600, 600, 3), np.uint8)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: bytes(UPLOAD), id="no picture"),
        pytest.param(lambda: b"\x89PNG\r\n\x1a\n" + bytes(UPLOAD), id="no header"),
        pytest.param(lambda: encode(Image.fromarray(NOISE), "PNG")[:-99], id="cut short"),
        pytest.param(lambda: encode(Image.new("RGB", (600, 600)), "BMP")[:-9], id="pixels"),
        pytest.param(lambda: np.zeros(UPLOAD, np.uint8), id="array"),
    ],
)
@pytest.mark.parametrize("how", ["decode", "open_photo"])
def test_decode__errors_that_are_kept_keep_no_photo(how: str, make: Callable[[], Any]) -> None:
    def attempt() -> PhotoError:
        with pytest.raises(PhotoError) as caught:
            decode(make()) if how == "decode" else open_photo(make(), SPECS[0])
        return caught.value

    attempt()
    tracemalloc.start()
    try:
        kept = [attempt() for _ in range(20)]
        gc.collect()  # pytest's own knots
        assert tracemalloc.get_traced_memory()[0] < UPLOAD
    finally:
        tracemalloc.stop()
    assert len({str(error) for error in kept}) == 1


def test_decode__errors_keep_their_causes_and_leave_those_of_others_alone() -> None:
    ours = RuntimeError("ours")
    try:
        raise ours
    except RuntimeError:
        before = list(traceback.walk_tb(ours.__traceback__))
        with pytest.raises(PhotoError) as caught:
            decode(encode(photo(), "JPEG")[:700])
    assert before
    assert list(traceback.walk_tb(ours.__traceback__)) == before
    cause = caught.value.__cause__
    assert "truncated" in str(cause)
    assert cause is not None
    assert cause.__context__ is ours


def test_decode__closes_the_files_that_it_opens(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(encode(photo("P"), "GIF"))
    decode(path)  # a file left open would warn, and warnings are errors
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(PhotoError):
        decode(path)


def test_decode__reads_the_real_photographs(lego: Path) -> None:
    paths = sorted(lego.glob("*/*/*.jpg"))[::40]
    assert paths
    for path in paths:
        pixels = decode(path)
        assert pixels.shape == (512, 512, 3)
        assert pixels.std() > 5
        with Image.open(path) as image:
            np.testing.assert_array_equal(pixels, decode(image))


def test_decode__refuses_an_open_picture_without_pixels() -> None:
    with pytest.raises(PhotoError, match="no pixels: 0 x 7"):
        decode(Image.new("RGB", (0, 7)))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "progressive"])
@pytest.mark.parametrize("what", ["image", "loaded image", "file"])
def test_decode__says_that_an_image_is_closed(form: str, what: str) -> None:
    progressive = {"progressive": True} if form == "progressive" else {}
    file = io.BytesIO(encode(photo(), "JPEG" if progressive else form, **progressive))
    image = Image.open(file)
    if what == "loaded image":
        image.load()
    (file if what == "file" else image).close()
    with pytest.raises(PhotoError) as caught:
        decode(image)
    assert caught.value.reason == (
        "expected an open image, found a closed one; decode it before it is closed"
    )


class _BadDisk(io.FileIO):
    """A file on a disk that gives its first ``good`` bytes and no more."""

    good = 0

    def readinto(self, buffer: Any, /) -> int | None:
        if self.tell() >= self.good:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().readinto(memoryview(buffer)[: self.good - self.tell()])

    def readall(self) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("good", [0, 1, 1500])
def test_decode__says_that_a_disk_cannot_be_read(
    form: str, good: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(encode(Image.effect_noise((300, 300), 99).convert("RGB"), form))
    opened: list[_BadDisk] = []

    def open_there(*where: Any) -> _BadDisk:
        opened.append(_BadDisk(*where))
        opened[0].good = good
        return opened[0]

    monkeypatch.setattr("figsight.images.streams.io.FileIO", open_there)
    with pytest.raises(PhotoError) as caught:
        decode(path)
    assert caught.value.reason == "cannot be read (Input/output error); check its disk"
    assert opened[0].closed
