from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from PIL import ImageDraw, ImageOps
from tests.audit.make import flawed, plant, png
from tests.make import scene

from figsight.audit import examine
from figsight.audit.text import describe
from figsight.dataset import read
from figsight.dataset.summarising import summarise
from figsight.errors import DataError, WeightsError
from figsight.rows import Rows
from figsight.training import features

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = plant(tmp_path_factory.mktemp("audit") / "set", flawed())
    result = examine(root, labels=False).to_dict()
    assert json.loads(json.dumps(result)) == result
    return result


def test_examine__names_every_flaw_and_nothing_else(found: dict[str, Any]) -> None:
    assert found["duplicates"] == [
        ["test/blue/conflict.png", "test/red/0.png"],
        ["test/red/leak.png", "train/red/1.png"],
        ["train/red/0.png", "train/red/again.png"],
    ]
    (near,) = found["near_duplicates"]
    assert near["paths"] == ["train/blue/0.png", "train/blue/small.jpg"]
    assert near["score"] > 0.96
    assert near["mirrored"] is False
    assert found["leaks"] == [
        {
            "paths": ["test/red/leak.png", "train/red/1.png"],
            "splits": ["test", "train"],
            "kind": "identical",
        }
    ]
    assert found["label_conflicts"] == [
        {
            "paths": ["test/blue/conflict.png", "test/red/0.png"],
            "labels": ["blue", "red"],
            "names": ["blue", "red"],
            "kind": "identical",
        }
    ]
    (unreadable,) = found["unreadable"]
    assert unreadable["path"] == "train/red/broken.png"
    assert unreadable["reason"].startswith("expected a sound PNG, found a damaged one")
    assert (found["dark"], found["blurred"]) == (["train/red/dark.png"], ["train/red/soft.png"])
    assert found["blank"] == ["train/red/nothing.png"]
    assert found["odd_sizes"] == [{"path": "train/red/wide.png", "width": 96, "height": 40}]
    assert found["unlisted"] == ["train/cover.png"]


def test_examine__counts_photos_and_classes(found: dict[str, Any]) -> None:
    assert (found["photos"], found["labelled"]) == (len(flawed()), len(flawed()) - 1)
    assert found["classes"] == {
        "sizes": [
            {"id": "blue", "name": "blue", "photos": 7, "shots": 6},
            {"id": "red", "name": "red", "photos": 14, "shots": 12},
        ],
        "imbalance": 2.0,
    }
    assert found["suspect_labels"] == found["notes"] == []


def test_examine__looks_at_pictures_beside_a_table(tmp_path: Path) -> None:
    files = {f"photos/{k}.png": png(scene(k)) for k in range(4)}
    files |= {"more/a.png": files["photos/0.png"], "more/b.png": b"no picture"}
    plant(tmp_path, files)
    (tmp_path / "list.csv").write_text(
        "path,label,patient\nphotos/0.png,x,1\nphotos/1.png,y,2\nphotos/2.png,x,3\n"
    )
    for data in (tmp_path / "list.csv", tmp_path):
        found = examine(data, labels=False).to_dict()
        assert found["unlisted"] == ["more/a.png", "more/b.png", "photos/3.png"]
        assert found["duplicates"] == [["photos/0.png", "more/a.png"]]
        assert [bad["path"] for bad in found["unreadable"]] == ["more/b.png"]


def test_examine__tells_how_far_it_is(tmp_path: Path) -> None:
    root = plant(tmp_path / "set", flawed())
    seen: list[tuple[int, int]] = []
    examine(read(root), labels=False, progress=lambda *numbers: seen.append(numbers))
    assert seen == [(k + 1, len(flawed())) for k in range(len(flawed()))]


def test_examine__refuses_what_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found nothing there"):
        examine(tmp_path / "none")


class _Stand:
    """Embeds a photo as its mean colour."""

    alike: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, _: object) -> None:
        self.rows = Rows((3,), np.float64)

    def fit(self, pixels: np.ndarray) -> np.ndarray:
        return pixels

    def add(self, fitted: np.ndarray) -> None:
        self.rows.append(fitted.mean(axis=(0, 1)))

    def finish(self) -> Rows[np.float64]:
        return self.rows

    def find_mirror_images(self, fitted: np.ndarray, labels: np.ndarray) -> list[tuple[int, int]]:
        assert len(fitted) == len(labels)
        return self.alike

    def close(self) -> None:
        self.rows.close()


def _coloured(n: int = 12) -> dict[str, bytes]:
    """Red and blue scenes, one of each under the other's name."""
    files = {}
    for k in range(2 * n):
        tint = np.array([90, 0, 0] if k < n else [0, 0, 90])
        pixels = np.asarray(scene(k)).astype(int) * 0.5 + tint + 20
        name = ("red" if k < n else "blue") if k not in {3, n + 3} else ("red", "blue")[k < n]
        files[f"{name}/{k:02}.png"] = _pixels(pixels)
    return files


