"""The networks of one run: those that measure, each without a part of the photos, and the final one.

Knows folds and checkpoints. Does not know how a step is made, nor what becomes of the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from figsight.bundle.runtime import count_threads
from figsight.errors import RecipeError
from figsight.images import CHANGES
from figsight.training.answers import Answers
from figsight.training.budget import list_wishes, state_of
from figsight.training.checkpoint import EpochRecord
from figsight.training.fit import TrainingSet, fit, seeded
from figsight.training.names import FINAL, call, say_parts, say_unlearned
from figsight.training.network import Plan, answer, ask_own, count_changed
from figsight.training.pace import Budgeted, Steady, divide_epoch
from figsight.training.parts import LEFT_OUT, Part, deal_more, deal_parts
from figsight.training.recipe import change_recipe
from figsight.training.soup import Soup
from figsight.training.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from figsight.training.answers import Own
    from figsight.training.backbones import Network
    from figsight.training.budget import Timetable
    from figsight.training.pace import Pace
    from figsight.training.progress import Watcher
    from figsight.training.recipe import Recipe
    from figsight.training.sample import Sample
    from figsight.training.workplace import Workplace

ALIKE = 1e-6  # of the largest number in an embedding: what rounding makes of the same photo
LOUDEST = 65_504.0  # that a bundle's gallery can hold (float16); embeddings are of the order of 1
LACKING = "too short to measure how unknown figures are recognised"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run has come to.

    Attributes:
        network: The final one, trained on all photos, on the CPU.
        own: What it says of them.
        answers: What each measuring network said.
        history: Every epoch of every network.
        recipe: As it was carried out: a budget has a say in it.
    """

    network: Network
    own: Own
    answers: list[Answers]
    history: list[EpochRecord]
    recipe: Recipe


@dataclass(frozen=True, eq=False)
class _Trained:
    """What a job has come to: the final network, or the answers of one that measures.

    Nothing of these for an ingredient that was not the last of its network.
    """

    history: list[EpochRecord] = field(default_factory=list)
    final: tuple[Network, Own] | None = None
    answers: Answers | None = None


