from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from figsight.dataset.trees import folder_tree, is_ours, without_ours, wrappers, zip_tree
from figsight.errors import DataError, PhotoError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_folder_tree__lists_in_natural_order(plant: Callable[..., Path]) -> None:
    root = plant(["b/10.png", "b/9.png", "a/1.png", "notes.txt"])
    assert list(folder_tree(root).files) == ["a/1.png", "b/9.png", "b/10.png", "notes.txt"]


def test_folder_tree__leaves_out_what_systems_leave_behind(plant: Callable[..., Path]) -> None:
    root = plant(["a/1.png", "a/._1.png", ".git/2.png", "__MACOSX/a/3.png", "a/@eaDir/1.png"])
    os.mkfifo(root / "a/pipe.png")
    assert list(folder_tree(root).files) == ["a/1.png"]


def test_folder_tree__follows_links_once_and_ends(
    plant: Callable[..., Path], tmp_path: Path, png: bytes
) -> None:
    root = plant(["a/1.png", "b/2.png"])
    (tmp_path / "far").mkdir()
    (tmp_path / "far/3.png").write_bytes(png)
    (root / "a/loop").symlink_to(root, target_is_directory=True)
    (root / "b/loop").symlink_to("../a/loop")
    (root / "c").symlink_to(tmp_path / "far")
    (root / "d").symlink_to("c")
    (root / "b/4.png").symlink_to("2.png")
    tree = folder_tree(root)
    assert list(tree.files) == ["a/1.png", "b/2.png", "b/4.png", "c/3.png"]
    assert tree.photo("c/3.png").read() == png


def test_folder_tree__keeps_broken_links_so_that_they_are_noticed(
    plant: Callable[..., Path],
) -> None:
    root = plant(["a/1.png"])
    (root / "a/2.png").symlink_to("gone.png")
    tree = folder_tree(root)
    assert list(tree.files) == ["a/1.png", "a/2.png"]
    with pytest.raises(PhotoError, match=r"^a/2\.png: No such file or directory$"):
        tree.photo("a/2.png").read()


@pytest.mark.parametrize(
    ("link", "reason"),
    [("2.png", "Too many levels of symbolic links"), ("1.png/x.png", "Not a directory")],
    ids=["circle", "file"],
)
def test_folder_tree__keeps_links_that_can_lead_nowhere(
    plant: Callable[..., Path], link: str, reason: str
) -> None:
    root = plant(["a/1.png"])
    (root / "a/2.png").symlink_to(link)
    tree = folder_tree(root)
    assert list(tree.files) == ["a/1.png", "a/2.png"]
    with pytest.raises(PhotoError, match=rf"^a/2\.png: {reason}$"):
        tree.photo("a/2.png").read()


@pytest.mark.parametrize("wrapper", ["", "w/"])
def test_without_ours__passes_over_models_and_unfinished_trainings(
    plant: Callable[..., Path], pack: Callable[[Path, str], Path], wrapper: str
) -> None:
    model = {"manifest.json": "{}", "model.onnx": "", "thumbnails/1.png": b""}
    begun = {"plan.json": "{}", "final.safetensors": "", "views/1.png": b""}
    ours = {
        f"{folder}/{name}": data
        for folder, files in (("m", model), ("a/b/m", model), ("a/m.training", begun))
        for name, data in files.items()
    }
    root = plant(["a/1.png", "a/m2/1.png", "m.training/1.png"], ours)
    kept = ["a/1.png", "a/m2/1.png", "m.training/1.png"]
    assert list(without_ours(folder_tree(root)).files) == kept
    zipped = without_ours(zip_tree(pack(root, wrapper)))
    assert list(zipped.files) == [wrapper + path for path in kept]
    assert zipped.photo(f"{wrapper}a/1.png").read()


def test_without_ours__leaves_a_root_that_is_a_model(plant: Callable[..., Path]) -> None:
    tree = folder_tree(plant(["a/1.png"], {"manifest.json": "{}", "model.onnx": ""}))
    assert without_ours(tree) is tree


@pytest.mark.parametrize(
    ("folder", "names", "ours"),
    [
        ("m", ["manifest.json", "model.onnx", "1.png"], True),
        ("m", ["manifest.json"], False),
        ("a/m.training", ["plan.json", "fold-1.safetensors"], True),
        ("a/m.training", ["plan.json", "1.png"], False),
        ("a/training", ["plan.json", "fold-1.safetensors"], False),
    ],
)
def test_is_ours__knows_what_figsight_writes(folder: str, names: list[str], ours: bool) -> None:
    assert is_ours(folder, names) is ours


@pytest.mark.parametrize("link", ["a/2.png", "a/.x", "__MACOSX"])
@pytest.mark.parametrize("target", ["1.png", "..", "nowhere"])
def test_folder_tree__refuses_links_in_confined_data(
    plant: Callable[..., Path], link: str, target: str
) -> None:
    root = plant(["a/1.png"])
    (root / link).symlink_to(target)
    with pytest.raises(DataError) as caught:
        folder_tree(root, confined=True)
    assert str(caught.value) == f"{link}: a link in downloaded data; remove it"


