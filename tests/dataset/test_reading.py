from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING, Literal
from unicodedata import normalize

import pytest

from figsight.dataset import read
from figsight.errors import ArchiveError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from figsight.dataset.model import Dataset

    Form = Literal["NFC", "NFD"]
    Plant = Callable[..., Path]
    Pack = Callable[[Path, str], Path]

METADATA = (
    "class_id,lego_ids,lego_names,minifigure_name\n"
    "1,[76115],['Spider Mech vs. Venom'],SPIDER-MAN\n"
    '2,[75208],"[""Yoda\'s Hut""]",YODA\n'
    "10,[76128],['Molten Man Battle'],SPIDER-MAN\n"
)
LEGO_PHOTOS = ["m/01/1.png", "m/01/2.png", "m/02/1.png", "s/01/1.png", "test/1.png"]
LEGO_INDEX = "path,class_id\nm/01/1.png,1\nm/02/1.png,10\ns/01/1.png,2\n"
LEGO = {
    "index.csv": LEGO_INDEX,
    "metadata.csv": METADATA,
    "test.csv": "path,class_id\ntest/1.png,2\n",
}


def _photos(dataset: Dataset) -> list[tuple[str, str | None, str | None]]:
    return [(photo.path, photo.figure_id, photo.split) for photo in dataset.photos]


def _displays(dataset: Dataset) -> list[str]:
    return [figure.display for figure in dataset.figures]


def _error(data: Path | str, **columns: str) -> str:
    with pytest.raises(DataError) as caught:
        read(data, **columns)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_read__takes_a_folder_of_class_folders(plant: Plant) -> None:
    root = plant(["a/1.png", "b/1.png"])
    assert _photos(read(root)) == [("a/1.png", "a", None), ("b/1.png", "b", None)]
    assert read(str(root)) == read(root)


def test_read__takes_a_csv(plant: Plant, tmp_path: Path) -> None:
    text = "image;species;set;patient;name\nx/1.png;7;;p;Lynx\nx/2.png;8;;q;Fox\n"
    root = plant(["x/1.png", "x/2.png", "x/3.png"], {"t.csv": text})
    dataset = read(root / "t.csv", split_column="set")
    assert dataset.name == "t.csv"
    assert _displays(dataset) == ["Lynx", "Fox"]
    assert [photo.group for photo in dataset.photos] == ["p", "q"]
    assert [photo.path for photo in dataset.unlisted] == ["x/3.png"]


def test_read__takes_named_columns(plant: Plant) -> None:
    text = "path,label,where,what,fold,who,called\nno,no,1.png,7,TEST,p,Lynx\n"
    dataset = read(
        plant(["1.png"], {"t.csv": text}) / "t.csv",
        path_column="where",
        label_column="what",
        split_column="fold",
        group_column="who",
        name_column="called",
    )
    assert _photos(dataset) == [("1.png", "7", "test")]
    assert dataset.photos[0].group == "p"
    assert _displays(dataset) == ["Lynx"]


def test_read__takes_the_lego_layout(plant: Plant) -> None:
    dataset = read(plant(LEGO_PHOTOS, LEGO))
    assert _photos(dataset) == [
        ("m/01/1.png", "1", "train"),
        ("m/02/1.png", "10", "train"),
        ("s/01/1.png", "2", "train"),
        ("test/1.png", "2", "test"),
    ]
    assert _displays(dataset) == [
        "SPIDER-MAN (Spider Mech vs. Venom)",
        "YODA",
        "SPIDER-MAN (Molten Man Battle)",
    ]
    assert dataset.figures[1].metadata == {"sets": "Yoda's Hut", "set_numbers": "75208"}
    assert [photo.path for photo in dataset.unlisted] == ["m/01/2.png"]


def test_read__knows_the_split_of_pictures_that_nothing_lists(plant: Plant) -> None:
    photos = ["train/a/1.png", "train/b/1.png", "Test/1.png", "more/1.png", "train/loose.png"]
    unlisted = read(plant(photos)).unlisted
    assert [(photo.path, photo.split) for photo in unlisted] == [
        ("more/1.png", None),
        ("Test/1.png", "test"),
        ("train/loose.png", "train"),
    ]


