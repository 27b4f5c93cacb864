"""Pictures of none of the figures, shown to every network of a cross-validation."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tests.evaluation.make import Trainer, plant
from tests.training.make import TINY

from figsight import calibration
from figsight.classifier import load
from figsight.errors import DataError, UnreadablePhotosError
from figsight.evaluation import Evaluation, cross_validate
from figsight.evaluation.seen import say_taught
from figsight.images import change_camera

if TYPE_CHECKING:
    from pathlib import Path

HOW: dict[str, Any] = {"folds": 2, "recipe": TINY, "weights": "random"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Fourteen photos of each of three figures, and pictures of none of them beside it."""
    plant(tmp_path / "all", "1", "2", "17", "x", "y", photos=14)
    for name in ("x", "y"):
        (tmp_path / "all" / name).rename(tmp_path / name)
    return (tmp_path / "all").rename(tmp_path / "set")


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return plant(tmp_path / "few", "1", "2", "17", photos=2)


def scores_of(path: Path, found: Evaluation, learned: set[str]) -> tuple[Any, Any, list[int]]:
    """Ask a fold's bundle again, one picture after the other."""
    with load(path) as classifier:

        def ask(photos: Any) -> tuple[Any, ...]:
            said = [classifier.run(classifier.prepare(photo)[np.newaxis]) for photo in photos]
            styles = [one.style for one in said if one.style is not None]
            return (
                np.concatenate([one.logits for one in said]),
                np.concatenate([one.embedding for one in said]),
                np.concatenate(styles) if styles else None,
            )

        own = [i for i, photo in enumerate(found.photos) if photo.path in learned]
        held = [i for i in range(len(found.photos)) if i not in own]
        _, embeddings, styles = ask(found.photos[i] for i in own)
        shifts = []
        if styles is not None:
            pixels = np.stack([classifier.prepare(found.photos[i]) for i in own])
            shifts = [classifier.run(one).style - styles for one in change_camera(pixels)]
            assert np.abs(shifts).max() > 0
        scorer = calibration.fit_scorer(embeddings, found.labels[own], style=styles, shifts=shifts)
        assert isinstance(scorer, calibration.UnknownScorer)
        assert found.strangers is not None
        others = found.strangers.photos[: found.strangers.n]
        known = scorer.scores(*ask(found.photos[i] for i in held))
        return known, scorer.scores(*ask(others)), held


@pytest.mark.parametrize(("styled", "guard"), [(False, "mean_cosine"), (True, "style_mahalanobis")])
def test_cross_validate__judges_each_fold_by_the_photos_of_the_others(
    trainer: Trainer, photos: Path, tmp_path: Path, styled: bool, guard: str
) -> None:
    trainer.styled = styled
    found = cross_validate(photos, **HOW, unknown=tmp_path / "x", work=tmp_path / "work")
    learned = [{photo.path for photo in one.photos} for one in trainer.learned]
    asked = [
        scores_of(path, found, seen) for path, seen in zip(trainer.paths, learned, strict=True)
    ]
    assert found.strangers is not None
    assert found.strangeness is not None
    assert found.unknown is not None
    m = found.strangers.n
    assert (m, found.strangers.networks) == (14, 2)
    for fold in (0, 1):
        known, strange, held = asked[fold]
        rule = calibration.fit_unknown(asked[1 - fold][0], default="mixed")
        assert isinstance(rule, calibration.UnknownChoice)
        expected = rule.rule.decide(known)
        assert rule.rule.parts[-1] == guard
        assert np.allclose(found.strangeness[held], expected, rtol=1e-4, atol=1e-4)
        assert (found.unknown[held] == (expected > rule.line.threshold)).all()
        here = slice(fold * m, fold * m + m)
        assert np.allclose(found.strangers.scores[here], rule.rule.decide(strange), rtol=1e-4)
        assert found.about["unknown"]["thresholds"][fold] == pytest.approx(
            rule.line.threshold, rel=1e-4
        )
        right = found.strangers.scores[here] > found.about["unknown"]["thresholds"][fold]
        assert (found.strangers.unknown[here] == right).all()
    plain = found.to_dict()["unknown"]
    assert (plain["n_unknown"], plain["networks"], len(plain["photos"])) == (14, 2, 28)
    assert [one["network"] for one in plain["photos"]] == [1] * 14 + [2] * 14
    assert plain["accepted"] == pytest.approx(1 - found.strangers.unknown.mean())
    json.dumps(found.to_dict())


