"""What decides a training run, as frozen, validated data.

Knows names, ranges and where recipes lie. Does not know torch: a recipe can be read, checked and
printed where nothing can be trained.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from figsight.errors import RecipeError

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0, le=1e6)]
NotNegative = Annotated[float, Meta(ge=0.0, le=1e6)]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Number = Annotated[int, Meta(ge=0, le=10**9)]  # or none

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "object": "a table",
    "array": "a list",
    "null": "nothing",
}
_SIGNS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a recipe's parts: immutable, and strict about its keys."""


class Optimizer(Part, frozen=True, kw_only=True):
    """How weights move.

    Attributes:
        name: ``adamw`` (decoupled weight decay, Loshchilov & Hutter 2019) or ``sgd`` (Nesterov
            momentum 0.9).
        learning_rate: Peak rate of the backbone.
        head_learning_rate: Peak rate of the new head, which starts from nothing.
        layer_decay: Each block further from the head learns at this times the rate of the next one
            (1 = all alike).
        weight_decay: On weights of two or more dimensions; never on biases and norms.
        warmup: Share of the steps in which the rates rise linearly from 0 to their peak.
        schedule: ``cosine`` to 0 after the warm-up, or ``constant``.
    """

    name: Literal["adamw", "sgd"]
    learning_rate: Positive
    head_learning_rate: Positive
    layer_decay: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    weight_decay: NotNegative = 0.0
    warmup: Share = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"


class Augmentation(Part, frozen=True, kw_only=True):
    """How a photo is varied each time that the network sees it; zeros leave it alone.

    Attributes:
        flip: Share of views that are mirrored left to right.
        rotation: Largest turn either way, in degrees.
        turn: Share of views that are turned by a quarter, a half or three quarters, too: things lie on
            their side, and cameras lose which way is up.
        min_area: Smallest share of the photo's area that a view shows (1 = all of it).
        max_area: Largest; beyond 1 the photo shrinks, as from farther away, and what lies along its edge
            goes on around it.
        aspect: Largest stretch of width against height, as the log of their ratio.
        perspective: Largest tilt: how much nearer one edge may be than the opposite one.
        brightness: Largest change, as the log of the factor.
        contrast: Likewise.
        saturation: Likewise.
        tint: Likewise for each of red, green and blue alone (the colour of the light).
        erase: Share of views with a rectangle painted over (Zhong et al. 2020).
        mix: Share of batches whose views are blended pairwise (mixup, Zhang et al. 2018) or pasted
            into each other (CutMix, Yun et al. 2019), one half each.
    """

    flip: Share = 0.0
    rotation: Annotated[float, Meta(ge=0.0, le=180.0)] = 0.0
    turn: Share = 0.0
    min_area: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    max_area: Annotated[float, Meta(ge=1.0, le=4.0)] = 1.0
    aspect: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    perspective: Annotated[float, Meta(ge=0.0, lt=0.5)] = 0.0
    brightness: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.0
    contrast: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.0
    saturation: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.0
    tint: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.0
    erase: Share = 0.0
    mix: Share = 0.0


class Recipe(Part, frozen=True, kw_only=True):
    """Everything that decides a training run but the photos and the seed.

    Attributes:
        name: What the recipe is called.
        backbone: A convolutional timm network with a pooled linear head.
        image_size: Width and height of what the network is fed when it is asked, in pixels.
        view_size: Width and height of the views that it learns from; by default the same. Smaller
            ones save time, and are better too: augmentation shows parts of a photo, and so makes
            things look larger than they will (Touvron et al. 2019, "Fixing the train-test
            resolution discrepancy").
        store_size: Width and height that photos are decoded to before they are varied.
        fit: How a photo of another shape is brought to a square: see ``images.InputSpec``.
        epochs: Passes over the photos.
        min_views: Views of a network before which training does not end, where ``max_views`` lets a
            recipe be fitted to its photos: few photos take more epochs. A number of epochs that is
            asked for stays.
        max_views: Views after which training ends, however many epochs that is; with it, sizes and
            colours are fitted to the photos, too: see ``adapting``. None takes the recipe as it is.
        batch_size: Photos a step.
        balance: How far unequal classes are evened out: a class of n photos weighs n to the power
            of minus this, a photo. 0 leaves them alone, 1 makes all classes weigh the same.
        folds: Networks trained for measuring, each without one part of the photos (cross-validation);
            1 measures on a single held-out fifth, 0 not at all.
        min_held: Photos below which a fifth is too few to measure on, where ``max_views`` lets a
            recipe be fitted to its photos: all five fifths are then held out in turn. A number of
            folds that is asked for stays.
        left_out: Networks that are trained without a third of the figures, besides a fifth of the
            photos of the others, to learn how unknown figures are told; with ``folds`` 0 there are
            none. With 3 every figure is left out once.
        frozen_stages: timm's stages, from the stem on, that keep their pretrained weights.
        wide_depthwise: Whether depthwise convolutions wider than 3 x 3 ``train`` or are ``frozen``.
            CPUs have no fast kernel for their weights' gradient: it takes a third of a step. What
            lies before the first of them keeps its weights too where ``frozen_stages`` reach up to
            there: a tenth of a step more, for one weight in a thousand.
        norms: ``train`` lets batch norms follow the photos; ``folded`` multiplies their pretrained
            statistics into the convolutions: half the time a step, and steadier on few photos.
        ceiling: Bound of the last feature map's activations, where the backbone ends in a ReLU6 and
            norms are folded; None leaves it at 6: see ``ceiling``. With ``max_views``, for few photos a
            figure only.
        head_start: Whether the head starts from ``random`` weights or from a ``ridge`` regression on the
            pretrained embeddings: see ``heads``. With ``max_views``, the latter for many figures.
        dropout: Share of the embedding that is dropped in training.
        label_smoothing: Share of the target that is spread over all figures (Szegedy et al. 2016).
        averaging: Share of the steps that the moving average of the weights looks back on, which
            is delivered; 0 delivers the last weights. Best with a ``constant`` schedule: while the
            learning rate falls, the last weights are such an average.
        ingredients: Networks that learn from the same start with random numbers of their own, and
            whose weights are averaged, for each network that is asked or delivered (Wortsman et al.
            2022, "Model soups"): an ensemble's gain for the price of one network. They share
            ``max_views``.
        optimizer: See there.
        augmentation: See there.
    """

    name: str
    backbone: str
    image_size: Annotated[int, Meta(ge=32, le=1024)]
    store_size: Annotated[int, Meta(ge=32, le=1024)]
    view_size: Annotated[int, Meta(ge=32, le=1024)] | None = None
    epochs: Count
    batch_size: Annotated[int, Meta(ge=2, le=10**6)]
    min_views: Number = 0
    max_views: Count | None = None
    balance: Share = 0.0
    optimizer: Optimizer
    augmentation: Augmentation = Augmentation()
    fit: Literal["squash", "crop", "pad"] = "squash"
    folds: Number = 5
    min_held: Number = 0
    left_out: Number = 0
    frozen_stages: Number = 0
    wide_depthwise: Literal["train", "frozen"] = "train"
    norms: Literal["train", "folded"] = "train"
    ceiling: Annotated[float, Meta(gt=0.0, le=6.0)] | None = None
    head_start: Literal["random", "ridge"] = "random"
    dropout: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0
    label_smoothing: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0
    averaging: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0
    ingredients: Annotated[int, Meta(ge=1, le=16)] = 1


