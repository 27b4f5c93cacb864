from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from tests.bundle.make import (
    STYLE,
    forge,
    make_bundle,
    make_calibration,
    make_jpeg,
    make_manifest,
    make_model,
    make_sets,
    make_styled,
    make_unknown,
)
from tests.classifier.conftest import make_photo, make_ruled

from figsight.bundle import OperatingPoint
from figsight.calibration import (
    SCORES,
    PredictionSets,
    ScoreRule,
    UnknownDetector,
    UnknownScorer,
    fit_scorer,
)
from figsight.classifier import Classifier, Prediction, Ranked, Sought, load
from figsight.classifier.memory import Memory
from figsight.classifier.rules import Rules
from figsight.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.bundle import Gallery, UnknownRule

STRANGE = [make_photo(seed) for seed in range(100, 130)]


def _fit(memory: Gallery, *parts: str, k: int = 1) -> tuple[UnknownRule, Gallery, UnknownDetector]:
    """A rule, the gallery that carries its arrays, and the detector that calibration makes."""
    known = np.asarray(memory.embeddings, np.float32)
    styles = np.random.default_rng(5).normal(size=(len(known), STYLE)) + 0.5
    scorer = fit_scorer(known, memory.labels, parts, style=styles, k=k)
    assert isinstance(scorer, UnknownScorer)
    several = len(parts) if len(parts) > 1 else 0
    rule = ScoreRule(
        "mixed" if several else parts[0], parts, (0.1,) * several, (0.3, 2.0, 5.0)[:several]
    )
    detector = UnknownDetector(scorer, rule, 0.0)
    arrays = {name: array for name, array in detector.arrays().items() if name != "gallery"}
    entry = make_unknown(
        *parts,
        k=k,
        centres=list(rule.centres),
        spreads=list(rule.spreads),
        floors=detector.to_dict().get("floors", []),
        power=detector.to_dict().get("power", 1.0),
        style_floor=detector.to_dict().get("style_floor"),
    )
    return entry, replace(memory, unknown=arrays), detector


def _ask(classifier: Classifier) -> list[Prediction]:
    return [classifier.predict(pixels) for pixels in STRANGE]


@pytest.mark.parametrize(
    ("parts", "k"),
    [
        (("max_softmax",), 1),
        (("energy",), 1),
        (("knn",), 1),
        (("knn",), 5),
        (("relative_mahalanobis",), 1),
        (("whitened_cosine",), 1),
        (("max_logit", "whitened_cosine"), 1),  # bundles written before there was a guard
        (("mean_cosine",), 1),
        (("max_logit", "whitened_cosine", "mean_cosine"), 1),
        (("max_softmax", "knn", "relative_mahalanobis"), 2),
        (("style_mahalanobis",), 1),
        (("max_logit", "whitened_cosine", "style_mahalanobis"), 1),
    ],
)
def test_unknown__is_what_calibration_says(
    parts: tuple[str, ...], k: int, memory: Gallery, tmp_path: Path
) -> None:
    styled = make_bundle(tmp_path / "plain", make_styled(), model=make_model(styled=True))
    with load(styled) as classifier:
        pixels = np.stack([classifier.prepare(photo) for photo in STRANGE])
        outputs = classifier.run(pixels)
    entry, gallery, detector = _fit(memory, *parts, k=k)
    expected = detector.score(outputs.logits, outputs.embedding, outputs.style)
    threshold = float(np.median(expected))
    entry = msgspec.structs.replace(entry, threshold=threshold)
    path = make_bundle(
        tmp_path / "model",
        make_styled(calibration=make_calibration(unknown=entry)),
        model=make_model(styled=True),
        gallery=gallery,
        thumbnails=[make_jpeg(seed) for seed in range(len(gallery))],
    )
    with load(path) as ruled:
        found = _ask(ruled)
        scores = ruled.unknown_scores(outputs)
    assert scores is not None
    assert np.allclose(scores, expected, rtol=1e-9, atol=1e-9)
    assert [one.unknown_score for one in found] == scores.tolist()
    assert [one.unknown for one in found] == [bool(score > threshold) for score in expected]
    assert {one.unknown for one in found} == {True, False}


def test_load__refuses_styles_that_are_not_those_of_the_manifest(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"expected the outputs .*, style, found"):
        make_bundle(tmp_path / "not in the graph", make_styled())
    with pytest.raises(BundleError, match=r"expected the outputs .*features, found .*'style'"):
        make_bundle(tmp_path / "not in the manifest", model=make_model(styled=True))


def test_unknown__does_not_change_the_name(classifier: Classifier, ruled: Classifier) -> None:
    for plain, answer in zip(_ask(classifier), _ask(ruled), strict=True):
        assert (answer.class_id, answer.name) == (plain.class_id, plain.name)
        assert [one.class_id for one in answer.top] == [one.class_id for one in plain.top]


