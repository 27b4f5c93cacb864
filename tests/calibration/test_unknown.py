"""Choosing a score and a threshold, and the detector that carries them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from tests.calibration.make import chosen, scores

import figsight.calibration
from figsight.calibration import (
    SCORES,
    Refusal,
    ScoreRule,
    UnknownChoice,
    UnknownDetector,
    UnknownScorer,
    combine,
    fit_scorer,
    fit_unknown,
    refuse_single,
)
from figsight.errors import BundleError, Remedy
from figsight.metrics import auroc


def network(n: int, seed: int, strange: bool = False) -> tuple[Any, Any, Any]:
    """Return logits [N, 5], embedding [N, 24] and labels [N] of a made-up network."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(77).normal(size=(5, 24))
    y = rng.integers(0, 5, n)
    x = 0.4 * rng.normal(size=(n, 24)) + (1.0 * rng.normal(size=(n, 24)) if strange else centres[y])
    x = x.astype(np.float32)
    return x @ centres.T.astype(np.float32), x, y


def test_choice__takes_what_tells_best_and_reports_all() -> None:
    known, unknown = scores(200, 0.0, 0), scores(80, 2.5, 1)
    found = chosen(known, unknown)
    assert set(found.candidates) == {*known, "mixed"}
    best = max(found.candidates.values(), key=lambda area: area.value)
    assert found.auroc == best == found.candidates[found.rule.name]
    assert found.rule.name == "mixed"
    assert found.candidates["knn"] == auroc(known["knn"], unknown["knn"])
    assert found.line.accepted is not None
    high = found.rule.decide(unknown)
    assert found.line.accepted.value == pytest.approx((high <= found.line.threshold).mean())
    kept = (found.rule.decide(known) <= found.line.threshold).mean()
    assert 0.95 <= kept <= 0.96
    assert found.line.measured_kept.low <= 0.95 <= found.line.measured_kept.high


def test_choice__draws_other_lines_where_photos_are_enough() -> None:
    known, unknown = scores(60, 0.0, 0), scores(80, 2.5, 1)
    found = chosen(known, unknown, other_shares=(0.99, 0.9, 0.95, 0.8))
    low, high = found.rule.decide(known), found.rule.decide(unknown)
    assert [line.kept for line in found.others] == [0.8, 0.9]  # 99 photos for 0.99, 0.95 is there
    for line in (found.line, *found.others):
        assert line == chosen(known, unknown, kept=line.kept).line
        assert line.kept <= (low <= line.threshold).mean() <= line.kept + 2 / 60
        assert line.accepted is not None
        assert line.accepted.value == pytest.approx((high <= line.threshold).mean())
    assert sorted({line.threshold for line in (*found.others, found.line)}) == [
        line.threshold for line in (*found.others, found.line)
    ]
    assert [line.accepted for line in chosen(known, other_shares=(0.9,)).others] == [None]
    with pytest.raises(ValueError, match="other_shares"):
        chosen(known, unknown, other_shares=(1.5,))


@pytest.mark.parametrize(("kept", "best"), [(0.95, "knn"), (0.8, "energy")])
def test_choice__decides_between_equals_by_the_share_that_it_keeps(kept: float, best: str) -> None:
    known = {name: np.arange(32.0) for name in ("knn", "energy")}
    # Both areas are 27 / 32: five strangers below all known photos, or all below the strangest five.
    unknown = {"knn": np.repeat([-1.0, 99.0], [5, 27]), "energy": np.full(32, 26.5)}
    for order in (("knn", "energy"), ("energy", "knn")):
        found = chosen({n: known[n] for n in order}, {n: unknown[n] for n in order}, kept=kept)
        assert found.candidates["knn"].value == found.candidates["energy"].value == 27 / 32
        assert found.rule.name == best


def test_choice__prefers_its_favourite_unless_another_is_clearly_better() -> None:
    known, unknown = scores(200, 0.0, 0), scores(80, 2.5, 1)
    assert chosen(known, unknown, favourite="knn", mixed=()).rule.name == "knn"
    assert chosen(known, unknown, favourite="max_softmax", mixed=()).rule.name == "max_softmax"
    # By chance energy tells nothing here: everything is clearly better.
    assert chosen(known, unknown, favourite="energy", mixed=()).rule.name != "energy"
    assert chosen(known, unknown, favourite="absent").rule.name == "mixed"


