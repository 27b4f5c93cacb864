from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from figsight.dataset.folders import read_folders, split_folders
from figsight.dataset.trees import folder_tree
from figsight.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from figsight.dataset.model import Dataset

    Plant = Callable[..., Path]


def _read(root: Path, *, unwrap: bool = False) -> Dataset:
    return read_folders(folder_tree(root), unwrap=unwrap)


def _labels(dataset: Dataset) -> list[tuple[str, str | None, str | None]]:
    return [(photo.path, photo.figure_id, photo.split) for photo in dataset.photos]


def test_read_folders__takes_the_folder_as_the_figure(plant: Plant) -> None:
    dataset = _read(plant(["10/1.png", "9/2.png", "9/1.png"], {"9/notes.txt": "x"}))
    assert _labels(dataset) == [
        ("9/1.png", "9", None),
        ("9/2.png", "9", None),
        ("10/1.png", "10", None),
    ]
    assert [(figure.id, figure.display) for figure in dataset.figures] == [("9", "9"), ("10", "10")]
    assert dataset.labels() == [0, 0, 1]
    assert dataset.unlisted == ()
    assert dataset.name == "set"


def test_read_folders__takes_nested_folders_as_ids(plant: Plant) -> None:
    root = plant(["marvel/0001/1.png", "marvel/0002/1.png"])
    assert [figure.id for figure in _read(root).figures] == ["marvel/0001", "marvel/0002"]
    assert [figure.id for figure in _read(root, unwrap=True).figures] == ["0001", "0002"]


def test_read_folders__never_unwraps_a_class(plant: Plant) -> None:
    dataset = _read(plant(["cats/1.png", "cats/more/2.png"]), unwrap=True)
    assert [figure.id for figure in dataset.figures] == ["cats", "cats/more"]


@pytest.mark.parametrize("wrapper", ["", "w/", "w/v/"])
def test_read_folders__reads_splits_also_when_wrapped(plant: Plant, wrapper: str) -> None:
    paths = ["Train/a/1.png", "VALID/a/2.png", "validation/b/c/3.png", "test/b/c/4.png"]
    dataset = _read(plant([wrapper + path for path in paths]))
    assert sorted(_labels(dataset)) == [
        (f"{wrapper}Train/a/1.png", "a", "train"),
        (f"{wrapper}VALID/a/2.png", "a", "val"),
        (f"{wrapper}test/b/c/4.png", "b/c", "test"),
        (f"{wrapper}validation/b/c/3.png", "b/c", "val"),
    ]
    assert [figure.id for figure in dataset.figures] == ["a", "b/c"]
    assert dataset.splits == {"train", "val", "test"}


def test_read_folders__leaves_pictures_without_a_class_unlisted(plant: Plant) -> None:
    dataset = _read(plant(["a/1.png", "b/1.png", "cover.png"]))
    assert [photo.path for photo in dataset.unlisted] == ["cover.png"]


def test_read_folders__leaves_pictures_outside_splits_unlisted(plant: Plant) -> None:
    dataset = _read(plant(["train/a/1.png", "train/2.png", "test/3.png", "more/a/4.png"]))
    assert _labels(dataset) == [("train/a/1.png", "a", "train")]
    assert {photo.path for photo in dataset.unlisted} == {
        "train/2.png",
        "test/3.png",
        "more/a/4.png",
    }


@pytest.mark.parametrize(
    ("paths", "splits"),
    [
        (["train/1.png", "bus/1.png"], set()),
        (["train/a/1.png", "test/a/1.png"], {"train", "test"}),
        (["val/a/1.png", "test/a/1.png"], {"val", "test"}),
        (["train/a/1.png", "extra/a/1.png"], {"train"}),
        (["val/a/1.png", "extra/a/1.png"], set()),
        (["val/1.png", "test/1.png"], set()),
        (["1.png"], set()),
    ],
)
def test_split_folders__tells_a_split_from_a_class(paths: list[str], splits: set[str]) -> None:
    assert split_folders(paths) == splits


@pytest.mark.parametrize(
    ("pictures", "files", "message"),
    [
        (
            [],
            {},
            "set: expected pictures in class folders, found none; see what you gave as DATA",
        ),
        (
            [],
            {"a/1.txt": "", "b/1.pdf": ""},
            (
                "set: expected pictures in class folders, found 2 other files: a/1.txt, b/1.pdf; "
                "see what you gave as DATA"
            ),
        ),
        (
            ["1.png", "2.png"],
            {},
            (
                "set: expected a folder for each class, found 2 pictures directly in it and no "
                "class folder; move each picture into a folder named after its class, or list them "
                "in a CSV (path,label)"
            ),
        ),
        (
            [],
            {"1.txt": ""},
            (
                "set: expected pictures in class folders, found 1 other file: 1.txt; see what you gave "
                "as DATA"
            ),
        ),
        (
            ["1.png"],
            {},
            (
                "set: expected a folder for each class, found 1 picture directly in it and no "
                "class folder; move each picture into a folder named after its class, or list them "
                "in a CSV (path,label)"
            ),
        ),
    ],
    ids=["empty", "no pictures", "no folders", "no picture", "no folder"],
)
def test_read_folders__refuses(
    plant: Plant, pictures: list[str], files: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        _read(plant(pictures, files))
    assert str(caught.value) == message


def test_read_folders__keeps_what_is_no_picture_that_we_open(plant: Plant) -> None:
    litter = ["a/Thumbs.db", "a/notes.txt", "a/list.csv", "knight/.DS_Store", "banner.psd"]
    raws = ["knight/1.CR2", "knight/2.jp2", "a/1.MOV"]
    dataset = _read(plant(["a/1.png", "b/1.png"], dict.fromkeys(litter + raws, b"x")))
    assert [(file.path, file.figure_id) for file in dataset.unsupported] == [
        ("a/1.MOV", "a"),
        ("knight/1.CR2", "knight"),
        ("knight/2.jp2", "knight"),
    ]
    assert [figure.id for figure in dataset.figures] == ["a", "b"]
    assert [figure.id for figure in dataset.untaught] == ["knight"]
    assert dataset.unlisted == ()


def test_read_folders__knows_the_figures_of_unsupported_files_in_splits(plant: Plant) -> None:
    raws = ["w/train/knight/1.nef", "w/test/a/2.nef", "w/3.nef", "4.nef"]
    dataset = _read(plant(["w/train/a/1.png", "w/train/b/1.png"], dict.fromkeys(raws, b"x")))
    assert [(file.path, file.figure_id, file.split) for file in dataset.unsupported] == [
        ("w/test/a/2.nef", "a", "test"),
        ("w/train/knight/1.nef", "knight", "train"),
    ]
    assert [figure.id for figure in dataset.untaught] == ["knight"]


def test_read_folders__takes_one_name_in_two_forms_for_one_figure(
    plant: Callable[..., Path],
) -> None:
    """macOS stores the accent apart from its letter."""
    root = plant(["Caf\u00e9/1.png", "Cafe\u0301/2.png", "b/3.png"])
    found = _read(root)
    assert [figure.id for figure in found.figures] == ["b", "Caf\u00e9"]
    assert {photo.figure_id for photo in found.photos} == {"b", "Caf\u00e9"}
    assert all(photo.read() for photo in found.photos)
