"""What a run does not learn from: copies of what it measures on, and what other splits keep aside."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.training.make import TINY, Told, plant_photos

from figsight import bundle, read, train
from figsight.errors import DataError
from figsight.training import change_recipe
from figsight.training.sample import prepare

if TYPE_CHECKING:
    from pathlib import Path


def test_train__keeps_copies_away_from_the_networks_that_measure(tmp_path: Path) -> None:
    photos = plant_photos(tmp_path / "set")
    # Every photo three times: were copies dealt apart, every network had seen every photo.
    for path in list(photos.glob("*/*.png")):
        for copy in ("a", "b"):
            path.with_name(f"{copy}-{path.name}").write_bytes(path.read_bytes())
    recipe = change_recipe(TINY, folds=3)
    with closing(prepare(read(photos), recipe, tmp_path, skip_bad=False)) as sample:
        assert len(sample.labels) == 36
        assert len(set(sample.groups)) == 12
        assert len(set(zip(sample.groups, sample.sha256, strict=True))) == 12


def plant_leaks(root: Path) -> Path:
    """Plant 12 photos to learn from: one is there again in test, one mirrored, one as a patient."""
    photos = plant_photos(root / "photos")
    test = plant_photos(root / "test", photos=0)
    shutil.copy(photos / "figure-0" / "0.png", test / "again.png")
    with Image.open(photos / "figure-1" / "1.png") as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(test / "mirrored.png")
    (test / "broken.png").write_bytes(b"no picture")
    fresh = np.random.default_rng(7).integers(0, 255, (6, 6, 3), np.uint8)
    Image.fromarray(fresh).resize((48, 48), Image.Resampling.NEAREST).save(test / "fresh.png")
    rows = [
        f"photos/figure-{figure}/{number}.png,figure-{figure},,{'p' if number == 4 else ''}"
        for figure in range(2)
        for number in range(6)
        if (figure, number) != (1, 4)
    ]
    rows += [f"test/{name}.png,figure-0,test," for name in ("again", "broken")]
    rows += ["test/fresh.png,figure-1,test,p"]  # mirrored.png is listed by nothing
    (root / "all.csv").write_text("\n".join(["path,label,split,group", *rows]))
    return root / "all.csv"


@pytest.mark.usefixtures("graph_at_hand")
def test_train__learns_from_nothing_that_is_kept_aside_under_another_name(tmp_path: Path) -> None:
    data, told = plant_leaks(tmp_path / "set"), Told()
    train(data, tmp_path / "m", recipe=TINY, weights="random", folds=0, watch=told)
    with bundle.open_bundle(tmp_path / "m") as opened:
        taught, training = opened.gallery().paths, opened.manifest.training
    gone = ["figure-0/0", "figure-0/4", "figure-1/1"]
    assert [one.path for one in training.skipped] == [f"photos/{name}.png" for name in gone]
    assert len(taught) == training.photos == 8
    assert not set(taught) & {one.path for one in training.skipped}
    assert training.skipped[2].reason == "one shot or group with test/mirrored.png, kept aside"
    assert any(line.startswith("3 of the photos to learn from are left out") for line in told.lines)
    assert any(line.startswith("3 groups of copies across the given splits") for line in told.lines)
    assert "1 picture cannot be decoded: test/broken.png" in told.lines


def test_train__stops_where_a_figure_would_keep_no_photo_to_learn_from(tmp_path: Path) -> None:
    photos = plant_photos(tmp_path / "set" / "train")
    shutil.copytree(photos / "figure-1", tmp_path / "set" / "test" / "figure-1")
    with pytest.raises(DataError, match="found none of figure-1: all of theirs are copies"):
        train(tmp_path / "set", tmp_path / "m", recipe=TINY, weights="random")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.usefixtures("graph_at_hand")
def test_train__learns_only_from_the_split_train(tmp_path: Path) -> None:
    plant_photos(tmp_path / "set" / "train")
    plant_photos(tmp_path / "set" / "test", photos=2)
    train(tmp_path / "set", tmp_path / "m", recipe=TINY, weights="random", folds=0)
    with bundle.open_bundle(tmp_path / "m") as opened:
        assert all(path.startswith("train/") for path in opened.gallery().paths)
        assert opened.manifest.scores == []
    plant_photos(tmp_path / "odd" / "val", photos=2)
    with pytest.raises(DataError, match="expected photos of the split train"):
        train(tmp_path / "odd", tmp_path / "n", recipe=TINY, weights="random")
