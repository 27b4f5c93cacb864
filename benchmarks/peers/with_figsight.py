"""figsight itself, through its public functions: from labelled photos to the file that users ship.

Seconds are those from the start of the process to the written model: imports, reading and comparing
photos, training, export. What is asked about the held-out photos is that model, opened anew. There
is one point a run and no curve: a user gets a model at the end, not in between.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.tasks import Peer, UnavailableError

if TYPE_CHECKING:
    from benchmarks.peers.tasks import Run


def train_only(run: Run) -> list[int]:
    """Train the network that is delivered, and no other: what peers do, too."""
    return _train(run, folds=0)


def train_and_measure(run: Run) -> list[int]:
    """Train as ``figsight train`` does: with the networks by which it measures itself."""
    return _train(run)


def _train(run: Run, **options: Any) -> list[int]:
    import inspect

    import figsight
    from figsight.dataset.choosing import training_part

    task = run.task
    kind, _, value = task.setting.partition("-")
    if kind == "epochs":
        options["epochs"] = int(value)
    elif kind == "budget":
        if "budget" not in inspect.signature(figsight.train).parameters:
            raise UnavailableError("this figsight cannot train to a budget of time")
        options["budget"] = float(value.removesuffix("s"))
    dataset = training_part(figsight.read(task.data))
    mine = set(task.train)
    part = dataset.only(photo for photo in dataset.photos if str(photo.file) in mine)
    if len(part.photos) != len(mine):
        raise RuntimeError(f"expected {len(mine)} photos to learn from, found {len(part.photos)}")
    model = Path(task.folder) / "model"
    figsight.train(part, model, seed=task.seed, **options)
    run.clock.pause()
    index = {name: label for label, name in enumerate(task.classes)}
    with figsight.load(model) as classifier:
        answers = classifier.predict([Path(path) for path in task.held])
    predicted = [index[answer.class_id] for answer in answers]
    run.mark(run.share_right(predicted))
    return predicted


PEERS = (
    Peer(
        name="figsight",
        title="figsight",
        about="The default recipe, training only (`figsight train --folds 0`): one network, the "
        "model written and opened. Shorter runs by `--epochs` and `--budget`.",
        settings=(
            "default",
            "epochs-4",
            "epochs-8",
            "budget-30s",
            "budget-60s",
            "budget-90s",
            "budget-180s",
        ),
        train=train_only,
        install="figsight[train]",
        headline="default",
        is_figsight=True,
    ),
    Peer(
        name="figsight-measuring",
        title="figsight, measuring itself",
        about="`figsight train` as it is: the networks that measure accuracy, calibration and "
        "unknown figures are trained besides, in the same time. No other peer does that.",
        settings=("default", "budget-60s", "budget-180s"),
        train=train_and_measure,
        install="figsight[train]",
        headline="default",
        is_figsight=True,
    ),
)