def test_cross_validate__draws_the_line_that_is_asked_for(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    usual = cross_validate(photos, **HOW, unknown=tmp_path / "x", work=work)
    other = cross_validate(photos, **HOW, unknown=tmp_path / "x", work=work, keep=0.8)
    assert len(trainer.learned) == 2
    # 21 photos in the other fold: enough for 95 %, not for 98 %.
    assert [line.stated for line in usual.lines] == [0.8, 0.9, 0.95]
    assert usual.lines == other.lines
    for found, line in ((usual, usual.lines[2]), (other, usual.lines[0])):
        assert found.about["unknown"]["kept"] == line.stated
        score = found.unknown_score
        assert score is not None
        assert (score.kept, score.accepted) == (line.kept, line.accepted)
    assert other.about["unknown"]["thresholds"] < usual.about["unknown"]["thresholds"]
    plain = usual.to_dict()["unknown"]
    assert plain["lines"][2] == {
        "stated": 0.95,
        **{key: plain[key] for key in ("kept", "kept_interval", "accepted", "accepted_interval")},
    }


def test_cross_validate__asks_again_what_was_kept_of_other_scores(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    first = cross_validate(photos, **HOW, unknown=tmp_path / "x", work=work)
    for path in (kept := sorted(work.glob("*.unknown.safetensors"))):
        arrays = load_file(path)
        earlier = arrays | {"sha256": arrays["sha256"][:-1]}
        save_file(
            {name: array * 0 if "known" in name else array for name, array in earlier.items()}, path
        )
    again = cross_validate(photos, **HOW, unknown=tmp_path / "x", work=work)
    assert len(kept) == 2
    assert again.to_dict()["unknown"] == first.to_dict()["unknown"]


def test_cross_validate__takes_no_rule_from_strangers(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    one = cross_validate(photos, **HOW, unknown=tmp_path / "x", work=work)
    other = cross_validate(photos, **HOW, unknown=tmp_path / "y", work=work)
    assert len(trainer.learned) == 2
    assert one.strangeness is not None
    assert other.strangeness is not None
    assert one.strangers is not None
    assert other.strangers is not None
    assert np.array_equal(one.strangeness, other.strangeness)
    assert one.about["unknown"] == other.about["unknown"]
    assert one.strangers.scores.tolist() != other.strangers.scores.tolist()


def test_cross_validate__keeps_what_was_said_of_strangers(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    plain = cross_validate(photos, **HOW, work=work)
    assert plain.to_dict()["unknown"] is None
    first = cross_validate(photos, **HOW, unknown=tmp_path / "x", work=work)
    assert len(trainer.learned) == 2  # the bundles were there
    assert np.array_equal(plain.probabilities, first.probabilities)
    for path in trainer.paths:
        shutil.rmtree(path)
    # Under another name: what counts is what the files hold.
    again = cross_validate(
        photos, **HOW, unknown=(tmp_path / "x").rename(tmp_path / "z"), work=work
    )
    assert again.to_dict()["unknown"]["photos"] == first.to_dict()["unknown"]["photos"]
    assert len(trainer.learned) == 2
    # Bundles that are gone are trained again when something is to be asked.
    for path in work.glob("*.unknown.safetensors"):
        path.write_bytes(b"damaged")
    cross_validate(photos, **HOW, unknown=tmp_path / "z", work=work)
    assert len(trainer.learned) == 4


def test_cross_validate__refuses_to_tell_strangers_by_few_photos(
    trainer: Trainer, few: Path, tmp_path: Path
) -> None:
    plant(tmp_path / "more", "1", "2", "17")
    found = cross_validate(few, **HOW, unknown=tmp_path / "more")
    reason = (
        "telling unknown photos needs a figure with at least two photos to learn from, found one "
        "photo a figure; add photos"
    )
    assert found.to_dict()["unknown"] == {"refused": reason}
    assert found.strangers is None
    more = cross_validate(tmp_path / "more", **HOW, unknown=few, keep=0.95)
    assert more.refused["unknown"] == (
        "a threshold that keeps 95% of the known photos needs at least 19 of them, found 4; add photos"
    )
    # Who did not ask for 95 % gets what so few photos can carry, as in training.
    more = cross_validate(tmp_path / "more", **HOW, unknown=few)
    assert "unknown" not in more.refused
    assert more.about["unknown"]["kept"] == 0.8
    assert more.notes[-1] == (
        "So few photos draw no line that keeps 95\u00a0% of those of the figures: here it is to keep "
        "80\u00a0%."
    )


def test_cross_validate__refuses_to_tell_strangers_by_copies(
    trainer: Trainer, few: Path, tmp_path: Path
) -> None:
    plant(tmp_path / "more", "1")
    for path in list(few.glob("*/*.png")):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    found = cross_validate(few, **HOW, unknown=tmp_path / "more")
    assert "found only copies of one photo a figure; add photos" in found.refused["unknown"]
    assert found.strangers is None


def test_cross_validate__counts_strangers_and_not_answers(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    found = cross_validate(photos, **HOW, repeats=2, unknown=tmp_path / "x")
    score = found.unknown_score
    assert score is not None
    assert score.accepted is not None
    assert score.n_unknown == 14
    assert found.strangers is not None
    assert len(found.strangers.photos) == 4 * 14
    # 56 answers to 14 pictures leave about as much open as 14.
    assert score.accepted.high - score.accepted.low > 0.1


def test_cross_validate__tells_of_strangers_that_are_labelled(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    shutil.copy(photos / "1" / "3.png", tmp_path / "x" / "03.png")
    found = cross_validate(photos, **HOW, unknown=tmp_path / "x")
    assert found.notes == (say_taught(["03.png"]),)
    assert found.notes[0].startswith(
        "Of the pictures given as none of the figures, 1 was trained on as one of them (first 03.png): "
    )


def test_cross_validate__looks_at_strangers_before_it_trains(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"nothing: expected a folder or a zip of pictures"):
        cross_validate(photos, **HOW, unknown=tmp_path / "nothing")
    (tmp_path / "x" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(UnreadablePhotosError, match=r"^1 of 15 photos cannot be decoded: bad.png"):
        cross_validate(photos, **HOW, unknown=tmp_path / "x")
    assert not trainer.learned
    found = cross_validate(photos, **HOW, unknown=tmp_path / "x", skip_bad=True)
    assert [error.path for error in found.skipped] == ["bad.png"]
    assert found.strangers is not None
    assert found.strangers.n == 14
