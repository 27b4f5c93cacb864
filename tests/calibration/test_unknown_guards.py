"""Scores that know nothing of figures: they add to others, and decide nothing by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from tests.calibration.make import chosen, scores

from figsight.calibration import combine


def test_combine__a_guard_adds_what_is_above_its_centre_and_nothing_below() -> None:
    parts = ["knn", "mean_cosine", "energy"]
    strange = {"knn": [1.0] * 4, "energy": [3.0] * 4, "mean_cosine": [-9.0, 0.5, 0.7, 0.9]}
    found = combine(strange, parts, [0, 0.5, 1], [1, 0.1, 1])
    assert found == pytest.approx([1.5, 1.5, 3.5, 5.5])
    message = "^parts: expected one that is no guard, found mean_cosine; a guard only adds to othe"
    with pytest.raises(ValueError, match=message):
        combine(strange, ["mean_cosine"], [0], [1])


@pytest.mark.parametrize("guard", ["style_mahalanobis", "mean_cosine"])
def test_choice__its_guard_keeps_silent_within_2_spreads_of_the_known(guard: str) -> None:
    known, unknown = scores(400, 0.0, 0), scores(80, 2.5, 1)
    if guard == "mean_cosine":  # what guards where a network gives no styles
        known, unknown = (
            {name: one for name, one in some.items() if name != "style_mahalanobis"}
            for some in (known, unknown)
        )
    rule = chosen(known, unknown, favourite="mixed").rule
    assert rule.parts == ("max_logit", "whitened_cosine", guard)
    usual = np.asarray(known[guard])
    assert rule.centres[2] == pytest.approx(usual.mean() + 2 * usual.std())
    bare = combine(known, rule.parts[:2], rule.centres[:2], rule.spreads[:2])
    quiet = usual <= rule.centres[2]
    assert np.array_equal(rule.decide(known)[quiet], bare[quiet])
    assert 0.95 <= quiet.mean() < 1
    # What the other parts take for known, in a place where no known photo is, is told by the guard.
    foreign = {name: s[:20] for name, s in known.items()} | {guard: np.full(20, 9.0)}
    assert (rule.decide(foreign) > rule.decide(known).max()).all()


@pytest.mark.parametrize("guard", ["style_mahalanobis", "mean_cosine"])
@pytest.mark.parametrize("favourite", ["mixed", None])
def test_choice__no_guard_decides_alone_however_well_it_did(
    guard: str, favourite: str | None
) -> None:
    known, unknown = scores(200, 0.0, 0), scores(80, 1.0, 1)
    unknown[guard] = unknown[guard] + 99  # left-out figures happened to be photographed elsewhere
    found = chosen(known, unknown, favourite=favourite, mixed=())
    assert found.candidates[guard].value == 1
    assert found.rule.name not in {"style_mahalanobis", "mean_cosine"}
    assert chosen(known, unknown, score=guard, mixed=()).rule.name == guard  # who asks for it
    alone = chosen({guard: known[guard]}, {guard: unknown[guard]})  # where there is nothing else
    assert alone.rule.name == guard
