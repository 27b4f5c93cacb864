"""``train``, for everybody to import: where nothing can be trained, that is said when it is called.

Knows what training is asked for and what it comes to. Does not know torch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from figsight.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from figsight import bundle
    from figsight.dataset import Dataset, Figure
    from figsight.metrics import Estimate
    from figsight.training.budget import Budget
    from figsight.training.progress import Watcher
    from figsight.training.recipe import Recipe

    _Train = Callable[
        [str | os.PathLike[str] | Dataset, str | os.PathLike[str], "TrainingOptions"],
        "TrainingResult",
    ]

_WAITING = "OMP_WAIT_POLICY"


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What ``train`` is asked for besides photos and a target: the same, checked and begun.

    It has no defaults: those stand in ``train`` alone.
    """

    recipe: str | Path | Recipe
    backbone: str | None
    weights: str | Path | None
    epochs: int | None
    budget: Budget | None
    folds: int | None
    positive: str | None
    sensitivity: float | None
    seed: int
    resume: bool
    overwrite: bool
    skip_bad: bool
    thumbnails: bool
    device: str
    watch: Watcher


@dataclass(frozen=True)
class TrainingResult:
    """What a training run has come to.

    Attributes:
        path: The bundle.
        accuracy: On photos that the network that was asked had never seen, nor copies of them;
            None when the recipe does not measure.
        calibration: What was fitted out-of-sample, as the bundle keeps it; None likewise.
        figures: What it names, in the order of its answers.
        photos: How many photos the delivered network was trained on.
        seconds: How long everything took.
    """

    path: Path
    accuracy: Estimate | None
    calibration: bundle.Calibration | None
    figures: tuple[Figure, ...]
    photos: int
    seconds: float


def train(
    data: str | os.PathLike[str] | Dataset,
    out: str | os.PathLike[str],
    *,
    recipe: str | Path | Recipe = "quick",
    backbone: str | None = None,
    weights: str | Path | None = None,
    epochs: int | None = None,
    budget: float | Budget | None = None,
    folds: int | None = None,
    positive: str | None = None,
    sensitivity: float | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    skip_bad: bool = False,
    thumbnails: bool = True,
    device: str = "auto",
    watch: Watcher | None = None,
) -> TrainingResult:
    """Train a classifier on labelled photos and write it as a bundle.

    First networks are trained without a part of the photos each, and asked about that part: that
    gives the accuracy. Then one is trained on all photos: that is delivered. Copies of a photo,
    and photos of one group, are never on both sides.

    Of several calls in one process, one computes at a time and the others wait, their budgets with
    them: torch's exporter listens to the whole process. So must an audit that judges labels, and what
    ``watch`` is told must not lead to either: it would wait for the run that tells it.

    Args:
        data: Anything that ``figsight.read`` reads, or what it returned. Where the source names
            splits, only the photos of ``train`` are learned from, and none that is a copy of a photo in
            another split, or in one group with it.
        out: The bundle to write: a folder, or a zip if it ends in ``.zip``.
        recipe: A name, a ``.toml`` file, or a resolved recipe.
        backbone: Another timm backbone than the recipe's.
        weights: A safetensors file to start from, or ``"random"``.
        epochs: Another number than the recipe's.
        budget: Seconds that all this may take, from the call on. Epochs, ingredients
            and what is measured are then chosen to fill them, as far as that makes a better model;
            two such runs differ. See ``training/budget.py``.
        folds: Another number of measuring networks; 1 holds out a fifth, 0 measures nothing.
        positive: Of two figures: the one that is looked for, by its id or its name; by default the
            second. Sensitivity, specificity, ROC AUC and the threshold are about it.
        sensitivity: Of two figures: the share of photos of that one that a threshold is to find,
            0..1; by default 0.95.
        seed: Of everything random.
        resume: Go on with the interrupted run of the same command. ``positive`` and ``sensitivity`` may
            be others: they decide how answers are judged in the end, and nothing that is learned.
        overwrite: Replace a model, or an unfinished run, of that name.
        skip_bad: Leave photos out that cannot be decoded, instead of stopping.
        thumbnails: Whether small copies of the photos travel with the model.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        watch: Is told how it goes.

    Returns:
        Where the model is, and how well it did on photos that it had not seen.

    Raises:
        FigsightError: A number is out of range, or the photos, the recipe, the weights or the target are
            no good. There is no new model then, and an old one is as it was. When it shows after the
            first epochs, the folder of the unfinished run, ``OUT.training``, is there to ``resume``
            from, unless that could only end in the same way. Without ``overwrite``, an unfinished run
            that was there before stays as it was.
        MissingExtraError: The extra ``train`` is not installed.
    """
    from figsight.training.asked import require_share, require_whole
    from figsight.training.budget import start_budget
    from figsight.training.progress import Silence

    options = TrainingOptions(
        recipe=recipe,
        backbone=backbone,
        weights=weights,
        epochs=epochs,
        budget=start_budget(budget, epochs),  # loading torch takes seconds of it
        folds=folds,
        positive=positive,
        sensitivity=require_share("sensitivity", sensitivity),
        seed=require_whole("seed", seed, 0),
        resume=resume,
        overwrite=overwrite,
        skip_bad=skip_bad,
        thumbnails=thumbnails,
        device=device,
        watch=watch or Silence(),
    )
    return require_training()(data, out, options)


def load_with_torch(module: str) -> ModuleType:
    """Import a module that imports torch, so that torch's threads are good neighbours.

    Those that wait for each other are to sleep instead of spinning: on a machine that does anything else
    besides, spinning made training twice as slow. That is read once, when torch is loaded; the
    environment is then as it was.
    """
    if _WAITING in os.environ:
        return import_module(module)
    os.environ[_WAITING] = "PASSIVE"
    try:
        return import_module(module)
    finally:
        os.environ.pop(_WAITING, None)


def require_training() -> _Train:
    """Load torch and what needs it, and return what trains: ``run.train``.

    Raises:
        MissingExtraError: The extra ``train`` is not installed.
    """
    try:
        run = load_with_torch("figsight.training.run")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "figsight":
            raise
        raise MissingExtraError("training", "train") from error
    train: _Train = run.train
    return train
