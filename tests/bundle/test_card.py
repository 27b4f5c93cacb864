from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundle.make import (
    make_calibration,
    make_line,
    make_manifest,
    make_measured,
    make_sets,
    make_unknown,
)

from figsight.bundle import FigureEntry, OperatingPoint, model_card
from figsight.bundle.markdown import escape, quote

if TYPE_CHECKING:
    from figsight.bundle import Manifest


def _name(text: str) -> Manifest:
    return make_manifest(figures=[FigureEntry(id="1", name=text, display=text)])


def _card(manifest: Manifest) -> str:
    """The model card, with plain spaces before its percent signs."""
    return model_card(manifest).replace("\u00a0", " ")


def test_card__has_the_front_matter_of_the_hub() -> None:
    front = _card(make_manifest()).split("---\n")[1]
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
    card = _card(make_manifest())
    row = "| Accuracy | 97.4 % | 94.7 % to 98.7 % (Wilson 95 %) | 261 of 268 | photos named right |"
    assert f"\n{row}\n" in card
    assert "each photo was judged by a network that had seen neither it nor\na copy of it" in card
    assert "The network in this bundle is another one" in card


def test_card__admits_that_nothing_was_measured() -> None:
    card = _card(make_manifest(scores=[], calibration=None))
    assert "Nobody measured" in card
    front = card.split("---\n")[1]
    assert "metrics" not in front
    assert front.splitlines()[-2] == '- "tiny"'
    # No number of another set of photos stands in for those that nobody measured.
    assert "not calibrated: nothing was measured" in card
    assert "%" not in card.partition("## What is not guaranteed")[2]


def test_card__names_every_figure_and_every_skipped_photo() -> None:
    card = _card(make_manifest())
    assert "| id | figure | sets |" in card
    assert "| 2 | YODA | 75208 |" in card
    assert "| 17 | SPIDER\\-MAN \\(Molten Man\\) |  |" in card
    assert "1 photo did not take part:" in card
    assert "- a/bad\\.jpg: it is damaged" in card


def test_card__keeps_long_lists_short() -> None:
    many = [FigureEntry(id=str(i), name=str(i), display=str(i)) for i in range(600)]
    assert "And 100 more; `manifest.json` names them all." in _card(make_manifest(figures=many))


def _answers(**changes: Any) -> str:
    """What the card says of unknown photos, sets and the rest."""
    card = _card(make_manifest(calibration=make_calibration(**changes)))
    return card.partition("## What else it says\n\n")[2].partition("\n\n##")[0]


def test_card__names_what_was_measured_on_what_once_or_row_by_row() -> None:
    (score,) = make_manifest().scores
    other = msgspec.structs.replace(score, metric="gut_feeling", correct=None, protocol="a test")
    card = _card(make_manifest(scores=[score, other]))
    assert "Measured on" not in card
    assert f"| photos named right | {escape(score.protocol)} |" in card
    assert "| gut\\_feeling | 0.974 | 0.947 to 0.987 (Wilson 95 %) | 268 |  | a test |" in card
    assert f"\nMeasured on {escape(score.protocol)}.\n" in _card(make_manifest(scores=[score]))


def test_card__tells_what_the_calibration_does() -> None:
    assert "the logits divided by 1.5." in _card(make_manifest(calibration=make_calibration()))
    assert "Nothing: it has no rule for photos of something else" in _card(make_manifest())
    assert "still gets one of the names" in _card(make_manifest())


def test_card__tells_how_well_unknown_photos_are_told() -> None:
    rule = make_unknown(
        measured_kept=make_measured(),
        auroc=make_measured(0.9712, 0.95, 0.98),
        accepted=make_measured(0.1, 0.05, 0.2, 1),
        candidates={"knn": make_measured(), "energy": make_measured()},
    )
    said = _answers(unknown=rule)
    assert "whose score (`knn`; higher is stranger) is above 0.25 is called unknown." in said
    assert "set to keep 95 % of the photos of known figures. " in said
    assert "Measured on 2 figures left out in turn: AUROC 0.971 (0.950 to 0.980, Wilson)." in said
    assert (
        "| 95 % | the default | 95.0 % (90.0 % to 98.0 %) | 10.0 % (5.0 % to 20.0 %) |\n\n"
        "In brackets the intervals; photos: 120 known (Wilson), 1 unknown (Wilson).\n\n"
        "2 scores were tried"
    ) in said