def test_choice__keeps_new_known_photos_as_often_as_stated() -> None:
    shares = []
    fresh = scores(20000, 0.0, 999)
    for seed in range(60):
        found = chosen(scores(59, 0.0, seed), default="knn", mixed=())
        assert found.rule == ScoreRule("knn", ("knn",))
        shares.append((found.rule.decide(fresh) <= found.line.threshold).mean())
    # Beta distributed around 57 / 60 with a standard deviation of 0.028: of 60, 0.0036.
    assert np.mean(shares) == pytest.approx(0.95, abs=0.015)


def test_choice__the_first_of_equals_wins() -> None:
    known = {name: np.arange(20.0) for name in ("knn", "energy")}
    unknown = {name: np.arange(30.0, 40.0) for name in ("knn", "energy")}
    assert chosen(known, unknown).rule.name == "knn"
    turned = {name: known[name] for name in ("energy", "knn")}
    assert chosen(turned, unknown).rule.name == "energy"


def test_choice__lower_share_accepted_decides_between_equal_areas() -> None:
    known = {"energy": np.r_[np.zeros(19), 10.0], "knn": np.r_[np.zeros(19), 10.0]}
    # Both have every unknown above 19 of 20 known photos, but one puts them at the line itself.
    unknown = {"energy": np.zeros(4) + 0.0, "knn": np.r_[-1.0, 1.0, 1.0, -1.0]}
    areas = {name: auroc(known[name], unknown[name]).value for name in known}
    assert areas["energy"] == areas["knn"]
    assert chosen(known, unknown).rule.name == "knn"


def test_choice__without_unknowns_is_unmeasured() -> None:
    found = chosen(scores(40, 0.0, 0))
    assert found.rule.name == "knn"
    assert (found.auroc, found.line.accepted, dict(found.candidates)) == (None, None, {})


def test_choice__copies_count_once() -> None:
    known, unknown = scores(60, 0.0, 0), scores(30, 2.0, 1)
    once = chosen(known, unknown)
    twice = chosen(
        {name: np.repeat(s, 2) for name, s in known.items()},
        {name: np.repeat(s, 2) for name, s in unknown.items()},
        known_groups=np.repeat(np.arange(60), 2),
        unknown_groups=np.repeat(np.arange(30), 2),
    )
    assert twice.rule.name == once.rule.name
    assert twice.line.threshold == pytest.approx(once.line.threshold)
    assert twice.auroc is not None
    assert once.auroc is not None
    assert twice.auroc.low == pytest.approx(once.auroc.low)