def test_folder_tree__can_read_names_that_are_not_utf8(
    plant: Callable[..., Path], png: bytes
) -> None:
    root = plant(["a/1.png"])
    try:
        (root / os.fsdecode(b"a/\xff.png")).write_bytes(png)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    tree = folder_tree(root)
    assert list(tree.files) == ["a/1.png", r"a/\xff.png"]
    assert tree.photo(r"a/\xff.png").read() == png


def test_locate__finds_what_tables_write(plant: Callable[..., Path], tmp_path: Path) -> None:
    root = plant(["sub/a/1.png", "b.png"])
    (tmp_path / "outside.png").write_bytes(b"x")
    tree = folder_tree(root)
    assert tree.locate("sub", "a/1.png") == "sub/a/1.png"
    assert tree.locate("sub", "./a//1.png") == "sub/a/1.png"
    assert tree.locate("sub", r"a\1.png") == "sub/a/1.png"
    assert tree.locate("sub", "../b.png") == "b.png"
    assert tree.locate("", str(root / "b.png")) == "b.png"
    assert tree.locate("", "../outside.png") == "../outside.png"
    assert tree.locate("", str(tmp_path / "outside.png")) == str(tmp_path / "outside.png")
    assert tree.photo("../outside.png").read() == b"x"
    assert tree.locate("", "c.png") is None
    assert tree.locate("", "sub") is None
    assert tree.locate("", "a\0b") is None


def test_locate__stays_inside_confined_data(plant: Callable[..., Path], tmp_path: Path) -> None:
    root = plant(["b.png", ".hidden/c.png"])
    (tmp_path / "outside.png").write_bytes(b"x")
    (root / ".hidden/far").symlink_to(tmp_path, target_is_directory=True)
    tree = folder_tree(root, confined=True)
    assert tree.locate("", "b.png") == "b.png"
    assert tree.locate("", str(root / "b.png")) == "b.png"
    assert tree.locate("", "../outside.png") is None
    assert tree.locate("", str(tmp_path / "outside.png")) is None
    assert tree.locate("", ".hidden/far/outside.png") is None
    assert tree.locate("", ".hidden/c.png") is None  # nobody looked for links in there
    (root / "late.png").symlink_to(tmp_path / "outside.png")
    assert tree.locate("", "late.png") is None


def test_zip_tree__gives_photos_in_place(
    plant: Callable[..., Path], pack: Callable[[Path, str], Path], png: bytes
) -> None:
    tree = zip_tree(pack(plant(["a/1.png"]), "w/"))
    photo = tree.photo("w/a/1.png", "a", "test", "g")
    assert (photo.member, photo.figure_id, photo.split, photo.group) == (
        "w/a/1.png",
        "a",
        "test",
        "g",
    )
    assert photo.read() == png
    assert tree.locate("w", "a/1.png") == "w/a/1.png"
    assert tree.locate("w", "../../a/1.png") is None
    assert tree.locate("w", "/etc/hostname") is None


def test_tree_read__is_bounded(plant: Callable[..., Path]) -> None:
    tree = folder_tree(plant(files={"t.csv": "x" * 2**20}))
    assert tree.read("t.csv", 2**20) == b"x" * 2**20
    with pytest.raises(DataError, match=r"^t\.csv: larger than 1 MiB$"):
        tree.read("t.csv", 2**20 - 1)


@pytest.mark.parametrize(
    ("paths", "prefixes"),
    [
        ([], [""]),
        (["a.png"], [""]),
        (["a/1.png", "b/1.png"], [""]),
        (["a/1.png", "b.csv"], [""]),
        (["w/a/1.png", "w/b/1.png"], ["", "w/"]),
        (["w/v/a/1.png", "w/v/1.png"], ["", "w/", "w/v/"]),
        (["a/1.png", "a!/1.png", "a/z/1.png"], [""]),
    ],
)
def test_wrappers__are_what_holds_everything(paths: list[str], prefixes: list[str]) -> None:
    assert wrappers(paths) == prefixes


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_tree__is_where_it_was_wherever_the_program_has_gone(
    kind: str,
    plant: Callable[..., Path],
    pack: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = plant(["a/1.png"], {"t.csv": "here"})
    here = root if kind == "folder" else pack(root)
    monkeypatch.chdir(here.parent)
    place = Path(here.name)
    tree = folder_tree(place) if kind == "folder" else zip_tree(place)
    photo, data = tree.photo("a/1.png"), tree.photo("a/1.png").read()
    other = tmp_path / "other" / here.name
    (other / "a").mkdir(parents=True)
    (other / "a" / "1.png").write_bytes(b"of another")
    monkeypatch.chdir(other.parent)
    assert photo.read() == data != b"of another"
    assert tree.read("t.csv", 99) == b"here"
    assert (tree.name, photo.path) == (here.name, "a/1.png")


def test_tree__of_a_working_directory_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(DataError) as caught:
        folder_tree(Path())
    assert str(caught.value) == (
        ".: cannot be found from a working directory that is gone (No such file or directory); "
        "go to another"
    )


def test_tree__takes_a_file_that_may_not_be_examined_for_none(plant: Callable[..., Path]) -> None:
    tree = folder_tree(plant(["a/1.png"]))
    assert tree.locate("", f"../{'n' * 300}.png") is None
