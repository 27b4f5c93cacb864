"""What a peer is given, what it hands back, and the clock that it runs against.

Knows the standard library only, so that it runs in the environment of any peer, without figsight.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class UnavailableError(Exception):
    """A peer cannot be run with a setting here; the message says why."""


@dataclass(frozen=True)
class Task:
    """One training: which photos, from which weights, and how long.

    Attributes:
        setting: Which of the peer's settings.
        seed: Of everything random.
        train: The photos to learn from, as paths.
        train_labels: The class of each, 0..K-1.
        held: The photos to be asked about.
        held_labels: Likewise; only for measuring.
        classes: The id of each class, in the order of the labels: [K].
        weights: A safetensors file with the starting weights of ``backbone`` under timm's names,
            without a head.
        backbone: timm's name of the network that peers share.
        data: What the command was given to read.
        epochs: Stop after so many; None runs all that the setting has.
        folder: An empty folder to work in; it is removed afterwards.
    """

    setting: str
    seed: int
    train: list[str]
    train_labels: list[int]
    held: list[str]
    held_labels: list[int]
    classes: list[str]
    weights: str
    backbone: str
    data: str
    epochs: int | None = None
    folder: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; ``Task(**values)`` reads them."""
        return asdict(self)


@dataclass
class Clock:
    """Seconds since the process was started, without those in which held-out photos were asked.

    Imports and reading photos count: a user waits for them, too.

    Attributes:
        started: ``time.monotonic()`` of whoever started the process.
    """

    started: float
    _paused: float = 0.0
    _since: float = 0.0
    _depth: int = 0  # pauses may lie inside of each other

    @property
    def seconds(self) -> float:
        """Seconds of training so far; stands still while it is paused."""
        now = self._since if self._depth else time.monotonic()
        return now - self.started - self._paused

    def pause(self) -> None:
        """Stop counting; what is measured for this benchmark only costs nobody anything."""
        if self._depth == 0:
            self._since = time.monotonic()
        self._depth += 1

    def resume(self) -> None:
        """Count again, when every pause has ended."""
        self._depth -= 1
        if self._depth == 0:
            self._paused += time.monotonic() - self._since

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop counting inside of a block."""
        self.pause()
        try:
            yield
        finally:
            self.resume()


@dataclass
class Run:
    """One run of a peer as it goes on.

    Attributes:
        task: What it was given.
        clock: What it runs against.
        whole: How many epochs the setting has; None when it has none, or cannot stop between them.
        began: Seconds at which the first epoch began; None when nobody said so.
        curve: (seconds, accuracy on the held-out photos) at the end of each epoch; the accuracy is
            None where it was not asked for.
    """

    task: Task
    clock: Clock
    whole: int | None = None
    began: float | None = None
    curve: list[tuple[float, float | None]] = field(default_factory=list)

    def share_right(self, predicted: Sequence[int]) -> float:
        """Return the accuracy of answers to the held-out photos."""
        if len(predicted) != len(self.task.held_labels):
            raise ValueError(
                f"expected {len(self.task.held_labels)} answers, found {len(predicted)}"
            )
        pairs = zip(predicted, self.task.held_labels, strict=True)
        return sum(a == b for a, b in pairs) / len(predicted)

    def begin(self, whole: int) -> None:
        """Note that everything is ready and that the first of so many epochs begins."""
        if self.began is None:
            self.whole, self.began = whole, self.clock.seconds

    def mark(self, accuracy: float | None) -> None:
        """Note that an epoch has ended, and how right the network is now."""
        self.curve.append((self.clock.seconds, accuracy))

    @property
    def is_enough(self) -> bool:
        """Whether as many epochs have been run as were asked for, though there would be more."""
        wanted = self.task.epochs
        if wanted is None or self.whole is None or wanted >= self.whole:
            return False
        return len(self.curve) >= wanted


@dataclass(frozen=True)
class Peer:
    """A way to train a classifier.

    Attributes:
        name: What ``--only`` calls it.
        title: What tables call it.
        about: What it does, and whose defaults these are; for the report.
        settings: What can be chosen, the usual one among them; each is run.
        train: Trains and answers the held-out photos: one class a photo, or None when there is
            nothing to ask (a run that was stopped between epochs, or from random weights).
        install: What ``pip install`` needs to be given.
        headline: The one setting by which it is compared with others, fixed beforehand.
        part: Epochs that are run when the command says nothing; None runs all of them.
        is_figsight: Whether it is figsight itself, whose results are of one state of its code.
    """

    name: str
    title: str
    about: str
    settings: tuple[str, ...]
    train: Callable[[Run], list[int] | None]
    install: str
    headline: str
    part: int | None = None
    is_figsight: bool = False

    @property
    def package(self) -> str:
        """The package that it is, the first that it needs."""
        return self.install.split()[0].partition("[")[0]
