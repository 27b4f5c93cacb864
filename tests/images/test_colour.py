"""Every mode and profile becomes the sRGB colours that it stands for."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from figsight.images import decode

RAMP = np.arange(256, dtype=np.uint8)[None].repeat(4, 0)  # [4, 256]
GAMMA = 1.8
Pixels = NDArray[np.uint8]


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def random(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def grey(values: NDArray[Any]) -> Pixels:
    return np.stack([values] * 3, -1).astype(np.uint8)


def over_white(colours: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    share = alpha[..., None] / 255.0
    return np.rint(colours * share + 255 * (1 - share))


def assert_close(found: Pixels, wanted: NDArray[Any], most: int = 1) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= most


# -- modes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "PPM"])
def test_decode__grey(form: str) -> None:
    np.testing.assert_array_equal(decode(encode(Image.fromarray(RAMP), form)), grey(RAMP))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "PPM"])
def test_decode__one_bit(form: str) -> None:
    bits = random(9, 17) > 127
    data = encode(Image.fromarray(bits), form)
    np.testing.assert_array_equal(decode(data), grey(bits * 255))


def test_decode__ycbcr_and_hsv() -> None:
    colours = Image.fromarray(random(8, 8, 3))
    for mode, most in (("YCbCr", 4), ("HSV", 6)):
        assert_close(decode(colours.convert(mode)), np.asarray(colours), most)
    ycbcr = encode(colours.convert("YCbCr"), "TIFF")
    assert_close(decode(ycbcr), np.asarray(colours), 4)


def test_decode__cmyk() -> None:
    cmyk = random(6, 7, 4)
    wanted = np.rint(255.0 * (1 - cmyk[..., :3] / 255.0) * (1 - cmyk[..., 3:] / 255.0))
    image = Image.fromarray(cmyk, "CMYK")
    assert_close(decode(encode(image, "TIFF")), wanted)
    assert_close(decode(image), wanted)


def test_decode__inverted_cmyk_of_jpegs() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    data = encode(cyan, "JPEG", quality=100)
    assert b"Adobe" in data  # which is what says that the numbers are inverted
    assert_close(decode(data), np.full((16, 16, 3), (0, 255, 255)), 2)


def test_decode__lab() -> None:
    # L*a*b* of the sRGB primaries (D50), as Pillow stores them: L * 255 / 100, a and b + 128.
    lab = Image.new("LAB", (3, 1))
    for x, (lightness, a, b) in enumerate(
        [(54.29, 80.81, 69.89), (87.82, -79.27, 80.99), (100, 0, 0)]
    ):
        bytes_ = round(lightness * 2.55), round(a) + 128, round(b) + 128
        lab.putpixel((x, 0), bytes_)
    wanted = np.array([[[255, 0, 0], [0, 255, 0], [255, 255, 255]]])
    for source in (lab, encode(lab, "TIFF")):
        assert_close(decode(source), wanted, 16)


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
def test_decode__sixteen_bits_of_grey(mode: str) -> None:
    values = np.linspace(0, 65535, 512).astype(np.uint16).reshape(2, 256)
    order = ">u2" if mode == "I;16B" else "<u2"
    image = Image.frombytes(mode, (256, 2), values.astype(order).tobytes())
    wanted = grey(values // 256)
    np.testing.assert_array_equal(decode(image), wanted)
    for form in ("PNG", "TIFF") if mode == "I;16" else ("TIFF",):
        np.testing.assert_array_equal(decode(encode(image, form)), wanted)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_decode__fewer_bits_in_a_sixteen_bit_file(bits: int) -> None:
    values = np.linspace(0, 2**bits - 1, 256).astype(np.uint16)[None]
    decoded = decode(encode(Image.fromarray(values), "PNG"))
    np.testing.assert_array_equal(decoded, grey(values >> (bits - 8)))
    assert decoded.max() == 255


def test_decode__sixteen_bits_of_colour() -> None:
    values = np.linspace(0, 65535, 300).astype(">u2").reshape(10, 10, 3)
    png = struct.pack(">LLBBBBB", 10, 10, 16, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", crc)

    rows = b"".join(b"\0" + row.tobytes() for row in values)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", png) + chunk(b"IDAT", zlib.compress(rows))
    np.testing.assert_array_equal(decode(data + chunk(b"IEND", b"")), values // 256)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0, 100, 255], [0, 100, 255]),
        ([0, 256, 65535], [0, 1, 255]),
        ([-100, 0, 100], [0, 128, 255]),
        ([0, 2**20, 2**21], [0, 128, 255]),
        ([7, 7, 7], [7, 7, 7]),
        ([-7, -7, -7], [0, 0, 0]),
    ],
)
def test_decode__whole_numbers_of_32_bits(values: list[int], wanted: list[int]) -> None:
    image = Image.fromarray(np.array([values], np.int32))
    np.testing.assert_array_equal(decode(image), grey(np.array([wanted])))
    np.testing.assert_array_equal(decode(encode(image, "TIFF")), grey(np.array([wanted])))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0, 1.5, 254.6], [0, 2, 255]),
        ([0, 257, 65535], [0, 1, 255]),
        ([-1, 0, 1], [0, 128, 255]),
        ([1e6, 2e6, 3e6], [0, 128, 255]),
        ([np.nan, 0.2, np.inf], [0, 51, 255]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_decode__fractions(values: list[float], wanted: list[int]) -> None:
    image = Image.fromarray(np.array([values], np.float32))
    np.testing.assert_array_equal(decode(image), grey(np.array([wanted])))
    np.testing.assert_array_equal(decode(encode(image, "TIFF")), grey(np.array([wanted])))


def test_decode__scales_all_bands_of_a_large_picture_alike() -> None:
    values = np.zeros((1100, 1000), np.float32)
    values[-1, -1] = 2e6  # found in the last band only
    values[0, 0] = 1e6
    decoded = decode(Image.fromarray(values))
    assert decoded[0, 0].tolist() == [128, 128, 128]
    assert decoded[-1, -1].tolist() == [255, 255, 255]


# -- transparency ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "WebP", "TIFF"])
def test_decode__lays_alpha_on_white(form: str) -> None:
    rgba = random(9, 11, 4)
    options = {"lossless": True, "exact": True} if form == "WebP" else {}
    wanted = over_white(rgba[..., :3], rgba[..., 3])
    assert_close(decode(encode(Image.fromarray(rgba), form, **options)), wanted)


@pytest.mark.parametrize("mode", ["LA", "La"])
def test_decode__grey_with_alpha(mode: str) -> None:
    la = random(9, 11, 2)
    wanted = over_white(grey(la[..., 0]), la[..., 1])
    image = Image.fromarray(la, "LA")
    if mode == "LA":
        assert_close(decode(encode(image, "PNG")), wanted)
    assert_close(decode(image.convert(mode)), wanted, 2 if mode == "La" else 1)


def test_decode__premultiplied_alpha() -> None:
    rgba = random(9, 11, 4)
    image = Image.fromarray(rgba).convert("RGBa")
    assert_close(decode(image), over_white(rgba[..., :3], rgba[..., 3]), 2)


def test_decode__opaque_alpha_changes_nothing() -> None:
    rgb = random(5, 6, 3)
    rgba = np.dstack((rgb, np.full((5, 6), 255, np.uint8)))
    np.testing.assert_array_equal(decode(rgba), rgb)


def palette_image() -> Image.Image:
    image = Image.fromarray(np.array([[0, 1, 2, 3]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    return image


@pytest.mark.parametrize("form", ["PNG", "GIF", "TIFF", "BMP"])
def test_decode__palette(form: str) -> None:
    wanted = [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]]
    np.testing.assert_array_equal(decode(encode(palette_image(), form)), wanted)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_decode__palette_with_a_transparent_colour(form: str) -> None:
    wanted = [[[255, 0, 0], [255, 255, 255], [0, 0, 255], [9, 9, 9]]]
    np.testing.assert_array_equal(decode(encode(palette_image(), form, transparency=1)), wanted)


def test_decode__palette_with_an_alpha_for_each_colour() -> None:
    data = encode(palette_image(), "PNG", transparency=b"\xff\x00\x80\xff")
    wanted = [[[255, 0, 0], [255, 255, 255], [127, 127, 255], [9, 9, 9]]]
    assert_close(decode(data), np.array(wanted))
    image = Image.open(io.BytesIO(data))
    image.load()
    info = dict(image.info)
    np.testing.assert_array_equal(decode(image), decode(data))
    assert image.info == info


def test_decode__palette_with_an_alpha_channel() -> None:
    image = palette_image().convert("PA")
    image.putalpha(Image.fromarray(np.array([[255, 0, 128, 255]], np.uint8)))
    wanted = [[[255, 0, 0], [255, 255, 255], [127, 127, 255], [9, 9, 9]]]
    assert_close(decode(image), np.array(wanted))


def test_decode__colour_keys() -> None:
    rgb = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint8)
    data = encode(Image.fromarray(rgb), "PNG", transparency=(1, 2, 3))
    np.testing.assert_array_equal(decode(data), [[[255, 255, 255], [1, 2, 4]]])
    data = encode(Image.fromarray(rgb[..., 0] + rgb[..., 2]), "PNG", transparency=4)
    np.testing.assert_array_equal(decode(data), [[[255, 255, 255], [5, 5, 5]]])
    sixteen = Image.fromarray(np.array([[1000, 65535]], np.uint16))
    data = encode(sixteen, "PNG", transparency=1000)
    np.testing.assert_array_equal(decode(data), grey(np.array([[255, 255]])))


# -- animations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["GIF", "PNG", "WebP", "AVIF", "TIFF"])
def test_decode__takes_the_first_frame(form: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if form == "WebP" else {}
    data = encode(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert_close(decode(data), np.full((16, 16, 3), (255, 0, 0)), 3)


def test_decode__takes_the_frame_that_an_open_image_shows() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    image = Image.open(io.BytesIO(data))
    image.seek(2)
    assert (decode(image) == (0, 0, 255)).all()
    assert image.tell() == 2


# -- profiles -------------------------------------------------------------------------------------


def tag_xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">lll", *(round(v * 65536) for v in (x, y, z)))


def profile(space: bytes, gamma: float) -> bytes:
    """Build an ICC profile: red and blue swapped if ``space`` is RGB, and a pure gamma curve."""
    curve = b"curv\0\0\0\0" + struct.pack(">LH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"wtpt": tag_xyz(0.9642, 1, 0.8249)}
    if space == b"RGB ":
        tags |= {b"bXYZ": tag_xyz(0.43607, 0.22249, 0.01392)}
        tags |= {b"gXYZ": tag_xyz(0.38515, 0.71687, 0.09708)}
        tags |= {b"rXYZ": tag_xyz(0.14307, 0.06061, 0.71410)}
        tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    else:
        tags |= {b"kTRC": curve}
    table, body, at = struct.pack(">L", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">LL", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">L4sL", 128 + len(table) + len(body), b"\0\0\0\0", 0x02400000)
    head += b"mntr" + space + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">lll", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def srgb_of(values: NDArray[Any]) -> NDArray[Any]:
    """Return the sRGB of values 0..255 whose profile has the curve GAMMA."""
    light = (values / 255.0) ** GAMMA
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    srgb: NDArray[Any] = np.rint(255 * curve)
    return srgb


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WebP"])
def test_decode__follows_an_rgb_profile(form: str) -> None:
    rgb = random(12, 13, 3)
    options: dict[str, Any] = {"lossless": True} if form == "WebP" else {}
    data = encode(Image.fromarray(rgb), form, icc_profile=profile(b"RGB ", GAMMA), **options)
    wanted = srgb_of(rgb[..., ::-1])
    assert_close(decode(data), wanted, 2)


def test_decode__follows_a_profile_beneath_alpha() -> None:
    rgba = random(12, 13, 4)
    data = encode(Image.fromarray(rgba), "PNG", icc_profile=profile(b"RGB ", GAMMA))
    wanted = over_white(srgb_of(rgba[..., 2::-1]), rgba[..., 3])
    assert_close(decode(data), wanted, 2)


def test_decode__follows_a_profile_through_a_palette() -> None:
    data = encode(palette_image(), "PNG", icc_profile=profile(b"RGB ", GAMMA))
    wanted = [[[0, 0, 255], [0, 255, 0], [255, 0, 0], [8, 8, 8]]]
    assert_close(decode(data), np.array(wanted), 2)


def test_decode__follows_a_grey_profile() -> None:
    data = encode(Image.fromarray(RAMP), "PNG", icc_profile=profile(b"GRAY", GAMMA))
    assert_close(decode(data), grey(srgb_of(RAMP)), 2)


def test_decode__leaves_srgb_alone() -> None:
    rgb = random(12, 13, 3)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encode(Image.fromarray(rgb), "PNG", icc_profile=srgb)
    np.testing.assert_array_equal(decode(data), rgb)


@pytest.mark.parametrize(
    "broken",
    [
        b"not a profile",
        profile(b"RGB ", GAMMA)[:200],
        profile(b"GRAY", GAMMA),  # of a colour picture
        profile(b"RGB ", GAMMA) + bytes(4_000_000),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    ],
    ids=["junk", "cut", "grey", "huge", "lab"],
)
def test_decode__ignores_a_profile_that_does_not_fit(broken: bytes) -> None:
    image = Image.fromarray(random(5, 6, 3))
    image.info["icc_profile"] = broken
    np.testing.assert_array_equal(decode(image), np.asarray(image))
    np.testing.assert_array_equal(
        decode(encode(image, "TIFF", icc_profile=broken)), np.asarray(image)
    )


def test_decode__follows_profiles_in_many_threads() -> None:
    rgb = random(300, 400, 3)
    data = [
        encode(Image.fromarray(rgb), "PNG", icc_profile=profile(b"RGB ", gamma), compress_level=1)
        for gamma in (1.0, 1.5, 3.0)
    ]
    wanted = [decode(each) for each in data]
    wrong: list[int] = []

    def work(which: int) -> None:
        for turn in range(4):
            each = (which + turn) % 3
            if not np.array_equal(decode(data[each]), wanted[each]):
                wrong.append(each)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_decode__refuses_a_profile_bomb() -> None:
    text = PngImagePlugin.PngInfo()
    text.add(b"iCCP", b"icc\0\0" + zlib.compress(bytes(50_000_000)))
    image = Image.fromarray(random(4, 4, 3))
    # Pillow drops a profile that inflates to over a megabyte.
    np.testing.assert_array_equal(decode(encode(image, "PNG", pnginfo=text)), np.asarray(image))
