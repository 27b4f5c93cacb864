"""Cross-validation of the whole path: train, write the bundle, open it, ask it about unseen photos.

What is measured is what a user would get from so many photos: the file, through the classifier.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from figsight import calibration
from figsight.classifier import load
from figsight.dataset import Dataset, read, require_trainable
from figsight.dataset.choosing import training_part
from figsight.dataset.groups import read_groups
from figsight.dataset.splits import folds as make_folds
from figsight.errors import OutputError
from figsight.evaluation.results import Evaluation
from figsight.training import Recipe, Silence, change_recipe, read_recipe

if TYPE_CHECKING:
    import os
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from figsight.dataset.groups import Grouped
    from figsight.training import Watcher
    from figsight.training.checkpoint import EpochRecord


def cross_validate(
    data: str | os.PathLike[str] | Dataset,
    *,
    folds: int = 5,
    repeats: int = 1,
    recipe: str | Path | Recipe = "quick",
    backbone: str | None = None,
    weights: str | Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    work: str | os.PathLike[str] | None = None,
    watch: Watcher | None = None,
) -> Evaluation:
    """Measure a recipe on labelled photos by k-fold cross-validation of the whole path.

    Folds are stratified by class; copies, and photos of one group, are never on both sides. The
    temperature of each fold's probabilities is fitted on the other folds' answers.

    Args:
        data: Anything that ``figsight.read`` reads, or what it returned.
        folds: How many parts, each held out once.
        repeats: How often everything is dealt anew; each repeat trains with its own seed.
        recipe: A name, a ``.toml`` file, or a resolved recipe.
        backbone: Another timm backbone than the recipe's.
        weights: A safetensors file to start from, or ``"random"``.
        epochs: Another number than the recipe's.
        seed: Of everything random.
        skip_bad: Leave photos out that cannot be decoded, instead of stopping.
        work: A folder for finished folds: the same command with the same folder goes on with them.
        watch: Is told how it goes.

    Returns:
        The answers to all photos, each by networks that saw neither it nor its copies. With several
        repeats a photo occurs once in each; the intervals take that into account, because all its
        occurrences are in one group.

    Raises:
        FigsightError: The data, the recipe or the weights cannot be used.
    """
    started = time.perf_counter()
    watch = watch or Silence()
    if not isinstance(recipe, Recipe):
        recipe = read_recipe(recipe)
    recipe = change_recipe(recipe, backbone=backbone, epochs=epochs, folds=0)
    dataset = training_part(data if isinstance(data, Dataset) else read(data))
    watch.begin("reading photos", len(dataset.photos))
    found = read_groups(dataset, skip_bad=skip_bad, progress=lambda n, _: watch.advance(n))
    require_trainable(found.dataset, photos_each=0)
    dataset, labels = found.dataset, np.array(found.dataset.labels(), np.int64)
    deals = [make_folds(labels.tolist(), found.groups, folds, seed + r) for r in range(repeats)]
    with _workplace(work) as folder:
        _agree(Path(folder), _describe(found, recipe, weights, seed, folds))
        plans = [
            Part(repeat, number, held, Path(folder))
            for repeat, deal in enumerate(deals)
            for number, held in enumerate(deal)
        ]
        watch.expect(sum(not plan.answers.exists() for plan in plans) * recipe.epochs)
        logits = np.empty((repeats, len(labels), len(dataset.figures)), np.float32)
        fold_of = np.empty((repeats, len(labels)), np.intp)
        for plan in plans:
            number = plan.number + 1
            name = f"fold {number}" if repeats == 1 else f"repeat {plan.repeat + 1} fold {number}"
            options = {"recipe": recipe, "weights": weights, "seed": seed + plan.repeat}
            here = plan.repeat, plan.held
            logits[here] = _answer(plan, dataset, options, _Fold(watch, name))
            fold_of[here] = plan.number
    shown = f"{folds}-fold cross-validation of {dataset.name}" + (
        f", {repeats} times" if repeats > 1 else ""
    )
    return Evaluation(
        protocol=f"{shown}, recipe {recipe.name}, copies kept together",
        figures=dataset.figures,
        photos=dataset.photos * repeats,
        labels=np.tile(labels, repeats),
        probabilities=np.concatenate(
            [_calibrate(z, labels, of) for z, of in zip(logits, fold_of, strict=True)]
        ),
        groups=tuple(found.groups) * repeats,
        skipped=found.failures,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the photos, and where the network that never sees it lies.

    Attributes:
        repeat: Which deal, from 0.
        number: Which part of it, from 0.
        held: The photos of the part, intp [N].
        folder: Where finished folds are kept.
    """

    repeat: int
    number: int
    held: NDArray[np.intp]
    folder: Path

    @property
    def model(self) -> Path:
        """The bundle that is trained on the other parts."""
        return self.folder / f"repeat-{self.repeat + 1}-fold-{self.number + 1}"

    @property
    def answers(self) -> Path:
        """What that bundle said of the part; the fold is finished when this file is there."""
        return self.model.with_suffix(".safetensors")


