from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from figsight.dataset.quality import MAX_BLUR, Quality, find_odd, measure
from figsight.images import decode

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

USUAL = Quality(512, 512, 50.0, 200.0, 0.5)


def scene(seed: int, side: int = 512) -> Image.Image:
    """Sharp blocks of colour at every size."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((side, side, 3))
    for cells in (4, 8, 32):
        blocks = random.uniform(0, 85, (cells, cells, 3))
        pixels += np.kron(blocks, np.ones((side // cells, side // cells, 1)))
    return Image.fromarray(pixels.astype(np.uint8))


def array(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_measure__tells_the_width_of_a_softened_edge(sigma: float) -> None:
    edge = np.zeros((256, 256, 3), np.uint8)
    edge[:, 128:] = 255
    soft = Image.fromarray(edge).filter(ImageFilter.GaussianBlur(sigma))
    blur = measure(array(soft)).blur
    # Differences of neighbouring pixels are a little wider than derivatives.
    assert blur == pytest.approx(sigma, rel=0.2)


@pytest.mark.parametrize("factor", [0.3, 0.6])
def test_measure__blur_depends_on_neither_light_nor_contrast(factor: float) -> None:
    photo = scene(0)
    dim = array(photo.point(lambda value: round(value * factor + 20)))
    assert measure(dim).blur == pytest.approx(measure(array(photo)).blur, rel=0.1)


def test_measure__blur_of_a_sharp_thing_on_plain_ground_is_that_of_the_thing() -> None:
    ground = Image.new("RGB", (512, 512), (200, 190, 180))
    ground.paste(scene(1).resize((120, 120), Image.Resampling.NEAREST), (200, 250))
    assert measure(array(ground)).blur < 0.75


def test_measure__gives_size_light_and_contrast() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30] = 100
    quality = measure(pixels)
    assert (quality.width, quality.height) == (60, 40)
    assert quality.contrast == pytest.approx(50)
    assert quality.highlight == pytest.approx(100)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (17, 9), (2, 2)])
def test_measure__takes_any_size(size: tuple[int, int]) -> None:
    quality = measure(np.full((*size, 3), 7, np.uint8))
    assert (quality.contrast, quality.highlight, quality.blur) == (0, 7, 0)


def test_measure__refuses_what_is_no_photo() -> None:
    with pytest.raises(ValueError, match=r"^pixels: expected uint8 of shape \(height, width, 3\)"):
        measure(np.zeros((4, 4), np.uint8))


def test_find_odd__flags_what_was_made_odd_and_nothing_else() -> None:
    photos = [scene(seed) for seed in range(20)]
    photos[3] = photos[3].point(lambda value: value // 8)
    photos[5] = photos[5].filter(ImageFilter.GaussianBlur(5))
    photos[6] = photos[6].filter(ImageFilter.GaussianBlur(9))
    photos[8] = Image.new("RGB", (512, 512), (240, 240, 240))
    photos[9] = Image.new("RGB", (512, 512))
    photos[11] = photos[11].resize((100, 100))
    photos[12] = photos[12].crop((0, 0, 512, 200))
    odd = find_odd([measure(array(photo)) for photo in photos])
    assert sorted(odd.blank) == [8, 9]
    assert odd.dark == [9, 3]
    assert sorted(odd.blurred) == [5, 6]
    assert odd.sizes == [11, 12]


def test_find_odd__judges_a_set_that_is_odd_by_nature_by_its_own() -> None:
    soft = replace(USUAL, blur=2.0, highlight=40.0)
    odd = find_odd([soft] * 9 + [replace(soft, blur=5.0), replace(soft, highlight=15.0)])
    assert (odd.blurred, odd.dark) == ([9], [10])


def test_find_odd__knows_a_set_of_nothing_but_blank_photos() -> None:
    nothing = Quality(64, 64, 0.0, 0.0, 0.0)
    odd = find_odd([nothing] * 3)
    assert (odd.blank, odd.dark, odd.blurred, odd.sizes) == ([0, 1, 2], [0, 1, 2], [], [])
    assert find_odd([]).blank == []


@pytest.mark.parametrize(
    ("size", "is_odd"),
    [
        ((512, 512), False),
        ((512, 384), False),
        ((700, 500), False),
        ((256, 256), True),
        ((255, 257), True),
        ((1024, 1024), True),
        ((900, 500), True),
        ((300, 512), True),
    ],
)
def test_find_odd__compares_sizes_with_the_median(size: tuple[int, int], is_odd: bool) -> None:
    other = replace(USUAL, width=size[0], height=size[1])
    assert find_odd([USUAL] * 4 + [other]).sizes == ([4] if is_odd else [])


@given(st.permutations(range(6)))
def test_find_odd__depends_on_no_order(order: list[int]) -> None:
    photos = [
        replace(USUAL, blur=2.0),
        replace(USUAL, blur=3.0),
        replace(USUAL, highlight=9.0),
        replace(USUAL, contrast=1.5),
        USUAL,
        USUAL,
    ]
    odd = find_odd([photos[k] for k in order])
    assert [order[k] for k in odd.blurred] == [1, 0]
    assert [order[k] for k in odd.dark] == [2]
    assert [order[k] for k in odd.blank] == [3]


def _measured(paths: list[Path]) -> list[Quality]:
    return [measure(decode(path)) for path in paths]


def test_find_odd__leaves_ordinary_photos_alone(lego: Path, unknown_figures: Path) -> None:
    for folder in (lego, unknown_figures):
        odd = find_odd(_measured(sorted(folder.rglob("*.jpg"))[::4]))
        assert (odd.blank, odd.dark, odd.blurred, odd.sizes) == ([], [], [], [])


def test_find_odd__sees_real_photos_that_were_made_dark_and_blurred(lego: Path) -> None:
    paths = sorted(lego.rglob("*.jpg"))[::16]
    photos = [Image.fromarray(decode(path)) for path in paths]
    usual = [measure(array(photo)) for photo in photos]
    n = len(photos)
    for radius in (3, 5, 8):
        soft = [measure(array(p.filter(ImageFilter.GaussianBlur(radius)))) for p in photos]
        assert min(quality.blur for quality in soft) > MAX_BLUR
        assert sorted(find_odd(usual * 2 + soft).blurred) == list(range(2 * n, 3 * n))
    for factor in (0.05, 0.1, 0.2):
        dim = [measure(array(p.point(lambda v, f=factor: round(v * f)))) for p in photos]
        odd = find_odd(usual * 2 + dim)
        assert sorted(odd.dark) == list(range(2 * n, 3 * n))
        assert odd.blurred == []
