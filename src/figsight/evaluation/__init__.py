"""Evaluation: a model against labelled photos, and a recipe by cross-validation of the whole path.

measure.py    a bundle against photos; naming.py labels that are the names it shows
asking.py     what a classifier says of photos; seen.py which of them it was trained on
log.py        what a model was tested on, and when
crossval.py   a recipe, fold by fold; trains, so it needs the extra ``train``
keeping.py    the folder of finished folds; remarks.py what a reader must know of it all
folds.py      one fold; evidence.py what spoke for its mistakes
strangers.py  pictures of none of the figures, shown to every fold's network; judging.py who of them
              is told; unknowns.py what it comes to
points.py     a threshold for one of two figures
results.py    what came out, as numbers; tested.py which answers are a test; plain.py as plain values
curves.py     what plots draw; history.py the epochs of a bundle
report/       what came out, as a page
"""

from __future__ import annotations

from figsight.evaluation.crossval import cross_validate
from figsight.evaluation.measure import evaluate
from figsight.evaluation.results import Evaluation

__all__ = ["Evaluation", "cross_validate", "evaluate"]
