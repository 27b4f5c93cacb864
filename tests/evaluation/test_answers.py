"""What a model says beside a name, measured: unknown photos, sets, photos that it knows already."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from tests.bundle import make
from tests.bundle.make import (
    make_bundle,
    make_calibration,
    make_manifest,
    make_measured,
    make_sets,
    make_unknown,
)
from tests.evaluation.make import make_remembering, plant_desk

from figsight import metrics
from figsight.bundle import OperatingPoint
from figsight.classifier import Classifier, load
from figsight.dataset import Photo
from figsight.errors import BundleError, DataError, UnreadablePhotosError
from figsight.evaluation import Evaluation, evaluate, evidence
from figsight.images import decoding


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos: some that a model was trained on, some of its figures, some of others."""
    return plant_desk(tmp_path_factory.mktemp("answers"))


@pytest.fixture(scope="module")
def ruled(desk: Path) -> Path:
    """A model with every rule that one of three figures can have."""
    rule = make_unknown(threshold=0.004, auroc=make_measured(0.97, 0.9, 0.99))
    calibration = make_calibration(unknown=rule, sets=make_sets(threshold=0.7))
    return make_remembering(desk / "ruled", desk / "old", calibration)


@pytest.fixture(scope="module")
def plain(desk: Path) -> Path:
    return make_remembering(desk / "plain", desk / "old")


def test_evaluate__measures_how_unknown_photos_are_told(ruled: Path, desk: Path) -> None:
    found = evaluate(ruled, desk / "new", unknown=desk / "x", record=False)
    plain = found.to_dict()["unknown"]
    with load(ruled) as model:
        known = [model.predict(photo) for photo in found.photos]
        others = model.predict(sorted((desk / "x").iterdir()))
    area = metrics.auroc(
        [one.unknown_score or 0.0 for one in known], [one.unknown_score or 0.0 for one in others]
    )
    assert plain["auroc"] == area.value
    assert plain["auroc_interval"] == [area.low, area.high]
    assert plain["n_unknown"] == len(others) == 3
    assert plain["accepted"] == pytest.approx(np.mean([not one.unknown for one in others]))
    assert plain["kept"] == pytest.approx(np.mean([not one.unknown for one in known]))
    assert plain["called_unknown"] == sum(bool(one.unknown) for one in others)
    assert plain["source"] == "3 photos of x"
    assert [(one["path"], one["unknown"], one["unknown_score"]) for one in plain["photos"]] == [
        (path.name, one.unknown, one.unknown_score)
        for path, one in zip(sorted((desk / "x").iterdir()), others, strict=True)
    ]
    said = found.to_dict()["predictions"]
    assert [one["unknown_score"] for one in said] == [one.unknown_score for one in known]
    assert [one["unknown"] for one in said] == [one.unknown for one in known]
    assert found.n == 9, "they are no part of the accuracy"


def measure(found: Evaluation) -> metrics.Estimate:
    score = found.unknown_score
    assert score is not None
    assert score.accepted is not None
    return score.accepted


def test_evaluate__takes_figures_that_were_never_taught_for_unknown(
    ruled: Path, desk: Path, tmp_path: Path
) -> None:
    shutil.copytree(desk / "new", tmp_path / "set")
    shutil.copytree(desk / "x", tmp_path / "set" / "stranger")
    found = evaluate(ruled, tmp_path / "set", record=False)
    one = evaluate(ruled, desk / "new", unknown=desk / "x", record=False)
    assert one.strangers is not None
    assert found.strangers is not None
    assert np.array_equal(found.strangers.scores, one.strangers.scores)
    # That they all show one figure is known of these, and is less than three figures are.
    of_figure, of_photos = (measure(e) for e in (found, one))
    assert (of_figure.value, of_figure.method) == (of_photos.value, "Wilson over figures")
    assert of_figure.high - of_figure.low > of_photos.high - of_photos.low
    assert found.strangers.source == "3 photos of figures that the model was never taught"
    assert found.notes[0].startswith("3 photos of figures that this model was never taught (")
    assert np.array_equal(found.probabilities, one.probabilities)


