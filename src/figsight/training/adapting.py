"""A recipe fitted to the photos that it is for: small pictures, grey pictures, many pictures.

Looks at a few photos. The recipe that comes out is fixed from then on, and is what the bundle keeps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from figsight.errors import PhotoError
from figsight.images import decode
from figsight.training.parts import MEASURING_FOLDS

if TYPE_CHECKING:
    from figsight.dataset import Dataset
    from figsight.training.recipe import Augmentation, Recipe

LOOKED_AT = 48  # photos, spread over the set
ENLARGED = 4  # a photo is never enlarged more than this many times
GREY = 2  # levels between the channels that compression leaves in a grey picture
FEW = 15  # photos a figure, on average, up to which a ceiling helps
MANY = 40  # figures from which on a head learns the more slowly
CROWD = 120  # and from which on it needs a start of its own
FEWEST_STEPS = 1200  # of a network over many photos: beyond these, larger batches cost nothing
LARGEST_BATCH = 32
OWN_SIZE = (0.6, 1.15)  # areas of views in which things are about as large as in the photo
MULTIPLE = 16  # sides of views: what most networks halve without a rest


@dataclass(frozen=True, slots=True)
class Look:
    """What a few photos of a set are like.

    Attributes:
        side: Median of their longer sides, in pixels.
        grey: Whether all of them are without colour.
    """

    side: int
    grey: bool


def look_at(dataset: Dataset) -> Look | None:
    """Look at some photos of a set; None when none of them can be decoded.

    Photos that cannot be decoded are passed over: all are decoded later, and reported then.
    """
    rows = np.unique(np.linspace(0, len(dataset.photos) - 1, LOOKED_AT).astype(int))
    sides, grey = [], True
    for row in rows:
        photo = dataset.photos[row]
        try:
            pixels = decode(photo.read(), name=photo.path)
        except PhotoError:
            continue
        sides.append(max(pixels.shape[:2]))
        grey = grey and int(np.ptp(pixels.astype(np.int16), axis=2).max()) <= GREY
    return Look(int(np.median(sides)), grey) if sides else None


def adapt(recipe: Recipe, look: Look | None, photos: int, figures: int) -> Recipe:
    """Return the recipe for so many photos that look like that; unchanged unless it allows it.

    - Views, and what the network is fed, are no larger than four times the photos themselves.
    - Photos smaller than what the network is fed are shown at about their own size: seen from
      farther away nothing is left of them.
    - Grey photos are not tinted: no photo to come will be.
    - Epochs end where ``max_views`` views have been seen: a thousand photos a class need fewer
      passes than ten. Never fewer than four.
    - There are more of them where they would end before ``min_views``: of thirty photos an epoch is
      four steps.
    - With more than 15 photos a figure activations have no ``ceiling``: how loudly a channel speaks is
      worth learning from many photos, and not from ten (docs/experiments.md: sets with three to ten
      a figure gain by a ceiling, others are even with 20 and lose from 40 on).
    - Where one part is held out and would have fewer than ``min_held`` photos, all five are, in turn:
      of a hundred photos, twenty say next to nothing, and networks of so few are soon trained.
    - With more than 40 figures the head learns the more slowly the more of them there are: between two
      photos of a figure its weights move by what those of all others say. With more than 120 it
      does not start from random weights (``heads``).
    - Where ``max_views`` does not allow for all ``ingredients``, there are fewer.
    - Batches grow where there are steps enough, and learning rates with their square root (Malladi
      et al. 2022, "On the SDEs and scaling rules for adaptive gradient algorithms"): a larger batch
      takes less time a photo.
    """
    if recipe.max_views is None:
        return recipe
    enough = max(recipe.epochs, math.ceil(recipe.min_views / max(1, photos)))
    epochs = min(enough, max(4, round(recipe.max_views / max(1, photos))))
    changes: dict[str, object] = {"epochs": epochs}
    if photos > FEW * figures:
        changes["ceiling"] = None
    if recipe.folds == 1 and photos < recipe.min_held * MEASURING_FOLDS:
        changes["folds"] = MEASURING_FOLDS
    affordable = recipe.max_views // max(1, photos * epochs)
    changes["ingredients"] = max(1, min(recipe.ingredients, affordable))
    how = recipe.optimizer
    if figures > CROWD:
        changes["head_start"] = "ridge"
    if figures > MANY:
        slower = how.head_learning_rate * MANY / figures
        how = msgspec.structs.replace(how, head_learning_rate=slower)
    growth = min(LARGEST_BATCH, epochs * photos // FEWEST_STEPS) // recipe.batch_size
    if growth > 1:
        changes["batch_size"] = recipe.batch_size * growth
        how = msgspec.structs.replace(
            how,
            learning_rate=how.learning_rate * growth**0.5,
            head_learning_rate=how.head_learning_rate * growth**0.5,
        )
    changes["optimizer"] = how
    if look is not None:
        largest = max(64, MULTIPLE * round(ENLARGED * look.side / MULTIPLE))
        changes["image_size"] = min(recipe.image_size, largest)
        changes["view_size"] = min(recipe.view_size or recipe.image_size, largest)
        changes["store_size"] = min(recipe.store_size, largest * 5 // 4)
        views = recipe.augmentation
        if look.side < recipe.image_size:
            views = keep_size(views)
        if look.grey:
            views = msgspec.structs.replace(views, tint=0.0, saturation=0.0)
        changes["augmentation"] = views
    return msgspec.structs.replace(recipe, **changes)


def keep_size(views: Augmentation) -> Augmentation:
    """Return the same views, but with things about as large as they are in the photo."""
    least, most = OWN_SIZE
    return msgspec.structs.replace(
        views, min_area=max(views.min_area, least), max_area=min(views.max_area, most)
    )