def test_read__takes_the_older_lego_layout(plant: Plant) -> None:
    index = ",path,class_id,train-valid\n0,m/01/1.png,1,train\n1,m/01/2.png,1,valid\n"
    dataset = read(plant(LEGO_PHOTOS, {"index.csv": index, "metadata.csv": METADATA}))
    assert _photos(dataset) == [("m/01/1.png", "1", "train"), ("m/01/2.png", "1", "val")]
    assert _displays(dataset) == ["SPIDER-MAN"]


def test_read__takes_names_from_beside_a_csv(plant: Plant) -> None:
    root = plant(LEGO_PHOTOS, LEGO | {"part.csv": "path,class_id\nm/01/1.png,1\nm/02/1.png,10\n"})
    dataset = read(root / "part.csv")
    assert _displays(dataset) == [
        "SPIDER-MAN (Spider Mech vs. Venom)",
        "SPIDER-MAN (Molten Man Battle)",
    ]
    assert len(dataset.unlisted) == 3
    assert _error(root / "metadata.csv") == (
        "metadata.csv: the names of figures, not a list of photos; give index.csv"
    )


def test_read__ignores_a_foreign_metadata_csv(plant: Plant) -> None:
    files = {"t.csv": "path,label\na/1.png,1\n", "metadata.csv": "class_id,camera\n1,x\n"}
    assert _displays(read(plant(["a/1.png"], files) / "t.csv")) == ["1"]


def test_read__takes_the_only_csv_of_a_folder(plant: Plant) -> None:
    files = {"labels.csv": "path,label\nimages/1.png,x\nimages/2.png,y\n"}
    dataset = read(plant(["images/1.png", "images/2.png"], files))
    assert _photos(dataset) == [("images/1.png", "x", None), ("images/2.png", "y", None)]
    assert dataset.name == "set"


def test_read__takes_a_csv_that_lists_the_class_folders(plant: Plant) -> None:
    root = plant(["a/1.png", "b/1.png"], {"labels.csv": "path,label\na/1.png,x\n"})
    assert _photos(read(root)) == [("a/1.png", "x", None)]
    (root / "labels.csv").write_text("path,label\nelsewhere/1.png,x\n")
    assert _photos(read(root)) == [("a/1.png", "a", None), ("b/1.png", "b", None)]
    (root / "labels.csv").write_text("epoch,loss\n1,0.5\n")
    assert _photos(read(root)) == [("a/1.png", "a", None), ("b/1.png", "b", None)]


def test_read__takes_a_csv_for_each_split(plant: Plant) -> None:
    files = {f"{split}.csv": f"path,label\nx/{split}.png,1\n" for split in ("train", "valid")}
    dataset = read(plant(["x/train.png", "x/valid.png"], files))
    assert _photos(dataset) == [("x/train.png", "1", "train"), ("x/valid.png", "1", "val")]


def test_read__refuses_to_guess_between_tables(plant: Plant) -> None:
    files = dict.fromkeys(("new.csv", "old.csv"), "path,label\na/1.png,x\n")
    assert _error(plant(["a/1.png", "b/1.png"], files)) == (
        "set: expected one table of photos, found 2: new.csv, old.csv; "
        "give the path of the one that you mean"
    )


@pytest.mark.parametrize("wrapper", ["", "w/"])
def test_read__takes_the_same_from_a_zip(plant: Plant, pack: Pack, wrapper: str) -> None:
    folder = plant(LEGO_PHOTOS, LEGO)
    zipped = read(pack(folder, wrapper))
    expected = read(folder)
    assert zipped.figures == expected.figures
    assert [(wrapper + p.path, p.figure_id, p.split) for p in expected.photos] == _photos(zipped)
    assert [photo.read() for photo in zipped.photos] == [p.read() for p in expected.photos]
    assert [p.path for p in zipped.unlisted] == [wrapper + p.path for p in expected.unlisted]


