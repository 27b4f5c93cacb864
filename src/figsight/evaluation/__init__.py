"""Evaluation: a model against labelled photos, and a recipe by cross-validation of the whole path.

measure.py    a bundle against photos
crossval.py   a recipe, fold by fold; trains, so it needs the extra ``train``
results.py    what came out, as numbers and as plain values
"""

from __future__ import annotations

from figsight.evaluation.crossval import cross_validate
from figsight.evaluation.measure import evaluate
from figsight.evaluation.results import Evaluation

__all__ = ["Evaluation", "cross_validate", "evaluate"]
