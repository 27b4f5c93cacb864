from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.bundle.make import (
    make_bundle,
    make_gallery,
    make_jpeg,
    make_manifest,
    make_model,
    make_new_manifest,
    make_parts,
    make_weights,
    snapshot,
    temperature_of,
)

from figsight.bundle import check_target, open_bundle, verify, write_bundle
from figsight.bundle import save as save_module
from figsight.errors import BundleError, OutputError

EXPORT = "export the model with figsight again"
BOTH = pytest.mark.parametrize("name", ["model", "model.zip"])


@BOTH
def test_write__gives_the_same_bytes_again(tmp_path: Path, name: str) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        make_bundle(tmp_path / folder / name)
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")


def test_write__makes_a_zip_that_is_stored(tmp_path: Path) -> None:
    with zipfile.ZipFile(make_bundle(tmp_path / "model.zip")) as archive:
        entries = archive.infolist()
    assert entries[0].filename == "manifest.json"
    assert all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)


def test_write__holds_the_same_files_in_both_forms(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "model")
    with zipfile.ZipFile(make_bundle(tmp_path / "model.zip")) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == snapshot(folder)


def test_write__takes_weights_from_a_file(tmp_path: Path) -> None:
    save_file(make_weights(), tmp_path / "w.safetensors")
    path = make_bundle(tmp_path / "model", network=tmp_path / "w.safetensors")
    with open_bundle(path) as bundle:
        assert bundle.network().keys() == make_weights().keys()


@BOTH
def test_write__respects_the_umask(tmp_path: Path, name: str) -> None:
    old = os.umask(0o027)
    try:
        path = make_bundle(tmp_path / name)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == (0o750 if path.is_dir() else 0o640)


@BOTH
def test_write__keeps_a_model_unless_told_otherwise(tmp_path: Path, name: str) -> None:
    path = make_bundle(tmp_path / name)
    before = snapshot(tmp_path)
    message = (
        f"{path}: a model is there already: choose another name, or say that it may be overwritten"
    )
    with pytest.raises(OutputError) as caught:
        make_bundle(path, make_new_manifest())
    assert str(caught.value) == message
    assert snapshot(tmp_path) == before
    make_bundle(path, make_new_manifest(), overwrite=True)
    assert temperature_of(path) == 2.0
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_write__replaces_a_model_where_names_cannot_be_swapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save_module, "_exchange", lambda *_: False)
    path = make_bundle(tmp_path / "model")
    make_bundle(path, make_new_manifest(), overwrite=True)
    assert temperature_of(path) == 2.0
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("linked", [False, True])
def test_write__keeps_what_was_written_into_the_old_model_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool, swapped: bool
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not swapped:
        monkeypatch.setattr(save_module, "_exchange", lambda *_: False)
    if not linked:
        monkeypatch.setattr(os, "link", refuse)
    path = make_bundle(tmp_path / "model")
    (path / "evaluations.jsonl").write_text("a test\n")
    make_bundle(path, make_new_manifest(), overwrite=True)
    assert temperature_of(path) == 2.0
    assert (path / "evaluations.jsonl").read_text() == "a test\n"
    verify(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_write__leaves_what_lies_beside_a_zip(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "model.zip")
    (tmp_path / "model.zip.evaluations.jsonl").write_text("a test\n")
    make_bundle(path, make_new_manifest(), overwrite=True)
    assert (tmp_path / "model.zip.evaluations.jsonl").read_text() == "a test\n"
    verify(path)


def test_write__puts_the_old_model_back_when_the_second_rename_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_bundle(tmp_path / "model")
    before = snapshot(tmp_path)
    rename = Path.rename

    def fail_for_new(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(save_module, "_exchange", lambda *_: False)
    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(OutputError):
        make_bundle(path, make_new_manifest(), overwrite=True)
    assert snapshot(tmp_path) == before


def test_exchange__swaps_two_folders(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not save_module._exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot swap names")
    assert (tmp_path / "a" / "b").exists()
    assert (tmp_path / "b" / "a").exists()


def test_write__replaces_a_damaged_model(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "model")
    (path / "model.onnx").write_bytes(b"")
    (path / "README.md").unlink()
    make_bundle(path, overwrite=True)
    verify(path)


def test_write__fills_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    verify(make_bundle(tmp_path / "model"))


def _stranger_file(path: Path) -> None:
    path.write_text("my thesis")


def _stranger_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.tex").write_text("my thesis")


def _stranger_in_model(path: Path) -> None:
    make_bundle(path)
    (path / "notes.txt").write_text("my notes")


def _stranger_manifest(path: Path) -> None:
    path.mkdir()
    (path / "manifest.json").write_text('{"name": "my web extension"}')


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("name", "make", "found"),
    [
        ("model", _stranger_file, "a file"),
        ("model.zip", _stranger_file, "something that is no model"),
        ("model", _stranger_folder, "something that is no model"),
        ("model.zip", _stranger_folder, "a folder"),
        ("model", _stranger_in_model, "'notes.txt'"),
        ("model", _stranger_manifest, "something that is no model"),
    ],
)
def test_write__never_replaces_what_is_no_model(
    tmp_path: Path, name: str, make: Any, found: str, overwrite: bool
) -> None:
    path = tmp_path / name
    make(path)
    before = snapshot(tmp_path)
    with pytest.raises(OutputError) as caught:
        make_bundle(path, overwrite=overwrite)
    assert str(caught.value) == (
        f"{path}: expected a new name or a model, found {found}, which is never overwritten: "
        "choose another name"
    )
    assert snapshot(tmp_path) == before


def test_write__replaces_a_model_with_litter_in_it(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "model")
    for name in ("Thumbs.db", "thumbnails/.DS_Store"):
        (path / name).touch()
    (path / "@eaDir").mkdir()
    make_bundle(path, make_new_manifest(), overwrite=True)
    assert temperature_of(path) == 2.0
    (path / "Thumbs.db").touch()
    (path / ".gitignore").write_text("my rules")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=r"found '\.gitignore', which is never overwritten"):
        make_bundle(path, overwrite=True)
    assert snapshot(tmp_path) == before


def test_write__fills_a_folder_that_holds_only_litter(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / ".DS_Store").touch()
    (tmp_path / "model" / "@eaDir").mkdir()
    verify(make_bundle(tmp_path / "model"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "Thumbs.db").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="found something that is no model"):
        make_bundle(tmp_path / "other")


def test_write__does_not_write_through_a_link(tmp_path: Path) -> None:
    make_bundle(tmp_path / "model")
    (tmp_path / "link").symlink_to("model")
    with pytest.raises(OutputError, match="expected a new name or a model, found a link"):
        make_bundle(tmp_path / "link", overwrite=True)


def test_check_target__says_early_what_is_wrong(tmp_path: Path) -> None:
    check_target(tmp_path / "new")
    with pytest.raises(OutputError) as caught:
        check_target(tmp_path / "no" / "new")
    assert str(caught.value) == (
        f"{tmp_path}/no/new: the folder {tmp_path}/no does not exist: create it first"
    )
    with pytest.raises(OutputError, match="expected the name of a new model, found a folder"):
        check_target("/")


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("suffix", ["", ".zip"])
def test_write__takes_every_name_that_was_let_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, swapped: bool
) -> None:
    if not swapped:
        monkeypatch.setattr(save_module, "_exchange", lambda *_: False)
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") - len(".training")
    target = tmp_path / ("m" * (longest - len(suffix)) + suffix)
    check_target(target)
    make_bundle(target)
    make_bundle(target, make_new_manifest(), overwrite=True)
    assert temperature_of(target) == 2.0
    assert list(tmp_path.iterdir()) == [target]


