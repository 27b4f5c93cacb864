"""Parts of a manifest that contradict one another: the figure that is looked for, of two."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tests.bundle.make import (
    POINT,
    TWO,
    make_calibration,
    make_manifest,
    make_measured,
)

from figsight.bundle.manifest import encode_manifest, parse_manifest
from figsight.errors import BundleError

if TYPE_CHECKING:
    from figsight.bundle import FigureEntry, OperatingPoint

LOW = "expected low <= value <= high, found 0.9, 0.8, 0.98"


@pytest.mark.parametrize(
    ("point", "problem"),
    [
        ({"positive": "3"}, "positive: expected the id of a figure, found '3'"),
        ({"specificity": make_measured(0.8)}, f"specificity: {LOW}"),
    ],
)
def test_manifest__says_what_is_wrong_with_its_operating_point(
    point: dict[str, Any], problem: str
) -> None:
    calibration = make_calibration(operating_point=msgspec.structs.replace(POINT, **point))
    with pytest.raises(BundleError) as caught:
        encode_manifest(make_manifest(figures=TWO, calibration=calibration))
    assert f"calibration.operating_point.{problem}: " in str(caught.value)


@pytest.mark.parametrize(
    ("figures", "changes", "problem"),
    [
        (None, {"positive": "1"}, "positive: expected 2 figures, found 3"),
        (TWO, {"positive": "3"}, "positive: expected the id of a figure, found '3'"),
        (
            TWO,
            {"positive": "NORMAL", "operating_point": POINT},
            "positive: expected 'PNEUMONIA', as of the operating point, found 'NORMAL'",
        ),
    ],
)
def test_manifest__says_what_is_wrong_with_the_figure_that_is_looked_for(
    figures: list[FigureEntry] | None, changes: dict[str, Any], problem: str
) -> None:
    more = {} if figures is None else {"figures": figures}
    with pytest.raises(BundleError) as caught:
        encode_manifest(make_manifest(calibration=make_calibration(**changes), **more))
    assert f"calibration.{problem}: " in str(caught.value)


@pytest.mark.parametrize("point", [None, POINT])
def test_manifest__says_which_figure_is_looked_for(point: OperatingPoint | None) -> None:
    calibration = make_calibration(positive="PNEUMONIA", operating_point=point)
    text = encode_manifest(make_manifest(figures=TWO, calibration=calibration))
    read = parse_manifest(text, where="model")
    assert read.calibration == calibration


def test_manifest__from_before_there_was_a_choice_is_read() -> None:
    calibration = make_calibration(operating_point=POINT)
    manifest = json.loads(encode_manifest(make_manifest(figures=TWO, calibration=calibration)))
    del manifest["calibration"]["positive"]
    old = json.dumps({**manifest, "seal": "0" * 64}, indent=2, ensure_ascii=False).encode() + b"\n"
    sealed = old.replace(b"0" * 64, hashlib.sha256(old).hexdigest().encode(), 1)
    read = parse_manifest(sealed, where="model")
    assert read.calibration == calibration
