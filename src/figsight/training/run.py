"""From labelled photos to a bundle: measure on unseen photos, then train on everything.

The order of things; each of them is done in a room of its own.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from figsight import bundle
from figsight.bundle.runtime import count_threads
from figsight.dataset import Dataset, read, require_trainable
from figsight.dataset.choosing import kept_aside, training_part
from figsight.dataset.summarising import summarise, summarise_odd
from figsight.training import machine
from figsight.training.adapting import adapt, look_at
from figsight.training.asked import require_positive
from figsight.training.budget import Timetable
from figsight.training.delivery import Delivery, deliver
from figsight.training.entry import TrainingResult
from figsight.training.export import draw_blank
from figsight.training.judging import judge
from figsight.training.measuring import Run
from figsight.training.names import say_undealt
from figsight.training.network import plan_network
from figsight.training.progress import OneAtATime
from figsight.training.recipe import Recipe, change_recipe, read_recipe
from figsight.training.sample import prepare
from figsight.training.symmetry import judge_mirrored, spare_figures
from figsight.training.versions import list_versions
from figsight.training.workplace import Workplace

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import torch

    from figsight.dataset import Photo
    from figsight.dataset.findings import Findings
    from figsight.training.budget import Budget
    from figsight.training.entry import TrainingOptions
    from figsight.training.export import Blank
    from figsight.training.network import Plan
    from figsight.training.sample import Sample

# Seconds for judging, checking and writing when the networks of a run have ended.
REST = 1.5
REST_A_PHOTO = 0.002
DRAWING = 20.0  # more, where the graph could not be drawn beforehand


def train(
    data: str | os.PathLike[str] | Dataset, out: str | os.PathLike[str], options: TrainingOptions
) -> TrainingResult:
    """Train a classifier, as ``entry.train`` says; one at a time in a process."""
    # Before waiting for whoever is at work, and once more when that has ended.
    bundle.check_target(out, overwrite=options.overwrite)
    Workplace(Path(out)).require_free()
    with machine.alone(options.watch.note) as waited, machine.plain_tensors():
        if options.budget is not None:
            later = replace(options.budget, began=options.budget.began + waited)
            options = replace(options, budget=later)
        try:
            return _train(data, out, options)
        finally:
            machine.hand_back_memory()


def _train(
    data: str | os.PathLike[str] | Dataset, out: str | os.PathLike[str], options: TrainingOptions
) -> TrainingResult:
    started = time.perf_counter()
    target, watch = Path(out), options.watch
    bundle.check_target(target, overwrite=options.overwrite)
    recipe = _read_recipe(options)
    whole = data if isinstance(data, Dataset) else read(data, skip_missing=options.skip_bad)
    dataset, aside = training_part(whole), kept_aside(whole)
    positive = require_positive(dataset, options.positive, options.sensitivity)
    recipe = adapt(recipe, look_at(dataset), len(dataset.photos), len(dataset.figures))
    versions = list_versions()  # now, and not when hours have gone into a model
    machine.keep_freed_memory()
    device = machine.choose_device(options.device)
    plan = plan_network(recipe, len(dataset.figures), options.weights, options.seed)
    place = Workplace(target)
    place.open(resume=options.resume, overwrite=options.overwrite)
    try:
        sample, blank = _look_at_photos(dataset, aside, recipe, plan, place, options)
        with closing(sample), machine.repeatable():
            run = _prepare(sample, recipe, plan, device, place, options, drawn=blank is not None)
            place.agree(run.describe())
            outcome = run.train()
            machine.hand_back_memory()
            judgement = judge(outcome.answers, sample, positive, options.sensitivity)
            watch.begin("writing the model", 1)
            delivery = Delivery(
                plan=plan,
                network=outcome.network,
                sample=sample,
                own=outcome.own,
                recipe=outcome.recipe,
                seed=options.seed,
                device=device.type,
                seconds=time.perf_counter() - started,
                history=outcome.history,
                judgement=judgement,
                versions=versions,
                blank=blank,
                budget=options.budget.seconds if options.budget else None,
            )
            kept = deliver(
                delivery, target, thumbnails=options.thumbnails, overwrite=options.overwrite
            )
    except BaseException:  # Ctrl-C, too
        place.leave()
        raise
    place.remove()
    watch.advance(1)
    for line in run.table.look_back() if run.table else []:
        watch.note(line)
    return TrainingResult(
        path=target,
        accuracy=judgement.accuracy,
        calibration=kept,
        figures=sample.dataset.figures,
        photos=len(sample.dataset.photos),
        seconds=time.perf_counter() - started,
    )


def _read_recipe(options: TrainingOptions) -> Recipe:
    """Return the recipe with what is asked for instead."""
    recipe = options.recipe
    if not isinstance(recipe, Recipe):
        recipe = read_recipe(recipe)
    recipe = change_recipe(
        recipe, backbone=options.backbone, epochs=options.epochs, folds=options.folds
    )
    # A budget buys what is measured, too: the other fifths come late in its order.
    return recipe if options.budget is None else change_recipe(recipe, min_held=0)


def _look_at_photos(
    dataset: Dataset,
    aside: Sequence[Photo],
    recipe: Recipe,
    plan: Plan,
    place: Workplace,
    options: TrainingOptions,
) -> tuple[Sample, Blank | None]:
    """Read the photos and say what there is to say of them; draw the graph to deliver beside that."""
    watch = options.watch
    watch.begin("reading photos", len(dataset.photos) + len(aside))
    sample, blank = _read_and_draw(
        plan,
        recipe,
        partial(
            prepare,
            dataset,
            recipe,
            place.folder,
            aside=aside,
            skip_bad=options.skip_bad,
            progress=lambda n, _: watch.advance(n),
        ),
    )
    for line in _say_what_was_seen(sample, judge_mirrored(plan, recipe, sample)):
        watch.note(line)
    if len(sample.dataset.figures) < len(dataset.figures):
        blank = None  # it has a place for figures without a readable photo
    return sample, blank


def _say_what_was_seen(sample: Sample, findings: Findings) -> list[str]:
    """Return the short form of an audit, and what training leaves out because of it."""
    lines = summarise(findings) + summarise_odd(sample.findings.photos, sample.odd)
    if sample.leaked:
        n = len(sample.leaked)
        lines.append(
            f"{n} of the photos to learn from {'is' if n == 1 else 'are'} left out: "
            f"{'it is a copy' if n == 1 else 'they are copies'} of photos that are kept aside, or of "
            f"their groups, and a test on those would say nothing"
        )
    return lines


def _prepare(
    sample: Sample,
    recipe: Recipe,
    plan: Plan,
    device: torch.device,
    place: Workplace,
    options: TrainingOptions,
    *,
    drawn: bool,
) -> Run:
    """Decide which networks there are and what they learn from, before the first of them begins."""
    # Without measuring, one photo of a figure is enough to learn from.
    require_trainable(sample.dataset, photos_each=2 if recipe.folds else 0)
    watch = options.watch
    asked = options.positive is not None or options.sensitivity is not None
    if asked and not recipe.folds:
        watch.note(
            "nothing will be measured, so that the model has no threshold, and does not keep which figure "
            "is looked for"
        )
    recipe = spare_figures(recipe, plan, sample, device, watch.note)
    table = None
    if options.budget is not None:
        rest = _expect_rest(len(sample.labels), drawn=drawn)
        cores = count_threads() if device.type == "cpu" else 1
        table = _plan_time(options.budget, place, recipe, rest, cores, watch.note)
    run = Run(sample, recipe, plan, options.seed, device, place, OneAtATime(watch), table)
    if run.undealt:
        watch.note(say_undealt(run.undealt, recipe.left_out))
    return run


def _read_and_draw(
    plan: Plan, recipe: Recipe, read_photos: Callable[[], Sample]
) -> tuple[Sample, Blank | None]:
    """Read the photos, and draw the graph to deliver beside that.

    Reading waits for the disk, and nothing of torch may run beside drawing.
    """
    with ThreadPoolExecutor(1, "figsight-draw") as aside, ExitStack() as opened:
        drawn = aside.submit(_draw, plan, recipe)
        # Before the pool joins its thread: up to Python 3.12, Ctrl-C during that makes Python forget
        # the thread and end below it, which torch answers with abort().
        opened.callback(wait, [drawn])
        sample = opened.enter_context(closing(read_photos()))
        blank = drawn.result()
        opened.pop_all()  # all went well: the caller closes the sample
    return sample, blank


def _draw(plan: Plan, recipe: Recipe) -> Blank | None:
    """Draw the graph to deliver, if its weights can be put in later."""
    if recipe.norms != "folded":  # the exporter would multiply norms into convolutions itself
        return None
    size, figures = recipe.image_size, plan.network.head.out_features
    return draw_blank(plan.network, (size, size), (recipe.backbone, size, figures))


def _expect_rest(photos: int, *, drawn: bool) -> float:
    """Return how many seconds a run takes when its networks have ended, on a machine of its own."""
    return REST + REST_A_PHOTO * photos + (0.0 if drawn else DRAWING)


def _plan_time(
    budget: Budget,
    place: Workplace,
    recipe: Recipe,
    rest: float,
    cores: int,
    note: Callable[[str], None],
) -> Timetable:
    """Plan the networks of a run into what is left of a budget."""
    spent = place.load_state().get("spent", 0.0)  # before an interruption
    return Timetable(
        replace(budget, began=budget.began - spent),
        usual=recipe.epochs,
        side=recipe.view_size or recipe.image_size,
        asked_side=recipe.image_size,
        rest=rest,
        cores=cores,
        note=note,
    )
