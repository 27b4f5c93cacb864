from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.metrics import glue_signs, say_probability, say_share, say_stated


@given(st.floats(0, 1))
def test_say_probability__never_claims_certainty(p: float) -> None:
    said = say_probability(p)
    assert said not in {"100.0\u00a0%", "0.0\u00a0%"}
    if said[0] not in "<>":
        assert float(said.removesuffix("\u00a0%")) == pytest.approx(100 * p, abs=0.0501)


def test_say__what_people_read() -> None:
    assert say_probability(0.99951) == ">\u00a099.9\u00a0%"
    assert say_probability(0.0001) == "<\u00a00.1\u00a0%"
    assert say_probability(0.9994) == "99.9\u00a0%"
    assert say_share(1.0) == "100.0\u00a0%"
    assert (say_stated(0.95), say_stated(0.975)) == ("95\u00a0%", "97.5\u00a0%")


def test_glue_signs__writes_percent_signs_alike_and_nothing_else() -> None:
    assert glue_signs("keeps 95% or 90 % of 20 photos; 100%") == (
        "keeps 95\u00a0% or 90\u00a0% of 20 photos; 100\u00a0%"
    )
    assert glue_signs("a %-sign, and %s") == "a %-sign, and %s"