def test_choice__too_few_known_photos_are_refused() -> None:
    assert fit_unknown(scores(18, 0.0, 0)) == Refusal(
        "a threshold that keeps 95% of the known photos needs at least 19 of them, found 18; "
        "add photos",
        Remedy.ADD_PHOTOS,
        19,
    )
    assert isinstance(fit_unknown(scores(40, 0.0, 0), known_groups=np.arange(40) // 4), Refusal)
    assert isinstance(fit_unknown(scores(19, 0.0, 0)), UnknownChoice)


def test_choice__says_what_is_wrong() -> None:
    known = scores(30, 0.0, 0)
    with pytest.raises(ValueError, match="known: expected at least one score, found none; pass sc"):
        fit_unknown({})
    with pytest.raises(
        ValueError, match="unknown: expected the scores max_softmax, energy, max_logit, whi"
    ):
        fit_unknown(known, {"knn": [1.0]})
    with pytest.raises(
        ValueError, match=r"score: expected one of .*, mixed, found 'vim'; name a scor"
    ):
        fit_unknown(known, default="vim")
    with pytest.raises(
        ValueError, match=r"score: expected one of knn, found 'energy'; name a score"
    ):
        fit_unknown({"knn": np.arange(30.0)}, score="energy")
    with pytest.raises(ValueError, match=r"known: expected as many numbers .* found \[2, 30\]; co"):
        fit_unknown(known | {"energy": [1.0, 2.0]})


def test_combine__is_the_mean_of_standard_scores() -> None:
    found = combine({"knn": [3.0, 5.0], "energy": [1.0, 1.0]}, ["knn", "energy"], [3, 0], [2, 1])
    assert found == pytest.approx([0.5, 1.0])
    odds = combine({"max_softmax": [0.5, 0.0, 1e-3]}, ["max_softmax"], [0], [1])
    assert odds == pytest.approx([0, np.log(1e-300), np.log(1e-3 / 0.999)])
    with pytest.raises(
        ValueError, match="scores: expected 'knn' among them, found energy; compute"
    ):
        combine({"energy": [1.0]}, ["knn"], [0], [1])


def test_refuse_single__is_for_classes_of_one_photo_each() -> None:
    assert refuse_single([0, 1, 1]) is None
    refusal = refuse_single([0, 1, 2])
    assert refusal is not None
    assert refusal.reason.startswith("telling unknown photos needs a figure with at least two ph")
    assert fit_scorer(network(3, 0)[1], [0, 1, 2]) == refusal


def test_fit_scorer__refuses_figures_of_which_there_are_only_copies() -> None:
    embedding = network(2, 0)[1][[0, 0, 0, 1, 1]]
    labels = [0, 0, 0, 1, 1]
    refusal = fit_scorer(embedding, labels)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == (
        "telling unknown photos needs a figure with at least two photos that differ to learn from, "
        "found only copies of one photo a figure; add photos"
    )
    assert isinstance(fit_scorer(embedding, labels, ("max_logit", "knn")), UnknownScorer)


def test_fit_scorer__refuses_photos_that_are_all_alike_in_style() -> None:
    _, embedding, labels = network(60, 0)
    refusal = fit_scorer(embedding, labels, style=np.full((60, 8), 0.1))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == (
        "telling unknown photos needs photos to learn from that differ in light or texture, found all "
        "alike; add photos"
    )


PARTS = ("max_softmax", "knn", "relative_mahalanobis", "style_mahalanobis")


def styles(n: int, seed: int, strange: bool = False) -> Any:
    """Return made-up styles [N, 8], float32."""
    spread = np.linspace(0.5, 2, 8)
    return (np.random.default_rng(seed).normal(size=(n, 8)) * spread + 3 * strange).astype("f4")


def detector(name: str) -> UnknownDetector:
    _, embedding, labels = network(60, 0)
    scorer = fit_scorer(embedding, labels, style=styles(60, 0), k=2)
    assert isinstance(scorer, UnknownScorer)
    known = scorer.scores(*network(80, 1)[:2], styles(80, 1))
    unknown = scorer.scores(*network(40, 2, strange=True)[:2], styles(40, 2, strange=True))
    found = chosen(known, unknown, score=name, mixed=(PARTS,))
    assert set(found.candidates) == {*SCORES, "mixed"}
    assert found.rule.name == name
    return UnknownDetector(scorer, found.rule, found.line.threshold)


@pytest.mark.parametrize("name", [*SCORES, "mixed"])
def test_detector__comes_back_equal_to_the_last_bit(name: str) -> None:
    one = detector(name)
    arrays = {key: value.copy() for key, value in one.arrays().items()}
    assert all(value.dtype == np.float32 for value in arrays.values())
    fields = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    two = UnknownDetector.from_parts(fields, arrays)
    logits, embedding, _ = network(30, 5)
    style = styles(30, 5)
    found = one.score(logits, embedding, style)
    assert np.array_equal(two.score(logits, embedding, style), found)
    assert np.array_equal(two.is_unknown(found), found > one.threshold)
    assert two.to_dict() == one.to_dict()


def test_detector__carries_only_what_decides() -> None:
    assert detector("energy").arrays() == {}
    assert list(detector("knn").arrays()) == ["gallery"]
    assert "floors" not in detector("knn").to_dict()
    assert len(detector("relative_mahalanobis").arrays()) == 6
    assert set(detector("style_mahalanobis").arrays()) == {
        "style_centre",
        "style_scale",
        "style_basis",
        "style_variance",
    }


def test_detector__tells_strangers() -> None:
    found = detector("knn")
    known, strange = network(200, 8), network(200, 9, strange=True)
    area = auroc(found.score(*known[:2]), found.score(*strange[:2]))
    assert area.value > 0.95


@pytest.mark.parametrize(
    ("fields", "arrays"),
    [
        ({"parts": []}, {}),
        ({"parts": ["vim"]}, {}),
        ({"threshold": float("nan")}, {}),
        ({"threshold": "high"}, {}),
        ({"centres": [0.0]}, {}),
        ({"spreads": [0.0, 1.0, 1.0, 1.0]}, {}),
        ({"parts": ["mean_cosine"] * 4}, {}),
        ({"style_floor": 0.0}, {}),
        ({"style_floor": None}, {}),
        ({}, {"style_centre": np.zeros(7, dtype=np.float32)}),
        ({}, {"style_scale": np.zeros(8, dtype=np.float32)}),
        ({}, {"style_basis": np.ones((3, 7), dtype=np.float32)}),
        ({}, {"style_variance": None}),
        ({"floors": [1.0]}, {}),
        ({"power": 0.0}, {}),
        ({"power": 1.5}, {}),
        ({"power": None}, {}),
        ({"floors": [1.0, 0.0]}, {}),
        ({}, {"gallery": None}),
        ({}, {"within_basis": np.ones((3, 7), dtype=np.float32)}),
        ({}, {"background_variance": np.array([np.inf], dtype=np.float32)}),
    ],
)
def test_detector__damaged_parts_are_a_bundle_error(
    fields: dict[str, Any], arrays: dict[str, Any]
) -> None:
    sound = detector("mixed")
    damaged = {k: v for k, v in (sound.arrays() | arrays).items() if v is not None}
    with pytest.raises(BundleError, match=r"^unknown detector: .*; train the model again$"):
        UnknownDetector.from_parts(sound.to_dict() | fields, damaged)


def test_scorer__passes_over_copies_and_names_what_it_lacks() -> None:
    logits, embedding, labels = network(30, 0)
    groups = np.arange(30) // 2
    scorer = fit_scorer(embedding, labels, ("knn",), groups=groups)
    assert isinstance(scorer, UnknownScorer)
    assert scorer.fitted == ("max_softmax", "energy", "max_logit", "knn")
    assert scorer.scores(logits, embedding)["knn"] == pytest.approx(0, abs=1e-6)
    assert scorer.scores(logits, embedding, groups=groups)["knn"].min() > 0.001
    for name in ("relative_mahalanobis", "style_mahalanobis"):
        with pytest.raises(ValueError, match=f"expected scores that were fitted, found '{name}'"):
            scorer.scores(logits, embedding, names=(name,))


def test_scorer__without_styles_knows_no_score_of_them() -> None:
    _, embedding, labels = network(60, 0)
    bare = fit_scorer(embedding, labels)
    assert isinstance(bare, UnknownScorer)
    assert set(bare.fitted) == {*SCORES} - {"style_mahalanobis"}
    scorer = fit_scorer(embedding, labels, style=styles(60, 0))
    assert isinstance(scorer, UnknownScorer)
    assert scorer.fitted == SCORES
    with pytest.raises(ValueError, match=r"found 'style_mahalanobis'; name it .* give"):
        scorer.scores(*network(5, 1)[:2])


def test_all__is_sorted_and_there() -> None:
    names = figsight.calibration.__all__
    assert [n for n in names if n != "SCORES"] == sorted(n for n in names if n != "SCORES")
    assert all(hasattr(figsight.calibration, name) for name in names)
    assert set(names) == set(figsight.calibration._HOMES) <= set(dir(figsight.calibration))
    with pytest.raises(AttributeError, match=r"'figsight\.calibration' has no attribute 'luck'"):
        figsight.calibration.luck  # noqa: B018


def test_import__of_what_predicts_leaves_what_measures_alone() -> None:
    script = (
        "import sys\n"
        "from figsight.calibration import PredictionSets, UnknownDetector, softmax\n"
        "rest = {f'figsight.metrics.{name}' for name in ('scores', 'summary', 'tables', 'words')}\n"
        "assert not rest & set(sys.modules), rest & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
