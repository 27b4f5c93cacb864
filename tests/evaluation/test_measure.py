from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.bundle.make import (
    make_bundle,
    make_calibration,
    make_gallery,
    make_line,
    make_manifest,
    make_unknown,
)
from tests.evaluation.make import plant

from figsight.classifier import load
from figsight.dataset import Dataset, read
from figsight.errors import DataError, UnreadablePhotosError
from figsight.evaluation import evaluate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("measure") / "model")


@pytest.fixture
def model(shared: Path, tmp_path: Path) -> Path:
    """A copy of its own: being tested leaves a trace in a model."""
    return shutil.copytree(shared, tmp_path / "model")


def test_evaluate__gives_the_numbers_of_the_classifier(model: Path, tmp_path: Path) -> None:
    folder = plant(tmp_path / "set", "1", "2", "17")
    told: list[tuple[int, int]] = []
    found = evaluate(model, folder, progress=lambda *done: told.append(done))
    assert [photo.path for photo in found.photos] == [photo.path for photo in read(folder).photos]
    assert [figure.id for figure in found.figures] == ["1", "2", "17"]
    assert found.protocol == "9 photos: set"
    assert found.notes == ()
    assert told == [(i, 9) for i in range(1, 10)]
    with load(model) as classifier:
        for photo, label, row in zip(found.photos, found.labels, found.probabilities, strict=True):
            assert found.figures[label].id == photo.figure_id
            said = classifier.predict(photo)
            for figure, probability in zip(found.figures, row, strict=True):
                (same,) = (one for one in said.top if one.class_id == figure.id)
                assert same.probability == probability


def test_evaluate__takes_an_open_classifier_and_leaves_it_open(model: Path, tmp_path: Path) -> None:
    dataset = read(plant(tmp_path / "set", "1", "2"))
    with load(model) as classifier:
        one = evaluate(classifier, dataset)
        two = evaluate(classifier, dataset)
        assert len(classifier.bundle.gallery().paths) == 4
    assert np.array_equal(one.probabilities, two.probabilities)
    assert np.array_equal(one.probabilities, evaluate(model, dataset).probabilities)


def test_evaluate__leaves_figures_out_that_the_model_does_not_know(
    model: Path, tmp_path: Path
) -> None:
    found = evaluate(model, plant(tmp_path / "set", "1", "3", "17"))
    assert {photo.figure_id for photo in found.photos} == {"1", "17"}
    assert len(found.labels) == 6
    assert found.notes == (
        "3 photos of figures that this model was never taught ('3'): left out of the scores.",
        "1 of 3 figures (YODA) has no photo here; the scores are over the 2 that have.",
    )
    assert found.caveats == found.notes[1:]
    assert found.to_dict()["notes"] == list(found.notes)


def make_lined(path: Path, *thresholds: float) -> Path:
    """A model that draws its line by the largest logit, for 80, 95 and 99 %."""
    low, mid, high = thresholds
    rule = make_unknown(
        "max_logit", threshold=mid, lines=[make_line(0.8, low), make_line(0.99, high)]
    )
    return make_bundle(path, make_manifest(calibration=make_calibration(unknown=rule)))


def test_evaluate__measures_every_line_and_takes_the_one_that_is_asked_for(tmp_path: Path) -> None:
    known, others = plant(tmp_path / "set", "1", "2", "17"), plant(tmp_path / "none", "x")
    with load(make_lined(tmp_path / "any", -9.0, 0.0, 9.0)) as classifier:
        scores, theirs = (
            np.array(
                [one.unknown_score for one in classifier.predict(sorted(folder.rglob("*.png")))]
            )
            for folder in (known, others)
        )
    marks = np.quantile(scores, [0.2, 0.5, 0.8]).tolist()
    model = make_lined(tmp_path / "model", *marks)
    found = evaluate(model, known, unknown=others)
    assert [line.stated for line in found.lines] == [0.8, 0.95, 0.99]
    for line, mark in zip(found.lines, marks, strict=True):
        assert line.kept.value == pytest.approx((scores <= mark).mean())
        assert line.accepted is not None
        assert line.accepted.value == pytest.approx((theirs <= mark).mean())
    for keep, line in ((None, found.lines[1]), (0.8, found.lines[0]), (0.99, found.lines[2])):
        other = evaluate(model, known, unknown=others, keep=keep)
        assert other.lines == found.lines
        assert other.unknown_score is not None
        assert (other.unknown_score.kept, other.unknown_score.accepted) == (
            line.kept,
            line.accepted,
        )
        assert other.about["model"]["calibration"]["unknown"]["kept"] == line.stated
    assert [line.accepted for line in evaluate(model, known).lines] == [None] * 3
    with load(model, keep=0.8) as classifier:
        assert (
            evaluate(classifier, known).unknown_score
            == evaluate(model, known, keep=0.8).unknown_score
        )
        with pytest.raises(ValueError, match="keep: expected none for an open classifier"):
            evaluate(classifier, known, keep=0.9)