class _Fold(Silence):
    """Passes the epochs of one fold's training on, under the fold's name, and nothing else."""

    def __init__(self, watch: Watcher, name: str) -> None:
        self._watch = watch
        self._name = name

    def begin(self, what: str, steps: int) -> None:
        """Tell of the network; reading and writing are the same for every fold."""
        if what == "final":
            self._watch.begin(self._name, steps)

    def epoch(self, record: EpochRecord) -> None:
        """Pass an epoch on."""
        self._watch.epoch(replace(record, run=self._name))


def _answer(
    part: Part, dataset: Dataset, options: dict[str, Any], watch: Watcher
) -> NDArray[np.float32]:
    """Train without some photos, and return the logits [N, K] that the bundle gives for them."""
    from figsight.training import train  # here and not above: it imports torch

    try:
        return load_arrays(part.answers.read_bytes())["logits"]
    except (FileNotFoundError, SafetensorError, KeyError):
        pass  # not finished yet: this is what the file is for
    out = set(part.held.tolist())
    learned = dataset.only(photo for i, photo in enumerate(dataset.photos) if i not in out)
    path = part.model
    resume = path.with_name(f"{path.name}.training").joinpath("plan.json").exists()
    train(learned, path, resume=resume, overwrite=True, thumbnails=False, watch=watch, **options)
    with load(path) as classifier:
        photos = [dataset.photos[i] for i in part.held]
        # A photo that could be read a minute ago can be read now.
        logits = np.concatenate(
            [classifier.run(classifier.prepare(photo)[np.newaxis]).logits for photo in photos]
        )
    _write(part.answers, save_arrays({"logits": np.ascontiguousarray(logits)}))
    return logits


def _calibrate(
    logits: NDArray[np.float32], labels: NDArray[np.int64], fold: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Turn logits [N, K] into probabilities, each fold at the temperature of the other folds."""
    probabilities = np.empty(logits.shape, np.float64)
    for number in np.unique(fold):
        here = fold == number
        temperature = calibration.fit_temperature(logits[~here], labels[~here])
        probabilities[here] = calibration.softmax(logits[here], temperature)
    return probabilities


def _workplace(work: str | os.PathLike[str] | None) -> AbstractContextManager[str]:
    if work is None:
        return tempfile.TemporaryDirectory(prefix="figsight-")
    try:
        Path(work).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{work}: cannot be made ({error.strerror or error})") from error
    return nullcontext(str(work))


def _describe(
    found: Grouped, recipe: Recipe, weights: str | Path | None, seed: int, folds: int
) -> dict[str, Any]:
    """Return everything that decides what a fold's answers are, but for the number of repeats."""
    start = str(weights) if weights is not None else None
    if weights is not None and Path(weights).is_file():
        start = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    return {
        "recipe": msgspec.to_builtins(recipe),
        "weights": start,
        "seed": seed,
        "folds": folds,
        "photos": found.sha256,
        "figures": [photo.figure_id for photo in found.dataset.photos],
        "classes": [figure.id for figure in found.dataset.figures],
        "groups": found.groups,
    }


def _agree(place: Path, plan: dict[str, Any]) -> None:
    """Write down what the folder is for, or refuse one that is for something else."""
    path = place / "cross-validation.json"
    text = json.dumps(plan, indent=2, sort_keys=True)
    # A plan of which nothing has been trained binds nobody: a misspelt backbone leaves one.
    if not any(place.glob("repeat-*")):
        _write(path, text.encode())
        return
    try:
        same = json.loads(path.read_bytes()) == json.loads(text)
    except (FileNotFoundError, ValueError):
        same = False
    if not same:
        raise OutputError(
            f"{place}: holds the folds of another cross-validation (other photos, recipe, folds or "
            f"seed); name another folder, or remove it"
        )


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        part.unlink(missing_ok=True)
