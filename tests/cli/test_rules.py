"""What is said of the rules that a training has fitted."""

from __future__ import annotations

from typing import Any

from figsight.bundle import Calibration, Measured, OperatingPoint, SetRule, UnknownLine, UnknownRule
from figsight.cli.rules import never_unknown, tell_rules
from figsight.dataset import Figure


def share(value: float) -> Measured:
    return Measured(value=value, low=value - 0.05, high=value + 0.05, n=40, method="Wilson")


def make_rule(
    protocol: str = "no figure was left out: how well unknown ones are recognised was not measured",
    **changes: Any,
) -> UnknownRule:
    return UnknownRule(
        score="energy", parts=["energy"], threshold=1.0, kept=0.95, protocol=protocol, **changes
    )


def test_tell_rules__says_nothing_when_nothing_was_fitted() -> None:
    assert tell_rules(None) == []
    assert tell_rules(Calibration(temperature=1.0)) == []


def test_tell_rules__gives_what_was_measured_and_on_what() -> None:
    unknown = make_rule(
        protocol="9 photos of 3 figures",
        auroc=share(0.9),
        accepted=share(0.25),
        measured_kept=Measured(value=0.97, low=0.831, high=0.995, n=33, method="Wilson"),
        lines=[
            UnknownLine(kept=0.9, threshold=0.5, accepted=share(0.1)),
            UnknownLine(kept=0.99, threshold=2.0, accepted=share(0.5)),
        ],
    )
    sets = SetRule(
        method="lac", coverage=0.95, threshold=0.5, n=50, measured=share(0.94), mean_size=share(1.5)
    )
    point = OperatingPoint(
        positive="ill",
        stated_sensitivity=0.95,
        threshold=0.31,
        sensitivity=share(0.94),
        specificity=share(0.8),
    )
    calibration = Calibration(temperature=1.0, unknown=unknown, sets=sets, operating_point=point)
    assert [line.replace("\u00a0%", " %") for line in tell_rules(calibration)] == [
        (
            "unknown figures: strangers given a name 25.0 % (20.0 % to 30.0 %); known photos "
            "refused: set to 5 %, measured 3.0 % (0.5 % to 16.9 %); AUROC 0.900 (0.850 to "
            "0.950); measured on 9 photos of 3 figures"
        ),
        "strangers given a name with other lines: 10.0 % with --keep 0.9, 50.0 % with --keep 0.99",
        (
            "sets of names that are to hold the right one 95 % of the time: 94.0 % (89.0 % to 99.0 %) do, "
            "with 1.50 names"
        ),
        (
            "from a probability of 0.310 on a photo counts as ill: finds 94.0 % (89.0 % to 99.0 %) of "
            "them, and clears 80.0 % (75.0 % to 85.0 %) of the others"
        ),
    ]


def test_tell_rules__calls_the_figure_that_is_looked_for_by_its_name() -> None:
    point = OperatingPoint(
        positive="1",
        stated_sensitivity=0.95,
        threshold=0.31,
        sensitivity=share(0.94),
        specificity=share(0.8),
    )
    calibration = Calibration(temperature=1.0, operating_point=point)
    (line,) = tell_rules(calibration, [Figure("0", "WELL", "WELL"), Figure("1", "ILL", "ILL")])
    assert "a photo counts as ILL: finds" in line


def test_tell_rules__gives_the_reason_of_each_refusal() -> None:
    calibration = Calibration(
        temperature=1.0,
        refused={"sets": "need 50 photos", "unknown": "a threshold needs 19 photos"},
    )
    assert tell_rules(calibration) == [
        "no sets of names: need 50 photos",
        "unknown figures: this model never says 'unknown', because a threshold needs 19 photos",
    ]


def test_tell_rules__says_why_a_rule_was_not_measured() -> None:
    rule = make_rule()
    (line,) = tell_rules(Calibration(temperature=1.0, unknown=rule))
    assert line == (
        "unknown figures: known photos refused: set to 5\u00a0%, not measured; how often strangers "
        "are recognised was not measured (no figure was left out)"
    )


def test_tell_rules__names_the_lines_of_a_rule_that_was_not_measured() -> None:
    rule = make_rule(
        lines=[
            UnknownLine(kept=0.9, threshold=0.5, measured_kept=share(0.92)),
            UnknownLine(kept=0.99, threshold=2.0),
        ],
    )
    _, line = tell_rules(Calibration(temperature=1.0, unknown=rule))
    assert line.replace("\u00a0", " ") == (
        "known photos refused with other lines: set to 10 %, measured 8.0 % (3.0 % to 13.0 %) with "
        "--keep 0.9, set to 1 %, not measured with --keep 0.99"
    )


def test_never_unknown__says_why() -> None:
    never = "this model never says 'unknown': "
    assert never_unknown(None) == f"{never}it was trained without measuring"
    assert never_unknown(Calibration(temperature=1.0)) == f"{never}it has no rule for that"
    refused = Calibration(temperature=1.0, refused={"unknown": "to keep 95% it needs 19 photos"})
    assert never_unknown(refused) == f"{never}to keep 95\u00a0% it needs 19 photos"