def test_check_target__refuses_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        check_target(tmp_path / "a\0b")
    assert str(caught.value) == (
        f"{tmp_path}/a\0b: expected a name for a file, found one that cannot be used (embedded null "
        "byte): choose another"
    )


@pytest.mark.parametrize("parent", ["", "p" * 300])
def test_check_target__refuses_names_that_are_too_long(tmp_path: Path, parent: str) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") - len(".training")
    target = tmp_path / parent / ("m" * (longest + 1))
    with pytest.raises(OutputError) as caught:
        check_target(target)
    assert str(caught.value) == (
        f"{target}: expected a name that the disk takes with .training behind it, found one that is "
        "too long: choose a shorter one"
    )


def test_check_target__says_which_folder_may_not_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(OutputError) as caught:
        check_target(tmp_path / "locked" / "model")
    assert str(caught.value) == (
        f"{tmp_path / 'locked' / 'model'}: the folder {tmp_path / 'locked'} may not be looked into: "
        "allow reading it, or choose another"
    )


@pytest.mark.parametrize("name", ["model", "model.zip"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_check_target__says_when_it_may_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, overwrite: bool
) -> None:
    path = make_bundle(tmp_path / name)
    message = (
        f"{path}: expected a new name or a model, found something that may not be read (Permission "
        "denied): allow reading it, or choose another name"
    )

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda where, _: where != path)
        with pytest.raises(OutputError) as caught:
            check_target(path, overwrite=overwrite)
    assert str(caught.value) == message
    if path.is_dir():
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", refuse)
            with pytest.raises(OutputError) as caught:
                check_target(path, overwrite=overwrite)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"extras": {"code.py": b""}},
            ValueError,
            "extras: expected curves.png or history.csv, found 'code.py'",
        ),
        ({"thumbnails": [b""]}, ValueError, "thumbnails: expected 4, found 1"),
        (
            {"thumbnails": [make_jpeg()] * 3 + [b"PNG"]},
            ValueError,
            "thumbnails[3]: expected a JPEG",
        ),
        (
            {"model": make_model()[:-1]},
            BundleError,
            f"model.onnx: expected ONNX, found a file that ends too early: {EXPORT}",
        ),
        (
            {"network": Path("missing.safetensors")},
            OutputError,
            "missing.safetensors: the weights cannot be read (No such file or directory)",
        ),
    ],
)
def test_write__refuses_parts_that_do_not_fit(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        make_bundle(tmp_path / "model", **change)
    assert str(caught.value) == message
    assert not list(tmp_path.iterdir())


def test_write__refuses_a_gallery_of_another_network(tmp_path: Path) -> None:
    gallery = make_gallery()
    wide = np.zeros((len(gallery), 7), np.float16)
    parts = make_parts(gallery=type(gallery)(**{**vars(gallery), "embeddings": wide}))
    with pytest.raises(BundleError, match=r"embeddings: expected shape \[4, 6\], found \[4, 7\]"):
        write_bundle(tmp_path / "model", make_manifest(), **parts)