def test_unknown__a_training_photo_is_its_own_nearest(ruled: Classifier) -> None:
    prediction = ruled.predict(make_photo(3))
    assert prediction.unknown_score == pytest.approx(0, abs=1e-6)
    assert prediction.unknown is False


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
@pytest.mark.parametrize("threshold", [-1.0, 0.3, 0.6, 0.95, 1.0, 2.0])
def test_names__are_the_set_with_the_most_probable_first(
    method: str, threshold: float, classifier: Classifier, memory: Gallery, tmp_path: Path
) -> None:
    rule = make_sets(method=method, threshold=threshold)
    sets = PredictionSets.from_dict(
        {"method": method, "coverage": 0.95, "threshold": threshold, "n": 120}
    )
    path = make_ruled(tmp_path / "model", memory, make_calibration(sets=rule))
    ids = np.array([figure.id for figure in classifier.figures])
    with load(path) as ruled:
        for pixels, answer in zip(STRANGE, _ask(ruled), strict=True):
            logits = ruled.run(ruled.prepare(pixels)[np.newaxis]).logits
            expected = set(ids[sets.apply(ruled.probabilities(logits))[0]])
            assert answer.names is not None
            assert {one.class_id for one in answer.names} == expected
            assert answer.names[0] == answer.top[0]
            assert list(answer.names) == [one for one in answer.top if one in answer.names]
            assert (answer.unknown, answer.unknown_score) == (None, None)


def test_names__are_plain_values_in_json(ruled: Classifier) -> None:
    answer = ruled.predict(STRANGE[0])
    assert answer.names is not None
    plain = json.loads(json.dumps(answer.to_dict(1)))
    assert plain["set"] == [{"class_id": one.class_id, "name": one.name} for one in answer.names]
    assert plain["unknown"] is answer.unknown
    assert plain["unknown_score"] == answer.unknown_score


def test_look_for__holds_the_second_figure_against_its_threshold(memory: Gallery) -> None:
    point = OperatingPoint(positive="ill", stated_sensitivity=0.95, threshold=0.31)
    rules = Rules(make_calibration(operating_point=point), lambda: Memory(memory), where="m")
    top = (Ranked("well", "Well", 0.69), Ranked("ill", "Ill", 0.31))
    sought = rules.look_for(top)
    assert sought == Sought("ill", "Ill", 0.31, 0.31)
    assert sought.found
    assert not replace(sought, probability=0.3099).found
    assert Rules(make_calibration(), lambda: Memory(memory), where="m").look_for(top) is None


def test_rules__are_none_without_calibration(classifier: Classifier) -> None:
    for answer in _ask(classifier):
        assert (answer.unknown, answer.unknown_score, answer.names) == (None, None, None)
    assert classifier.unknown_scores(classifier.run(np.zeros((1, 16, 16, 3), np.uint8))) is None


def test_rules__work_after_the_model_was_closed(memory: Gallery, tmp_path: Path) -> None:
    ruled = load(make_ruled(tmp_path / "model.zip", memory))
    before = _ask(ruled)
    ruled.close()
    assert _ask(ruled) == before


def _damage(path: Path) -> Path:
    file = path / "gallery.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    return path


@pytest.mark.parametrize("part", ["energy", "knn"])
def test_load__reads_the_gallery_only_for_rules_that_need_it(
    part: str, memory: Gallery, tmp_path: Path
) -> None:
    rules = make_calibration(unknown=make_unknown(part), sets=make_sets())
    path = _damage(make_ruled(tmp_path / "model", memory, rules))
    if part == "energy":
        with load(path) as ruled:
            assert ruled.predict(STRANGE[0]).unknown is not None
        return
    with pytest.raises(BundleError, match=r"gallery\.safetensors: expected SHA-256"):
        load(path)


def test_load__refuses_a_rule_of_another_figsight(tmp_path: Path) -> None:
    manifest = make_manifest(calibration=make_calibration(unknown=make_unknown("energy")))
    path = forge(
        make_bundle(tmp_path / "model", manifest),
        lambda said: said["calibration"]["unknown"].update(parts=["gut_feeling"]),
    )
    with pytest.raises(BundleError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: manifest.json: unknown detector: ValueError: expected parts among "
        f"{', '.join(SCORES)}, found ['gut_feeling']; train the model again"
    )


@pytest.mark.parametrize("temperature", [1e-3, 1e3])
@pytest.mark.parametrize("centre", [-1e12, 1e12])
def test_prediction__has_finite_numbers_whatever_a_manifest_may_say(
    temperature: float, centre: float, memory: Gallery, tmp_path: Path
) -> None:
    entry, gallery, _ = _fit(memory, "max_softmax", "whitened_cosine", "relative_mahalanobis")
    entry = msgspec.structs.replace(
        entry, centres=[centre] * 3, spreads=[1e-9] * 3, floors=[1e-30] * 2, threshold=1e308
    )
    calibration = make_calibration(temperature=temperature, unknown=entry, sets=make_sets())
    with load(make_ruled(tmp_path / "model", gallery, calibration)) as classifier:
        for prediction in _ask(classifier):
            json.dumps(prediction.to_dict(), allow_nan=False)


@pytest.mark.parametrize("score", [np.inf, np.nan, None])
def test_unknown__refuses_a_rule_that_gives_no_number(
    score: float | None, ruled: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give(*_: object) -> np.ndarray:
        if score is None:
            raise ValueError("knn: expected finite numbers, found inf at 0")
        return np.array([score])

    monkeypatch.setattr(UnknownDetector, "score", give)
    with pytest.raises(BundleError) as caught:
        ruled.predict(STRANGE[0])
    assert str(caught.value) == (
        f"{ruled.bundle.path}: manifest.json: calibration.unknown: expected a rule that gives "
        "numbers, found one that does not: train the model again"
    )


def test_predict__is_the_same_where_every_oddity_of_numbers_is_an_error(ruled: Classifier) -> None:
    photos = [make_photo(seed) for seed in range(3)]
    expected = ruled.predict(photos)
    with np.errstate(all="raise"):
        assert ruled.predict(photos) == expected
        assert [ruled.predict(photo) for photo in photos] == expected
