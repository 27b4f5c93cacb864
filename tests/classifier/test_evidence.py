from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import numpy as np
import pytest
from tests.bundle.make import PHOTOS, PLACES, make_bundle, make_gallery
from tests.classifier.conftest import make_photo
from tests.classifier.test_memory import measure

from figsight.classifier import Prediction, load
from figsight.classifier.evidence import gather_evidence
from figsight.classifier.memory import Memory
from figsight.errors import BundleError, PhotoError

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.bundle import Gallery
    from figsight.classifier import Classifier


@pytest.mark.parametrize("class_id", ["1", "2", "17"])
def test_activation_map__adds_up_to_the_logit(
    classifier: Classifier, photos: Path, class_id: str
) -> None:
    photo = photos / "a" / "0.png"
    heat = classifier.activation_map(photo, class_id)
    assert heat.shape == (PLACES, PLACES)
    assert heat.dtype == np.float32
    index = [figure.id for figure in classifier.figures].index(class_id)
    logits = classifier.run(classifier.prepare(photo)[np.newaxis]).logits
    bias = make_gallery().head_bias[index]
    assert math.isclose(heat.mean() + bias, logits[0, index], abs_tol=1e-4)


def test_activation_map__knows_its_figures(classifier: Classifier, photos: Path) -> None:
    with pytest.raises(ValueError, match="class_id: expected one of this model's figures, found"):
        classifier.activation_map(photos / "a" / "0.png", "99")


def test_activation_map__refuses_the_head_of_another_network(tmp_path: Path, photos: Path) -> None:
    with (
        load(make_bundle(tmp_path / "model", gallery=make_gallery(seed=1))) as classifier,
        pytest.raises(BundleError) as caught,
    ):
        classifier.activation_map(photos / "a" / "0.png", "1")
    assert str(caught.value) == (
        f"{tmp_path}/model: expected the head in gallery.safetensors to be that of model.onnx, "
        "found another: train the model again"
    )


def test_explain__is_for_the_most_probable_figure_unless_told(classifier: Classifier) -> None:
    for seed in range(50, 60):
        photo = make_photo(seed)
        best = classifier.predict(photo)
        evidence = classifier.explain(photo)
        assert evidence.class_id == best.class_id
        assert np.array_equal(evidence.heat, classifier.activation_map(photo, best.class_id))
        assert classifier.explain(photo, "17").class_id == "17"


def test_explain__of_several_figures_runs_the_network_once(
    ruled: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = make_photo(7)
    ids = [figure.id for figure in ruled.figures]
    alone = [ruled.explain(photo, class_id) for class_id in ids]
    passes = Mock(side_effect=ruled._runtime.run)
    monkeypatch.setattr(ruled._runtime, "run", passes)
    assert [one.class_id for one in ruled.explain(photo, tuple(ids), 0)] == ids
    together = ruled.explain(photo, ids)
    assert passes.call_count == 2
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.heat, other.heat)
        assert (one.class_id, one.neighbours) == (other.class_id, other.neighbours)
    assert ruled.explain(photo, []) == []


def test_explain__finds_the_training_photos_that_are_most_alike(
    ruled: Classifier, memory: Gallery
) -> None:
    for seed in (3, 90):
        photo = make_photo(seed)
        embedding = ruled.run(ruled.prepare(photo)[np.newaxis]).embedding[0]
        distances = measure(memory.embeddings, embedding)
        rows = np.argsort(distances)[:4]
        found = ruled.explain(photo, neighbours=4).neighbours
        assert [one.path for one in found] == [f"set/{row}.png" for row in rows]
        assert np.allclose([one.distance for one in found], distances[rows], atol=1e-9)
        for one, row in zip(found, rows, strict=True):
            figure = ruled.figures[memory.labels[row]]
            assert (one.class_id, one.name) == (figure.id, figure.display)
            assert one.thumbnail == ruled.bundle.thumbnail(int(row))
    nearest = ruled.explain(make_photo(3), neighbours=1).neighbours[0]
    assert nearest.path == "set/3.png"
    assert nearest.distance == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("asked", "found"), [(0, 0), (1, 1), (PHOTOS, 4), (PHOTOS + 5, 4)])
def test_explain__gives_as_many_neighbours_as_there_are(
    asked: int, found: int, classifier: Classifier
) -> None:
    assert len(classifier.explain(make_photo(1), neighbours=asked).neighbours) == found


def test_explain__goes_without_thumbnails(tmp_path: Path) -> None:
    with load(make_bundle(tmp_path / "model", thumbnails=None)) as classifier:
        found = classifier.explain(make_photo(1)).neighbours
        assert [one.thumbnail for one in found] == [None] * 3


def test_explain__refuses_a_negative_number(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match=r"^neighbours: expected at least 0, found -1$"):
        classifier.explain(make_photo(1), neighbours=-1)
    with pytest.raises(ValueError, match=r"^neighbours: expected at least 0, found -1$"):
        next(classifier.explain_each(make_photo(1), neighbours=-1))


@pytest.mark.parametrize("number", [1.5, "3", None])
def test_explain__refuses_what_is_no_number_of_neighbours(
    classifier: Classifier, number: Any
) -> None:
    with pytest.raises(
        ValueError, match=r"^neighbours: expected a whole number, such as 3, found "
    ):
        classifier.explain(make_photo(1), neighbours=number)
    assert len(classifier.explain(make_photo(1), neighbours=np.int64(2)).neighbours) == 2  # type: ignore[call-overload]


@pytest.mark.parametrize("how", ["warn", "raise"])  # warnings are errors here
def test_explain__refuses_a_head_of_any_numbers(tmp_path: Path, how: Any) -> None:
    gallery = make_gallery()
    head = np.full_like(gallery.head_weight, 3e38)
    path = make_bundle(tmp_path / "model", gallery=replace(gallery, head_weight=head))
    with (
        load(path) as classifier,
        np.errstate(all=how),
        pytest.raises(BundleError, match="expected the head in gallery"),
    ):
        classifier.explain(make_photo(1))


def test_gather_evidence__needs_features(classifier: Classifier) -> None:
    outputs = classifier.run(np.zeros((1, 16, 16, 3), np.uint8))
    with pytest.raises(ValueError, match=r"^outputs: expected features, found none; run with"):
        gather_evidence(classifier.bundle, Memory(make_gallery()), outputs, [None], 3)


def test_explain_each__says_what_predict_and_explain_say(ruled: Classifier, photos: Path) -> None:
    (photos / "b" / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    predictions = list(ruled.predict_each(photos))
    explained = list(ruled.explain_each(photos, neighbours=2))
    assert len(predictions) == len(explained) == 8
    for said, pair in zip(predictions, explained, strict=True):
        if isinstance(pair, PhotoError):
            assert isinstance(said, PhotoError)
            assert str(said) == str(pair)
            continue
        prediction, evidence = pair
        assert isinstance(said, Prediction)
        assert prediction == said
        alone = ruled.explain(said.path, neighbours=2)
        assert np.array_equal(evidence.heat, alone.heat)
        assert (evidence.class_id, evidence.neighbours) == (said.class_id, alone.neighbours)
