"""When a network ends, and how far it is on its way there: by the recipe, or by a budget of time.

Knows epochs, steps and views as numbers. Does not know torch, nor what a step does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from figsight.training.budget import Timetable

KEEP = 20.0  # seconds between two states that are written to disk, with a budget
KEPT_STEPS = 16  # between two of them at most, without one, where epochs are shorter


def divide_epoch(photos: int, batch: int) -> list[int]:
    """Return how many photos each step of an epoch learns from.

    All but the last the same, as near to ``batch`` as an even division allows: 214 photos at 8 are 26
    times 8 and a rest of 6. Where the rest would be less than half of that, all are made alike but for
    one photo: 289 at 8 are 36 steps of 8 or 9, and not 32 of 9 and one of a single photo, which would
    steer the network as much as any other.

    Args:
        photos: How many there are, from 1.
        batch: How many a step is wanted to have, from 1.
    """
    steps = max(1, round(photos / batch))
    size = math.ceil(photos / steps)
    full, rest = divmod(photos, size)
    if rest and rest < size / 2:
        return [photos // steps + (step < photos % steps) for step in range(steps)]
    return [size] * full + [rest] * (rest > 0)


class Pace(Protocol):
    """When a network ends, and how far it is on its way there."""

    def goes_on(self, epoch: int, step: int) -> bool:
        """Return whether there is a step at that place, both counted from 0."""

    def progress(self, epoch: int, step: int) -> float:
        """Return the share of the way that lies behind a network at that step, 0..1."""

    def learned(self, views: int) -> None:
        """Hear that a step has ended."""

    def end_epoch(self, epoch: int) -> bool:
        """Hear that one has ended; return whether the state is to be kept on disk."""

    def resume(self, epochs: int, views: int, progress: float) -> None:
        """Hear what lies behind a network that was interrupted, as it kept it."""


class Steady:
    """The recipe's epochs, whatever time they take."""

    def __init__(self, epochs: int, steps: int) -> None:
        self._epochs, self._steps = epochs, steps
        # Of few photos an epoch is a step or two, and writing a state takes longer than that.
        self._every = max(1, min(KEPT_STEPS, epochs * steps // 4) // steps)

    def goes_on(self, epoch: int, step: int) -> bool:
        """Until the last epoch."""
        del step
        return epoch < self._epochs

    def progress(self, epoch: int, step: int) -> float:
        """Of all steps."""
        return (epoch * self._steps + step) / (self._epochs * self._steps)

    def learned(self, views: int) -> None:
        """Nothing depends on it."""

    def end_epoch(self, epoch: int) -> bool:
        """Keep every epoch, but of short ones only those that are some steps apart."""
        return (epoch + 1) % self._every == 0

    def resume(self, epochs: int, views: int, progress: float) -> None:
        """The number of epochs says everything."""


class Budgeted:
    """As many steps as fit."""

    def __init__(
        self,
        table: Timetable,
        run: str,
        tell: Callable[[int], None],
        keep: Callable[[], None],
        batch: float,
    ) -> None:
        """Follow a timetable.

        Args:
            table: Which the network has joined.
            run: Its name there.
            tell: Is told how many epochs there will be, whenever that changes.
            keep: Is called when the state is about to be kept.
            batch: Views of a step, on average.
        """
        self._table, self._run, self._tell, self._keep = table, run, tell, keep
        self._batch = batch
        self._progress = 0.0
        self._told = 0
        self._kept = table.budget.clock()

    def goes_on(self, epoch: int, step: int) -> bool:
        """While at least half a batch fits."""
        goes_on = self._table.left(self._run) >= self._batch / 2
        if not goes_on and step == 0 and epoch:
            self._plan(epoch)  # though there may have been time for more a moment ago
        return goes_on

    def progress(self, epoch: int, step: int) -> float:
        """Return what the steps so far have come to, each measured against what was left then."""
        del epoch, step
        return self._progress

    def learned(self, views: int) -> None:
        """Walk on."""
        self._table.learned(self._run, views)
        self._progress += (1 - self._progress) * views / (views + self._table.left(self._run))

    def end_epoch(self, epoch: int) -> bool:
        """Say how many there will be; keep the state now and then: writing it takes time, too."""
        ends = not self.goes_on(epoch + 1, 0)
        planned = epoch + 1 if ends else max(epoch + 2, math.ceil(self._table.epochs() - 0.1))
        self._plan(planned)
        now = self._table.budget.clock()
        due = now - self._kept >= KEEP and not ends
        if due:
            self._kept = now
            self._keep()
        return due

    def _plan(self, epochs: int) -> None:
        if epochs != self._told:
            self._told = epochs
            self._tell(epochs)

    def resume(self, epochs: int, views: int, progress: float) -> None:
        """Go on from there."""
        del epochs
        self._table.resume(self._run, views)
        self._progress = progress
