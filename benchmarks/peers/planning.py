"""What is the same for all peers: photos, folds, starting weights, and the runs to be made.

Folds are dealt by figsight: stratified by class, copies on one side; another seed deals anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.peers.tasks import Task

from figsight.dataset import read, require_trainable
from figsight.dataset.choosing import training_part
from figsight.dataset.groups import read_groups
from figsight.dataset.splits import folds as make_folds
from figsight.errors import DataError, OutputError
from figsight.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from benchmarks.peers.tasks import Peer
    from numpy.typing import NDArray

BACKBONE = "tf_efficientnet_lite0"


@dataclass(frozen=True, eq=False)
class Photos:
    """The photos of the benchmark and how they are dealt.

    Attributes:
        data: What was read.
        paths: Of each photo.
        labels: The class of each, 0..K-1.
        groups: The key of what each must stay together with.
        classes: The id of each class.
        n_folds: How many parts they are dealt into.
        sha256: Of all photos, their labels and the number of folds: what results depend on.
    """

    data: str
    paths: list[str]
    labels: list[int]
    groups: list[str]
    classes: list[str]
    n_folds: int
    sha256: str

    def deal(self, seed: int) -> list[NDArray[np.intp]]:
        """Return for each fold the photos that it holds out."""
        return make_folds(self.labels, self.groups, self.n_folds, seed)


@dataclass(frozen=True)
class Job:
    """One run to be made.

    Attributes:
        peer: Who.
        setting: With what.
        seed: Of the deal and of the training.
        fold: Which part is held out, from 0.
    """

    peer: Peer
    setting: str
    seed: int
    fold: int

    def place(self, folder: Path) -> Path:
        """Return the file of its result."""
        where = folder / "runs" / f"seed-{self.seed}" / f"fold-{self.fold}"
        return where / f"{self.peer.name}--{self.setting}.json"

    def __str__(self) -> str:
        return f"seed {self.seed} fold {self.fold} {self.peer.name}:{self.setting}"


def read_photos(data: str, n_folds: int) -> Photos:
    """Read the photos and find which belong together.

    Raises:
        FigsightError: They cannot be used; or they lie in a zip, where other tools cannot read them.
    """
    dataset = training_part(read(data))
    if any(photo.member is not None for photo in dataset.photos):
        raise DataError(f"{data}: expected photos in files of their own, found a zip; unpack it")
    found = read_groups(dataset, skip_bad=True)
    require_trainable(found.dataset, photos_each=2)
    photos, labels = found.dataset.photos, found.dataset.labels()
    stated = json.dumps([found.sha256, labels, found.groups, n_folds])
    return Photos(
        data=data,
        paths=[str(photo.file) for photo in photos],
        labels=labels,
        groups=found.groups,
        classes=[figure.id for figure in found.dataset.figures],
        n_folds=n_folds,
        sha256=hashlib.sha256(stated.encode()).hexdigest(),
    )


def agree(photos: Photos, folder: Path) -> None:
    """Write down what the folder's results are of, or refuse a folder of something else.

    Raises:
        OutputError: It holds results on other photos, labels or folds.
    """
    path = folder / "plan.json"
    plan = {
        "photos": photos.sha256,
        "n_photos": len(photos.paths),
        "n_classes": len(photos.classes),
        "n_folds": photos.n_folds,
        "backbone": BACKBONE,
    }
    if path.exists():
        if json.loads(path.read_text("utf-8")) != plan:
            raise OutputError(
                f"{folder}: expected results on these photos and folds, found others'; "
                "name another folder"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_whole({path: json.dumps(plan, indent=2).encode()})


def write_weights(folder: Path) -> Path:
    """Write the starting weights of the shared network, without a head, and return their file.

    They are those that figsight itself starts from: timm's network with the pip package's weights.
    """
    path = folder / f"{BACKBONE}.safetensors"
    if not path.exists():
        from safetensors.torch import save

        from figsight.training.backbones import build

        network, _ = build(BACKBONE, 2, weights=None)
        head = f"{network.head_name}."
        state = network.backbone.state_dict()
        tensors = {name: one for name, one in state.items() if not name.startswith(head)}
        write_whole({path: save(tensors)})
    return path


def list_jobs(
    chosen: Sequence[tuple[Peer, str]], seeds: Sequence[int], folds: Sequence[int]
) -> list[Job]:
    """Return the runs to be made: peer by peer within a fold, so that noise meets all alike."""
    return [
        Job(peer, setting, seed, fold)
        for seed in seeds
        for fold in folds
        for peer, setting in chosen
    ]


def make_task(
    job: Job, photos: Photos, held: Sequence[int], weights: Path, epochs: int | None
) -> Task:
    """Return what a worker is given; ``held`` are the photos that it must not learn from."""
    out = set(held)
    train = [i for i in range(len(photos.paths)) if i not in out]
    return Task(
        setting=job.setting,
        seed=job.seed,
        train=[photos.paths[i] for i in train],
        train_labels=[photos.labels[i] for i in train],
        held=[photos.paths[i] for i in held],
        held_labels=[photos.labels[i] for i in held],
        classes=photos.classes,
        weights=str(weights),
        backbone=BACKBONE,
        data=photos.data,
        epochs=epochs,
    )
