from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundle.make import make_manifest

from figsight.bundle import Calibration, FigureEntry, UnknownRule, model_card
from figsight.bundle.card import _escape, _quote

if TYPE_CHECKING:
    from figsight.bundle import Manifest


def _name(text: str) -> Manifest:
    return make_manifest(figures=[FigureEntry(id="1", name=text, display=text)])


def test_card__has_the_front_matter_of_the_hub() -> None:
    front = model_card(make_manifest()).split("---\n")[1]
    assert front == (
        "library_name: figsight\n"
        "pipeline_tag: image-classification\n"
        "tags:\n"
        "- image-classification\n"
        "- figsight\n"
        "- onnx\n"
        '- "tiny"\n'
        "metrics:\n"
        '- "accuracy"\n'
        "# license: under which terms may others use this model? Say so before you publish it.\n"
    )


def test_card__says_which_number_is_which() -> None:
    card = model_card(make_manifest())
    row = "| accuracy | 97.4 % | 94.7 % to 98.7 % (Wilson 95 %) | 261 of 268 |"
    assert row in card
    assert "each photo was judged by a network that had seen neither it nor\na copy of it" in card
    assert "The network in this bundle is another one" in card


def test_card__admits_that_nothing_was_measured() -> None:
    assert "Nobody measured" in model_card(make_manifest(scores=[]))


def test_card__names_every_figure_and_every_skipped_photo() -> None:
    card = model_card(make_manifest())
    assert "| id | figure | sets |" in card
    assert "| 2 | YODA | 75208 |" in card
    assert "| 17 | SPIDER\\-MAN \\(Molten Man\\) |  |" in card
    assert "1 photo could not be decoded and did not take part:" in card
    assert "- a/bad\\.jpg: it is damaged" in card


def test_card__keeps_long_lists_short() -> None:
    many = [FigureEntry(id=str(i), name=str(i), display=str(i)) for i in range(600)]
    assert "And 100 more; `manifest.json` names them all." in model_card(
        make_manifest(figures=many)
    )


def test_card__tells_what_the_calibration_does() -> None:
    unknown = UnknownRule(score="nearest", threshold=0.4, kept=0.95)
    card = model_card(make_manifest(calibration=Calibration(temperature=1.5, unknown=unknown)))
    assert "the logits divided by 1.5." in card
    assert "called unknown by the score nearest, set to keep 95% of the" in card
    assert "still gets one of the names" in model_card(make_manifest())


def test_card__does_not_depend_on_hashes() -> None:
    one = make_manifest()
    two = msgspec.structs.replace(one, files={"model.onnx": "0" * 64}, seal="1" * 64)
    assert model_card(one) == model_card(two)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", "a\\|b"),
        ("# x\n# y", "\\# x \\# y"),
        ("[a](http://b)", "\\[a\\]\\(http\\://b\\)"),
        ("<img src=x>", "&lt;img src\\=x&gt;"),
        ("*b* `c` \\", "\\*b\\* \\`c\\` \\\\"),
        ("a\x1b[31mb\u202ec", "a\ufffd\\[31mb\ufffdc"),
        ("www.b.com a@b.com", "www\\.b\\.com a\\@b\\.com"),
        ("J\u00fcrgen \U0001f600", "J\u00fcrgen \U0001f600"),
    ],
)
def test_card__makes_names_plain_text(name: str, shown: str) -> None:
    assert _escape(name) == shown
    assert f"| 1 | {shown} |" in model_card(_name(name))


@settings(max_examples=30, deadline=None)
@given(st.text())
def test_card__stays_a_table_whatever_the_names(name: str) -> None:
    card = model_card(_name(name)).splitlines()
    plain = model_card(_name("x")).splitlines()
    assert len(card) == len(plain)
    assert sum(a != b for a, b in zip(card, plain, strict=True)) <= 1


@settings(max_examples=30, deadline=None)
@given(st.text())
def test_card__quotes_for_yaml_on_one_line(text: str) -> None:
    quoted = _quote(text)
    assert quoted.startswith('"')
    assert quoted.endswith('"')
    assert len(quoted.splitlines()) == 1
