from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from tests.bundle.make import (
    forge,
    make_bundle,
    make_calibration,
    make_gallery,
    make_manifest,
    make_measured,
    make_sets,
    make_unknown,
    verdict,
)

from figsight.bundle import (
    UnknownLine,
    build_detector,
    build_sets,
    choose_line,
    list_lines,
)
from figsight.calibration import SCORES, PredictionSets, UnknownScorer, fit_scorer
from figsight.calibration.names import SPREADS, STYLE_SCORE
from figsight.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

BAD: list[tuple[dict[str, Any], str]] = [
    (
        {"unknown": make_unknown("gut_feeling")},
        "manifest.json: unknown detector: ValueError: expected parts",
    ),
    (
        {"sets": make_sets(method="guess")},
        "manifest.json: prediction sets: expected method, coverage",
    ),
    (
        {"sets": make_sets(coverage=1.0)},
        "manifest.json: prediction sets: expected method, coverage",
    ),
]


def test_choose_line__takes_another_threshold_and_what_was_measured_of_it() -> None:
    lines = [
        UnknownLine(kept=0.8, threshold=0.1, accepted=make_measured(0.02, 0.01, 0.1)),
        UnknownLine(kept=0.99, threshold=0.5, measured_kept=make_measured(0.98, 0.9, 1.0)),
    ]
    rule = make_unknown("energy", lines=lines, accepted=make_measured(0.3, 0.2, 0.4))
    manifest = make_manifest(calibration=make_calibration(unknown=rule))
    assert [line.kept for line in list_lines(rule)] == [0.8, 0.95, 0.99]
    chosen = choose_line(manifest, 0.8)
    assert chosen.calibration is not None
    found = chosen.calibration.unknown
    assert found is not None
    assert (found.kept, found.threshold, found.measured_kept) == (0.8, 0.1, None)
    assert found.accepted == lines[0].accepted
    assert list_lines(found) == list_lines(rule)
    assert choose_line(chosen, 0.95) == choose_line(manifest, 0.95) == manifest


def test_choose_line__says_which_lines_there_are() -> None:
    rule = make_unknown("energy", lines=[UnknownLine(kept=0.9, threshold=0.1)])
    manifest = make_manifest(calibration=make_calibration(unknown=rule))
    with pytest.raises(
        BundleError,
        match=r"^m: expected a share of known photos to keep that it has a line for \(0\.9, 0\.95\), "
        r"found 0\.7; choose one of these$",
    ):
        choose_line(manifest, 0.7, where="m")
    for bare, why in (
        (make_manifest(calibration=None), "found none;"),
        (make_manifest(calibration=make_calibration()), "found none;"),
        (
            make_manifest(calibration=make_calibration(refused={"unknown": "too few"})),
            r"found none \(too few\);",
        ),
    ):
        with pytest.raises(BundleError, match=why):
            choose_line(bare, 0.9)


@pytest.mark.parametrize("keep", [0.7 + 0.2, np.float32(0.9), np.float64(0.9)])
def test_choose_line__takes_numbers_for_what_they_mean(keep: float) -> None:
    rule = make_unknown("energy", lines=[UnknownLine(kept=0.9, threshold=0.1)])
    manifest = make_manifest(calibration=make_calibration(unknown=rule))
    assert choose_line(manifest, keep) == choose_line(manifest, 0.9) != manifest


@pytest.mark.parametrize("keep", ["0.9", [0.9], b"0.9", 10**400])
def test_choose_line__refuses_what_is_no_number(keep: Any) -> None:
    with pytest.raises(ValueError, match=r"^keep: expected a number, such as 0\.9, found \S+$"):
        choose_line(make_manifest(), keep)


def test_build_detector__is_the_one_that_was_taken_apart() -> None:
    random = np.random.default_rng(0)
    known = random.normal(size=(30, 6)).astype(np.float32)
    styles = random.normal(size=(30, 8))
    scorer = fit_scorer(known, np.arange(30) % 3, style=styles, k=2)
    assert isinstance(scorer, UnknownScorer)
    outputs = random.normal(size=(9, 3)), random.normal(size=(9, 6)), random.normal(size=(9, 8))
    expected = scorer.scores(*outputs)
    mahalanobis, style = scorer.mahalanobis, scorer.style
    assert mahalanobis is not None
    assert style is not None
    arrays = {
        f"{name}_{field}": getattr(getattr(mahalanobis, name), field)
        for name in ("within", "background")
        for field in ("means", "basis", "variance")
    }
    arrays |= {"style_centre": style.centre, "style_scale": style.scale}
    arrays |= {"style_basis": style.gaussian.basis, "style_variance": style.gaussian.variance}
    floors = [mahalanobis.within.floor, mahalanobis.background.floor]
    for part in SCORES:
        rule = make_unknown(part, k=2)
        if part in SPREADS:
            rule = msgspec.structs.replace(rule, floors=floors, power=mahalanobis.power)
        if part == STYLE_SCORE:
            rule = msgspec.structs.replace(rule, style_floor=style.gaussian.floor)
        built = build_detector(rule, arrays, known)
        assert np.array_equal(built.score(*outputs), expected[part])
        assert built.threshold == rule.threshold


def test_build_sets__is_the_rule() -> None:
    rule = make_sets(method="aps", threshold=0.7)
    assert build_sets(rule) == PredictionSets("aps", 0.95, 0.7, 120)


@pytest.mark.parametrize(("rules", "problem"), BAD)
def test_write_bundle__refuses_rules_that_cannot_be_applied(
    rules: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    manifest = make_manifest(calibration=make_calibration(**rules))
    with pytest.raises(BundleError) as caught:
        make_bundle(tmp_path / "model", manifest)
    assert str(caught.value).startswith(problem)
    assert not list(tmp_path.iterdir())


def test_verify__tries_the_rules(tmp_path: Path) -> None:
    good = make_manifest(calibration=make_calibration(unknown=make_unknown("energy")))

    def spoil(manifest: dict[str, Any]) -> None:
        manifest["calibration"]["unknown"]["parts"] = ["gut_feeling"]

    path = forge(make_bundle(tmp_path / "model", good), spoil)
    assert verdict(path).startswith("manifest.json: unknown detector: ValueError: expected parts")


def test_write_bundle__refuses_arrays_that_no_rule_needs(tmp_path: Path) -> None:
    gallery = replace(make_gallery(), unknown={"odd": np.zeros(3, np.float32)})
    with pytest.raises(BundleError, match=r"expected the arrays .*, found '.*unknown\.odd"):
        make_bundle(tmp_path / "model", gallery=gallery)
