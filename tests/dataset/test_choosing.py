from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.dataset.make import photo

from figsight.dataset import Dataset, read
from figsight.dataset.choosing import kept_aside, measuring_part, training_part
from figsight.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Plant = Callable[..., Path]


def _ids(dataset: Dataset) -> list[str]:
    return [figure.id for figure in dataset.figures]


def _split(plant: Plant) -> Dataset:
    return read(plant(["train/b/1.png", "train/c/1.png", "test/a/1.png", "test/c/2.png"]))


def test_training_part__drops_figures_of_other_splits(plant: Plant) -> None:
    dataset = _split(plant)
    part = training_part(dataset)
    assert _ids(dataset) == ["a", "b", "c"]
    assert _ids(part) == ["b", "c"]
    assert [figure.id for figure in part.untaught] == ["a"]
    assert [photo.path for photo in part.photos] == ["train/b/1.png", "train/c/1.png"]
    assert part.labels() == [0, 1]
    assert training_part(part) == part


def test_kept_aside__are_the_pictures_of_other_splits_listed_or_not(plant: Plant) -> None:
    dataset = read(plant(["train/b/1.png", "train/c/1.png", "test/a/1.png", "val/2.png", "3.png"]))
    assert [photo.path for photo in kept_aside(dataset)] == ["test/a/1.png", "val/2.png"]


def test_kept_aside__is_nothing_where_there_are_no_splits(plant: Plant) -> None:
    assert kept_aside(read(plant(["b/1.png", "c/1.png"]))) == ()


def test_training_part__takes_everything_where_there_are_no_splits(plant: Plant) -> None:
    dataset = read(plant(["a/1.png", "b/1.png"]))
    assert training_part(dataset) is dataset


def test_training_part__keeps_the_order_of_figures_whose_photos_somebody_took_out(
    plant: Plant,
) -> None:
    # So does cross-validation, whose networks all answer with the same figures.
    part = training_part(_split(plant))
    for data in (part, read(plant(["train/b/1.png"]) / "train")):
        held = data.only(photo for photo in data.photos if photo.figure_id != "b")
        assert _ids(training_part(held)) == _ids(data)


def test_training_part__refuses_a_set_without_the_split_train(plant: Plant) -> None:
    with pytest.raises(DataError, match="expected photos of the split train"):
        training_part(read(plant(["val/a/1.png", "test/b/1.png"])))


def test_measuring_part__keeps_figures_that_were_never_taught(plant: Plant) -> None:
    part, split = measuring_part(_split(plant))
    assert split == "test"
    assert _ids(part) == ["a", "b", "c"]
    assert [photo.figure_id for photo in part.photos] == ["a", "c"]
    assert part.untaught == ()


def test_measuring_part__keeps_the_missing_photos_of_its_split() -> None:
    photos = (photo("p", "a", "train"), photo("q", "a", "test"), photo("r", "a", "val"))
    found, _ = measuring_part(Dataset("set", (), photos[:2], missing=photos), "test")
    assert [one.path for one in found.missing] == ["q.png"]