def recipe_names() -> list[str]:
    """The recipes that figsight carries."""
    files = resources.files("figsight.training").joinpath("recipes").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def read_recipe(name: str | Path) -> Recipe:
    """Read a recipe by its name, or from a TOML file.

    Args:
        name: One of ``recipe_names()``, or the path of a ``.toml`` file.

    Raises:
        RecipeError: There is no such recipe; or a key is unknown, missing or out of range: the
            message holds its full path.
    """
    text = _recipe_text(str(name))
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {name}: expected TOML, found {error}") from error
    values.setdefault("name", Path(name).stem)
    return _convert(values, str(name))


def change_recipe(recipe: Recipe, **changes: Any) -> Recipe:
    """Return a recipe with other values where ``changes`` are not None, checked like a file's.

    A number of epochs that is asked for is not raised for few photos, nor is one of folds:
    ``min_views`` and ``min_held`` go with them.

    Raises:
        RecipeError: A key is unknown or a value out of range.
    """
    values: dict[str, Any] = msgspec.to_builtins(recipe)
    if changes.get("epochs") is not None:
        values["min_views"] = 0
    if changes.get("folds") is not None:
        values["min_held"] = 0
    return _convert(values | {k: v for k, v in changes.items() if v is not None}, recipe.name)


def _convert(values: dict[str, Any], name: str) -> Recipe:
    try:
        return msgspec.convert(values, Recipe)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        path = where.strip("`").removeprefix("$").lstrip(".")
        raise RecipeError(f"recipe {name}: {_in_words(what, path)}") from error


def _in_words(what: str, path: str) -> str:
    """Return what is wrong with a value in plain words, behind its full key."""
    if found := re.fullmatch(
        r"Object (contains unknown|missing required) field `(.*)`", what, re.DOTALL
    ):
        key = ".".join(filter(None, (path, found[2])))
        if found[1].startswith("missing"):
            return f"{key}: expected a value, found none; add it"
        return f"{key}: no such key; remove it, or correct its name"
    if found := re.fullmatch(r"Invalid enum value (.*)", what, re.DOTALL):
        return f"{path}: found {found[1]}, which is none of its choices"
    what = re.sub(
        r"`([^`]*)`", lambda kinds: " or ".join(map(_call_kind, kinds[1].split(" | "))), what
    )
    for sign, words in _SIGNS.items():
        what = what.replace(f" {sign} ", f" {words} ")
    return f"{path}: {what.replace('Expected', 'expected').replace(', got ', ', found ')}"


def _call_kind(kind: str) -> str:
    return _KINDS.get(kind, f"'{kind}'")


def _recipe_text(name: str) -> str:
    if name.endswith(".toml"):
        try:
            return Path(name).read_text("utf-8")
        except OSError as error:
            reason = error.strerror or str(error)
            raise RecipeError(
                f"recipe {name}: expected a TOML file, found: {reason}; check the path"
            ) from error
        except UnicodeDecodeError as error:
            raise RecipeError(
                f"recipe {name}: expected a TOML file in UTF-8, found other bytes; save it as UTF-8"
            ) from error
        except ValueError as error:  # a null byte in the name
            raise RecipeError(f"recipe {name}: expected a TOML file, found: {error}") from error
    if name not in recipe_names():
        known = ", ".join(recipe_names())
        raise RecipeError(f"recipe: expected one of {known} or a .toml file, found {name!r}")
    return resources.files("figsight.training").joinpath(f"recipes/{name}.toml").read_text("utf-8")
