"""Networks that take turns on the cores, a step at a time.

Knows jobs that say how far they are. Does not know what they do.

Two networks on a core each take two thirds of the time of one after the other on both: layers are
small, and cores that share one wait for each other after each. Three networks on two cores take
turns, the one that is furthest behind first, so that no core idles while the last of them ends.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Condition
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Result = TypeVar("Result")


@dataclass(eq=False)
class _Job(Generic[Result]):
    number: int
    steps: Generator[float, None, Result]
    progress: float = 0.0


class Turns(Generic[Result]):
    """Jobs, and the threads that work on them.

    A job is a generator: it gives after each of its steps how far it is, 0..1, and in the end its
    result.

    As many jobs are under way as there are threads, in the order in which they were given; the last
    few, fewer than twice as many as threads, all at once. So no more memory is in use than that
    takes, and all threads end together.
    """

    def __init__(
        self,
        jobs: Sequence[Generator[float, None, Result]],
        threads: int,
        more: Callable[[bool], Sequence[Generator[float, None, Result]]] | None = None,
    ) -> None:
        """Take jobs.

        Args:
            jobs: In the order in which they are to begin.
            threads: How many jobs take a step at the same time.
            more: Asked again and again for further jobs, with whether there is nothing left to do.
        """
        self._threads = threads
        self._more = more or (lambda _: ())
        self._waiting: deque[_Job[Result]] = deque()
        self._ready: list[_Job[Result]] = []
        self._busy = 0
        self._given = 0
        self._results: dict[int, Result] = {}
        self._stopped = False
        self._change = Condition()
        with self._change:
            self._take(jobs)

    def run(self, prepare: Callable[[], object]) -> list[Result]:
        """Finish all jobs and return their results, in the order in which they were given.

        Args:
            prepare: Called in each thread before its first step.

        Raises:
            Exception: What a job, or ``prepare``, raised first; the others stop at their next step.
        """
        pool = ThreadPoolExecutor(self._threads, "figsight-train")
        workers = [pool.submit(self._work, prepare) for _ in range(self._threads)]
        try:
            for worker in wait(workers, return_when=FIRST_EXCEPTION).done:
                worker.result()  # raises what it raised
        finally:  # after Ctrl-C, too
            self._stop()
            wait(workers)  # not by joining: see ``run._read_and_draw``
            pool.shutdown(wait=True)
        return [self._results[number] for number in range(self._given)]

    def _work(self, prepare: Callable[[], object]) -> None:
        try:
            prepare()
            while (job := self._next()) is not None:
                try:
                    job.progress = next(job.steps)
                except StopIteration as end:
                    self._back(job, [end.value])
                else:
                    self._back(job, [])
        except BaseException:
            self._stop()
            raise

    def _next(self) -> _Job[Result] | None:
        """Wait for a job to take a step of; None when there will be none."""
        with self._change:
            while not self._stopped:
                idle = not self._waiting and not self._ready and not self._busy
                self._take(self._more(idle))
                self._begin()
                if self._ready:
                    job = min(self._ready, key=lambda one: (one.progress, one.number))
                    self._ready.remove(job)
                    self._busy += 1
                    return job
                if not self._busy:
                    return None
                self._change.wait()
            return None

    def _back(self, job: _Job[Result], result: list[Result]) -> None:
        """Take a job back after a step, with its result if it has ended."""
        with self._change:
            self._busy -= 1
            if result:
                self._results[job.number] = result[0]
            else:
                self._ready.append(job)
            self._change.notify_all()

    def _take(self, jobs: Sequence[Generator[float, None, Result]]) -> None:
        for steps in jobs:
            self._waiting.append(_Job(self._given, steps))
            self._given += 1
        if jobs:
            self._change.notify_all()

    def _begin(self) -> None:
        unfinished = len(self._waiting) + len(self._ready) + self._busy
        at_once = unfinished if unfinished < 2 * self._threads else self._threads
        while self._waiting and len(self._ready) + self._busy < at_once:
            self._ready.append(self._waiting.popleft())

    def _stop(self) -> None:
        with self._change:
            self._stopped = True
            self._change.notify_all()
