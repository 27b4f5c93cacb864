from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from figsight.drawing import text as lettering
from figsight.drawing.text import choose_font, clean, fit_text, has_glyph

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = st.text(max_size=60)


@pytest.fixture
def only_pillows_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    choose_font.cache_clear()
    monkeypatch.setattr(lettering, "FONTS", ())
    yield
    choose_font.cache_clear()


def test_choose_font__plain_english_is_drawn_by_pillows_own_font() -> None:
    assert choose_font("Blue knight  97.3\u00a0%") == (None, "Blue knight 97.3\u00a0%")


@settings(max_examples=60, deadline=None)
@given(WORDS)
@example("Łukasz Żółw")
@example("中文 مرحبا שלום नमस्ते ไทย 😀")
@example("a\x00b\u202ec\udc80d\ue000")
def test_choose_font__every_character_of_any_text_has_a_glyph(words: str) -> None:
    name, drawn = choose_font(words)
    assert all(has_glyph(name, character) for character in drawn)


@pytest.mark.usefixtures("only_pillows_font")
def test_choose_font__what_no_font_holds_is_named_not_boxed() -> None:
    assert choose_font("Café Łódź 中") == (None, "Cafe \\u0141odz \\u4e2d")


@pytest.mark.usefixtures("only_pillows_font")
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Robot \U0001f916, 97\u00a0%", "Robot, 97\u00a0%"),
        ("\U0001f468\u200d\U0001f680 Ann \u2764\ufe0f", "Ann"),
        ("\U0001f44d\U0001f3fd ok 1\ufe0f\u20e3", "ok 1"),
        ("\U0001f600", "\\U0001f600"),
        ("\U0001f600 \u4e2d", "\\u4e2d"),
        ("\U0001f600, 97\u00a0%", "\\U0001f600, 97\u00a0%"),
    ],
)
def test_choose_font__leaves_out_emoji_that_no_font_holds_beside_letters(
    words: str, shown: str
) -> None:
    assert choose_font(words) == (None, shown)


def test_clean__is_one_line_without_control_characters() -> None:
    assert clean("  two\n lines\t\x07\u202e ") == "two lines \\u0007\\u202e"
    assert clean("97.3\u202f%") == "97.3\u00a0%"
    assert clean("e\u0301") == "é"


def test_has_glyph__sees_what_a_font_lacks() -> None:
    assert has_glyph(None, "A")
    assert not has_glyph(None, "中")
    assert not has_glyph("no such font.ttf", "A")


@settings(max_examples=60, deadline=None)
@given(WORDS, st.integers(40, 300), st.integers(1, 3))
@example("W" * 200, 100, 2)
@example("a " * 100, 100, 1)
def test_fit_text__never_leaves_its_box(words: str, width: int, rows: int) -> None:
    fitted = fit_text(words, 16, width, rows)
    assert 1 <= len(fitted.rows) <= rows
    assert all(fitted.font.getlength(row) <= width for row in fitted.rows if len(row) > 1)


def test_fit_text__keeps_all_of_what_fits() -> None:
    fitted = fit_text("Lighthouse keeper 98\u00a0%", 16, 110, 2)
    assert fitted.rows == ("Lighthouse", "keeper 98 %")


def test_fit_text__shortens_the_middle_so_that_the_probability_stays() -> None:
    fitted = fit_text("Spider figure of the second series, night edition 97.3\u00a0%", 16, 140, 2)
    words = " ".join(fitted.rows)
    assert words.startswith("Spider figure")
    assert words.endswith("97.3 %")
    assert "\u2026" in words


def test_fit_text__never_makes_another_number_of_a_probability() -> None:
    for width in range(70, 200, 5):
        words = "".join(fit_text("A long name of a figure, >\u00a099.9\u00a0%", 16, width, 1).rows)
        assert words.endswith("> 99.9 %") or ("9" not in words and width < 90)


def test_fit_text__does_not_part_an_accent_from_its_letter() -> None:
    for width in range(60, 200, 5):
        rows = fit_text("x\u0323\u0301" * 40, 16, width, 1).rows
        assert "\u2026\u0323" not in rows[0]
        assert "\u2026\u0301" not in rows[0]
