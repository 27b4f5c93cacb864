"""What a training run tells about itself while it goes on."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from figsight.training.checkpoint import EpochRecord


class Watcher(Protocol):
    """Is told how a run goes on. Nothing that it does changes the run.

    Several networks may learn at the same time: ``begin`` is then called for each before the first
    has ended, and their epochs come in any order, but one call at a time.
    """

    def expect(self, epochs: int) -> None:
        """Hear how many epochs there will be over all networks of the run."""

    def begin(self, what: str, steps: int) -> None:
        """Hear that a piece of work of ``steps`` steps begins ("reading photos")."""

    def advance(self, done: int) -> None:
        """Hear how many steps of the piece are done."""

    def epoch(self, record: EpochRecord) -> None:
        """Hear that an epoch has ended; it is one step of its piece."""

    def note(self, line: str) -> None:
        """Hear something that a person should read."""


class Silence:
    """A watcher that keeps everything to itself."""

    def expect(self, epochs: int) -> None:
        """Say nothing."""

    def begin(self, what: str, steps: int) -> None:
        """Say nothing."""

    def advance(self, done: int) -> None:
        """Say nothing."""

    def epoch(self, record: EpochRecord) -> None:
        """Say nothing."""

    def note(self, line: str) -> None:
        """Say nothing."""


class OneAtATime:
    """Passes on to a watcher what several networks tell at the same time, one after the other."""

    def __init__(self, watch: Watcher) -> None:
        self._watch = watch
        self._lock = Lock()

    def expect(self, epochs: int) -> None:
        """Pass it on."""
        with self._lock:
            self._watch.expect(epochs)

    def begin(self, what: str, steps: int) -> None:
        """Pass it on."""
        with self._lock:
            self._watch.begin(what, steps)

    def advance(self, done: int) -> None:
        """Pass it on."""
        with self._lock:
            self._watch.advance(done)

    def epoch(self, record: EpochRecord) -> None:
        """Pass it on."""
        with self._lock:
            self._watch.epoch(record)

    def note(self, line: str) -> None:
        """Pass it on."""
        with self._lock:
            self._watch.note(line)