def test_evaluate__refuses_labels_of_another_kind(model: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(model, plant(tmp_path / "set", "yoda", "chewbacca"))
    assert str(caught.value) == (
        "set: expected photos of this model's figures (like '1', shown as SPIDER-MAN (Mech)), found only "
        "others (like 'chewbacca'); were the labels written differently?"
    )


def test_evaluate__takes_the_names_that_a_model_shows_for_labels(
    model: Path, tmp_path: Path
) -> None:
    root = plant(tmp_path / "set", "YODA", "SPIDER-MAN (Mech)", "17", "SPIDER-MAN")
    found = evaluate(model, root)
    assert sorted(photo.figure_id or "" for photo in found.photos) == sorted(["1", "2", "17"] * 3)
    assert found.notes[:2] == (
        (
            "6 photos are labelled by the names that the model shows instead of its figures' ids "
            "('SPIDER-MAN (Mech)' is '1', 'YODA' is '2')."
        ),
        (
            "3 photos of figures that this model was never taught ('SPIDER-MAN'): left out of the "
            "scores."
        ),
    )


def test_evaluate__refuses_a_set_without_photos(model: Path) -> None:
    with pytest.raises(DataError, match=r"^empty: expected labelled photos to measure on, found n"):
        evaluate(model, Dataset("empty", (), ()))


@pytest.mark.parametrize(("number", "name"), [(1, "1 of these 6 photos"), (2, "2 of these 6")])
def test_evaluate__counts_the_photos_that_were_trained_on(
    tmp_path: Path, number: int, name: str
) -> None:
    folder = plant(tmp_path / "set", "1", "2")
    gallery = make_gallery()
    hashes = gallery.sha256.copy()
    for row in range(number):
        # Under another name and label: what counts is the file.
        digest = hashlib.sha256((folder / "2" / f"{row}.png").read_bytes()).digest()
        hashes[row] = np.frombuffer(digest, np.uint8)
    model = make_bundle(tmp_path / "model", gallery=replace(gallery, sha256=hashes))
    found = evaluate(model, folder)
    note, untested = found.notes
    assert untested.endswith(" that the model had not seen; the scores are over the 2 that have.")
    right = sum(
        found.predicted[i] == found.labels[i]
        for i, photo in enumerate(found.photos)
        if photo.path not in found.trained_on
    )
    assert note.startswith(f"The model was trained on {name}")
    rest = 6 - number
    assert note.endswith(f": the headline counts only the other {rest}, which it had not seen.")
    tested = found.to_dict()["tested"]
    assert (tested["n"], tested["correct"], tested["accuracy"]) == (rest, right, right / rest)
    low, high = tested["interval"]
    assert low < tested["accuracy"] < high
    assert tested["scores"]["accuracy"]["value"] == tested["accuracy"]


def test_evaluate__of_training_photos_alone_has_no_others(model: Path, tmp_path: Path) -> None:
    folder = plant(tmp_path / "set", "1", photos=1)
    hashes = make_gallery().sha256.copy()
    hashes[0] = np.frombuffer(
        hashlib.sha256((folder / "1" / "0.png").read_bytes()).digest(), np.uint8
    )
    other = make_bundle(tmp_path / "other", gallery=replace(make_gallery(), sha256=hashes))
    found = evaluate(other, folder)
    assert found.notes == ("The model was trained on this photo: the numbers flatter it.",)
    said = found.to_dict()["what_it_cannot_tell"]
    assert said == "No test: the model was trained on this photo."


@pytest.mark.parametrize(
    ("splits", "chosen"),
    [
        (("train", "val", "test"), "test"),
        (("train", "val"), "val"),
        (("train", "test"), "test"),
        (("train",), "train"),
    ],
)
def test_evaluate__prefers_the_photos_least_trained_on(
    model: Path, tmp_path: Path, splits: tuple[str, ...], chosen: str
) -> None:
    names = [f"{split}/{figure}" for split in splits for figure in ("1", "2")]
    found = evaluate(model, plant(tmp_path / "set", *names, photos=1))
    assert {photo.split for photo in found.photos} == {chosen}
    assert found.protocol == f"2 photos: the split {chosen} of set"


def test_evaluate__takes_the_split_that_is_named(model: Path, tmp_path: Path) -> None:
    dataset = read(plant(tmp_path / "set", "train/1", "train/2", "test/1", photos=1))
    assert {photo.split for photo in evaluate(model, dataset, split="train").photos} == {"train"}
    with pytest.raises(DataError) as caught:
        evaluate(model, dataset, split="val")
    assert str(caught.value) == "set: expected photos of a split val, found test, train"


def test_evaluate__stops_at_unreadable_photos_or_skips_them(model: Path, tmp_path: Path) -> None:
    folder = plant(tmp_path / "set", "1", "2")
    for path in (folder / "1" / "1.png", folder / "2" / "0.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(UnreadablePhotosError) as caught:
        evaluate(model, folder)
    assert [error.path for error in caught.value.failures] == ["1/1.png", "2/0.png"]
    assert str(caught.value).startswith("2 of 6 photos cannot be decoded, first 1/1.png: ")
    assert str(caught.value).endswith("; repair or remove them, or let skip_bad leave them out")
    found = evaluate(model, folder, skip_bad=True)
    assert [photo.path for photo in found.photos] == ["1/0.png", "1/2.png", "2/1.png", "2/2.png"]
    assert [error.path for error in found.skipped] == ["1/1.png", "2/0.png"]
    assert found.probabilities.shape == (4, 3)


def test_evaluate__cannot_skip_every_photo(model: Path, tmp_path: Path) -> None:
    folder = plant(tmp_path / "set", "1", "2", photos=1)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(UnreadablePhotosError, match=r"or give other photos$"):
        evaluate(model, folder, skip_bad=True)
