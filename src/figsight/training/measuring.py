"""The networks of one run: those that measure, each without a part of the photos, and the final one.

Knows folds and checkpoints. Does not know how a step is made, nor what becomes of the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from figsight.dataset.splits import folds, holdout
from figsight.training.checkpoint import EpochRecord
from figsight.training.fit import TrainingSet, fit
from figsight.training.judging import Unseen
from figsight.training.network import Outputs, Plan, answer

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from figsight.training.backbones import Network
    from figsight.training.progress import Watcher
    from figsight.training.recipe import Recipe
    from figsight.training.sample import Sample
    from figsight.training.workplace import Workplace

HOLDOUT = 0.2  # the share of each class that is held out when a recipe measures on one part only


@dataclass(frozen=True, eq=False)
class Run:
    """Photos, a recipe and a place to work: everything that the networks of one run share."""

    sample: Sample
    recipe: Recipe
    plan: Plan
    seed: int
    device: torch.device
    place: Workplace
    watch: Watcher

    def describe(self) -> dict[str, Any]:
        """Return what a resumed run must have in common with the one that it goes on with."""
        return {
            "recipe": msgspec.to_builtins(self.recipe),
            "seed": self.seed,
            "weights": self.plan.weights.sha256,
            "device": self.device.type,
            "photos": self.sample.photos_fingerprint,
            "order": [photo.path for photo in self.sample.dataset.photos],
            "labels": self.sample.labels.tolist(),
        }

    def parts(self) -> list[NDArray[np.intp]]:
        """Return the photos that each measuring network is kept from."""
        labels, groups = self.sample.labels.tolist(), self.sample.groups
        if self.recipe.folds == 0:
            return []
        if self.recipe.folds == 1:
            return [holdout(labels, groups, HOLDOUT, self.seed)[1]]
        return folds(labels, groups, min(self.recipe.folds, len(set(groups))), self.seed)

    def measure(self) -> tuple[Unseen | None, list[EpochRecord]]:
        """Train the measuring networks, and ask each about the photos that it was kept from."""
        parts = self.parts()
        everything = np.arange(len(self.sample.labels))
        said, history = [], []
        for number, held in enumerate(parts, 1):
            run = f"fold {number}" if len(parts) > 1 else "holdout"
            kept = np.setdiff1d(everything, held)
            outputs, records = self._one(run, kept, held)
            said.append(outputs)
            history += records
        if not said:
            return None, []
        protocol = f"{len(parts)}-fold cross-validation" if len(parts) > 1 else "a held-out fifth"
        unseen = Unseen(
            photos=np.concatenate(parts),
            logits=np.concatenate([outputs.logits for outputs in said]),
            embeddings=np.concatenate([outputs.embeddings for outputs in said]),
            network=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
            protocol=f"{protocol}, copies kept together, by networks trained like this one",
        )
        return unseen, history

    def finish(self) -> tuple[Network, Outputs, list[EpochRecord]]:
        """Train the final network on all photos; return it on the CPU, with what it says of them."""
        everything = np.arange(len(self.sample.labels))
        network, history = self._train("final", everything)
        outputs = answer(network, self.sample.exact.pixels, everything, self.device)
        return network.cpu(), outputs, history

    def _one(
        self, run: str, kept: NDArray[np.intp], held: NDArray[np.intp]
    ) -> tuple[Outputs, list[EpochRecord]]:
        done = self.place.load_outputs(run)
        if done is not None:
            history = [EpochRecord(run, *row) for row in done["history"].tolist()]
            return Outputs(done["logits"], done["embeddings"]), [
                EpochRecord(run, int(r.epoch), r.loss, r.accuracy, r.seconds) for r in history
            ]
        network, history = self._train(run, kept)
        outputs = answer(network, self.sample.exact.pixels, held, self.device)
        rows = [[r.epoch, r.loss, r.accuracy, r.seconds] for r in history]
        arrays = {"logits": outputs.logits, "embeddings": outputs.embeddings}
        self.place.save_outputs(run, arrays | {"history": np.array(rows, np.float64)})
        self.place.checkpoint(run).unlink(missing_ok=True)
        return outputs, history

    def _train(self, run: str, photos: NDArray[np.intp]) -> tuple[Network, list[EpochRecord]]:
        self.watch.begin(run, self.recipe.epochs)
        stored = self.sample.stored
        size = (self.recipe.image_size, self.recipe.image_size)
        return fit(
            self.plan.fresh(),
            TrainingSet(stored.pixels, photos, self.sample.labels, size),
            self.recipe,
            run=run,
            seed=self.seed,
            device=self.device,
            checkpoint=self.place.checkpoint(run),
            watch=self.watch,
        )
