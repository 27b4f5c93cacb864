from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.evaluation.make import Trainer
from tests.training.make import TINY

import figsight.training
from figsight.dataset import read
from figsight.errors import OutputError, RecipeError
from figsight.evaluation import cross_validate, keeping
from figsight.training import Silence
from figsight.training.workplace import Workplace

if TYPE_CHECKING:
    from pathlib import Path


def test_cross_validate__goes_on_with_finished_folds(
    trainer: Trainer, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: dict[str, Any] = {"folds": 2, "recipe": TINY, "weights": "random"}
    work = tmp_path / "new" / "work"
    first = cross_validate(photos, **how, work=work)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setitem(vars(figsight.training), "train", fail)
    expected: list[int] = []
    watch = Silence()
    monkeypatch.setattr(watch, "expect", expected.append)
    second = cross_validate(photos, **how, work=work, watch=watch)
    assert np.array_equal(first.probabilities, second.probabilities)
    assert expected == []
    one, two = first.to_dict(), second.to_dict()
    del one["seconds"], two["seconds"], one["about"]["time"], two["about"]["time"]
    assert one == two

    # A fold whose answers were half-written is asked again, but not trained again; a further
    # repeat is trained.
    monkeypatch.setitem(vars(figsight.training), "train", trainer)
    answers = work / "repeat-1-fold-2.safetensors"
    answers.write_bytes(answers.read_bytes()[:-5])
    third = cross_validate(photos, **how, work=work, repeats=2)
    assert [path.name for path in trainer.paths[2:]] == ["repeat-2-fold-1", "repeat-2-fold-2"]
    assert np.array_equal(third.probabilities[: first.n], first.probabilities)
    shutil.rmtree(work / "repeat-1-fold-2")
    answers.unlink()
    cross_validate(photos, **how, work=work)
    assert [path.name for path in trainer.paths[4:]] == ["repeat-1-fold-2"]
    assert len(third.labels) == 2 * len(first.labels)


@pytest.mark.parametrize(
    "change", ["seed", "folds", "recipe", "weights", "label", "photo", "group", "version"]
)
def test_cross_validate__refuses_the_folds_of_another(
    trainer: Trainer, photos: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: dict[str, Any] = {"folds": 2, "recipe": TINY, "work": tmp_path / "work", "seed": 0}
    dataset = read(photos)
    cross_validate(dataset, **how)
    if change == "label":
        (photos / "1" / "3.png").rename(photos / "2" / "9.png")
    elif change == "photo":
        (photos / "1" / "3.png").unlink()
    elif change == "version":
        monkeypatch.setattr(keeping, "find_version", lambda _: "9.9.9")
    else:
        other = {"seed": 1, "folds": 3, "weights": "random", "recipe": "quick", "group": None}
        how |= {change: other[change]} if change != "group" else {}
    dataset = read(photos)
    if change == "group":
        together = [replace(photo, group="session") for photo in dataset.photos[:3]]
        dataset = dataset.only([*together, *dataset.photos[3:]])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*")}
    with pytest.raises(OutputError) as caught:
        cross_validate(dataset, **how)
    assert str(caught.value) == (
        f"{tmp_path / 'work'}: holds the folds of another cross-validation (other photos, recipe, "
        f"folds, seed or version of figsight); name another folder, or remove it"
    )
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*")} == before
    assert len(trainer.learned) == 2


def test_cross_validate__refuses_folds_whose_plan_is_lost(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    cross_validate(photos, folds=2, recipe=TINY, work=work)
    plan = work / "cross-validation.json"
    assert json.loads(plan.read_text())["seed"] == 0
    plan.write_text("{")
    with pytest.raises(OutputError, match="holds the folds of another cross-validation"):
        cross_validate(photos, folds=2, recipe=TINY, work=work)


def test_cross_validate__is_not_bound_by_a_plan_that_came_to_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RecipeError("no such backbone")

    work = tmp_path / "work"
    monkeypatch.setitem(vars(figsight.training), "train", refuse)
    with pytest.raises(RecipeError):
        cross_validate(photos, folds=2, recipe=TINY, work=work, backbone="misspelt")
    monkeypatch.setitem(vars(figsight.training), "train", Trainer())
    assert cross_validate(photos, folds=2, recipe=TINY, work=work).photos


def test_cross_validate__refuses_a_work_folder_that_is_a_file(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file: cannot be made \(File exists\)"):
        cross_validate(photos, folds=2, recipe=TINY, work=tmp_path / "file")


@pytest.mark.parametrize("name", ["set", "other"])
def test_cross_validate__refuses_a_work_folder_with_something_else_in_it(
    trainer: Trainer, photos: Path, tmp_path: Path, name: str
) -> None:
    work = tmp_path / name
    if name == "other":
        work.mkdir()
        (work / "cross-validation.json").write_text('{"my": "notes"}')
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*")}
    with pytest.raises(OutputError) as caught:
        cross_validate(photos, folds=2, recipe=TINY, work=work)
    first = "1" if name == "set" else "cross-validation.json"
    assert str(caught.value) == (
        f"{work}: expected an empty folder, or one with finished folds, found '{first}'; name "
        "another folder"
    )
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*")} == before
    assert not trainer.learned


def test_cross_validate__takes_a_work_folder_with_litter_in_it(
    trainer: Trainer, photos: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    (work / "@eaDir").mkdir(parents=True)
    (work / ".DS_Store").touch()
    for _ in range(2):
        assert cross_validate(photos, folds=2, recipe=TINY, work=work).photos
    assert len(trainer.learned) == 2


@pytest.mark.parametrize("damage", [None, "plan.json", "state.json"])
def test_cross_validate__goes_on_with_a_fold_unless_it_is_damaged(
    trainer: Trainer, photos: Path, tmp_path: Path, damage: str | None
) -> None:
    work = tmp_path / "work"
    cross_validate(photos, folds=2, recipe=TINY, work=work)
    shutil.rmtree(work / "repeat-1-fold-2")
    (work / "repeat-1-fold-2.safetensors").unlink()
    place = Workplace(work / "repeat-1-fold-2")
    place.open(resume=False, overwrite=False)
    place.agree({"recipe": {}, "seed": 0, "photos": ""})
    place.checkpoint("final").touch()
    place.leave()
    if damage is not None:
        (place.folder / damage).write_text("{")
    cross_validate(photos, folds=2, recipe=TINY, work=work)
    assert [options["resume"] for options in trainer.options] == [False, False, damage is None]


def test_require_ours__refuses_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r": cannot be looked into \(embedded null byte\)$"):
        keeping.require_ours(tmp_path / "a\0b")
