"""The folder of an unfinished run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from figsight.errors import OutputError
from figsight.files import written_whole
from figsight.training.parts import deal_parts, deal_rest
from figsight.training.workplace import MARK, Workplace

PLAN = {
    "recipe": {"epochs": 2, "optimizer": {"name": "adamw"}},
    "seed": 0,
    "weights": "w" * 64,
    "photos": "0" * 64,
    "order": [f"yoda/{number}.jpg" for number in range(5000)],
    "labels": [0] * 5000,
    "budget": None,
}
EVERY_WAY = pytest.mark.parametrize(
    "how",
    [
        {"resume": False, "overwrite": False},
        {"resume": False, "overwrite": True},
        {"resume": True, "overwrite": True},
    ],
)
STATE = {"spent": 1.5, "settled": True, "runs": ["fold 1"], "ingredients": 2}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return begin(tmp_path)


def begin(folder: Path, **how: bool) -> Workplace:
    found = Workplace(folder / "model")
    found.open(**({"resume": False, "overwrite": False} | how))
    return found


def interrupt(folder: Path) -> Path:
    """Leave an unfinished training."""
    place = begin(folder)
    place.agree(PLAN)
    place.checkpoint("fold 1").write_bytes(b"epochs")
    place.leave()
    return place.folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refusal(place: Workplace, **how: bool) -> str:
    """What opening says, on one short line, with the folder left out."""
    with pytest.raises(OutputError) as caught:
        place.open(**({"resume": False, "overwrite": False} | how))
    return tell(place, caught.value)


def tell(place: Workplace, error: OutputError) -> str:
    message = str(error)
    assert message.startswith(str(place.folder))
    message = message.removeprefix(str(place.folder))
    assert "\n" not in message
    assert len(message) < 250
    return message


# ----------------------------------------------------------------------------- whose it is


def plant_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.tex").write_text("my thesis")
    (path / "state.json").write_text("{}")
    (path / "final.safetensors").write_bytes(b"my weights")


def plant_plan(path: Path) -> None:
    path.mkdir()
    (path / "plan.json").write_text('{"monday": "shopping"}')


def plant_broken_plan(path: Path) -> None:
    path.mkdir()
    (path / "plan.json").write_text("monday: shopping")
    (path / "notes.txt").write_text("more plans")


def plant_link(path: Path) -> None:
    plant_folder(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def plant_linked_mark(path: Path) -> None:
    plant_folder(path)
    (path / MARK).symlink_to("thesis.tex")


@EVERY_WAY
@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (plant_folder, "a folder that figsight did not make"),
        (plant_plan, "a folder that figsight did not make"),
        (plant_broken_plan, "a folder that figsight did not make"),
        (plant_linked_mark, "a folder that figsight did not make"),
        (plant_link, "a link"),
        (Path.touch, "a file"),
    ],
)
def test_open__never_touches_what_figsight_did_not_make(
    tmp_path: Path, plant: Any, found: str, how: dict[str, bool]
) -> None:
    plant(tmp_path / "model.training")
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert refusal(Workplace(tmp_path / "model"), **how) == (
        f": expected nothing, or the folder of an unfinished training, found {found}; move it "
        "away, or name another model"
    )
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_open__marks_the_folder_from_its_first_moment(tmp_path: Path) -> None:
    place = begin(tmp_path)
    assert names(place.folder) == [MARK]
    place.remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("litter", [None, ".DS_Store", "@eaDir"])
def test_open__takes_an_empty_folder_over(tmp_path: Path, litter: str | None) -> None:
    folder = tmp_path / "model.training"
    folder.mkdir()
    if litter is not None:
        (folder / litter).mkdir() if litter == "@eaDir" else (folder / litter).touch()
    place = begin(tmp_path)
    assert (folder / MARK).exists()
    place.remove()
    assert folder.exists() == (litter == "@eaDir")


def test_open__takes_up_what_was_left_before_the_first_epoch(tmp_path: Path) -> None:
    place = begin(tmp_path)
    place.agree(PLAN)
    (place.folder / "tmpab12cd_8").write_bytes(b"pixels")
    (place.folder / ".plan.json.12-34.part").write_bytes(b"{")  # by an earlier version
    with written_whole(place.checkpoint("final")) as part:
        part.write_bytes(b"half")
        shutil.copy(part, part.with_name(part.name.replace(".part", "0.part")))
    place._lock.give_back()  # as if it had been killed
    again = begin(tmp_path, overwrite=True)
    assert names(again.folder) == [MARK]


@pytest.mark.parametrize("plan", [json.dumps(PLAN), "", "{"])
def test_open__knows_the_folders_of_earlier_versions(tmp_path: Path, plan: str) -> None:
    folder = interrupt(tmp_path)
    (folder / MARK).unlink()
    (folder / "plan.json").write_text(plan)
    assert refusal(Workplace(tmp_path / "model")) == (
        ": an unfinished training lies here; --resume goes on with it, --overwrite begins anew"
    )
    if plan == json.dumps(PLAN):
        begin(tmp_path, resume=True)._lock.give_back()
        assert (folder / "fold-1.safetensors").exists()
    place = begin(tmp_path, overwrite=True)
    assert names(folder) == [MARK]
    place.remove()
    assert not folder.exists()


def test_open__with_nothing_to_resume_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "model.training").mkdir()
    for _ in range(2):
        assert refusal(Workplace(tmp_path / "model"), resume=True) == (
            ": expected an unfinished training to resume, found none; leave --resume out to begin "
            "one"
        )
        assert not list(tmp_path.iterdir())


def test_open__that_may_not_look_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.training").mkdir()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert refusal(Workplace(tmp_path / "model")) == (
        ": cannot be looked into (Permission denied); allow reading it, or name another model"
    )


def test_open__where_nothing_can_be_made_says_so(tmp_path: Path) -> None:
    assert refusal(Workplace(tmp_path / "no" / "model")) == (
        ": cannot be made (No such file or directory)"
    )


@EVERY_WAY
def test_open__keeps_what_lies_in_our_folder_and_is_not_ours(
    tmp_path: Path, how: dict[str, bool]
) -> None:
    folder = interrupt(tmp_path)
    for name in ("notes.txt", "mine.safetensors"):
        (folder / name).write_text("mine")
    (folder / "state.json").mkdir()
    (folder / ".DS_Store").touch()
    if how == {"resume": False, "overwrite": False}:
        assert "an unfinished training lies here" in refusal(Workplace(tmp_path / "model"))
        return
    if how["resume"]:
        (folder / "state.json").rmdir()
    place = begin(tmp_path, **how)
    place.remove()
    left = ["mine.safetensors", "notes.txt"]
    assert names(folder) == (left if how["resume"] else [*left, "state.json"])


def test_leave__keeps_nothing_of_a_run_that_can_only_end_as_it_did(tmp_path: Path) -> None:
    place = begin(tmp_path)
    place.agree(PLAN)
    place.checkpoint("fold 1").write_bytes(b"epochs")
    place.give_up()
    place.leave()
    assert not place.folder.exists()
    begin(tmp_path)


def test_leave__keeps_epochs_and_nothing_else(tmp_path: Path) -> None:
    folder = interrupt(tmp_path)
    assert names(folder) == [MARK, "fold-1.safetensors", "plan.json"]
    place = begin(tmp_path, overwrite=True)
    place.agree(PLAN)
    (folder / "mine.safetensors").touch()
    place.leave()
    assert names(folder) == ["mine.safetensors"]


def test_clear__knows_the_files_of_every_network(place: Workplace) -> None:
    labels = np.repeat(np.arange(4), 6)
    groups = [str(number) for number in range(24)]
    few, many = (
        deal_parts(labels, groups, figures=4, n_folds=folds, left_out=3, seed=0) for folds in (1, 5)
    )
    rest = deal_rest(labels, groups, few[0], n_folds=5, seed=0)
    runs = {part.run for part in (*few, *many, *rest)} | {"final"}
    assert runs >= {"final", "holdout", "fold 5", "left out 3"}
    for run in runs:
        for name in (run, f"{run} (2)", f"{run} (12)"):
            place.checkpoint(name).touch()
            place.save_outputs(name, {"held": np.ones(1)})
    place.save_state(STATE)
    place.agree(PLAN)
    place.remove()
    assert not place.folder.exists()


# ---------------------------------------------------------------------- two trainings at once


@EVERY_WAY
def test_open__refuses_a_second_training(place: Workplace, how: dict[str, bool]) -> None:
    place.agree(PLAN)
    before = names(place.folder)
    assert refusal(Workplace(place.folder.with_name("model")), **how) == (
        f": another training is at work here (process {os.getpid()}); wait for it, or name another "
        "model"
    )
    assert names(place.folder) == before
    place.remove()
    begin(place.folder.parent)


def test_open__lets_the_next_one_in_when_a_run_was_left(tmp_path: Path) -> None:
    interrupt(tmp_path)
    begin(tmp_path, resume=True).leave()
    refusal(Workplace(tmp_path / "model"))  # a refusal holds nothing
    begin(tmp_path, resume=True)


# --------------------------------------------------------------------------- damaged files


@pytest.mark.parametrize("name", ["plan.json", "state.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"spent": "long"}', "\xff\xfe", "[" * 10**5])
def test_open__names_the_file_that_is_damaged(tmp_path: Path, name: str, text: str) -> None:
    folder = interrupt(tmp_path)
    (folder / name).write_text(text, "latin-1")
    place = Workplace(tmp_path / "model")
    assert not place.can_resume()
    assert refusal(place, resume=True) == (
        f"/{name}: expected what an unfinished training wrote, found a damaged file; begin anew "
        "with --overwrite"
    )
    assert (folder / "fold-1.safetensors").exists()
    begin(tmp_path, overwrite=True)
    assert names(folder) == [MARK]


def test_state__comes_back_as_it_was(place: Workplace) -> None:
    assert place.load_state() == {}
    place.save_state(STATE)
    assert place.load_state() == STATE


def test_can_resume__needs_a_plan(tmp_path: Path) -> None:
    assert not Workplace(tmp_path / "model").can_resume()
    interrupt(tmp_path)
    assert Workplace(tmp_path / "model").can_resume()


# ------------------------------------------------------------------------------ another run


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": [1] * 3 + [0] * 4997}, "other labels, 3 of 5000"),
        ({"labels": [0] * 4999}, "5000 labels, this one has 4999"),
        ({"order": ["vader/0.jpg"], "labels": [0]}, "5000 photos, this one has 1"),
        ({"order": ["a", *PLAN["order"][1:]], "labels": [1] * 5000}, "other photos, 1 of 5000"),  # type: ignore[index]
        ({"photos": "1" * 64}, f"photos {'0' * 37}..., this one has {'1' * 37}..."),
        ({"recipe": {"epochs": 3}}, "recipe epochs 2, this one has epochs 3"),
        (
            {"recipe": {"epochs": 2, "optimizer": {"name": "sgd"}}},
            "recipe optimizer name adamw, this one has name sgd",
        ),
        (
            {"recipe": {"epochs": 2}},
            "recipe optimizer {'name': 'adamw'}, this one has optimizer None",
        ),
        ({"budget": 60.0}, "budget None, this one has 60.0"),
    ],
)
def test_agree__says_shortly_what_differs(
    place: Workplace, change: dict[str, Any], words: str
) -> None:
    place.agree(PLAN)
    place.agree(PLAN)
    with pytest.raises(OutputError) as caught:
        place.agree(PLAN | change)
    assert tell(place, caught.value) == (
        f": the unfinished training had {words}; resume with the same options and photos, or "
        "--overwrite"
    )


# ---------------------------------------------------------------------------------- answers


def test_outputs__come_back_as_they_were(place: Workplace) -> None:
    wide = np.arange(12, dtype=np.float32).reshape(3, 4)
    arrays = {"held.logits": wide.T, "own.logits": np.empty((5, 0), np.float32)}
    assert place.load_outputs("left out 1") is None
    place.save_outputs("left out 1", arrays)
    found = place.load_outputs("left out 1")
    assert found is not None
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)
        assert found[name].shape == array.shape
    assert names(place.folder) == [MARK, "left-out-1.outputs.safetensors"]


def test_outputs__that_cannot_be_kept_end_the_run_in_one_line(place: Workplace) -> None:
    shutil.rmtree(place.folder)
    with pytest.raises(OutputError) as caught:
        place.save_outputs("holdout", {"held.logits": np.ones((2, 2), np.float32)})
    assert tell(place, caught.value) == (
        "/holdout.outputs.safetensors: expected a place that can be written, found: No such file "
        "or directory; choose another folder"
    )
