from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest
from tests.bundle.make import (
    FILES,
    forge,
    make_bundle,
    refusal,
)

from figsight.bundle import open_bundle, verify


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "model")


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "model.zip")


LITTER = (
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "._model.onnx",
    "._evil.pkl",
    ".gitattributes",
    "thumbnails/.DS_Store",
    "@eaDir/model.onnx@SynoEAStream",
    "thumbnails/@eaDir/000000.jpg/SYNOPHOTO_THUMB_M.jpg",
    "lost+found/#12",
    "__MACOSX/._model.onnx",
    "__MACOSX/thumbnails/._000000.jpg",
)


def _drop(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"litter")


def test_open__passes_over_what_systems_leave(model: Path) -> None:
    for name in LITTER:
        _drop(model, name)
    verify(model)
    verify(Path(shutil.make_archive(str(model), "zip", model)))  # with folder entries


def test_open__reads_nothing_that_it_passes_over(model: Path, zipped: Path) -> None:
    with zipfile.ZipFile(zipped, "a") as archive:
        for name in LITTER:
            _drop(model, name)
            archive.writestr(name, b"litter")
    for path in (model, zipped):
        with open_bundle(path) as bundle:
            assert set(bundle._store.sizes) == set(FILES)
    forge(model, lambda manifest: manifest["files"].update({"Thumbs.db": "0" * 64}))
    assert "Thumbs.db" in refusal(model)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (".git/config", "only a model's own files, found the folder '.git'"),
        ("Thumbs.db/code.py", "only a model's own files, found the folder 'Thumbs.db'"),
        ("code/Thumbs.db", "only a model's own files, found the folder 'code'"),
        (".env", "only the files that manifest.json lists, found '.env'"),
        ("@eaDir", "only the files that manifest.json lists, found '@eaDir'"),
        ("thumbnails/notes", "only the files that manifest.json lists, found 'thumbnails/notes'"),
    ],
)
def test_open__refuses_what_only_resembles_litter(
    model: Path, zipped: Path, name: str, found: str
) -> None:
    _drop(model, name)
    assert refusal(model) == f"expected {found}: remove it"
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr(name, b"")
    assert refusal(zipped) == (
        f"expected only the files that manifest.json lists, found '{name}': remove it"
    )


@pytest.mark.parametrize("name", ["Thumbs.db", "@eaDir"])
def test_open__refuses_links_and_devices_that_are_called_like_litter(
    model: Path, name: str
) -> None:
    (model / name).symlink_to(model)
    assert refusal(model).startswith(f"expected plain files, found the link '{name}'")
    (model / name).unlink()
    os.mkfifo(model / name)
    assert refusal(model) == (
        f"expected only a model's own files, found the device '{name}': remove it"
    )
