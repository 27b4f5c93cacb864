from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.drawing import overlay_heat
from figsight.drawing.heat import RAMP, colour_heat

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
