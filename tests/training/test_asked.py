"""Numbers that a call is given."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from figsight.errors import RecipeError
from figsight.training.asked import require_share, require_whole


def test_require_whole__takes_numpy_s_numbers_as_plain_ones() -> None:
    assert json.dumps([require_whole("seed", one, 0) for one in (0, 7, np.int64(3))]) == "[0, 7, 3]"


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, np.nan, 2**80, "x" * 500])
def test_require_whole__refuses_everything_else_in_a_line(value: Any) -> None:
    with pytest.raises(RecipeError) as caught:
        require_whole("repeats", value, 1)
    assert str(caught.value).startswith("repeats: expected a whole number from 1 up, found ")
    assert len(str(caught.value)) < 120


def test_require_share__passes_the_usual_one_on() -> None:
    assert require_share("keep", None) is None
    assert require_share("keep", np.float32(0.5)) == 0.5


@pytest.mark.parametrize("value", [0, 1, 1.5, np.nan, "0.5", [0.5, 0.6]])
def test_require_share__refuses_everything_else(value: Any) -> None:
    with pytest.raises(
        RecipeError, match=r"^keep: expected a share between 0 and 1, found .*; wri"
    ):
        require_share("keep", value)
