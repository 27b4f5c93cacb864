"""Everything at once, and the sentence about few photos."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import figsight.metrics
from figsight.metrics import accuracy, macro_f1, roc_auc, summarise, what_it_cannot_tell

ALWAYS = [
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "log_loss",
    "brier",
    "expected_calibration_error",
    "aurc",
]
PAIR = ["roc_auc", "average_precision", "sensitivity", "specificity"]


def test_summarise__names_what_applies(draw: Any) -> None:
    assert sorted(summarise(*draw(k=5))) == sorted([*ALWAYS, "top_3_accuracy"])
    assert sorted(summarise(*draw(k=3))) == sorted(ALWAYS)
    assert sorted(summarise(*draw(k=2))) == sorted(ALWAYS + PAIR)
    assert sorted(summarise([0, 0], [[0.6, 0.4], [0.3, 0.7]])) == sorted(ALWAYS)


def test_summarise__is_the_single_scores_and_repeats_itself(draw: Any) -> None:
    y, p = draw(k=2)
    groups = np.arange(len(y)) // 2
    found = summarise(y, p, groups, seed=3)
    assert found["accuracy"] == accuracy(y, p, groups=groups)
    assert found["macro_f1"] == macro_f1(y, p, groups=groups, seed=3)
    assert found["roc_auc"] == roc_auc(y, p[:, 1], groups=groups)
    assert found == summarise(y, p, groups, seed=3)
    as_text = json.dumps({name: score.to_dict() for name, score in found.items()}, allow_nan=False)
    assert json.loads(as_text)["accuracy"]["n"] == len(y)


def test_what_it_cannot_tell__in_one_sentence() -> None:
    assert what_it_cannot_tell(54) == (
        "So few photos leave room: the true accuracy may be as low as 93.4\u00a0%."
    )
    assert what_it_cannot_tell(54, 50, smallest_class=2) == (
        "So few photos leave room: the true accuracy may be as low as 82.4\u00a0%, and for a figure "
        "with 2 test photos, all right, as low as 34.2\u00a0%."
    )
    assert what_it_cannot_tell(268, 266, smallest_class=5) == (
        "So few photos leave room: for a figure with 5 test photos, all right, the true accuracy may "
        "be as low as 56.6\u00a0%."
    )
    assert what_it_cannot_tell(300, smallest_class=0) == (
        "So few photos leave room: nothing is known of a figure without test photos."
    )
    assert what_it_cannot_tell(1, smallest_class=1) == (
        "So few photos leave room: the true accuracy may be as low as 20.7\u00a0%, and for a figure "
        "with 1 test photo, all right, as low as 20.7\u00a0%."
    )


def test_what_it_cannot_tell__is_silent_when_it_tells() -> None:
    assert what_it_cannot_tell(5000, 4900, smallest_class=40) is None
    with pytest.raises(ValueError, match=r"correct: expected 0\.\.5, found 6"):
        what_it_cannot_tell(5, 6)


def test_all__is_sorted_and_there() -> None:
    names = figsight.metrics.__all__
    assert names[0] == "SCORE_WORDS"
    assert names[1:] == sorted(names[1:])
    assert set(names) == set(figsight.metrics._HOMES)
    assert all(hasattr(figsight.metrics, name) for name in names)
    assert set(names) <= set(dir(figsight.metrics))
    with pytest.raises(AttributeError, match=r"'figsight\.metrics' has no attribute 'luck'"):
        figsight.metrics.luck  # noqa: B018


def test_summarise__looks_for_either_of_two_classes(draw: Any) -> None:
    y, p = draw(k=2)
    second, first = summarise(y, p), summarise(y, p, positive=0)
    assert first["roc_auc"].value == pytest.approx(second["roc_auc"].value)
    assert first["sensitivity"].value == pytest.approx(second["specificity"].value)
    assert first["average_precision"] == summarise(1 - y, p[:, ::-1])["average_precision"]
    assert first["accuracy"] == second["accuracy"]
    with pytest.raises(ValueError, match=r"^positive: expected a class from 0 to 1, found 2$"):
        summarise(y, p, positive=2)


def test_what_it_cannot_tell__of_bad_scores_says_how_good_they_may_be() -> None:
    assert what_it_cannot_tell(9, 0) == (
        "So few photos leave room: the true accuracy may be as high as 29.9\u00a0%."
    )
    assert what_it_cannot_tell(9, 3) == (
        "So few photos leave room: the true accuracy may be anything from 12.1\u00a0% to 64.6\u00a0%."
    )


def test_what_it_cannot_tell__counts_copies_of_a_figure_once() -> None:
    assert what_it_cannot_tell(3000, 2990, smallest_class=40, smallest_worth=5.0) == (
        "So few photos leave room: for a figure with 40 test photos (worth 5 independent ones), all "
        "right, the true accuracy may be as low as 56.6\u00a0%."
    )