def test_evaluate__measures_what_was_kept_without_any_stranger(ruled: Path, desk: Path) -> None:
    plain = evaluate(ruled, desk / "new", record=False).to_dict()["unknown"]
    assert (plain["n_unknown"], plain["auroc"], plain["accepted"]) == (0, None, None)
    assert 0 <= plain["kept_interval"][0] <= plain["kept"] <= plain["kept_interval"][1] <= 1


def test_evaluate__refuses_strangers_without_a_rule(plain: Path, desk: Path) -> None:
    with pytest.raises(BundleError) as caught:
        evaluate(plain, desk / "new", unknown=desk / "x")
    assert str(caught.value) == (
        f"{plain}: expected a model with a rule for unknown photos, found none: it was trained "
        "without measuring"
    )
    assert evaluate(plain, desk / "new", record=False).to_dict()["unknown"] is None


def test_evaluate__takes_strangers_from_a_zip(ruled: Path, desk: Path, tmp_path: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "x"), "zip", desk / "x"))
    one = evaluate(ruled, desk / "new", unknown=packed, record=False)
    other = evaluate(ruled, desk / "new", unknown=desk / "x", record=False)
    assert one.unknown_score == other.unknown_score
    assert one.strangers is not None
    assert one.strangers.source == "3 photos of x.zip"


def test_evaluate__refuses_strangers_that_are_no_folder(ruled: Path, desk: Path) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(ruled, desk / "new", unknown=desk / "nothing")
    assert str(caught.value) == (
        f"{desk / 'nothing'}: expected a folder or a zip of pictures, found neither"
    )


def test_evaluate__tells_of_strangers_that_were_trained_on(ruled: Path, desk: Path) -> None:
    note = (
        "Of the pictures given as none of the figures, 9 were trained on as one of them (first "
        "1/0.png): how unknown ones are recognised looks worse than it is."
    )
    assert note in evaluate(ruled, desk / "new", unknown=desk / "old", record=False).notes
    assert not evaluate(ruled, desk / "new", unknown=desk / "x", record=False).notes


def test_evaluate__tells_of_strangers_that_look_like_what_was_trained_on(
    ruled: Path, desk: Path, tmp_path: Path
) -> None:
    (tmp_path / "x").mkdir()
    shutil.copy(desk / "old/1/0.png", tmp_path / "x/1.png")
    for number in (1, 2):
        with Image.open(desk / f"old/1/{number}.png") as photo:
            photo.convert("RGB").save(tmp_path / f"x/again{number}.jpg", quality=90)
    notes = evaluate(ruled, desk / "new", unknown=tmp_path / "x", record=False).notes
    assert notes == (
        (
            "Of the pictures given as none of the figures, 1 was trained on as one of them (first 1.png) "
            "and 2 look much like photos that were (first again1.jpg): how unknown ones are recognised "
            "looks worse than it is."
        ),
    )


