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
        (
            HEAD + OPTIMIZER + "speed = 3\n",
            r"optimizer\.speed: no such key; remove it, or correct its name",
        ),
        (HEAD + "epoch = 3\n" + OPTIMIZER, r"epoch: no such key; remove it, or correct its name"),
        (HEAD, r"optimizer: expected a value, found none; add it"),
        (
            HEAD + OPTIMIZER + "warmup = 2.0\n",
            r"optimizer\.warmup: expected a number of at most 1\.0",
        ),
        (
            HEAD + "norms = 'none'\n" + OPTIMIZER,
            r"norms: found 'none', which is none of its choices",
        ),
        (HEAD + "epochs = 1", r"expected TOML, found"),
    ],
)
def test_read_recipe__names_the_full_path_of_what_is_wrong(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        read_recipe(write(tmp_path, text))


def test_read_recipe__says_in_plain_words_why_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path / "no.toml")
    assert str(caught.value) == (
        f"recipe {tmp_path / 'no.toml'}: expected a TOML file, found: No such file or directory; check "
        "the path"
    )
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(
        RecipeError, match="expected a TOML file in UTF-8, found other bytes; save it"
    ):
        read_recipe(tmp_path / "bad.toml")
    wrong = HEAD.replace("epochs = 1", 'epochs = "x"') + OPTIMIZER
    with pytest.raises(RecipeError, match=r": epochs: expected a whole number, found text$"):
        read_recipe(write(tmp_path, wrong))


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
    with pytest.raises(
        RecipeError, match=r"recipe quick: epochs: expected a whole number of at least 1"
    ):
        change_recipe(recipe, epochs=0)
