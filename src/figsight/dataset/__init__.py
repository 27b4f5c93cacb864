"""Where photos and labels come from: folders, tables, zips, Kaggle; names, splits, checks.

Knows files and labels. Does not know networks, and decodes pictures only through
``figsight.images``.
"""

from __future__ import annotations

from figsight.dataset.check import (
    CheckReport,
    look_at_photos,
    require_readable,
    require_trainable,
)
from figsight.dataset.model import Dataset, Figure, Photo, Split
from figsight.dataset.names import natural_key, with_displays
from figsight.dataset.reading import read
from figsight.dataset.splits import folds, holdout

__all__ = [
    "CheckReport",
    "Dataset",
    "Figure",
    "Photo",
    "Split",
    "folds",
    "holdout",
    "look_at_photos",
    "natural_key",
    "read",
    "require_readable",
    "require_trainable",
    "with_displays",
]