@dataclass(eq=False)
class Run:
    """Photos, a recipe and a place to work: everything that the networks of one run share.

    Attributes:
        table: Decides how long networks learn, and how many there are; None: the recipe does.
        parts: What each measuring network is kept from; grows while there is time.
        ingredients: Networks that learn for each that is asked or delivered; likewise.
    """

    sample: Sample
    recipe: Recipe
    plan: Plan
    seed: int
    device: torch.device
    place: Workplace
    watch: Watcher
    table: Timetable | None = None
    parts: list[Part] = field(default_factory=list)
    ingredients: int = 1
    _soups: dict[str, Soup] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Deal the photos of the networks that there are in any case."""
        left_out = self.recipe.left_out if self.recipe.folds and self.table is None else 0
        self.parts += deal_parts(
            self.sample.labels,
            self.sample.groups,
            figures=len(self.sample.dataset.figures),
            n_folds=self.recipe.folds,
            left_out=left_out,
            seed=self.seed,
        )
        self.ingredients = self.recipe.ingredients
        if self.table is not None:  # at first no more than there are cores for, which cost no time
            idle = self._cores() // (1 + len(self.parts))
            self.ingredients = min(self.ingredients, max(1, idle))

    def describe(self) -> dict[str, Any]:
        """Return what a resumed run must have in common with the one that it goes on with."""
        return {
            "recipe": msgspec.to_builtins(self.recipe),
            "seed": self.seed,
            "weights": self.plan.weights.sha256,
            "device": self.device.type,
            "photos": self.sample.photos_fingerprint,
            "contents": [sha256[:16] for sha256 in self.sample.sha256],
            "groups": self.sample.groups,
            "order": [photo.path for photo in self.sample.dataset.photos],
            "labels": self.sample.labels.tolist(),
            "cameras": len(CHANGES),  # what networks that have ended were asked about
            "budget": self.table.budget.seconds if self.table else None,
        }

    @property
    def undealt(self) -> int:
        """How many networks that are to leave figures out there cannot be, whatever the time."""
        if not self.recipe.folds or len(np.unique(self.sample.labels)) < LEFT_OUT:
            return 0  # nobody expects any
        ahead = self.parts if self.table is None else [one for b in self._blocks for one in b]
        return max(0, self.recipe.left_out - sum(len(one.strangers) > 0 for one in ahead))

    def train(self) -> Outcome:
        """Train all networks, as many at a time as there are cores, each on its own share of them.

        The numbers of a network depend on its threads, not on what else runs.
        """
        before = torch.get_num_threads()
        cores = self._cores()
        self._go_on()
        # The longest first: the others then fill the time beside it.
        jobs = self._begin([None, *self.parts], self.ingredients)
        self._keep()
        at_once = min(cores, len(jobs))
        self.watch.expect(self._learning() * self.recipe.epochs)
        try:
            turns = Turns(jobs, at_once, self._more if self.table else None)
            trained = turns.run(lambda: torch.set_num_threads(cores // at_once))
        finally:
            torch.set_num_threads(before)
        (network, own), final = next((t.final, t.history) for t in trained if t.final)
        measured = [one for one in trained if one.answers is not None]
        answers = [one.answers for one in measured if one.answers is not None]
        return Outcome(
            network=network,
            own=own,
            answers=answers,
            history=[*(row for one in measured for row in one.history), *final],
            recipe=self._carried_out(final, answers),
        )

    def _learning(self) -> int:
        return sum(soup.expected for soup in list(self._soups.values()))  # others may add to it

    def _cores(self) -> int:
        return count_threads() if self.device.type == "cpu" else 1

    def _carried_out(self, final: list[EpochRecord], answers: list[Answers]) -> Recipe:
        """Return the recipe with what photos and a budget made of it."""
        whole = sum(not len(one.part.strangers) for one in answers)
        recipe = change_recipe(self.recipe, folds=whole, left_out=len(answers) - whole)
        if self.table is None:
            return recipe
        epochs = sum(record.run == FINAL for record in final)
        return change_recipe(recipe, epochs=epochs, ingredients=self.ingredients)

    # ----------------------------------------------------------------- more networks, with time

    def _grow(self) -> list[list[Part]]:
        """Return what may be measured besides, and is not yet."""
        there = {part.run for part in self.parts}
        return [block for block in self._blocks if not there & {part.run for part in block}]

    @cached_property
    def _blocks(self) -> list[list[Part]]:
        """As ``deal_more`` says. Dealt once: they are asked for at every step, one thread at a time."""
        return deal_more(
            self.sample.labels,
            self.sample.groups,
            self.parts[0] if self.parts else None,
            figures=len(self.sample.dataset.figures),
            n_folds=self.recipe.folds,
            left_out=self.recipe.left_out,
            seed=self.seed,
        )

    def _more(self, idle: bool) -> list[Generator[float, None, _Trained]]:
        """Return the jobs of networks that there is time for, too."""
        table = self.table
        assert table is not None  # noqa: S101 - nobody else asks
        if table.settled and not idle:
            return []
        if idle:  # also when all ended before their speed was known
            table.settle()
        blocks = self._grow()
        if not table.settled:
            return self._decide(blocks[0] if blocks and len(blocks[0][0].strangers) else [])
        if not blocks or not table.time_for(
            [self._size(part) for part in blocks[0]] * self.ingredients
        ):
            return []
        self.watch.note(f"there is time left to measure more: {say_parts(blocks[0])}")
        self.parts.extend(blocks[0])
        return self._begin(blocks[0], self.ingredients)

    def _decide(self, left_out: list[Part]) -> list[Generator[float, None, _Trained]]:
        """Return the jobs of networks that there is time for from the start."""
        assert self.table is not None  # noqa: S101 - nobody else asks
        there, begun = [None, *self.parts], self.ingredients
        wishes = list_wishes(
            [self._size(part) for part in there],
            [self._size(part) for part in left_out],
            self.recipe.ingredients,
            begun,
        )
        option = self.table.decide([wish for _, wish in wishes], LACKING if left_out else "")
        if option is None:
            return []
        self.ingredients, _ = wishes[option]
        self.parts.extend(left_out)
        return [
            *self._begin(there, self.ingredients - begun),
            *self._begin(left_out, self.ingredients),
        ]

    def _begin(
        self, parts: Sequence[Part | None], ingredients: int
    ) -> list[Generator[float, None, _Trained]]:
        """Return the jobs of so many more ingredients of some networks; None stands for the final."""
        jobs = []
        for part in parts:
            run = FINAL if part is None else part.run
            if part is not None and (done := self.place.load_outputs(run)) is not None:
                jobs.append(self._recall(part, done))
                continue
            soup = self._soups.setdefault(run, Soup())
            there = soup.expected
            if not soup.expect(ingredients):
                continue
            for number in range(there, there + ingredients):
                if self.table is not None:
                    photos, asked = self._size(part)
                    self.table.join(call(run, number), photos, 0 if number else asked)
                jobs.append(self._learn(part, number))
        return jobs

    def _size(self, part: Part | None) -> tuple[int, int]:
        """Return how many photos a network learns from, and how many pictures it is asked about."""
        photos = len(self.sample.labels) if part is None else len(part.kept)
        changed = count_changed(self.plan.network, photos) if self.parts else 0
        others = 0 if part is None else len(part.held) + len(part.strangers)
        return photos, photos + changed + others

    def _go_on(self) -> None:
        """Take up what an interrupted run had decided."""
        state = self.place.load_state() if self.table else {}
        if self.table is None or not state:
            return
        if state["settled"]:
            self.table.settle()
        self.ingredients = state["ingredients"]
        for block in self._grow():
            self.parts.extend(part for part in block if part.run in state["runs"])

    def _keep(self) -> None:
        if self.table is not None:
            runs = [part.run for part in self.parts]
            self.place.save_state(state_of(self.table, runs, self.ingredients))

    # ----------------------------------------------------------------- one network

    def _learn(self, part: Part | None, number: int) -> Generator[float, None, _Trained]:
        """Train one ingredient; with the last one, ask the network that they make together."""
        run = FINAL if part is None else part.run
        name = call(run, number)
        if part is None:
            photos, figures = np.arange(len(self.sample.labels)), len(self.sample.dataset.figures)
            ingredient, records = yield from self._train(name, photos, np.arange(figures))
        else:
            ingredient, records = yield from self._train(name, part.kept, part.figures)
        soup = self._soups[run].add(number, ingredient, records)
        trained = _Trained()
        if soup is not None:
            network, history = soup
            whole = self._soups[run]
            if whole.spoilt or whole.hopeless:
                self.watch.note(say_unlearned(run, len(whole.spoilt), whole.expected))
            trained = self._finish(network, history) if part is None else self._ask(part, *soup)
        if self.table is not None:
            self.table.leave(name)
        return trained

    def _finish(self, network: Network, history: list[EpochRecord]) -> _Trained:
        """Ask the final network about all photos."""
        everything = np.arange(len(self.sample.labels))
        own = ask_own(network, self.sample.exact, everything, self.device, cameras=bool(self.parts))
        self._require_alive(own)
        return _Trained(history, final=(network.cpu(), own))

    def _ask(self, part: Part, network: Network, history: list[EpochRecord]) -> _Trained:
        """Ask a measuring network about its part of the photos, and keep what it says."""
        pixels = self.sample.exact
        held, strangers = (
            answer(network, pixels, photos, self.device) for photos in (part.held, part.strangers)
        )
        own = ask_own(network, pixels, part.kept, self.device)
        self._require_alive(own)
        answers = Answers(part, held, own, strangers)
        names = [call(part.run, number) for number in range(self.ingredients)]
        rows = [[names.index(r.run), r.epoch, r.loss, r.accuracy, r.seconds] for r in history]
        self._keep()
        numbers = {"history": np.array(rows, np.float64)}
        self.place.save_outputs(part.run, answers.arrays() | numbers)
        for name in names:
            self.place.checkpoint(name).unlink(missing_ok=True)
        return _Trained(history, answers=answers)

    def _require_alive(self, own: Own) -> None:
        """Raise when a network does not tell its own photos apart: too long a step, and it is lost."""
        low, high = own.embeddings.min(axis=0), own.embeddings.max(axis=0)
        most = float(max(np.abs(low).max(), np.abs(high).max()))  # NaN where there is one
        told = float((high - low).max()) > ALIKE * most or len(own.embeddings) == 1
        if not (told and most <= LOUDEST):
            self.place.give_up()
            raise RecipeError(
                f"recipe {self.recipe.name}: expected a network that tells photos apart, found one that "
                f"says the same of all {len(own.embeddings)} that it learned from, or nothing finite; "
                "lower the learning rates, or look whether the photos are all the same"
            )

    def _recall(
        self, part: Part, done: dict[str, NDArray[Any]]
    ) -> Generator[float, None, _Trained]:
        """Take up what a network said before an interruption: a job without steps."""
        yield from ()
        rows = done.pop("history").tolist()
        history = [
            EpochRecord(call(part.run, int(number)), int(epoch), *numbers)
            for number, epoch, *numbers in rows
        ]
        return _Trained(history, answers=Answers.from_arrays(part, done))

    def _train(
        self, run: str, photos: NDArray[np.intp], figures: NDArray[np.intp]
    ) -> Generator[float, None, tuple[Network, list[EpochRecord]]]:
        # The head of a network that is not taught all figures has no place for the others.
        labels = np.searchsorted(figures, self.sample.labels)
        side = self.recipe.view_size or self.recipe.image_size
        self.watch.begin(run, self.recipe.epochs)
        steps = fit(
            self.plan.fresh(len(figures), seeded(self.seed, run, -1)),
            TrainingSet(self.sample.stored, photos, labels, (side, side)),
            self.recipe,
            run=run,
            seed=self.seed,
            device=self.device,
            checkpoint=self.place.checkpoint(run),
            watch=self.watch,
            pace=self._pace(run, len(photos)),
        )
        return (yield from steps)

    def _pace(self, run: str, photos: int) -> Pace:
        """Say when a network will end."""
        steps = len(divide_epoch(photos, self.recipe.batch_size))
        if self.table is None:
            return Steady(self.recipe.epochs, steps)

        def tell(epochs: int) -> None:
            self.watch.expect(self._learning() * epochs)
            self.watch.begin(run, epochs)

        return Budgeted(self.table, run, tell, self._keep, photos / steps)
