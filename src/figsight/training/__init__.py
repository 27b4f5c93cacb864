"""Training: backbones, recipes, augmentation, the loop, writing the bundle.

The only room that imports torch and timm, and only when something is trained.

    entry.py       ``train``, and what it comes to, without torch
    run.py         from labelled photos to a bundle: the order of things
    asked.py       numbers that it is given, checked
    recipe.py      what decides a run, as data; recipes/ holds those that we carry;
                   adapting.py fits one to the photos
    sample.py      the photos, decoded once; symmetry.py finds figures that become others in a mirror
    measuring.py   the networks of a run, with and without a part of the photos, as parts.py deals them;
                   names.py says what people call them
    turns.py       how they share the cores; budget.py how they share the time; soup.py how they
                   become one
    fit.py         the loop; pace.py ends it; views.py varies photos; checkpoint.py keeps its state;
                   ceiling.py bounds what the head goes by
    network.py     one network: backbones.py builds it, heads.py starts its head, folding.py folds its
                   norms, convolutions.py makes it quick
    answers.py     what networks say of photos; judging.py scores and rules made of that,
                   strangers.py how unknown figures are told
    features.py    every photo judged without training a network, for the audit
    export.py      ONNX; delivery.py writes the bundle; curves.py draws how it went
    machine.py     device, repeatable arithmetic, memory; versions.py the libraries
    workplace.py   the folder of an unfinished run; lock.py keeps others out of it
    progress.py    what a run tells about itself
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from figsight.training.entry import TrainingResult, train
    from figsight.training.progress import Silence, Watcher
    from figsight.training.recipe import Recipe, change_recipe, read_recipe, recipe_names

__all__ = [
    "Recipe",
    "Silence",
    "TrainingResult",
    "Watcher",
    "change_recipe",
    "read_recipe",
    "recipe_names",
    "train",
]

_HOMES = {
    "Recipe": "recipe",
    "Silence": "progress",
    "TrainingResult": "entry",
    "Watcher": "progress",
    "change_recipe": "recipe",
    "read_recipe": "recipe",
    "recipe_names": "recipe",
    "train": "entry",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
