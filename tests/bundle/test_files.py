from __future__ import annotations

import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundle.make import (
    FILES,
    PHOTOS,
    forge,
    make_bundle,
    make_gallery,
    make_jpeg,
    make_manifest,
    make_model,
    make_proto,
    make_weights,
    refusal,
    verdict,
    write_zip,
)

from figsight.bundle import open_bundle, verify
from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "model")


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "model.zip")


@pytest.mark.parametrize("name", ["model", "model.zip"])
def test_open__gives_what_was_written(tmp_path: Path, name: str) -> None:
    path = make_bundle(tmp_path / name)
    with open_bundle(path) as bundle:
        assert bundle.path == str(path)
        assert bundle.manifest.figures == make_manifest().figures
        assert sorted({"manifest.json", *bundle.manifest.files}) == sorted(FILES)
        assert bundle.model_bytes() == make_model()
        assert np.array_equal(bundle.gallery().embeddings, make_gallery().embeddings)
        assert [bundle.thumbnail(i) for i in range(PHOTOS)] == [make_jpeg(i) for i in range(PHOTOS)]
        network = bundle.network()
        assert network.keys() == make_weights().keys()
        assert all(np.array_equal(network[key], value) for key, value in make_weights().items())
        assert bundle.history() == "epoch,loss\n1,2.5\n"
        assert bundle.curves() == b"\x89PNG\r\n\x1a\n"
        assert "# A classifier of 3 figures" in bundle.card()
        with pytest.raises(IndexError, match="expected 0 to 3, found 4"):
            bundle.thumbnail(PHOTOS)
    assert verify(path).figures == make_manifest().figures


@pytest.mark.parametrize("name", ["model", "model.zip"])
def test_open__does_without_the_optional_files(tmp_path: Path, name: str) -> None:
    path = make_bundle(tmp_path / name, thumbnails=None, extras={})
    verify(path)
    with open_bundle(path) as bundle:
        assert bundle.thumbnail(0) is None
        assert bundle.history() is None
        assert bundle.curves() is None


def test_open__takes_a_link_to_a_whole_model(model: Path) -> None:
    link = model.with_name("latest")
    link.symlink_to(model.name)
    verify(link)


def test_open__allows_the_record_of_evaluations(model: Path) -> None:
    (model / "evaluations.jsonl").write_text("anything\n")
    verify(model)


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("name", "call", "what"),
    [
        ("model", "os.stat", "a place"),
        ("model", "os.lstat", "a folder"),
        ("model", "os.scandir", "a folder"),
        ("model.zip", "zipfile.ZipFile", "a file"),
    ],
)
def test_open__says_when_it_may_not_look(
    model: Path, zipped: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: str, what: str
) -> None:
    path = {"model": model, "model.zip": zipped}[name]
    with monkeypatch.context() as patch:
        patch.setattr(f"figsight.bundle.store.{call}", _refuse)
        found = refusal(path)
    assert found == (
        f"expected a figsight model, found {what} that may not be read (Permission denied): allow "
        "reading it"
    )


def test_open__takes_the_folder_zipped_by_hand(model: Path) -> None:
    path = Path(shutil.make_archive(str(model), "zip", model))  # deflated, with folder entries
    verify(path)


def _pickle_in_zip(path: Path) -> None:
    write_zip(path, {"archive/data.pkl": b"\x80\x02."})


@pytest.mark.parametrize(
    ("make", "found", "fix"),
    [
        (lambda _: None, "nothing (No such file or directory)", ""),
        (Path.mkdir, "no manifest.json", ": give the folder or zip that figsight train wrote"),
        (
            _pickle_in_zip,
            "a PyTorch checkpoint, a pickle that can run code when it is opened",
            ": train a model with figsight",
        ),
    ],
)
def test_open__says_what_is_there_instead(
    tmp_path: Path, make: Callable[[Path], object], found: str, fix: str
) -> None:
    make(tmp_path / "model")
    assert refusal(tmp_path / "model") == f"expected a figsight model, found {found}{fix}"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.touch, "found a file that is no readable zip (File is not a zip file)"),
        (os.mkfifo, "found a device"),
    ],
)
def test_open__needs_a_folder_or_a_zip(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "model")
    assert refusal(tmp_path / "model") == (
        f"expected a figsight model (a folder or a zip), {message}"
    )


def test_open__does_not_take_a_data_set_for_a_damaged_model(tmp_path: Path) -> None:
    (tmp_path / "data" / "yoda").mkdir(parents=True)
    (tmp_path / "data" / "yoda" / "1.jpg").touch()
    archive = Path(shutil.make_archive(str(tmp_path / "data"), "zip", tmp_path / "data"))
    for path in (tmp_path / "data", archive):
        assert refusal(path) == (
            "expected a figsight model, found no manifest.json: "
            "give the folder or zip that figsight train wrote"
        )


def test_open__explains_a_zip_of_the_folder_itself(tmp_path: Path) -> None:
    write_zip(tmp_path / "model.zip", {"model/manifest.json": b"{}"})
    assert refusal(tmp_path / "model.zip") == (
        "expected manifest.json at the top, found 'model/manifest.json': "
        "zip what is in the model's folder, not the folder"
    )


