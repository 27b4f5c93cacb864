from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from figsight.dataset import read
from figsight.dataset.kaggle import download
from figsight.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _stand_in(
    monkeypatch: pytest.MonkeyPatch, answer: object, calls: list[str] | None = None
) -> None:
    def dataset_download(handle: str) -> object:
        if calls is not None:
            calls.append(handle)
        if isinstance(answer, Exception):
            raise answer
        return answer

    module = SimpleNamespace(dataset_download=dataset_download)
    monkeypatch.setitem(sys.modules, "kagglehub", module)


def test_read__reads_a_set_from_kaggle(
    plant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = plant(
        ["w/a/1.png", "w/a/2.png", "w/test/1.png"],
        {
            "w/index.csv": "path,class_id\na/1.png,1\n",
            "w/test.csv": "path,class_id\ntest/1.png,1\n",
            "w/metadata.csv": "class_id,minifigure_name\n1,YODA\n",
        },
    )
    calls: list[str] = []
    _stand_in(monkeypatch, str(root), calls)
    dataset = read("kaggle:ihelon/lego-minifigures-classification")
    assert calls == ["ihelon/lego-minifigures-classification"]
    assert dataset.name == "kaggle:ihelon/lego-minifigures-classification"
    assert [(p.path, p.figure_id, p.split) for p in dataset.photos] == [
        ("w/a/1.png", "1", "train"),
        ("w/test/1.png", "1", "test"),
    ]
    assert [figure.display for figure in dataset.figures] == ["YODA"]
    assert [photo.path for photo in dataset.unlisted] == ["w/a/2.png"]


def test_read__unwraps_class_folders_from_kaggle(
    plant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _stand_in(monkeypatch, str(plant(["PetImages/Cat/1.png", "PetImages/Dog/1.png"])))
    assert [figure.id for figure in read("kaggle:a/b/versions/3").figures] == ["Cat", "Dog"]


def test_read__keeps_to_the_folder_from_kaggle(
    plant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, png: bytes
) -> None:
    (tmp_path / "private.png").write_bytes(png)
    _stand_in(monkeypatch, str(plant([], {"l.csv": "path,label\n../private.png,1\n"})))
    with pytest.raises(DataError, match=r"^l\.csv: the only photo that it lists is not there"):
        read("kaggle:a/b")


def test_download__needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(MissingExtraError) as caught:
        download("a/b")
    assert str(caught.value) == (
        "kaggle:a/b needs an optional part: pip install 'figsight[kaggle]'"
    )


@pytest.mark.parametrize("error", [ConnectionError("no\nroute"), ValueError("no\nroute")])
def test_download__says_that_the_network_failed(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    _stand_in(monkeypatch, error)
    with pytest.raises(DataError) as caught:
        download("a/b")
    assert str(caught.value) == (
        rf"kaggle:a/b: cannot be fetched from Kaggle ({type(error).__name__}: no\nroute); check "
        "the name and the network, or fetch the zip in a browser and give its path"
    )


def test_download__refuses_an_answer_that_is_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _stand_in(monkeypatch, str(tmp_path / "none"))
    with pytest.raises(DataError, match=r"expected kagglehub to give a folder, found none$"):
        download("a/b")


@pytest.mark.parametrize("handle", ["", "a", "a/b/c", "../b/../c", "a/b?x", "a/b\n"])
def test_download__refuses_what_is_no_handle(handle: str) -> None:
    with pytest.raises(DataError, match=r"expected kaggle:owner/name$"):
        download(handle)