def _pixels(values: np.ndarray) -> bytes:
    from PIL import Image

    return png(Image.fromarray(values.astype(np.uint8)))


def test_examine__ranks_every_label_and_marks_the_wrong_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "Embedder", _Stand)
    audit = examine(plant(tmp_path / "set", _coloured() | {"loose.png": png(scene(99))}))
    listed = audit.to_dict()["suspect_labels"]
    assert len(listed) == 24  # not the one without a label
    worst = {(one["path"], one["given"], one["likely"]) for one in listed if one["suspect"]}
    assert {("red/15.png", "red", "blue"), ("blue/03.png", "blue", "red")} <= worst
    worst_paths = {path for path, _, _ in worst}
    assert {one["path"] for one in listed[:2]} == {"red/15.png", "blue/03.png"}
    scores = [one["score"] for one in listed]
    assert scores == sorted(scores, reverse=True)
    for one in audit.suspect_labels:
        if one.to_check:
            assert one.beside is not None
            assert one.beside.figure_id == one.likely.id
            assert one.beside.path not in worst_paths
        else:
            assert one.beside is None
    assert set(listed[0]) == {
        *("path", "given", "likely", "given_name", "likely_name", "score", "suspect")
    }


def test_examine__does_not_suspect_a_photo_of_showing_the_mirror_image_of_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "Embedder", _Stand)
    monkeypatch.setattr(_Stand, "alike", [(0, 1)])
    audit = examine(plant(tmp_path / "set", _coloured()))
    assert not any(one.suspect for one in audit.suspect_labels)
    (note,) = audit.notes
    assert note.startswith("each other's mirror images (blue and red): ")


def test_examine__mirrored_shots_of_two_classes_are_no_conflict(tmp_path: Path) -> None:
    files = {f"left/{k}.png": png(scene(k)) for k in range(3)}
    files |= {f"right/{k}.png": png(ImageOps.mirror(scene(k))) for k in range(3)}
    audit = examine(plant(tmp_path / "set", files), labels=False)
    found = audit.to_dict()
    assert found["label_conflicts"] == []
    assert [one["paths"] for one in found["mirror_images"]] == [
        [f"left/{k}.png", f"right/{k}.png"] for k in range(3)
    ]
    assert found["mirror_images"][0]["labels"] == ["left", "right"]
    text = describe(audit)
    assert "nothing that must be fixed" in text
    assert "3 shots mirrored under another label" in text


@pytest.mark.parametrize(("alike", "kind"), [([], "label_conflicts"), ([(0, 1)], "mirror_images")])
def test_examine__one_mirrored_shot_is_a_conflict_but_for_mirror_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alike: list[tuple[int, int]], kind: str
) -> None:
    monkeypatch.setattr(features, "Embedder", _Stand)
    monkeypatch.setattr(_Stand, "alike", alike)
    files = _coloured() | {"blue/mirrored.png": png(ImageOps.mirror(scene(50)))}
    files["red/shot.png"] = png(scene(50))
    found = examine(plant(tmp_path / "set", files)).to_dict()
    both = {one: found[one] for one in ("label_conflicts", "mirror_images")}
    assert [one["paths"] for one in both.pop(kind)] == [["blue/mirrored.png", "red/shot.png"]]
    assert list(both.values()) == [[]]


def _note(files: dict[str, bytes], root: Path) -> str:
    audit = examine(plant(root, files))
    assert audit.suspect_labels == ()
    (note,) = audit.notes
    return note


def test_examine__says_why_labels_were_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"a/{k}.png": png(scene(k)) for k in range(3)}
    start = "suspect labels were not looked for: "
    assert _note(files, tmp_path / "1") == start + "they need photos of two figures at least"
    files["b/1.png"] = png(scene(9))
    files["b/2.png"] = files["b/1.png"]
    with monkeypatch.context() as patch:
        patch.setattr(features, "Embedder", _Stand)
        assert _note(files, tmp_path / "2") == (
            f"{start}they need two figures at least that have two photos each which are not copies"
        )

        def missing(_: object) -> None:
            raise WeightsError("the weights are not there")

        patch.setattr(features, "Embedder", missing)
        assert _note(files, tmp_path / "3") == f"{start}the weights are not there"
    monkeypatch.setitem(sys.modules, "timm", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "timm" else name)
    assert _note(files, tmp_path / "4") == (
        f"{start}they need an optional part: pip install 'figsight[train]'"
    )


