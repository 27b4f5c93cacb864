"""Recipes are strict data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from figsight.errors import RecipeError
from figsight.training.recipe import change_recipe, read_recipe, recipe_names

if TYPE_CHECKING:
    from pathlib import Path

OPTIMIZER = '[optimizer]\nname = "adamw"\nlearning_rate = 1e-3\nhead_learning_rate = 1e-2\n'
HEAD = 'backbone = "resnet18"\nimage_size = 64\nstore_size = 64\nepochs = 1\nbatch_size = 4\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_recipes__are_the_two_that_the_command_line_names() -> None:
    assert recipe_names() == ["densenet121", "quick"]


def test_densenet121__is_the_origin_s() -> None:
    recipe = read_recipe("densenet121")
    assert (recipe.backbone, recipe.image_size, recipe.epochs) == ("densenet121", 224, 50)
    assert recipe.frozen_stages == 0


def test_read_recipe__takes_the_name_of_a_file_from_its_stem(tmp_path: Path) -> None:
    assert read_recipe(write(tmp_path, HEAD + OPTIMIZER)).name == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + OPTIMIZER + "speed = 3\n", r"optimizer: Object contains unknown field `speed`"),
        (HEAD + "epoch = 3\n" + OPTIMIZER, r"top level: Object contains unknown field `epoch`"),
        (HEAD, r"top level: Object missing required field `optimizer`"),
        (HEAD + OPTIMIZER + "warmup = 2.0\n", r"optimizer\.warmup: Expected `float` <= 1"),
        (HEAD + "norms = 'none'\n" + OPTIMIZER, r"norms: Invalid enum value 'none'"),
        (HEAD + "epochs = 1", r"expected TOML, found"),
    ],
)
def test_read_recipe__names_the_full_path_of_what_is_wrong(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        read_recipe(write(tmp_path, text))


def test_read_recipe__of_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        RecipeError, match=r"expected one of densenet121, quick or a \.toml file, found 'fast'"
    ):
        read_recipe("fast")
    with pytest.raises(RecipeError, match="expected a TOML file, found: embedded null byte"):
        read_recipe("a\0b.toml")


def test_change_recipe__checks_what_it_changes() -> None:
    recipe = read_recipe("quick")
    assert change_recipe(recipe, epochs=3, folds=None).epochs == 3
    with pytest.raises(RecipeError, match=r"recipe quick: epochs: Expected `int` >= 1"):
        change_recipe(recipe, epochs=0)