@pytest.mark.parametrize("wrapper", ["", "chest/"])
def test_read__takes_splits_from_a_zip(plant: Plant, pack: Pack, wrapper: str) -> None:
    root = plant(["train/NORMAL/1.png", "val/SICK/1.png"])
    dataset = read(pack(root, wrapper))
    assert _photos(dataset) == [
        (f"{wrapper}train/NORMAL/1.png", "NORMAL", "train"),
        (f"{wrapper}val/SICK/1.png", "SICK", "val"),
    ]


def test_read__unwraps_a_zip_of_class_folders(plant: Plant, pack: Pack) -> None:
    root = plant(["a/1.png", "b/1.png"])
    assert [figure.id for figure in read(pack(root, "w/")).figures] == ["a", "b"]
    assert [figure.id for figure in read(pack(root, "")).figures] == ["a", "b"]


def test_read__writes_nothing(plant: Plant, pack: Pack) -> None:
    root = plant(LEGO_PHOTOS, LEGO)
    target = pack(root, "")
    before = {path: path.stat().st_mtime_ns for path in root.parent.rglob("*")}
    read(root)
    read(target)
    assert {path: path.stat().st_mtime_ns for path in root.parent.rglob("*")} == before


def test_read__allows_a_single_figure(plant: Plant) -> None:
    assert _displays(read(plant(["a/1.png"]))) == ["a"]


@pytest.mark.parametrize("data", ["", "no/such/place", "\0"])
def test_read__refuses_what_is_not_there(data: str) -> None:
    shown = {"": "DATA", "\0": r"\x00"}.get(data, data)
    assert _error(data) == (
        f"{shown}: expected a folder, a CSV, a zip or kaggle:owner/name, found nothing there; "
        "check the path"
    )


@pytest.mark.parametrize(
    ("name", "kind"), [("notes.txt", "another kind of file"), ("1.png", "one picture")]
)
def test_read__refuses_other_files(plant: Plant, name: str, kind: str) -> None:
    path = plant(files={name: "hello"}) / name
    assert _error(path).endswith(
        f"set/{name}: expected a folder of class folders, a CSV or a zip, found {kind}"
    )


def test_read__says_why_a_path_cannot_be_opened() -> None:
    assert _error("x" * 5000).endswith("x: cannot be opened: File name too long")


@pytest.mark.parametrize("wrapper", ["", "w/"])
def test_read__knows_a_model(plant: Plant, pack: Pack, wrapper: str) -> None:
    root = plant(["thumbnails/1.png"], {"manifest.json": "{}", "model.onnx": ""})
    message = (
        "expected photos, found a model of figsight (manifest.json and model.onnx); "
        "name a set of photos here"
    )
    assert _error(root) == f"set: {message}"
    assert _error(pack(root, wrapper)) == f"set.zip: {message}"


@pytest.mark.parametrize("table", [None, "list.csv"])
def test_read__passes_over_models_among_the_photos(
    plant: Plant, pack: Pack, table: str | None
) -> None:
    model = {"manifest.json": "{}", "model.onnx": "", "history.csv": "epoch,loss\n1,0.5\n"}
    files = {f"{folder}/{name}": text for folder in ("m", "a/old") for name, text in model.items()}
    if table:
        files[table] = "path,label\na/1.png,a\nb/1.png,b\n"
    root = plant(["a/1.png", "b/1.png", "m/thumbnails/1.png", "a/old/thumbnails/1.png"], files)
    for data in (root, pack(root, ""), *([root / table] if table else [])):
        dataset = read(data)
        assert _photos(dataset) == [("a/1.png", "a", None), ("b/1.png", "b", None)]
        assert dataset.unlisted == ()


def test_read__knows_a_model_that_is_alone_in_a_folder(plant: Plant) -> None:
    root = plant(["m/thumbnails/1.png"], {"m/manifest.json": "{}", "m/model.onnx": ""})
    assert _error(root).startswith("set: expected photos, found a model of figsight")