@pytest.fixture
def plain_lego(lego: Path, tmp_path: Path) -> Path:
    """The LEGO photographs as class folders, without the tables."""
    root = tmp_path / "lego"
    for photo in lego.rglob("*.jpg"):
        target = root / photo.relative_to(lego)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(photo)
    return root


def _identical(root: Path, paths: Iterable[Path]) -> list[list[str]]:
    owners = defaultdict(list)
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        owners[digest].append(path.relative_to(root).as_posix())
    return sorted(sorted(names) for names in owners.values() if len(names) > 1)


def test_examine__finds_every_identical_pair_of_the_lego_photographs(plain_lego: Path) -> None:
    found = examine(plain_lego, labels=False).to_dict()
    assert sorted(sorted(names) for names in found["duplicates"]) == _identical(
        plain_lego, plain_lego.rglob("*.jpg")
    )
    assert len(found["duplicates"]) == 35
    assert found["photos"] == found["labelled"] == 396
    for kind in ("near_duplicates", "unreadable", "leaks", "blank", "dark", "blurred"):
        assert found[kind] == []
    assert found["odd_sizes"] == found["unlisted"] == []


@pytest.mark.skipif("CI" not in os.environ, reason="embeds all photographs: half a minute")
def test_examine__leads_to_labels_that_were_swapped(plain_lego: Path) -> None:
    photos = sorted(plain_lego.rglob("*.jpg"))
    folders = sorted({photo.parent for photo in photos})
    random = np.random.default_rng(0)
    swapped = []
    for number in random.choice(len(photos), round(0.05 * len(photos)), replace=False):
        photo = photos[number]
        others = [folder for folder in folders if folder != photo.parent]
        target = others[random.integers(len(others))] / f"moved-{number}.jpg"
        photo.rename(target)
        swapped.append(target.relative_to(plain_lego).as_posix())
    listed = [one["path"] for one in examine(plain_lego).to_dict()["suspect_labels"]]
    first = listed[: len(photos) // 10]
    assert len(set(swapped) & set(first)) >= 0.8 * len(swapped)


def test_examine__with_the_index_finds_the_same_copies(lego: Path) -> None:
    with (lego / "index.csv").open(newline="") as table:
        listed = {row["path"] for row in csv.DictReader(table)}
    found = examine(lego, labels=False).to_dict()
    assert len(found["duplicates"]) == 35
    assert len(found["unlisted"]) == 35
    assert not listed & set(found["unlisted"])


def marked(side: int, kind: str) -> bytes:
    """Draw one scene with a small mark on it, as a fixed camera would see good parts and bad ones."""
    picture = scene(7, 256)
    pen = ImageDraw.Draw(picture)
    at = 90 + side  # its place differs a little
    shape = pen.ellipse if kind == "ok" else pen.rectangle
    shape((at, at, at + 16, at + 16), fill=(220, 30, 30))
    return png(picture)


def test_examine__figures_that_differ_by_little_are_no_wrong_labels(tmp_path: Path) -> None:
    files = {f"{kind}/{k}.png": marked(2 * k, kind) for kind in ("ok", "defect") for k in range(4)}
    audit = examine(plant(tmp_path / "set", files), labels=False)
    found = audit.to_dict()
    assert found["label_conflicts"] == []
    (one,) = found["small_differences"]
    assert len(one["paths"]) == 8
    assert one["kind"] == "near"
    text = describe(audit)
    assert "1 shot of figures that hardly differ" in text
    assert "figsight counts each shot as one" in text
    assert "one of the labels is wrong" not in text
    # Training says it, too.
    assert any("differ by less than copies may" in line for line in summarise(audit.findings))


def test_examine__one_such_pair_may_be_a_wrong_label_or_not(tmp_path: Path) -> None:
    files = {f"{kind}/0.png": marked(0, kind) for kind in ("ok", "defect")}
    files |= {
        f"{kind}/{k}.png": png(scene(k + 20 * (kind == "ok")))
        for kind in ("ok", "defect")
        for k in (1, 2, 3)
    }
    audit = examine(plant(tmp_path / "set", files), labels=False)
    assert len(audit.findings.label_conflicts) == 1
    assert audit.findings.small_differences == ()
    text = describe(audit)
    assert "! 1 shot with copies under different labels" in text
    assert "it may be that the figures do by less than this comparison sees" in text


def test_examine__the_same_file_under_two_labels_is_a_wrong_label_however_often(
    tmp_path: Path,
) -> None:
    files = {f"{kind}/{k}.png": png(scene(k)) for kind in ("ok", "defect") for k in range(4)}
    audit = examine(plant(tmp_path / "set", files), labels=False)
    assert len(audit.findings.label_conflicts) == 4
    assert "one of the labels is wrong.\n" in describe(audit)
