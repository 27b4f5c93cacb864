"""fastai's ``vision_learner(...).fine_tune`` on the shared network and weights, with its defaults.

Two ways to load photos, both from its own pages: ``fastai`` as its book does for a few hundred
photos (``RandomResizedCrop(224, min_scale=0.5)``, ``aug_transforms()``), ``fastai-quick`` as its
quick start does (``Resize(224)``, nothing varied; cheaper). Optimiser, schedule, head, batch size and
number of loading processes are what fastai chooses. Users choose the number of epochs, so several
are run: each is a run of its own, because the schedule depends on it. ``fine_tune(n)`` is one epoch of
the head and n of everything.

The weights are given as timm's ``pretrained`` ones from a file, so that scaling and freezing happen as
they do with downloaded ones.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.tasks import Peer

if TYPE_CHECKING:
    from benchmarks.peers.tasks import Run

RUNGS = (1, 5, 10, 20)


def train(run: Run, *, varied: bool) -> list[int] | None:
    """Fine-tune for the epochs that the setting names."""
    vision: Any = import_module("fastai.vision.all")
    task = run.task
    vision.set_seed(task.seed)
    epochs = int(task.setting.removeprefix("fine_tune-"))
    paths, labels = task.train + task.held, task.train_labels + task.held_labels
    crop = vision.RandomResizedCrop(224, min_scale=0.5) if varied else vision.Resize(224)
    label_of = dict(zip(paths, labels, strict=True))

    def get_label(path: str) -> int:
        return label_of[path]

    block = vision.DataBlock(
        blocks=(vision.ImageBlock, vision.CategoryBlock(vocab=list(range(len(task.classes))))),
        get_y=get_label,
        splitter=vision.IndexSplitter(range(len(task.train), len(paths))),
        item_tfms=crop,
        batch_tfms=vision.aug_transforms() if varied else None,
    )
    loaders = block.dataloaders(paths)
    learner = vision.vision_learner(
        loaders,
        task.backbone,
        metrics=vision.accuracy,
        path=task.folder,
        pretrained_cfg_overlay={"file": task.weights},
        cbs=_make_callback(vision, run, epochs + 1),
    )
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(epochs)
        if run.is_enough:
            return None
        with run.clock.paused():
            probabilities, _ = learner.get_preds(dl=loaders.valid)
    return [int(label) for label in probabilities.argmax(1)]


def _make_callback(vision: Any, run: Run, whole: int) -> Any:
    """Return what stops the clock while fastai asks held-out photos, and ends a run in part."""

    class Watch(vision.Callback):  # type: ignore[misc]
        order = 100  # after the recorder, which writes the accuracy down

        def before_fit(self) -> None:
            run.begin(whole)
            if run.is_enough:  # fine_tune goes on with its second half
                raise vision.CancelFitException

        def before_validate(self) -> None:
            run.clock.pause()

        def after_validate(self) -> None:
            run.clock.resume()

        def after_epoch(self) -> None:
            if len(run.curve) == whole:  # asking for predictions in the end counts as one, too
                return
            run.mark(float(self.learn.recorder.values[-1][-1]))
            if run.is_enough:
                raise vision.CancelFitException

    return Watch()


PEERS = tuple(
    Peer(
        name=name,
        title=title,
        about=f"`vision_learner(...).fine_tune(n)` with {loading}; the rest are fastai's "
        "defaults. Same network and weights.",
        settings=tuple(f"fine_tune-{n}" for n in RUNGS),
        train=partial(train, varied=varied),
        install="fastai",
        headline="fine_tune-10",
    )
    for name, title, loading, varied in (
        (
            "fastai",
            "fastai",
            "`RandomResizedCrop(224, min_scale=0.5)` and `aug_transforms()`",
            True,
        ),
        ("fastai-quick", "fastai, quick start", "`Resize(224)` and no variation", False),
    )
)