def test_card__tells_what_other_lines_would_let_in() -> None:
    lines = [
        make_line(0.9, 0.1, accepted=make_measured(0.1, 0.05, 0.2)),
        make_line(0.99, 0.3, accepted=make_measured(0.4, 0.3, 0.5)),
    ]
    said = _answers(unknown=make_unknown(accepted=make_measured(0.2, 0.1, 0.3), lines=lines))
    assert said.partition("figure |\n|---|---|---|---|\n")[2].partition("\n\n")[0].splitlines() == [
        "| 90 % | `--keep 0.9` | not measured | 10.0 % (5.0 % to 20.0 %) |",
        "| 95 % | the default | not measured | 20.0 % (10.0 % to 30.0 %) |",
        "| 99 % | `--keep 0.99` | not measured | 40.0 % (30.0 % to 50.0 %) |",
    ]
    assert "--keep" not in _answers(unknown=make_unknown(lines=[make_line(0.9, 0.1)]))


def test_card__never_claims_what_was_not_measured() -> None:
    assert "How well it tells them apart was not measured." in _answers(unknown=make_unknown())
    kept = make_unknown("max_softmax", "knn", measured_kept=make_measured())
    said = _answers(unknown=kept)
    assert "(`mixed` of `max_softmax`, `knn`; higher is stranger)" in said
    assert "How many unknown photos it finds was not measured (2 figures left out in turn)." in said


def test_card__tells_how_large_the_sets_are_and_what_they_hold() -> None:
    rule = make_sets(measured=make_measured(), mean_size=make_measured(1.234, 1.1, 1.4))
    said = _answers(sets=rule)
    assert "right one 95 % of the time (conformal, `lac`, set on 120 photos)." in said
    assert "95.0 % (90.0 % to 98.0 %, Wilson, 120 photos) of the sets hold the right name; " in said
    assert "1.23 (1.10 to 1.40, Wilson) names in a set on average." in said
    assert "That was not measured." in _answers(sets=make_sets())


def test_card__tells_why_there_are_no_rules() -> None:
    said = _answers(
        refused={"unknown": "it needs 19 photos", "sets": "it needs <50>", "operating_point": "no"}
    )
    assert "**Unknown**: it never says so: it needs 19 photos.\n" in said
    assert "**Sets of names**: it gives none: it needs &lt;50&gt;.\n" in said
    assert "**One figure looked for**: there is no threshold for it: no." in said
    assert _answers() == ("**Unknown**: it never says so.\n\n**Sets of names**: it gives none.")


def test_card__tells_the_operating_point() -> None:
    two = [FigureEntry(id=str(i), name=name, display=name) for i, name in enumerate(("no", "*y*"))]
    point = OperatingPoint(
        positive="1", stated_sensitivity=0.95, threshold=0.3125, sensitivity=make_measured()
    )
    calibration = make_calibration(operating_point=point)
    card = _card(make_manifest(figures=two, calibration=calibration))
    assert (
        "**\\*y\\* looked for**: from a probability of 0.3125 on, meant to find 95 % of its photos. "
        "Measured: sensitivity 95.0 % (90.0 % to 98.0 %, Wilson, 120 photos)."
    ) in card


def test_card__names_the_figure_that_is_looked_for_where_there_is_no_threshold() -> None:
    two = [FigureEntry(id=str(i), name=name, display=name) for i, name in enumerate(("no", "*y*"))]
    for refused, why in (
        ({"operating_point": "it needs 19 photos"}, ": it needs 19 photos"),
        ({}, ""),
    ):
        calibration = make_calibration(positive="1", refused=refused)
        card = _card(make_manifest(figures=two, calibration=calibration))
        assert f"**\\*y\\* looked for**: there is no threshold for it{why}." in card


def test_card__does_not_depend_on_hashes() -> None:
    one = make_manifest()
    two = msgspec.structs.replace(one, files={"model.onnx": "0" * 64}, seal="1" * 64)
    assert _card(one) == _card(two)


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
    assert escape(name) == shown
    assert f"| 1 | {shown} |" in _card(_name(name))


@settings(max_examples=30, deadline=None)
@given(st.text())
def test_card__stays_a_table_whatever_the_names(name: str) -> None:
    card = _card(_name(name)).splitlines()
    plain = _card(_name("x")).splitlines()
    assert len(card) == len(plain)
    assert sum(a != b for a, b in zip(card, plain, strict=True)) <= 1


@settings(max_examples=30, deadline=None)
@given(st.text())
def test_card__quotes_for_yaml_on_one_line(text: str) -> None:
    quoted = quote(text)
    assert quoted.startswith('"')
    assert quoted.endswith('"')
    assert len(quoted.splitlines()) == 1
