from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from figsight.dataset.unlabelled import read_unlabelled
from figsight.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from figsight.dataset import Dataset


def names(dataset: Dataset) -> list[str]:
    return [photo.path for photo in dataset.photos]


def test_read_unlabelled__lists_all_pictures_of_a_folder_or_a_zip(
    plant: Callable[..., Path], tmp_path: Path
) -> None:
    root = plant(["b/10.png", "b/9.jpg", "a.png", ".hidden/c.png"], files={"notes.txt": "words"})
    found = read_unlabelled(root)
    assert names(found) == ["a.png", "b/9.jpg", "b/10.png"]
    assert found.figures == ()
    assert found.name == root.name
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", root)
    zipped = read_unlabelled(packed)
    assert names(zipped) == names(found)
    assert [photo.read() for photo in zipped.photos] == [photo.read() for photo in found.photos]


def test_read_unlabelled__passes_over_models(plant: Callable[..., Path]) -> None:
    model = {"b/model/manifest.json": "{}", "b/model/model.onnx": ""}
    root = plant(["a/1.png", "b/2.png", "b/model/thumbnails/1.png"], model)
    assert names(read_unlabelled(root)) == ["a/1.png", "b/2.png"]


def test_read_unlabelled__refuses_what_holds_no_pictures(
    plant: Callable[..., Path], tmp_path: Path
) -> None:
    root = plant(files={"notes.txt": "words"})
    for path, why in (
        (root, "expected pictures, found none in it"),
        (root / "notes.txt", "expected a folder or a zip of pictures, found neither"),
        (tmp_path / "nothing", "expected a folder or a zip of pictures, found neither"),
    ):
        with pytest.raises(DataError) as caught:
            read_unlabelled(path)
        assert str(caught.value) == f"{path}: {why}"


def test_read_unlabelled__does_not_take_nothing_for_the_folder_one_is_in() -> None:
    with pytest.raises(DataError, match="found an empty path"):
        read_unlabelled("")


def test_read_unlabelled__says_why_a_place_cannot_be_examined() -> None:
    with pytest.raises(DataError, match=r"^n+\.\.\.n+: cannot be opened: File name too long$"):
        read_unlabelled("n" * 300)