def test_read__names_the_tables_that_won(plant: Plant) -> None:
    root = plant(["a/1.png", "a/2.png", "b/1.png"], {"notes.csv": "path,label\na/1.png,x\n"})
    dataset = read(root)
    assert dataset.tables == ("notes.csv",)
    assert [photo.path for photo in dataset.unlisted] == ["a/2.png", "b/1.png"]
    (root / "notes.csv").unlink()
    assert read(root).tables == ()


def test_read__refuses_columns_without_a_csv(plant: Plant) -> None:
    assert _error(plant(["a/1.png", "b/1.png"]), label_column="x") == (
        "set: columns are named, but there is no CSV to find them in; give the CSV itself"
    )


def test_read__tells_the_mistakes_of_the_only_csv(plant: Plant) -> None:
    root = plant(["images/1.png"], {"labels.csv": "path,what\nimages/1.png,x\n"})
    assert _error(root) == (
        "labels.csv: no label column among the columns 'path', 'what'; "
        "name it with label_column (--label-column)"
    )
    assert _displays(read(root, label_column="what")) == ["x"]


def test_read__refuses_a_damaged_zip(plant: Plant) -> None:
    path = plant(files={"x.zip": "PK"}) / "x.zip"
    with pytest.raises(ArchiveError, match=r"^x\.zip: the zip is damaged \(File is not a zip"):
        read(path)


def test_read__reads_the_real_lego_photographs(lego: Path) -> None:
    dataset = read(lego)
    assert (len(dataset.figures), len(dataset.photos), len(dataset.unlisted)) == (37, 361, 35)
    assert len({figure.display for figure in dataset.figures}) == 37
    part = read(lego / "index-27.csv")
    assert (len(part.figures), len(part.photos)) == (27, 268)
    assert [figure.id for figure in part.figures] == [str(number) for number in range(1, 28)]
    assert [figure.display for figure in part.figures if figure.name == "SPIDER-MAN"] == [
        "SPIDER-MAN (Spider Mech vs. Venom)",
        "SPIDER-MAN (Molten Man Battle)",
    ]


def test_read__reads_the_real_lego_photographs_as_folders(lego: Path, tmp_path: Path) -> None:
    shutil.copytree(lego, tmp_path / "lego", ignore=shutil.ignore_patterns("*.csv"))
    dataset = read(tmp_path / "lego")
    assert (len(dataset.figures), len(dataset.photos), len(dataset.unlisted)) == (37, 396, 0)
    assert "marvel/0001" in dataset.index_of


def test_read__reads_the_real_xrays(chest_xrays: Path) -> None:
    dataset = read(chest_xrays)
    assert _displays(dataset) == ["NORMAL", "PNEUMONIA"]
    assert Counter((photo.split, photo.figure_id) for photo in dataset.photos) == {
        ("train", "NORMAL"): 1214,
        ("train", "PNEUMONIA"): 3494,
        ("val", "NORMAL"): 135,
        ("val", "PNEUMONIA"): 389,
    }


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("on_disk", "in_table"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_read__finds_files_whose_accents_the_table_stores_otherwise(
    plant: Callable[..., Path],
    pack: Callable[..., Path],
    zipped: bool,
    on_disk: Form,
    in_table: Form,
) -> None:
    path = normalize(on_disk, "Caf\u00e9/1.png")
    table = normalize(in_table, "path,label\nCaf\u00e9/1.png,Caf\u00e9\nb/2.png,b\n")
    root = plant([path, "b/2.png"], {"photos.csv": table})
    found = read(pack(root) if zipped else root)
    assert [figure.id for figure in found.figures] == ["b", "Caf\u00e9"]
    assert found.photos[0].path == path
    assert all(photo.read() for photo in found.photos)


def test_read__finds_files_outside_whose_accents_the_table_stores_otherwise(
    plant: Callable[..., Path],
) -> None:
    root = plant(
        ["a/Cafe\u0301.png", "b/2.png"], {"tables/t.csv": "path,label\n../a/Caf\u00e9.png,x\n"}
    )
    assert read(root / "tables/t.csv").photos[0].path == "../a/Cafe\u0301.png"
