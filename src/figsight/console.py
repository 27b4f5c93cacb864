"""How a training run looks in a terminal, and in a log.

Knows lines and bars. Does not know what is trained.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from figsight.errors import MissingExtraError

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress, TaskID

    from figsight.training.checkpoint import EpochRecord


NETWORKS = ("fold", "repeat", "holdout", "left out", "final")
"""What the names of networks begin with; everything else that begins is another kind of work."""

RECENT = 12
"""Epochs by whose pace the time left is judged."""


class Console:
    """A ``Watcher`` that shows epoch, loss, accuracy and time left.

    A live line in a terminal; plain lines, one an epoch, anywhere else. Everything goes to standard
    error: standard output is for results. Use it as a context manager.
    """

    def __init__(self, *, live: bool | None = None) -> None:
        self._live = sys.stderr.isatty() if live is None else live
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._running: set[str] = set()
        self._what = ""
        self._steps = 0
        self._planned: dict[str, int] = {}
        self._expected = 0
        self._epochs = 0
        self._ends: deque[float] = deque(maxlen=RECENT + 1)
        self._told = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._progress = _make_progress()
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def expect(self, epochs: int) -> None:
        """Take note of the length of the whole run."""
        self._expected = epochs

    def begin(self, what: str, steps: int) -> None:
        """Start a new piece of work, or hear that one has become longer or shorter."""
        if what in self._running:
            self._planned[what] = steps
            if self._progress is not None and what in self._tasks:
                self._progress.update(self._tasks[what], total=steps)
            return
        self._what, self._steps = what, steps
        self._told = time.monotonic()
        training = what.startswith(NETWORKS)
        if training:
            if not self._ends:
                self._ends.append(self._told)
            self._running.add(what)
            self._planned[what] = steps
        if self._progress is None:
            if not training:
                print(f"{what}" + (f" ({steps})" if steps > 1 else ""), file=sys.stderr)
            return
        # Networks share the screen; any other piece of work has it for itself.
        for name in [n for n in self._tasks if not (training and n in self._running)]:
            self._progress.remove_task(self._tasks.pop(name))
        self._tasks[what] = self._progress.add_task(what, total=steps, numbers="", left="")

    def advance(self, done: int) -> None:
        """Move the bar; in a log, say something every ten seconds."""
        if self._progress is not None and self._what in self._tasks:
            self._progress.update(self._tasks[self._what], completed=done)
        elif time.monotonic() - self._told > 10:
            self._told = time.monotonic()
            print(f"{self._what}: {done} of {self._steps}", file=sys.stderr)

    def epoch(self, record: EpochRecord) -> None:
        """Show an epoch."""
        planned = self._planned.get(record.run, self._steps)
        self._epochs += 1
        left = max(0, self._expected - self._epochs) * self._pace()
        numbers = f"loss {record.loss:.3f}  accuracy {record.accuracy:6.1%}"
        ahead = f"{_duration(left)} left"
        task = self._tasks.get(record.run)
        if self._progress is not None:
            if task is not None:
                self._progress.update(task, completed=record.epoch, numbers=numbers, left=ahead)
        else:
            print(
                f"{record.run}: epoch {record.epoch:>{len(str(planned))}} of {planned}  "
                f"{numbers}  {record.seconds:.1f} s  {ahead}",
                file=sys.stderr,
            )
        if record.epoch == planned:
            self._running.discard(record.run)

    def _pace(self) -> float:
        """Return how many seconds have lately gone by from one epoch's end to the next, of any network."""
        self._ends.append(time.monotonic())
        finished = float(len(self._ends) - 1)
        if self._epochs <= RECENT:  # since the beginning: the others have begun theirs, too
            finished += max(0, len(self._running) - 1) / 2
        return (self._ends[-1] - self._ends[0]) / max(1.0, finished)

    def note(self, line: str) -> None:
        """Print a line that stays."""
        if self._progress is not None:
            self._progress.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr)


def _duration(seconds: float) -> str:
    """Write a time span as people say it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _make_progress() -> Any:
    # Here and not above: rich takes longer to import than a photo takes to predict.
    try:
        from rich.console import Console as Terminal
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error

    return Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}"),
        TextColumn("[dim]{task.fields[left]}"),
        console=Terminal(stderr=True),
        transient=True,
    )
