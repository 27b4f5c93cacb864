from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.make import Trainer, plant
from tests.training.make import TINY, Told

from figsight import calibration
from figsight.classifier import Classifier, load
from figsight.dataset import Dataset, read
from figsight.errors import DataError, OutputError, RecipeError, UnreadablePhotosError
from figsight.evaluation import cross_validate
from figsight.evaluation.report.background import write_provenance
from figsight.training import Silence

if TYPE_CHECKING:
    from pathlib import Path


def test_cross_validate__asks_about_each_photo_once_a_repeat(
    trainer: Trainer, photos: Path
) -> None:
    found = cross_validate(photos, folds=3, repeats=2, recipe=TINY, weights="random")
    everything = [photo.path for photo in read(photos).photos]
    assert [photo.path for photo in found.photos] == everything * 2
    assert len(trainer.learned) == 6
    for repeat in (0, 1):
        learned = trainer.learned[3 * repeat : 3 * repeat + 3]
        held = Counter(
            path for part in learned for path in set(everything) - {p.path for p in part.photos}
        )
        assert held == Counter(everything)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"repeats": 0}, "repeats: expected a whole number from 1 up, found 0; choose another"),
        ({"folds": 1}, "folds: expected a whole number from 2 up, found 1; choose another"),
        ({"folds": -2}, "folds: expected a whole number from 2 up, found -2; choose another"),
        ({"folds": 2.5}, "folds: expected a whole number from 2 up, found 2.5; choose another"),
        ({"seed": -1}, "seed: expected a whole number from 0 up, found -1; choose another"),
        ({"keep": 1}, "keep: expected a share between 0 and 1, found 1; write 95 % as 0.95"),
        (
            {"sensitivity": 95},
            "sensitivity: expected a share between 0 and 1, found 95; write 95 %",
        ),
    ],
)
def test_cross_validate__checks_its_numbers_before_anything_else(
    trainer: Trainer, tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        cross_validate(tmp_path / "no photos", recipe=TINY, work=tmp_path / "work", **asked)
    assert str(caught.value).startswith(message)
    assert not list(tmp_path.iterdir())
    assert not trainer.learned


def test_cross_validate__never_asks_about_a_photo_that_was_trained_on(
    trainer: Trainer, photos: Path
) -> None:
    cross_validate(photos, folds=3, repeats=2, recipe=TINY, weights="random")
    everything = {photo.path: photo.read() for photo in read(photos).photos}
    for learned in trainer.learned:
        seen = {photo.read() for photo in learned.photos}
        held = everything.keys() - {photo.path for photo in learned.photos}
        assert held
        assert not seen & {everything[path] for path in held}
        assert learned.figures == read(photos).figures


def test_cross_validate__gives_the_answers_of_the_bundle_that_did_not_see_the_photo(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    found = cross_validate(photos, folds=2, recipe=TINY, weights="random", work=tmp_path / "work")
    logits = np.empty((len(found.photos), 3), np.float32)
    fold = np.empty(len(found.photos), np.intp)
    for number, (learned, path) in enumerate(zip(trainer.learned, trainer.paths, strict=True)):
        seen = {photo.path for photo in learned.photos}
        with load(path) as classifier:
            for i, photo in enumerate(found.photos):
                if photo.path not in seen:
                    pixels = classifier.prepare(photo)[np.newaxis]
                    logits[i], fold[i] = classifier.run(pixels).logits[0], number
    assert sorted(set(fold.tolist())) == [0, 1]
    assert found.groups is not None
    for number in (0, 1):
        here = fold == number
        keys = [found.groups[i] for i in np.flatnonzero(~here)]
        temperature = calibration.fit_temperature(
            logits[~here], found.labels[~here], [1 / keys.count(key) for key in keys]
        )
        expected = calibration.softmax(logits[here], temperature)
        assert np.array_equal(found.probabilities[here], expected)


def test_cross_validate__tells_how_it_was_done(trainer: Trainer, photos: Path) -> None:
    found = cross_validate(photos, folds=2, repeats=2, recipe=TINY, weights="random", seed=5)
    about = found.about["cross_validation"]
    assert (about["folds"], about["repeats"], about["seed"]) == (2, 2, 5)
    assert (about["recipe"]["name"], about["recipe"]["folds"], about["device"]) == (
        "tiny",
        0,
        "cpu",
    )
    assert found.protocol == (
        "2-fold cross-validation of set, 2 times, recipe tiny, copies kept together"
    )
    assert [call["seed"] for call in trainer.options] == [5, 5, 6, 6]
    assert {call["weights"] for call in trainer.options} == {"random"}
    assert {call["recipe"].folds for call in trainer.options} == {0}
    assert found.groups is not None
    n = len(found.photos) // 2
    assert found.groups[:n] == found.groups[n:]
    copies = {
        found.groups[i] for i in range(n) if found.photos[i].path in ("1/0.png", "1/copy.png")
    }
    assert len(copies) == 1
    assert len(set(found.groups)) == n - 2


def test_cross_validate__tells_its_watcher_of_the_whole(trainer: Trainer, photos: Path) -> None:
    told: list[tuple[str, object]] = []

    class Notebook(Silence):
        def expect(self, epochs: int) -> None:
            told.append(("expect", epochs))

        def begin(self, what: str, steps: int) -> None:
            told.append(("begin", what))

    cross_validate(photos, folds=2, repeats=2, recipe=TINY, watch=Notebook())
    assert told == [
        ("begin", "reading photos"),
        ("expect", 8),  # four folds of the two epochs that the first one expects
        ("begin", "repeat 1 fold 1"),
        ("expect", 8),
        ("begin", "repeat 1 fold 2"),
        ("expect", 8),
        ("begin", "repeat 2 fold 1"),
        ("expect", 8),
        ("begin", "repeat 2 fold 2"),
    ]


def test_cross_validate__gives_the_training_of_each_fold_a_budget(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"folds": 2, "recipe": TINY, "work": tmp_path / "work"}
    found = cross_validate(photos, **how, budget=90.0)
    assert [call["budget"] for call in trainer.options] == [90.0, 90.0]
    assert {call["recipe"].folds for call in trainer.options} == {0}
    assert found.protocol == (
        "2-fold cross-validation of set, recipe tiny in 90 s, copies kept together"
    )
    about = found.about["cross_validation"]
    assert about["budget"] == 90.0
    assert len(about["training_seconds"]) == 2
    (note,) = found.notes
    assert note.endswith("s has rules for them only where that leaves time to measure itself.")
    assert "Budget of a fold" in write_provenance(found)
    assert "Epochs" not in write_provenance(found)
    with pytest.raises(OutputError, match="holds the folds of another cross-validation"):
        cross_validate(photos, **how)
    for wrong, words in (({"budget": 0.0}, "more than 0"), ({"budget": 9.0, "epochs": 3}, "plans")):
        with pytest.raises(RecipeError, match=words):
            cross_validate(photos, **{**how, **wrong})


def test_cross_validate__says_when_a_budget_was_not_kept(trainer: Trainer, photos: Path) -> None:
    # The bundles that are written here say that their training took some seconds.
    found = cross_validate(photos, folds=2, recipe=TINY, budget=0.1)
    most = max(found.about["cross_validation"]["training_seconds"])
    _, note = found.notes
    assert note.startswith("2 of 2 folds took longer than the 0.1 s that their training was given,")
    assert note.endswith(f"{most:.0f} s at most.")


def test_cross_validate__skips_unreadable_photos_only_when_told(
    trainer: Trainer, photos: Path
) -> None:
    (photos / "2" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(UnreadablePhotosError):
        cross_validate(photos, folds=2, recipe=TINY)
    found = cross_validate(photos, folds=2, recipe=TINY, skip_bad=True)
    assert [error.path for error in found.skipped] == ["2/bad.png"]
    assert "2/bad.png" not in {photo.path for photo in found.photos}


def test_cross_validate__refuses_too_many_folds_and_a_single_figure(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"^expected from 2 to 18 folds .*, found 19; choose"):
        cross_validate(photos, folds=19, recipe=TINY, work=tmp_path / "work")
    single = read(photos)
    single = single.only(photo for photo in single.photos if photo.figure_id == "1")
    with pytest.raises(
        DataError, match=r"^set: expected photos of at least two figures, found onl"
    ):
        cross_validate(single, folds=2, recipe=TINY, work=tmp_path / "work")
    assert not trainer.learned
    assert not (tmp_path / "work").exists()


def test_cross_validate__uses_only_the_photos_of_train(trainer: Trainer, tmp_path: Path) -> None:
    plant(tmp_path / "set", "train/1", "train/2", "test/1")
    dataset = read(tmp_path / "set")
    # The small bundle knows three figures.
    dataset = Dataset(
        "set", (*dataset.figures, *read(tmp_path / "set").figures[:1]), dataset.photos
    )
    found = cross_validate(dataset, folds=2, recipe=TINY)
    assert {photo.split for photo in found.photos} == {"train"}


def test_cross_validate__counts_photos_and_not_answers(trainer: Trainer, photos: Path) -> None:
    found = cross_validate(photos, folds=2, repeats=3, recipe=TINY, weights="random")
    n = len(read(photos).photos)
    assert (found.n, len(found.labels), found.repeats) == (n, 3 * n, 3)
    assert found.accuracy.n == n
    once = replace(
        found,
        photos=found.photos[:n],
        labels=found.labels[:n],
        probabilities=found.probabilities[:n],
        groups=(found.groups or ())[:n],
        repeats=1,
        grounds={},
    )
    # Asking thrice about the same photos makes no interval that of thrice as many.
    wide, thrice = (one.accuracy.high - one.accuracy.low for one in (once, found))
    assert thrice > 0.8 * wide
    assert sum(found.correct_each) == (found.predicted == found.labels).sum()


def test_cross_validate__keeps_what_spoke_for_the_mistakes(
    trainer: Trainer, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: dict[str, Any] = {"folds": 2, "recipe": TINY, "weights": "random"}
    first = cross_validate(photos, **how, work=tmp_path / "work")
    assert set(first.grounds) == set(first.wrong.tolist())
    for place, grounds in first.grounds.items():
        assert grounds.chosen.class_id == first.figures[first.predicted[place]].id
        assert grounds.chosen.heat.shape == grounds.true_heat.shape
        assert len(grounds.chosen.neighbours) == 3
        (learned,) = (
            path
            for path, data in zip(trainer.paths, trainer.learned, strict=True)
            if first.photos[place].path not in {photo.path for photo in data.photos}
        )
        with load(learned) as classifier:
            evidence = classifier.explain(first.photos[place])
            assert np.allclose(evidence.heat, grounds.chosen.heat, rtol=1e-2, atol=1e-2)

    # The bundles may be gone by then: what they said is kept.
    for path in trainer.paths:
        shutil.rmtree(path)
    second = cross_validate(photos, **how, work=tmp_path / "work")
    assert set(second.grounds) == set(first.grounds)
    for place, grounds in second.grounds.items():
        assert np.allclose(grounds.true_heat, first.grounds[place].true_heat, rtol=1e-2, atol=1e-2)
        assert grounds.input == first.grounds[place].input
    assert second.history == first.history == "epoch,loss\nfold 1,2.5\nfold 2,2.5\n"


def test_cross_validate__measures_sets_or_says_why_not(trainer: Trainer, photos: Path) -> None:
    found = cross_validate(photos, folds=2, recipe=TINY, weights="random")
    assert found.sets is None
    assert found.refused["sets"] == (
        "sets that hold the right name 95% of the time need at least 50 photos, found 18 (copies "
        "counted once); add photos"
    )


def test_cross_validate__states_a_sensitivity_for_two_figures_only(
    trainer: Trainer, photos: Path
) -> None:
    with pytest.raises(DataError) as caught:
        cross_validate(photos, folds=2, recipe=TINY, sensitivity=0.9)
    assert str(caught.value) == (
        "set: expected two figures for a stated sensitivity, found 3; leave the sensitivity out"
    )
    assert not trainer.learned


def test_cross_validate__says_what_an_audit_would_before_it_trains(
    trainer: Trainer, photos: Path
) -> None:
    for number in range(1, 6):
        (photos / "17" / f"{number}.png").unlink()
    Image.new("RGB", (48, 48), (200, 200, 200)).save(photos / "2" / "flat.png")
    watch = Told()
    found = cross_validate(photos, folds=2, recipe=TINY, watch=watch)
    assert watch.lines == [
        "1 class of a single shot, too few to learn from and be measured on: 17 (17/0.png)",
        "2 files with the bytes of another: 1/0.png = 1/again.png = 1/copy.png",
        "classes are unequal: 17 has 1 photo, 1 8",
        "1 blank picture: 2/flat.png",
    ]
    (note,) = found.notes
    assert note.endswith("never learned, so that it cannot be right: 17 (17/0.png).")


def as_two(photos: Path) -> Dataset:
    """Half of the photos under each of two names; the small bundle knows three figures."""
    dataset = read(photos)
    two = dataset.figures[:2]
    return Dataset(
        "set",
        two,
        tuple(replace(photo, figure_id=two[i % 2].id) for i, photo in enumerate(dataset.photos)),
    )


@pytest.fixture
def two_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the small bundle, which knows three figures, speak of the first two."""
    whole = Classifier.run

    def run(self: Classifier, pixels: np.ndarray) -> Any:
        outputs = whole(self, pixels)
        return replace(outputs, logits=outputs.logits[:, :2])

    monkeypatch.setattr(Classifier, "run", run)
    monkeypatch.setattr("figsight.evaluation.folds.explain_mistakes", lambda *_: {})


@pytest.mark.usefixtures("two_logits", "trainer")
def test_cross_validate__measures_the_figure_that_is_looked_for(
    photos: Path, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"folds": 2, "recipe": TINY, "work": tmp_path / "work"}
    data = as_two(photos)
    usual = cross_validate(data, **how, sensitivity=0.6)
    # The same folds, taken up again: nothing that is trained depends on what is looked for.
    other = cross_validate(data, **how, positive=data.figures[0].display, sensitivity=0.5)
    assert np.array_equal(usual.probabilities, other.probabilities)
    for found, place, stated in ((usual, 1, 0.6), (other, 0, 0.5)):
        figure, plain = data.figures[place], found.to_dict()
        assert (found.positive, plain["positive_class_id"]) == (place, figure.id)
        assert found.operating is not None
        at = found.operating
        assert (at.positive, at.stated_sensitivity) == (figure.id, stated)
        shown = found.labels == place
        assert plain["sensitivity"] == pytest.approx((found.predicted == place)[shown].mean())
        assert at.sensitivity.n == shown.sum()


@pytest.mark.parametrize("positive", ["3", "one"])
def test_cross_validate__refuses_a_figure_that_there_is_not(
    trainer: Trainer, photos: Path, tmp_path: Path, positive: str
) -> None:
    with pytest.raises(DataError) as caught:
        cross_validate(as_two(photos), positive=positive, work=tmp_path / "work")
    assert str(caught.value) == (
        f"set: expected '1' or '2' for the figure that is looked for, found '{positive}'; write one of "
        "them as it stands here"
    )
    with pytest.raises(
        DataError, match=r"^set: expected two figures for one that is looked for, f"
    ):
        cross_validate(photos, positive="1", work=tmp_path / "work")
    assert not trainer.learned
    assert not (tmp_path / "work").exists()
