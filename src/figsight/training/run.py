"""From labelled photos to a bundle: measure on unseen photos, then train on everything.

The order of things; each of them is done in a room of its own.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from figsight import bundle
from figsight.dataset import Dataset, read, require_trainable
from figsight.dataset.choosing import training_part
from figsight.dataset.findings import summarise
from figsight.training import machine
from figsight.training.adapting import adapt, look_at
from figsight.training.delivery import Delivery, deliver
from figsight.training.judging import judge
from figsight.training.measuring import Run
from figsight.training.network import plan_network
from figsight.training.progress import OneAtATime, Silence, Watcher
from figsight.training.recipe import Recipe, change_recipe, read_recipe
from figsight.training.sample import prepare
from figsight.training.workplace import Workplace

if TYPE_CHECKING:
    import os

    from figsight.metrics import Estimate


@dataclass(frozen=True)
class TrainingResult:
    """What a training run has come to.

    Attributes:
        path: The bundle.
        accuracy: On photos that the network that was asked had never seen, nor copies of them;
            None when the recipe does not measure.
        calibration: What was fitted out-of-sample, as the bundle keeps it; None likewise.
        photos: How many photos the delivered network was trained on.
        seconds: How long everything took.
    """

    path: Path
    accuracy: Estimate | None
    calibration: bundle.Calibration | None
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
    folds: int | None = None,
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

    Args:
        data: Anything that ``figsight.read`` reads, or what it returned. Where the source names
            splits, only the photos of ``train`` are used.
        out: The bundle to write: a folder, or a zip if it ends in ``.zip``.
        recipe: A name, a ``.toml`` file, or a resolved recipe.
        backbone: Another timm backbone than the recipe's.
        weights: A safetensors file to start from, or ``"random"``.
        epochs: Another number than the recipe's.
        folds: Another number of measuring networks; 1 holds out a fifth, 0 measures nothing.
        seed: Of everything random.
        resume: Go on with the interrupted run of the same command.
        overwrite: Replace a model, or an unfinished run, of that name.
        skip_bad: Leave photos out that cannot be decoded, instead of stopping.
        thumbnails: Whether small copies of the photos travel with the model.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        watch: Is told how it goes.

    Raises:
        FigsightError: The photos, the recipe, the weights or the target are no good; nothing has
            been written then but the folder of the unfinished run.
    """
    started = time.perf_counter()
    target = Path(out)
    bundle.check_target(target, overwrite=overwrite)
    if not isinstance(recipe, Recipe):
        recipe = read_recipe(recipe)
    recipe = change_recipe(recipe, backbone=backbone, epochs=epochs, folds=folds)
    dataset = training_part(data if isinstance(data, Dataset) else read(data))
    recipe = adapt(recipe, look_at(dataset), len(dataset.photos))
    watch = watch or Silence()
    machine.keep_freed_memory()
    where = machine.choose_device(device)
    plan = plan_network(recipe, len(dataset.figures), weights, seed)
    place = Workplace(target)
    place.open(resume=resume, overwrite=overwrite)
    try:
        watch.begin("reading photos", len(dataset.photos))
        sample = prepare(
            dataset, recipe, place.folder, skip_bad=skip_bad, progress=lambda n, _: watch.advance(n)
        )
        for line in summarise(sample.findings):
            watch.note(line)
        with closing(sample), machine.repeatable():
            # Without measuring, one photo of a figure is enough to learn from.
            require_trainable(sample.dataset, photos_each=2 if recipe.folds else 0)
            run = Run(sample, recipe, plan, seed, where, place, OneAtATime(watch))
            place.agree(run.describe())
            watch.expect((len(run.parts) + 1) * recipe.epochs)
            outcome = run.train()
            judgement = judge(outcome.answers, sample)
            watch.begin("writing the model", 1)
            delivery = Delivery(
                plan=plan,
                network=outcome.network,
                sample=sample,
                outputs=outcome.outputs,
                recipe=recipe,
                seed=seed,
                device=run.device.type,
                seconds=time.perf_counter() - started,
                history=outcome.history,
                judgement=judgement,
            )
            deliver(delivery, target, thumbnails=thumbnails, overwrite=overwrite)
    except BaseException:  # Ctrl-C, too
        place.leave()
        raise
    place.remove()
    watch.advance(1)
    photos = len(sample.dataset.photos)
    return TrainingResult(
        path=target,
        accuracy=judgement.accuracy,
        calibration=judgement.calibration,
        photos=photos,
        seconds=time.perf_counter() - started,
    )
