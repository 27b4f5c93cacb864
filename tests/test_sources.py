from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from figsight.dataset.model import Photo
from figsight.errors import DataError
from figsight.sources import expand_sources, name_source

if TYPE_CHECKING:
    from figsight.sources import Source


def _fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def _names(folder: Path) -> list[str]:
    return [Path(str(found)).relative_to(folder).as_posix() for found in expand_sources(folder)]


def test_expand__finds_pictures_in_the_order_of_their_paths(tmp_path: Path) -> None:
    names = ["b.jpg", "a/2.jpg", "a.jpg", "a/1/x.PNG", "a-b.jpg", "B.jpg", "a/10.jpg"]
    assert _names(_fill(tmp_path, *names)) == sorted(names)


def test_expand__leaves_out_what_is_no_picture_or_hidden(tmp_path: Path) -> None:
    _fill(tmp_path, "a.jpg", "notes.txt", ".hidden.jpg", "._a.jpg", ".thumbs/a.jpg", "d/index.csv")
    assert _names(tmp_path) == ["a.jpg"]


def test_expand__does_not_walk_in_circles(tmp_path: Path) -> None:
    _fill(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "b").symlink_to(tmp_path)
    (tmp_path / "a" / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "a" / "linked.jpg").symlink_to("1.jpg")
    assert _names(tmp_path) == ["a/1.jpg", "a/gone.jpg", "a/linked.jpg"]


def test_expand__passes_over_models_and_unfinished_trainings(tmp_path: Path) -> None:
    _fill(tmp_path, "a/1.jpg", "a/m/manifest.json", "a/m/model.onnx", "a/m/thumbnails/1.jpg")
    _fill(tmp_path / "m.training", "plan.json", "final.safetensors", "1.jpg")
    assert _names(tmp_path) == ["a/1.jpg"]
    assert _names(tmp_path / "a" / "m") == ["thumbnails/1.jpg"]  # as somebody asked for it


def test_expand__keeps_paths_as_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(tmp_path, "photos/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert list(expand_sources("photos")) == ["photos/a.jpg"]
    assert list(expand_sources(["photos", "x.jpg"])) == ["photos/a.jpg", "x.jpg"]


def test_expand__refuses_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list(expand_sources(_fill(tmp_path, "a.txt")))
    assert str(caught.value) == f"{tmp_path}: expected a folder with pictures, found none in it"


def test_expand__refuses_a_folder_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(DataError) as caught:
        list(expand_sources(tmp_path))
    assert str(caught.value) == f"{tmp_path}: the folder cannot be listed (Permission denied)"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/b.jpg", "a/b.jpg"),
        (Path("a/b.jpg"), "a/b.jpg"),
        (b"\xff\xd8", "<bytes>"),
        (np.zeros((2, 2, 3), np.uint8), "<array>"),
        (Image.new("RGB", (2, 2)), "<image>"),
        (Photo(path="a/b.jpg", file=Path("set.zip"), member="a/b.jpg"), "a/b.jpg"),
    ],
)
def test_source__alone_is_one_and_has_a_name(source: Source, name: str) -> None:
    (found,) = expand_sources(source)
    assert found is source
    assert name_source(source) == name
