"""Pixels are brought to the size of a network's input, the same way everywhere."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from figsight.images import InputSpec, fit, shrink

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
sides = st.integers(1, 40)
specs = st.builds(
    InputSpec,
    width=sides,
    height=sides,
    fit=st.sampled_from(["squash", "crop", "pad"]),
    resample=st.sampled_from(["bilinear", "bicubic", "lanczos"]),
)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@QUICK
@given(specs, st.integers(1, 90), st.integers(1, 90))
def test_fit__gives_the_size_asked_for(spec: InputSpec, height: int, width: int) -> None:
    pixels = noise(height, width)
    before = pixels.copy()
    result = fit(pixels, spec)
    assert result.shape == (spec.height, spec.width, 3)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous
    assert result.flags.writeable
    np.testing.assert_array_equal(pixels, before)


@QUICK
@given(specs, st.integers(1, 90), st.integers(1, 90), st.integers(0, 255))
def test_fit__keeps_a_flat_picture_flat(
    spec: InputSpec, height: int, width: int, grey: int
) -> None:
    assert (fit(np.full((height, width, 3), grey, np.uint8), spec) == grey).all()


@QUICK
@given(specs)
def test_fit__leaves_a_picture_of_that_size_alone(spec: InputSpec) -> None:
    pixels = noise(spec.height, spec.width)
    result = fit(pixels, spec)
    np.testing.assert_array_equal(result, pixels)
    assert not np.shares_memory(result, pixels)


def test_fit__squash_is_pillows_antialiased_resize() -> None:
    pixels = noise(80, 120)
    wanted = Image.fromarray(pixels).resize((50, 40), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(fit(pixels, InputSpec(50, 40)), np.asarray(wanted))


def test_fit__reduces_large_pictures_faithfully() -> None:
    smooth = Image.fromarray(noise(30, 40)).resize((1600, 1200), Image.Resampling.BICUBIC)
    wanted = np.asarray(smooth.resize((100, 75), Image.Resampling.BICUBIC)).astype(int)
    change = np.abs(fit(np.asarray(smooth), InputSpec(100, 75)) - wanted)
    assert change.max() <= 3
    assert change.mean() < 0.3


def test_fit__crop_keeps_the_centre() -> None:
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[:, 20:80] = 255  # the square in the middle
    pixels[:, 40:60] = (255, 0, 0)
    result = fit(pixels, InputSpec(30, 30, "crop"))
    assert (result[:, 1:9] == 255).all()
    assert (result[:, 12:18] == (255, 0, 0)).all()
    assert (result[:, 21:29] == 255).all()
    tall = fit(pixels.swapaxes(0, 1), InputSpec(30, 30, "crop"))
    assert np.abs(tall.swapaxes(0, 1).astype(int) - result).max() <= 1


def test_fit__pad_keeps_everything_on_the_colour_of_the_edge() -> None:
    pixels = np.full((20, 80, 3), (10, 20, 30), np.uint8)
    pixels[5:15, 5:75] = 255
    result = fit(pixels, InputSpec(40, 40, "pad"))
    assert (result[:14] == (10, 20, 30)).all()
    assert (result[26:] == (10, 20, 30)).all()
    assert (result[19:21, 5:35] == 255).all()


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (np.zeros((4, 4), np.uint8), "uint8 [4, 4]"),
        (np.zeros((4, 4, 4), np.uint8), "uint8 [4, 4, 4]"),
        (np.zeros((4, 4, 3), np.float32), "float32 [4, 4, 3]"),
        (np.zeros((0, 4, 3), np.uint8), "uint8 [0, 4, 3]"),
    ],
)
def test_fit__refuses_other_arrays(pixels: Any, found: str) -> None:
    with pytest.raises(ValueError, match="pixels") as caught:
        fit(pixels, InputSpec(2, 2))
    assert str(caught.value) == (
        f"pixels: expected uint8 [H, W, 3], found {found}; use figsight.images.decode"
    )


@QUICK
@given(specs)
def test_input_spec__survives_json(spec: InputSpec) -> None:
    assert InputSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_input_spec__is_plain_data() -> None:
    assert InputSpec(224, 192).to_dict() == {
        "width": 224,
        "height": 192,
        "fit": "squash",
        "resample": "bicubic",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"width": 0},
            "input.width: expected a whole number of pixels from 1 to 4096, found 0; 224 is usual",
        ),
        (
            {"height": 224.0},
            (
                "input.height: expected a whole number of pixels from 1 to 4096, found 224.0; "
                "224 is usual"
            ),
        ),
        (
            {"width": True},
            (
                "input.width: expected a whole number of pixels from 1 to 4096, found True; "
                "224 is usual"
            ),
        ),
        (
            {"height": 5000},
            (
                "input.height: expected a whole number of pixels from 1 to 4096, found 5000; "
                "224 is usual"
            ),
        ),
        (
            {"fit": "stretch"},
            "input.fit: expected one of squash, crop, pad, found 'stretch'; choose one",
        ),
        (
            {"resample": 3},
            "input.resample: expected one of bilinear, bicubic, lanczos, found 3; choose one",
        ),
        (
            {"mean": 1},
            (
                "input: expected exactly the keys width, height, fit, resample, "
                "found width, height, fit, resample, mean; write it with to_dict"
            ),
        ),
    ],
)
def test_input_spec__refuses_what_it_does_not_know(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="input") as caught:
        InputSpec.from_dict(InputSpec(224, 224).to_dict() | changes)
    assert str(caught.value) == message


@given(st.integers(1, 1200), st.integers(1, 1200), st.integers(1, 500))
def test_shrink__keeps_proportions_and_never_enlarges(height: int, width: int, side: int) -> None:
    pixels = shrink(np.zeros((height, width, 3), np.uint8), side)
    h, w, _ = pixels.shape
    if max(height, width) <= side:
        assert (h, w) == (height, width)
    else:
        assert max(h, w) == side
        share = side / max(height, width)
        assert abs(h - height * share) <= 1
        assert abs(w - width * share) <= 1


@pytest.mark.parametrize(
    ("data", "found"), [({"width": 1}, "width"), ({}, "none"), ([1, 2], "list"), (None, "NoneType")]
)
def test_input_spec__refuses_missing_keys(data: Any, found: str) -> None:
    with pytest.raises(ValueError, match="input") as caught:
        InputSpec.from_dict(data)
    assert str(caught.value) == (
        "input: expected exactly the keys width, height, fit, resample, "
        f"found {found}; write it with to_dict"
    )
