"""The networks of one run: those that measure, each without a part of the photos, and the final one.

Knows folds and checkpoints. Does not know how a step is made, nor what becomes of the numbers.
"""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from figsight.bundle.runtime import count_threads
from figsight.training.answers import Answers
from figsight.training.checkpoint import EpochRecord
from figsight.training.fit import TrainingSet, fit, seeded
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
class Outcome:
    """What a run has come to.

    Attributes:
        network: The final one, trained on all photos, on the CPU.
        outputs: What it says of them.
        answers: What each measuring network said.
        history: Every epoch of every network.
    """

    network: Network
    outputs: Outputs
    answers: list[Answers]
    history: list[EpochRecord]


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
            figures=len(self.sample.dataset.figures),
            n_folds=self.recipe.folds,
            left_out=self.recipe.left_out if self.recipe.folds else 0,
            seed=self.seed,
        )

    def train(self) -> Outcome:
        """Train all networks, as many at a time as there are cores, each on its own share of them.

        Two networks on a core each take two thirds of the time of one after the other on both:
        layers are small, and cores that share one wait for each other after each. The numbers of a
        network depend on its threads, not on what else runs.
        """
        before = torch.get_num_threads()
        cores = count_threads() if self.device.type == "cpu" else 1
        at_once = min(cores, len(self.parts) + 1)
        stop = Event()
        pool = ThreadPoolExecutor(
            at_once, "figsight-train", torch.set_num_threads, (cores // at_once,)
        )
        try:
            # The longest first: the others then fill the time beside it.
            final = pool.submit(self._finish, stop)
            parts = [pool.submit(self._one, part, stop) for part in self.parts]
            futures: list[Future[Any]] = [final, *parts]
            for one in wait(futures, return_when=FIRST_EXCEPTION).done:
                one.result()  # raises what it raised
            network, outputs, history = final.result()
            measured = [one.result() for one in parts]
        except BaseException:  # Ctrl-C, too
            stop.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            torch.set_num_threads(before)
        return Outcome(
            network=network,
            outputs=outputs,
            answers=[answers for answers, _ in measured],
            history=[record for _, records in measured for record in records] + history,
        )

    def _finish(self, stop: Event) -> tuple[Network, Outputs, list[EpochRecord]]:
        """Train the final network on all photos; return it on the CPU, with what it says of them."""
        everything, figures = np.arange(len(self.sample.labels)), len(self.sample.dataset.figures)
        network, history = self._train("final", everything, np.arange(figures), stop)
        outputs = answer(network, self.sample.exact.pixels, everything, self.device)
        return network.cpu(), outputs, history

    def _one(self, part: Part, stop: Event) -> tuple[Answers, list[EpochRecord]]:
        done = self.place.load_outputs(part.run)
        if done is not None:
            history = done.pop("history").tolist()
            return Answers(part, **done), [
                EpochRecord(part.run, int(epoch), *numbers) for epoch, *numbers in history
            ]
        network, history = self._train(part.run, part.kept, part.figures, stop)
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
        self, run: str, photos: NDArray[np.intp], figures: NDArray[np.intp], stop: Event
    ) -> tuple[Network, list[EpochRecord]]:
        self.watch.begin(run, self.recipe.epochs)
        # The head of a network that is not taught all figures has no place for the others.
        labels = np.searchsorted(figures, self.sample.labels)
        side = self.recipe.view_size or self.recipe.image_size
        return fit(
            self.plan.fresh(len(figures), seeded(self.seed, run, -1)),
            TrainingSet(self.sample.stored.pixels, photos, labels, (side, side)),
            self.recipe,
            run=run,
            seed=self.seed,
            device=self.device,
            checkpoint=self.place.checkpoint(run),
            watch=self.watch,
            stop=stop,
        )
