"""A recipe fitted to its photos: small ones, grey ones, many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.training.make import TINY, plant_photos

from figsight import read
from figsight.training import change_recipe, read_recipe
from figsight.training.adapting import OWN_SIZE, Look, adapt, keep_size, look_at
from figsight.training.recipe import Augmentation

if TYPE_CHECKING:
    from pathlib import Path

QUICK = read_recipe("quick")


def test_look_at__sees_size_and_colour(tmp_path: Path) -> None:
    dataset = read(plant_photos(tmp_path / "set"))
    assert look_at(dataset) == Look(side=48, grey=False)


def test_look_at__takes_what_compression_leaves_for_grey(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for figure in "ab":
        (tmp_path / figure).mkdir()
        for number in range(3):
            pixels = rng.integers(0, 256, (30, 20), np.uint8)
            Image.fromarray(pixels).convert("RGB").save(tmp_path / figure / f"{number}.jpg")
    assert look_at(read(tmp_path)) == Look(side=30, grey=True)


def test_look_at__passes_over_what_cannot_be_decoded(tmp_path: Path) -> None:
    photos = plant_photos(tmp_path / "set")
    for path in photos.glob("*/*.png"):
        path.write_bytes(b"no picture")
    assert look_at(read(photos)) is None


def test_adapt__leaves_ordinary_photos_alone() -> None:
    assert adapt(QUICK, Look(512, grey=False), 268, 27) == QUICK


def test_adapt__leaves_a_recipe_alone_that_does_not_ask_for_it() -> None:
    assert adapt(TINY, Look(28, grey=True), 50_000, 27) == TINY
    origin = read_recipe("densenet121")
    assert adapt(origin, Look(28, grey=True), 50_000, 27) == origin


def test_adapt__does_not_blow_small_pictures_up() -> None:
    small = adapt(QUICK, Look(28, grey=False), 268, 27)
    assert (small.image_size, small.view_size, small.store_size) == (112, 112, 140)
    assert adapt(QUICK, Look(4, grey=False), 268, 27).image_size == 64


@pytest.mark.parametrize(("side", "areas"), [(28, OWN_SIZE), (191, OWN_SIZE), (192, (0.4, 2.0))])
def test_adapt__shows_small_pictures_at_about_their_own_size(
    side: int, areas: tuple[float, float]
) -> None:
    views = adapt(QUICK, Look(side, grey=False), 268, 27).augmentation
    assert (views.min_area, views.max_area) == areas


def test_keep_size__never_widens_what_a_recipe_asks_for() -> None:
    narrow = Augmentation(min_area=0.9, max_area=1.05, flip=0.5)
    assert keep_size(narrow) == narrow
    assert keep_size(Augmentation()) == Augmentation()


def test_adapt__does_not_tint_grey_pictures() -> None:
    how = adapt(QUICK, Look(512, grey=True), 268, 27).augmentation
    assert (how.tint, how.saturation) == (0, 0)
    assert how.brightness == QUICK.augmentation.brightness


@pytest.mark.parametrize(("photos", "epochs"), [(10, 36), (10_000, 4), (1_000_000, 4)])
def test_adapt__passes_fewer_times_over_many_photos(photos: int, epochs: int) -> None:
    recipe = change_recipe(QUICK, epochs=36, max_views=40_000, batch_size=8)
    assert adapt(recipe, None, photos, 27).epochs == epochs


@pytest.mark.parametrize(("photos", "epochs"), [(10, 300), (40, 75), (149, 21), (150, 20)])
def test_adapt__passes_more_often_over_few_photos(photos: int, epochs: int) -> None:
    recipe = change_recipe(QUICK, min_views=3_000)
    few = adapt(recipe, None, photos, 27)
    assert (few.epochs, few.ingredients) == (epochs, 2)
    assert adapt(change_recipe(recipe, epochs=7), None, photos, 27).epochs == 7  # as was asked for


def test_adapt__takes_larger_batches_of_many_photos() -> None:
    recipe = change_recipe(QUICK, epochs=24, max_views=24_000, batch_size=8)
    assert adapt(recipe, None, 400, 27).batch_size == 8
    many = adapt(recipe, None, 5_000, 27)
    assert (many.epochs, many.batch_size) == (5, 16)
    ratio = many.optimizer.learning_rate / recipe.optimizer.learning_rate
    assert ratio == pytest.approx(2**0.5)
    assert adapt(recipe, None, 1_000_000, 27).batch_size == 32


@pytest.mark.parametrize(("photos", "ingredients"), [(108, 3), (268, 3), (460, 2), (4_708, 1)])
def test_adapt__shares_views_out_among_ingredients(photos: int, ingredients: int) -> None:
    recipe = change_recipe(QUICK, ingredients=3, max_views=24_000, epochs=26)
    assert adapt(recipe, None, photos, 27).ingredients == ingredients


@pytest.mark.parametrize(
    ("photos", "figures", "ceiling"),
    [(20, 2, 1.5), (30, 2, 1.5), (31, 2, None), (268, 27, 1.5), (750, 50, 1.5), (4_708, 2, None)],
)
def test_adapt__bounds_activations_of_few_photos_a_figure_only(
    photos: int, figures: int, ceiling: float | None
) -> None:
    assert adapt(read_recipe("quick"), None, photos, figures).ceiling == ceiling


@pytest.mark.parametrize(("photos", "folds"), [(8, 5), (124, 5), (125, 1), (4_708, 1)])
def test_adapt__holds_all_of_few_photos_out(photos: int, folds: int) -> None:
    recipe = read_recipe("quick")
    assert adapt(recipe, None, photos, 27).folds == folds
    # As was asked for.
    for number in (0, 1, 2):
        assert adapt(change_recipe(recipe, folds=number), None, photos, 27).folds == number
    assert adapt(change_recipe(recipe, min_held=0), None, photos, 27).folds == 1


@pytest.mark.parametrize(
    ("figures", "start", "rate"), [(40, "random", 1.0), (80, "random", 0.5), (400, "ridge", 0.1)]
)
def test_adapt__starts_heads_of_many_figures_and_slows_them(
    figures: int, start: str, rate: float
) -> None:
    recipe = read_recipe("quick")
    fitted = adapt(recipe, None, 500, figures)
    assert (fitted.head_start, fitted.batch_size) == (start, 8)
    assert fitted.optimizer.head_learning_rate == pytest.approx(
        rate * recipe.optimizer.head_learning_rate
    )
    assert fitted.optimizer.learning_rate == recipe.optimizer.learning_rate
