from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.metrics import (
    glue_signs,
    say_probability,
    say_score,
    say_share,
    say_spread,
    say_stated,
)


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


def test_say_share__is_perfect_only_where_nothing_was_wrong() -> None:
    assert say_share(2999 / 3000) == ">\u00a099.9\u00a0%"
    assert say_share(1 / 3000) == "<\u00a00.1\u00a0%"
    assert say_share(0.9994) == "99.9\u00a0%"
    assert (say_share(1 - (1 - 0.3) - 0.3), say_share(0.0)) == ("0.0\u00a0%", "0.0\u00a0%")


def test_say_score__is_perfect_only_where_it_is() -> None:
    assert [say_score(x) for x in (0.99996, 1.0, 0.00001, 0.0, 0.9876, 1.2)] == [
        ">\u00a00.999",
        "1.000",
        "<\u00a00.001",
        "0.000",
        "0.988",
        "1.200",
    ]
    assert say_score(0.5, is_share=True) == "50.0\u00a0%"


def test_say_spread__is_short_and_ends_at_all_or_nothing_only_where_it_does() -> None:
    assert say_spread(0.7224, 1.0) == "72 to 100\u00a0%"
    assert say_spread(0.002, 0.9972) == "0.2 to 99.7\u00a0%"


def test_glue_signs__writes_percent_signs_alike_and_nothing_else() -> None:
    assert glue_signs("keeps 95% or 90 % of 20 photos; 100%") == (
        "keeps 95\u00a0% or 90\u00a0% of 20 photos; 100\u00a0%"
    )
    assert glue_signs("a %-sign, and %s") == "a %-sign, and %s"
