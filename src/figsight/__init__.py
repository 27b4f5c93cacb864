"""figsight: from a folder of photos to a classifier you can trust, on a laptop, offline.

    import figsight

    figsight.train("photos", "model")                  # needs the extra: figsight[train]
    model = figsight.load("model")
    model.predict("photo.jpg").name
    figsight.evaluate("model", "test-photos").accuracy

Importing figsight imports none of its parts; each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from figsight.classifier import (
        Classifier,
        Evidence,
        Neighbour,
        Prediction,
        Ranked,
        Sought,
        load,
    )
    from figsight.dataset import Dataset, Figure, Photo, read
    from figsight.demo import demo_photos
    from figsight.errors import FigsightError
    from figsight.evaluation import Evaluation, cross_validate, evaluate
    from figsight.metrics import Estimate
    from figsight.training import TrainingResult, train

__all__ = [
    "Classifier",
    "Dataset",
    "Estimate",
    "Evaluation",
    "Evidence",
    "FigsightError",
    "Figure",
    "Neighbour",
    "Photo",
    "Prediction",
    "Ranked",
    "Sought",
    "TrainingResult",
    "cross_validate",
    "demo_photos",
    "evaluate",
    "load",
    "read",
    "train",
]

_HOMES = {
    "Classifier": "classifier",
    "Dataset": "dataset",
    "Estimate": "metrics",
    "Evaluation": "evaluation",
    "Evidence": "classifier",
    "Figure": "dataset",
    "FigsightError": "errors",
    "Neighbour": "classifier",
    "Photo": "dataset",
    "Prediction": "classifier",
    "Ranked": "classifier",
    "Sought": "classifier",
    "TrainingResult": "training",
    "cross_validate": "evaluation",
    "demo_photos": "demo",
    "evaluate": "evaluation",
    "load": "classifier",
    "read": "dataset",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "__version__":
        # Reading it takes a fifth of the time that a prediction takes, and few ask.
        metadata = import_module("importlib.metadata")
        try:
            return metadata.version(__name__)
        except metadata.PackageNotFoundError:  # the source alone, in somebody's own tree
            return "unknown"
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