def test_evaluate__stops_at_unreadable_strangers_or_skips_them(
    ruled: Path, desk: Path, tmp_path: Path
) -> None:
    shutil.copytree(desk / "x", tmp_path / "x")
    (tmp_path / "x" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(
        UnreadablePhotosError, match=r"^1 of 13 photos cannot be decoded, first bad"
    ):
        evaluate(ruled, desk / "new", unknown=tmp_path / "x")
    found = evaluate(ruled, desk / "new", unknown=tmp_path / "x", skip_bad=True, record=False)
    assert [error.path for error in found.skipped] == ["bad.png"]
    assert found.strangers is not None
    assert len(found.strangers.photos) == 3
    for path in (tmp_path / "x").glob("*.png"):
        path.write_bytes(b"no picture")
    found = evaluate(ruled, desk / "new", unknown=tmp_path / "x", skip_bad=True, record=False)
    assert found.strangers is None
    assert (
        "None of the pictures of strangers can be decoded, so that nothing is said of them."
        in found.notes
    )


def test_evaluate__says_why_there_is_no_rule(desk: Path) -> None:
    calibration = make_calibration(refused={"unknown": "too few photos", "sets": "too few"})
    model = make_remembering(desk / "refused", desk / "old", calibration)
    found = evaluate(model, desk / "new", record=False).to_dict()
    assert found["unknown"] == {"refused": "too few photos"}
    assert found["sets"] == {"refused": "too few"}


def test_evaluate__measures_the_sets_that_users_get(ruled: Path, desk: Path) -> None:
    found = evaluate(ruled, desk / "new", record=False)
    plain = found.to_dict()["sets"]
    with load(ruled) as model:
        said = [model.predict(photo) for photo in found.photos]
    names = [{one.class_id for one in answer.names or ()} for answer in said]
    held = [photo.figure_id in ids for photo, ids in zip(found.photos, names, strict=True)]
    assert plain["coverage"] == pytest.approx(np.mean(held))
    assert plain["mean_size"] == pytest.approx(np.mean([len(ids) for ids in names]))
    assert plain["single"] == pytest.approx(np.mean([len(ids) == 1 for ids in names]))
    assert plain["stated"] == 0.95
    assert plain["interval"][0] <= plain["coverage"] <= plain["interval"][1]
    assert plain["mean_size_interval"][0] <= plain["mean_size"] <= plain["mean_size_interval"][1]


def evaluate_two(
    desk: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, **calibration: Any
) -> Evaluation:
    """Measure a model of two figures, 1 and 2, on photos of theirs."""
    monkeypatch.setattr(make, "FIGURES", 2)
    manifest = make_manifest(calibration=make_calibration(**calibration))
    figures = [figure for figure in manifest.figures if figure.id != "17"]
    manifest = make_manifest(calibration=manifest.calibration, figures=figures)
    proto = make.make_proto(5)
    path = make_bundle(
        folder / "two",
        manifest,
        model=bytes(proto.SerializeToString()),
        gallery=make.make_gallery(5),
        network=make.make_weights(5),
    )
    shutil.copytree(desk / "new", folder / "set")
    shutil.rmtree(folder / "set" / "17")
    return evaluate(path, folder / "set", record=False)


@pytest.mark.parametrize("positive", ["1", "2"])
def test_evaluate__is_about_the_figure_that_is_looked_for(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, positive: str
) -> None:
    found = evaluate_two(desk, tmp_path, monkeypatch, positive=positive)
    assert found.figures[found.positive].id == positive
    assert found.operating is None
    plain = found.to_dict()
    assert plain["positive_class_id"] == positive
    shown = found.labels == found.positive
    named = found.predicted == found.positive
    assert plain["sensitivity"] == pytest.approx(named[shown].mean())


def test_evaluate__applies_the_operating_point_of_two_figures(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = OperatingPoint(positive="1", stated_sensitivity=0.9, threshold=0.2)
    found = evaluate_two(desk, tmp_path, monkeypatch, operating_point=point)
    assert found.figures[found.positive].id == "1"
    called = found.probabilities[:, found.positive] >= 0.2
    looked_for = found.labels == found.positive
    plain = found.to_dict()
    at = plain["operating_point"]
    assert (at["positive_class_id"], at["stated_sensitivity"], at["threshold"]) == ("1", 0.9, 0.2)
    assert at["sensitivity"]["value"] == pytest.approx(called[looked_for].mean())
    assert at["specificity"]["value"] == pytest.approx(1 - called[~looked_for].mean())
    assert plain["positive_class_id"] == "1"
    area = metrics.roc_auc(looked_for.astype(int), found.probabilities[:, found.positive])
    assert plain["roc_auc"] == plain["scores"]["roc_auc"]["value"] == area.value


def test_evaluate__names_photos_that_were_trained_on_and_their_likes(
    plain: Path, desk: Path, tmp_path: Path
) -> None:
    shutil.copytree(desk / "new", tmp_path / "set")
    shutil.copy(desk / "old" / "2" / "1.png", tmp_path / "set" / "1" / "same.png")
    with Image.open(desk / "old" / "17" / "2.png") as picture:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=85)
    for name in ("like", "twin"):
        (tmp_path / "set" / "17" / f"{name}.jpg").write_bytes(buffer.getvalue())
    found = evaluate(plain, tmp_path / "set", record=False)
    assert found.trained_on == ("1/same.png",)
    assert found.resembles_trained is not None
    assert [(one.path, one.trained) for one in found.resembles_trained] == [
        ("17/like.jpg", "17/2.png"),
        ("17/twin.jpg", "17/2.png"),
    ]
    (note,) = found.notes
    assert note == (
        "The model was trained on 1 of these 12 photos, and 2 more look much like such photos: the "
        "headline counts only the other 9, which it had not seen."
    )
    assert (found.caveats, found.remarks) == ((note,), ())
    said = found.to_dict()
    assert said["tested"]["n"] == 9
    assert said["notes"] == [note]
    assert {type(note) for note in said["notes"]} == {str}
    assert said["trained_on"] == ["1/same.png"]
    assert [one["path"] for one in said["resembles_trained"]] == ["17/like.jpg", "17/twin.jpg"]
    # The two files of one content count once.
    assert found.groups is not None
    assert len(set(found.groups)) == 11


def test_evaluate__finds_nothing_in_photos_of_its_own_kind(plain: Path, desk: Path) -> None:
    found = evaluate(plain, desk / "new", record=False)
    assert (found.trained_on, found.resembles_trained, found.notes) == ((), (), ())
    assert found.groups is None


def test_evaluate__cannot_find_likes_without_thumbnails(desk: Path, tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "model", thumbnails=None)
    found = evaluate(model, desk / "new", record=False)
    assert found.resembles_trained is found.to_dict()["resembles_trained"] is None
    (note,) = found.remarks
    assert note.startswith("The model carries no thumbnails of the photos that it was trained on, ")


def test_evaluate__reads_and_decodes_each_photo_once(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[str] = Counter()
    decoded: Counter[bytes] = Counter()
    read_bytes, decode_stream = Photo.read, decoding._decode_stream

    def count_read(photo: Photo) -> bytes:
        read[photo.path] += 1
        return read_bytes(photo)

    def count_decoded(stream: Any, *others: Any) -> Any:
        decoded[hashlib.sha256(stream.read()).digest()] += 1
        stream.seek(0)
        return decode_stream(stream, *others)

    monkeypatch.setattr(Photo, "read", count_read)
    monkeypatch.setattr(decoding, "_decode_stream", count_decoded)
    model = make_bundle(tmp_path / "model", thumbnails=None)
    found = evaluate(model, desk / "new", record=False)
    assert read == dict.fromkeys((photo.path for photo in found.photos), 1)
    assert set(decoded.values()) == {1}
    assert len(decoded) == found.n


def test_evaluate__explains_its_mistakes_when_asked(plain: Path, desk: Path) -> None:
    assert not evaluate(plain, desk / "new", record=False).grounds
    with mock.patch.object(Classifier, "run", autospec=True, side_effect=Classifier.run) as run:
        found = evaluate(plain, desk / "new", explain=True, record=False)
    assert run.call_count == len(found.grounds)  # the answers themselves are made several at once
    assert set(found.grounds) == set(found.wrong.tolist())
    assert found.grounds, "the test needs some"
    with load(plain) as model:
        for place, grounds in found.grounds.items():
            photo = found.photos[place]
            said = model.explain(photo)
            assert grounds.chosen.class_id == said.class_id == model.predict(photo).class_id
            assert grounds.chosen.neighbours == said.neighbours
            assert np.array_equal(grounds.chosen.heat, said.heat)
            true = model.explain(photo, photo.figure_id).heat
            assert np.array_equal(grounds.true_heat, true)
    for mistake in found.to_dict()["mistakes"]:
        assert len(mistake["neighbours"]) == 3


def test_evaluate__explains_every_mistake_and_keeps_pictures_for_the_surest(
    plain: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "DRAWN", 2)
    found = evaluate(plain, desk / "new", explain=True, record=False)
    assert set(found.grounds) == set(found.wrong.tolist())
    assert len(found.grounds) > 2, "the test needs some"
    for rank, place in enumerate(found.wrong.tolist()):
        neighbours = found.grounds[place].chosen.neighbours
        assert len(neighbours) == 3
        assert all((one.thumbnail is None) == (rank >= 2) for one in neighbours)
