"""The networks of one run: those that measure, each without a part of the photos, and the final one.

Knows folds and checkpoints. Does not know how a step is made, nor what becomes of the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from figsight.training.answers import Answers
from figsight.training.checkpoint import EpochRecord
from figsight.training.fit import TrainingSet, fit
from figsight.training.network import Outputs, Plan, answer
from figsight.training.parts import Part, deal_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.training.backbones import Network
    from figsight.training.progress import Watcher
    from figsight.training.recipe import Recipe
    from figsight.training.sample import Sample
    from figsight.training.workplace import Workplace


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

    @cached_property
    def parts(self) -> list[Part]:
        """What each measuring network is kept from."""
        return deal_parts(
            self.sample.labels,
            self.sample.groups,
            n_folds=self.recipe.folds,
            left_out=self.recipe.left_out if self.recipe.folds else 0,
            seed=self.seed,
        )

    def measure(self) -> tuple[list[Answers], list[EpochRecord]]:
        """Train the measuring networks, and ask each about the photos that it was kept from."""
        answers, history = [], []
        for part in self.parts:
            found, records = self._one(part)
            answers.append(found)
            history += records
        return answers, history

    def finish(self) -> tuple[Network, Outputs, list[EpochRecord]]:
        """Train the final network on all photos; return it on the CPU, with what it says of them."""
        everything = np.arange(len(self.sample.labels))
        network, history = self._train("final", everything, np.unique(self.sample.labels))
        outputs = answer(network, self.sample.exact.pixels, everything, self.device)
        return network.cpu(), outputs, history

    def _one(self, part: Part) -> tuple[Answers, list[EpochRecord]]:
        done = self.place.load_outputs(part.run)
        if done is not None:
            history = done.pop("history").tolist()
            return Answers(part, **done), [
                EpochRecord(part.run, int(epoch), *numbers) for epoch, *numbers in history
            ]
        network, history = self._train(part.run, part.kept, part.figures)
        pixels = self.sample.exact.pixels
        held, own, strangers = (
            answer(network, pixels, photos, self.device)
            for photos in (part.held, part.kept, part.strangers)
        )
        arrays = {
            "logits": held.logits,
            "embeddings": held.embeddings,
            "own_embeddings": own.embeddings,
            "stranger_logits": strangers.logits,
            "stranger_embeddings": strangers.embeddings,
        }
        rows = [[r.epoch, r.loss, r.accuracy, r.seconds] for r in history]
        self.place.save_outputs(part.run, arrays | {"history": np.array(rows, np.float64)})
        self.place.checkpoint(part.run).unlink(missing_ok=True)
        return Answers(part, **arrays), history

    def _train(
        self, run: str, photos: NDArray[np.intp], figures: NDArray[np.intp]
    ) -> tuple[Network, list[EpochRecord]]:
        self.watch.begin(run, self.recipe.epochs)
        # The head of a network that is not taught all figures has no place for the others.
        labels = np.searchsorted(figures, self.sample.labels)
        side = self.recipe.view_size or self.recipe.image_size
        torch.manual_seed(self.seed)
        return fit(
            self.plan.fresh(len(figures)),
            TrainingSet(self.sample.stored.pixels, photos, labels, (side, side)),
            self.recipe,
            run=run,
            seed=self.seed,
            device=self.device,
            checkpoint=self.place.checkpoint(run),
            watch=self.watch,
        )
