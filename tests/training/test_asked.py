"""Numbers that a call is given."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from figsight.dataset import Dataset, Figure
from figsight.errors import DataError, RecipeError
from figsight.training.asked import require_positive, require_share, require_whole


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


def _make(*names: str) -> Dataset:
    figures = [Figure(one, one.upper(), f"{one.upper()} ({one})") for one in names]
    return Dataset("set", tuple(figures), ())


@pytest.mark.parametrize(
    ("positive", "place"),
    [(None, 1), ("a", 0), ("b", 1), ("A", 0), ("B", 1), ("A (a)", 0)],
)
def test_require_positive__takes_ids_and_names(positive: str | None, place: int) -> None:
    assert require_positive(_make("a", "b"), positive, None) == place
    assert require_positive(_make("a", "b"), positive, 0.9) == place


def test_require_positive__takes_an_id_before_a_name() -> None:
    figures = (Figure("x", "y", "y (1)"), Figure("y", "x", "x (2)"))
    assert require_positive(Dataset("set", figures, ()), "x", None) == 0


def test_require_positive__takes_a_name_in_either_form_of_its_accents() -> None:
    assert require_positive(_make("a", "caf\u00e9"), "cafe\u0301", None) == 1


@pytest.mark.parametrize("positive", ["c", "", "SAME", 5, ["a"], "a\nb", "q" * 500])
def test_require_positive__lists_what_there_is_in_a_line(positive: Any) -> None:
    figures = (Figure("1", "SAME", "SAME (1)"), Figure("SAME (1)", "SAME", "SAME (2)"))
    with pytest.raises(DataError) as caught:
        require_positive(Dataset("a\nset", figures, ()), positive, None)
    said = str(caught.value)
    assert "\n" not in said
    assert ": expected '1' (SAME (1)) or 'SAME (1)' (SAME (2)) for the figure that is " in said
    assert said.endswith("; write one of them as it stands here")
    assert len(said) < 200


def test_require_positive__is_for_two_figures() -> None:
    three = _make("a", "b", "c")
    assert require_positive(three, None, None) == 1
    for asked, words in (
        (("a", None), "one that is looked for, found 3; leave positive out"),
        ((None, 0.9), "a stated sensitivity, found 3; leave the sensitivity out"),
        (("a", 0.9), "one that is looked for, found 3; leave positive out"),
    ):
        with pytest.raises(DataError, match=f"^set: expected two figures for {words}$"):
            require_positive(three, *asked)