@pytest.mark.parametrize("name", [name for name in FILES if name != "manifest.json"])
def test_open__misses_a_listed_file(model: Path, name: str) -> None:
    (model / name).unlink()
    assert refusal(model) == f"{name}: missing (1 of 10 files): copy the model again"


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("notes.txt", ""),
        ("thumbnails/000004.jpg", ""),
        (
            "weights.pkl",
            " (a pickle, by its name: it can run code when it is opened)",
        ),
    ],
)
def test_open__refuses_a_file_that_is_not_listed(
    model: Path, zipped: Path, name: str, note: str
) -> None:
    (model / name).write_bytes(b"x")
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.writestr(name, b"x")
    message = f"expected only the files that manifest.json lists, found '{name}'{note}: remove it"
    assert refusal(model) == message
    assert refusal(zipped) == message


def test_open__refuses_folders(model: Path) -> None:
    (model / "thumbnails" / "more").mkdir()
    assert refusal(model) == (
        "expected only a model's own files, found the folder 'thumbnails/more': remove it"
    )
    (model / "thumbnails" / "more").rmdir()
    (model / "code").mkdir()
    assert refusal(model) == (
        "expected only a model's own files, found the folder 'code': remove it"
    )


@pytest.mark.parametrize("name", ["model.onnx", "evaluations.jsonl", "thumbnails"])
def test_open__refuses_links(model: Path, name: str) -> None:
    inside = model / name
    outside = model.parent / "outside"
    if inside.exists():
        inside.rename(outside)
    else:
        outside.write_bytes(b"")
    inside.symlink_to(outside)
    assert refusal(model) == (
        f"expected plain files, found the link '{name}': remove it, or copy the model with its "
        "links resolved (cp -rL)"
    )


def test_open__refuses_devices(model: Path) -> None:
    os.mkfifo(model / "evaluations.jsonl")
    assert refusal(model) == (
        "expected only a model's own files, found the device 'evaluations.jsonl': remove it"
    )


def test_open__refuses_files_that_are_too_large(model: Path) -> None:
    with (model / "manifest.json").open("r+b") as file:
        file.truncate(65 * 2**20)
    assert refusal(model) == "manifest.json: expected at most 67108864 bytes, found 68157440"


def test_open__refuses_a_manifest_from_the_future(model: Path) -> None:
    forge(model, lambda manifest: manifest.update(schema=2, novelty=[]))
    assert refusal(model) == (
        "manifest.json: written by a newer figsight (schema 2, this one reads up to 1): "
        "upgrade figsight"
    )


def test_open__refuses_a_manifest_without_files(model: Path) -> None:
    forge(model, lambda manifest: manifest.update(files={}))
    assert refusal(model) == "manifest.json: files: expected a list of files, found none"


@pytest.mark.parametrize("name", [name for name in FILES if name != "manifest.json"])
def test_bundle__refuses_a_hash_that_differs(model: Path, name: str) -> None:
    with (model / name).open("ab") as file:
        file.write(b" ")
    found = verdict(model)
    assert found.startswith(f"{name}: expected SHA-256 ")
    assert found.endswith("the file was changed or damaged; copy the model again")


def test_bundle__hashes_the_bytes_that_it_uses(model: Path) -> None:
    with open_bundle(model) as bundle:
        (model / "model.onnx").write_bytes(make_model(seed=1))
        with pytest.raises(BundleError, match=r"model\.onnx: expected SHA-256"):
            bundle.model_bytes()


def test_bundle__does_not_follow_a_link_that_came_later(model: Path) -> None:
    with open_bundle(model) as bundle:
        (model / "model.onnx").rename(model.parent / "outside")
        (model / "model.onnx").symlink_to(model.parent / "outside")
        with pytest.raises(BundleError, match=r"model\.onnx: cannot be read"):
            bundle.model_bytes()


def test_bundle__refuses_a_forged_graph(model: Path) -> None:
    proto = make_proto()
    proto.graph.node[0].domain = "com.evil"
    (model / "model.onnx").write_bytes(proto.SerializeToString())
    forge(model)
    assert verdict(model) == (
        "model.onnx: expected standard operators, found the custom operator 'com.evil': "
        "export the model with figsight again"
    )


@pytest.mark.parametrize("name", ["network.safetensors", "gallery.safetensors"])
def test_bundle__refuses_a_pickle_under_a_good_name(model: Path, name: str) -> None:
    (model / name).write_bytes(pickle.dumps({"weight": [1.0]}))
    forge(model)
    assert verdict(model) == (
        f"{name}: expected safetensors, found a pickle, which can run code when it is opened: "
        "train the model again"
    )


def test_bundle__refuses_thumbnails_that_do_not_fit_the_gallery(model: Path) -> None:
    (model / "thumbnails/000003.jpg").unlink()
    forge(model, lambda manifest: manifest["files"].pop("thumbnails/000003.jpg"))
    assert verdict(model) == (
        "thumbnails: expected 4 pictures, one for each photo of the gallery, or none, found 3: "
        "train the model again"
    )


def test_bundle__refuses_thumbnails_that_are_no_jpeg(model: Path) -> None:
    (model / "thumbnails/000003.jpg").write_bytes(b"<svg/>")
    forge(model)
    assert verdict(model) == "thumbnails/000003.jpg: expected a JPEG: train the model again"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bundle__notices_any_changed_byte(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.getbasetemp() / "flip"
    if not root.exists():
        make_bundle(root)
        (root / "evaluations.jsonl").write_bytes(b'{"photos": 3}\n')
    name = data.draw(st.sampled_from([*FILES, "evaluations.jsonl"]))
    good = (root / name).read_bytes()
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(bad) - 1))] ^= data.draw(st.integers(1, 255))
    (root / name).write_bytes(bad)
    try:
        if name == "evaluations.jsonl":
            verify(root)
        else:
            verdict(root)
    finally:
        (root / name).write_bytes(good)
