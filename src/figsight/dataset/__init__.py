"""Where photos and labels come from: folders, tables, zips, Kaggle; names, splits, checks.

Knows files and labels. Does not know networks, and decodes pictures only through
``figsight.images``.

    model.py         what a set is: figures, photos
    reading.py       whatever people have -> a set: ``read``
    folders.py       a folder a figure; tables.py CSV files, indexing.py their rows as photos;
                     lego.py Kaggle's LEGO layouts; unlabelled.py pictures without labels
    trees.py         a folder or a zip as a list of files; walking.py the one way through a folder;
                     archives.py what is in a zip; kaggle.py fetches one
    names.py         what figures are called, and how names from outside are shown
    choosing.py      which photos are for what, when the source names splits
    splits.py        folds and hold-outs; groups.py what must stay on one side of them
    check.py         every photo decoded once; whether a set can be trained on
    fingerprints.py  what is kept of a photo to find its copies
    copies.py        which photos are copies: candidates.py the pairs worth comparing,
                     resemblance.py whether two are one shot
    joining.py       what a chain of pairs joins
    quality.py       size, light, contrast, blur
    suspects.py      labels that look wrong
    findings.py      all that is wrong, before anything is learnt; summarising.py its short form
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
