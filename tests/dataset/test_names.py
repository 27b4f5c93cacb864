from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.dataset.model import Figure
from figsight.dataset.names import few, natural_key, printable, with_displays

_TEXTS = st.text(alphabet="aA1 ()0,2", max_size=6)


@st.composite
def _figures(draw: st.DrawFn) -> list[Figure]:
    ids = draw(st.lists(_TEXTS, unique=True, max_size=8))
    metadata = st.dictionaries(st.sampled_from(["sets", "set_numbers"]), _TEXTS)
    return [Figure(id_, draw(_TEXTS), "", draw(metadata)) for id_ in ids]


def _display(*figures: Figure) -> list[str]:
    return [figure.display for figure in with_displays(figures)]


@given(st.lists(st.integers(0, 10**30), unique=True))
def test_natural_key__sorts_numbers_as_numbers(numbers: list[int]) -> None:
    texts = sorted((f"figure {number}.jpg" for number in numbers), key=natural_key)
    assert texts == [f"figure {number}.jpg" for number in sorted(numbers)]


@given(st.lists(st.text(), unique=True))
def test_natural_key__orders_any_text_totally(texts: list[str]) -> None:
    assert len({natural_key(text) for text in texts}) == len(texts)
    backwards = texts[::-1]
    assert sorted(backwards, key=natural_key) == sorted(texts, key=natural_key)


def test_natural_key__takes_numbers_too_long_for_an_int() -> None:
    assert natural_key("9" * 5000) < natural_key("1" + "0" * 5000)


@given(_figures())
def test_with_displays__are_unique(figures: list[Figure]) -> None:
    displays = _display(*figures)
    assert len(set(displays)) == len(figures)


@given(_figures(), st.randoms())
def test_with_displays__do_not_depend_on_the_order(figures: list[Figure], random: object) -> None:
    expected = with_displays(figures)
    random.shuffle(figures)  # type: ignore[attr-defined]
    assert with_displays(figures) == expected


def test_with_displays__leave_a_unique_name_alone() -> None:
    assert _display(Figure("2", "YODA", "old"), Figure("10", "VENOM", "")) == ["YODA", "VENOM"]


@pytest.mark.parametrize(
    ("first", "second", "displays"),
    [
        ({"sets": "A", "set_numbers": "7"}, {"sets": "B", "set_numbers": "8"}, ["X (A)", "X (B)"]),
        ({"sets": "A", "set_numbers": "7"}, {"sets": "A", "set_numbers": "8"}, ["X (7)", "X (8)"]),
        ({"sets": "A", "set_numbers": "7"}, {"sets": "A", "set_numbers": "7"}, ["X (1)", "X (2)"]),
        ({"sets": "A"}, {}, ["X (1)", "X (2)"]),
    ],
    ids=["set", "number", "id", "missing"],
)
def test_with_displays__tell_namesakes_apart(
    first: dict[str, str], second: dict[str, str], displays: list[str]
) -> None:
    assert _display(Figure("1", "X", "", first), Figure("2", "X", "", second)) == displays


def test_with_displays__never_take_the_name_of_another_figure() -> None:
    figures = [Figure("1", "X", ""), Figure("2", "X", ""), Figure("3", "X (1)", "")]
    assert _display(*figures) == ["X (1, 2)", "X (2)", "X (1)"]


def test_printable__keeps_one_line() -> None:
    assert printable("a\nb\x1b[2J\u202eé") == r"a\nb\x1b[2J\u202eé"
    assert printable("x" * 1000) == "x" * 60 + "..." + "x" * 60


def test_printable__keeps_spaces_of_every_width_and_escapes_what_breaks_lines() -> None:
    assert printable(">\u00a099.9\u202f%\u3000a b") == ">\u00a099.9\u202f%\u3000a b"
    assert printable("a\u2028b\u2029c\u0085d\u200be") == r"a\u2028b\u2029c\x85d\u200be"


def test_few__counts_the_rest() -> None:
    assert few(["a", "b"]) == "a, b"
    assert few(list("abcdef")) == "a, b, c and 3 more"
