"""How a training run looks in a terminal, and in a log.

Knows lines and bars. Does not know what is trained.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from figsight.errors import MissingExtraError
from figsight.metrics.words import say_share
from figsight.phrases import say_duration
from figsight.training.names import NETWORKS, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

    from figsight.training.checkpoint import EpochRecord


RECENT = 12
"""Epochs by whose pace the time left is judged."""

WIDTHS = (24, 16, 7, 24)
"""Columns of the display, in characters: a name, a bar, steps, numbers. Together less than 80."""


class Console:
    """A ``Watcher`` that shows the networks of a run, how far they are, and how much is ahead.

    Bars with one line below them in a terminal; plain lines, one an epoch, anywhere else. Everything
    goes to standard error: standard output is for results. Use it as a context manager.
    """

    def __init__(self, *, live: bool | None = None) -> None:
        self._live = sys.stderr.isatty() if live is None else live
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._running: set[str] = set()
        self._what = ""
        self._steps = 0
        self._done = 0
        self._planned: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self._expected = 0
        self._epochs = 0
        self._networks = 0  # all in all, as far as is known
        self._ended = 0
        self._fresh = 0  # epochs that ended just now; a resumed run tells of older ones, too
        self._since: dict[str, float] = {}
        self._ends: deque[float] = deque(maxlen=RECENT + 1)
        self._due: float | None = None
        self._told = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._progress = _make_progress(self.ahead)
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
        training = what.startswith(NETWORKS)
        if training:
            # All networks of a run are planned to learn equally long.
            self._networks = round(self._expected / max(1, steps))
        if what in self._running:
            self._planned[what] = steps
            if self._progress is not None and what in self._tasks:
                self._progress.update(
                    self._tasks[what], total=steps, count=_count(self._reached.get(what, 0), steps)
                )
            self._close(what)
            return
        self._what, self._steps, self._done = what, steps, 0
        self._told = time.monotonic()
        if training:
            self._since[what] = self._told
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
        self._tasks[what] = self._progress.add_task(
            say(what),
            total=steps if steps > 1 or training else None,  # a single step: a bar that moves
            count=_count(0, steps),
            numbers="",
        )

    def advance(self, done: int) -> None:
        """Move the bar; in a log, say something every ten seconds."""
        self._done = done
        if self._progress is not None and self._what in self._tasks:
            count = _count(done, self._steps)
            self._progress.update(self._tasks[self._what], completed=done, count=count)
        elif time.monotonic() - self._told > 10:
            self._told = time.monotonic()
            print(f"{self._what}: {done} of {self._steps}", file=sys.stderr)

    def epoch(self, record: EpochRecord) -> None:
        """Show an epoch."""
        run, planned = record.run, self._planned.get(record.run, self._steps)
        self._epochs += 1
        self._reached[run] = record.epoch
        left = max(0, self._expected - self._epochs) * self._pace(record)
        self._due = time.monotonic() + left
        # Not "accuracy": of photos that it learns from it says nothing about others.
        numbers = f"loss {record.loss:.3f}  learned {say_share(record.accuracy):>7}"
        task = self._tasks.get(run)
        if self._progress is not None:
            if task is not None:
                count = _count(record.epoch, planned)
                self._progress.update(task, completed=record.epoch, count=count, numbers=numbers)
        else:
            print(
                f"{say(run)}: epoch {record.epoch:>{len(str(planned))}} of {planned}  "
                f"{numbers}  {record.seconds:.1f} s  {say_duration(left)} left",
                file=sys.stderr,
            )
        self._close(run)

    def _close(self, run: str) -> None:
        """Take note of a network that has learned all that it is to learn."""
        if run in self._running and self._reached.get(run, 0) >= self._planned[run]:
            self._running.discard(run)
            self._ended += 1

    def _pace(self, record: EpochRecord) -> float:
        """Return how many seconds have lately gone by from one epoch's end to the next, of any network."""
        now = time.monotonic()
        since, self._since[record.run] = self._since.get(record.run, now), now
        if now - since < record.seconds / 2:  # read from where an interrupted run kept it
            if not self._fresh:
                self._ends = deque([now], maxlen=RECENT + 1)
            return record.seconds / max(1, len(self._running))
        self._fresh += 1
        self._ends.append(now)
        finished = float(len(self._ends) - 1)
        if self._fresh <= RECENT:  # since the beginning: the others have begun theirs, too
            finished += max(0, len(self._running) - 1) / 2
        return (self._ends[-1] - self._ends[0]) / max(1.0, finished)

    def ahead(self) -> str:
        """Say how much of the run is ahead, as far as is known."""
        if not self._tasks:
            return "starting ..."
        if not self._planned:
            return "preparing ..." if self._done >= self._steps else ""
        if not self._running:
            over = self._epochs >= self._expected or self._what.startswith("writing")
            return "measuring and writing ..." if over else "measuring ..."
        first, last = self._ended + 1, self._ended + len(self._running)
        which = f"network {last}"
        if first < last:
            which = f"networks {first} {'and' if last == first + 1 else 'to'} {last}"
        line = f"{which} of {max(last, self._networks)}" if self._networks else which
        if self._due is None:
            return line
        return f"{line}, {_about(max(0.0, self._due - time.monotonic()))} left"

    def note(self, line: str) -> None:
        """Print a line that stays."""
        if self._progress is not None:
            self._progress.console.print(line)
        else:
            print(line, file=sys.stderr)


def _count(done: int, steps: int) -> str:
    return f"{done}/{steps}" if steps > 1 else ""


def _about(seconds: float) -> str:
    """Write a time span no more exactly than it is known."""
    if seconds < 10:
        return "a few seconds"
    unit = 10 if seconds < 90 else 60
    return f"about {say_duration(unit * round(seconds / unit))}"


def _make_progress(ahead: Callable[[], str]) -> Any:
    # Here and not above: rich takes longer to import than a photo takes to predict.
    try:
        from rich.console import Console as Terminal
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column
        from rich.text import Text
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error

    class Display(Progress):
        """Bars, and below them how much is ahead."""

        def get_renderables(self) -> Iterable[RenderableType]:
            if self.tasks:
                yield self.make_tasks_table(self.tasks)
            yield Text(ahead(), style="dim", no_wrap=True, overflow="ellipsis")

    plain = partial(TextColumn, markup=False)
    name, bar, count, numbers = WIDTHS
    return Display(
        plain("{task.description}", table_column=Column(min_width=name, no_wrap=True)),
        BarColumn(bar_width=bar),
        plain(
            "{task.fields[count]}",
            table_column=Column(min_width=count, no_wrap=True, justify="right"),
        ),
        plain("{task.fields[numbers]}", table_column=Column(min_width=numbers, no_wrap=True)),
        # Lines name files: "toys/:bear:/[1].jpg" is neither an emoji nor markup.
        console=Terminal(stderr=True, markup=False, emoji=False, highlight=False),
        transient=True,
    )
