from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.drawing import overlay_heat, place_heat, scale_heat
from figsight.drawing.heat import RAMP, colour_heat
from figsight.images import InputSpec, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.images.fitting import Fit


def oklab_lightness(colours: NDArray[np.floating]) -> NDArray[np.float64]:
    parts = colours / 255.0
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    lightness = np.cbrt(linear @ to_lms.T) @ (0.2104542553, 0.7936177850, -0.0040720468)
    return cast("NDArray[np.float64]", lightness)


def test_ramp__rises_in_equal_steps_of_lightness() -> None:
    steps = np.diff(oklab_lightness(RAMP.astype(float)))
    assert steps.min() > 0.08
    assert np.ptp(steps) < 0.01


def test_colour_heat__is_the_ramp_at_its_stops() -> None:
    assert colour_heat(np.linspace(0, 1, 8, dtype=np.float32)) == pytest.approx(RAMP, abs=0.01)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))
def test_overlay_heat__without_heat_changes_nothing(h: int, w: int, rows: int, cols: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (h, w, 3), dtype=np.uint8)
    result = overlay_heat(pixels, np.zeros((rows, cols), np.float32))
    assert np.array_equal(result, pixels)


def test_overlay_heat__is_strongest_where_the_heat_is() -> None:
    pixels = np.full((70, 70, 3), 128, np.uint8)
    heat = np.zeros((7, 7), np.float32)
    heat[1, 5] = 1.0
    change = np.abs(overlay_heat(pixels, heat).astype(int) - pixels).sum(axis=2)
    row, column = np.unravel_index(change.argmax(), change.shape)
    assert (row // 10, column // 10) == (1, 5)
    assert change[40:].max() == 0


def test_overlay_heat__leaves_its_arguments_alone() -> None:
    pixels, heat = np.full((9, 9, 3), 7, np.uint8), np.ones((2, 2), np.float32)
    result = overlay_heat(pixels, heat)
    assert (pixels == 7).all()
    assert (heat == 1).all()
    assert result.dtype == np.uint8


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan])
def test_overlay_heat__refuses_heat_out_of_range(value: float) -> None:
    heat = np.full((2, 2), 0.5, np.float32)
    heat[0, 0] = value
    with pytest.raises(ValueError, match=r"heat: expected 0\.\.1, found"):
        overlay_heat(np.zeros((4, 4, 3), np.uint8), heat)


def test_overlay_heat__refuses_other_shapes() -> None:
    pixels, heat = np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2), np.float32)
    with pytest.raises(ValueError, match=r"pixels: expected uint8 \[H, W, 3\], found uint8 \(4, 4"):
        overlay_heat(pixels[..., 0], heat)
    with pytest.raises(ValueError, match=r"heat: expected float \[h, w\], found float32 \(2,\)"):
        overlay_heat(pixels, heat[0])


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_scale_heat__is_a_share_of_the_strongest(h: int, w: int, seed: int) -> None:
    heat = np.random.default_rng(seed).normal(size=(h, w)).astype(np.float32)
    shares = scale_heat(heat)
    assert shares.dtype == np.float32
    assert (shares[heat <= 0] == 0).all()
    if heat.max() > 0:
        assert shares.max() == 1
        positive = heat > 0
        assert np.allclose(shares[positive], heat[positive] / heat.max(), rtol=1e-6)


def test_scale_heat__of_nothing_for_the_figure_is_dark() -> None:
    assert (scale_heat(np.full((2, 3), -1, np.float32)) == 0).all()
    assert (scale_heat(np.zeros((2, 3), np.float32)) == 0).all()


@given(
    fit_=st.sampled_from(["squash", "crop", "pad"]),
    photo=st.tuples(st.integers(60, 200), st.integers(60, 200)),
    input_=st.tuples(st.sampled_from([64, 96, 128]), st.sampled_from([64, 96, 128])),
    place=st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)),
)
def test_place_heat__finds_what_the_network_saw(
    fit_: Fit, photo: tuple[int, int], input_: tuple[int, int], place: tuple[float, float]
) -> None:
    """A bright spot, seen through ``images.fit`` and laid back, lies where it was."""
    (height, width), spec = photo, InputSpec(*input_, fit=fit_)
    y, x = round(place[0] * height), round(place[1] * width)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[y - 6 : y + 6, x - 6 : x + 6] = 255
    seen = fit(pixels, spec)[..., 0].astype(np.float32) / 255
    if seen.max() < 0.5:
        return  # cropped away
    placed = place_heat(np.asarray(seen, np.float32), spec, height, width)
    assert placed.shape == (height, width)
    rows, columns = np.nonzero(placed > 0.5 * placed.max())
    grain = max(height / spec.height, width / spec.width)  # one place of the input, on the photo
    assert abs(rows.mean() - y) < 6 + grain
    assert abs(columns.mean() - x) < 6 + grain


def test_place_heat__leaves_what_a_crop_cut_off_dark() -> None:
    placed = place_heat(np.ones((7, 7), np.float32), InputSpec(70, 70, fit="crop"), 100, 300)
    assert (placed[:, 100:200] == 1).all()
    assert (placed[:, :100] == 0).all()
    assert (placed[:, 200:] == 0).all()


def test_place_heat__cuts_off_what_padding_added() -> None:
    heat = np.zeros((7, 7), np.float32)
    heat[:2] = heat[-2:] = 1  # where a wide photo has its padding
    placed = place_heat(heat, InputSpec(70, 70, fit="pad"), 100, 300)
    assert (placed[30:70] == 0).all()
    whole = place_heat(heat, InputSpec(70, 70, fit="squash"), 100, 300)
    assert (whole[0] == 1).all()
