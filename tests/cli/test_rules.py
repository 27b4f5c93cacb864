"""What is said of the rules that a training has fitted."""

from __future__ import annotations

from figsight.bundle import Calibration, Measured, OperatingPoint, SetRule, UnknownLine, UnknownRule
from figsight.cli.rules import tell_rules


def share(value: float) -> Measured:
    return Measured(value=value, low=value - 0.05, high=value + 0.05, n=40, method="Wilson")


def test_tell_rules__says_nothing_when_nothing_was_fitted() -> None:
    assert tell_rules(None) == []
    assert tell_rules(Calibration(temperature=1.0)) == []


def test_tell_rules__gives_what_was_measured_and_on_what() -> None:
    unknown = UnknownRule(
        score="energy",
        parts=["energy"],
        threshold=1.0,
        kept=0.95,
        protocol="9 photos of 3 figures",
        auroc=share(0.9),
        accepted=share(0.25),
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
    assert tell_rules(calibration) == [
        (
            "figures that it was not taught: AUROC 0.900 (0.850 to 0.950); 25.0% (20.0% to 30.0%) of "
            "them are taken for known ones when 95% of the known are kept (9 photos of 3 figures)"
        ),
        "with other lines (--keep): 10.0% at 90% kept, 50.0% at 99% kept",
        (
            "sets of names that are to hold the right one 95% of the time: 94.0% (89.0% to 99.0%) do, "
            "with 1.50 names"
        ),
        (
            "from a probability of 0.310 on a photo counts as ill: finds 94.0% (89.0% to 99.0%) of them, "
            "and clears 80.0% (75.0% to 85.0%) of the others"
        ),
    ]


def test_tell_rules__gives_the_reason_of_each_refusal() -> None:
    calibration = Calibration(
        temperature=1.0, refused={"sets": "need 50 photos", "unknown": "needs 19 photos"}
    )
    assert tell_rules(calibration) == [
        "no sets of names: need 50 photos",
        "unknown figures are not told: needs 19 photos",
    ]
