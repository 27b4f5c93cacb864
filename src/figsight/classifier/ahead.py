"""Many photos side by side: each decoded and looked at in a thread of its own, in order.

Knows threads and the order of photos. Does not know how a photo is decoded, nor what a network is.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from figsight.errors import PhotoError
from figsight.sources import Readable, name_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from figsight.sources import Taken

_MAX_WORKERS = 8

Result = TypeVar("Result")
Pixels: TypeAlias = "NDArray[np.uint8]"


def run_side_by_side(
    prepare: Callable[[Taken], Pixels],
    run: Callable[[Pixels], Result],
    sources: Iterable[Taken],
    threads: int,
) -> Iterator[tuple[str, Result | PhotoError]]:
    """Prepare and run photos in threads of their own, at most 2 x ``threads`` + 1 ahead.

    A photo stays in one thread from its bytes to its result: nobody waits for anybody, and the
    pixels are still in the cache of the core that made them.

    Args:
        prepare: Decodes one photo.
        run: Makes the result of its pixels.
        sources: The photos; taken from only as far as needed.
        threads: How many photos may be worked on at once; 8 at most are.

    Yields:
        What each photo is called, and its result or why there is none, in the order of the photos.

    Raises:
        Exception: What ``run`` raises, at the place of the photo that it raised it for; what
            ``sources`` raises, after the photos before it.
    """

    def work(source: Taken) -> Result | PhotoError:
        try:
            pixels = prepare(source)
        except PhotoError as error:
            return error.with_traceback(None)  # it may be kept, and would keep the photo's bytes
        return run(pixels)

    def start(pool: ThreadPoolExecutor, source: Taken) -> Future[Result | PhotoError] | PhotoError:
        if isinstance(source, (str, os.PathLike, bytes, Readable)):
            return pool.submit(work, source)
        # An array may be overwritten by its owner once we return, and an open image is not safe to
        # load in two threads at once; both are prepared here and now.
        try:
            return pool.submit(run, prepare(source))
        except PhotoError as error:
            return error.with_traceback(None)

    workers = min(threads, _MAX_WORKERS)
    waiting: deque[tuple[str, Future[Result | PhotoError] | PhotoError]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="figsight-photo") as pool:
        try:
            stopped: Exception | None = None
            coming = iter(sources)
            while True:
                try:
                    source = next(coming)
                except StopIteration:
                    break
                except Exception as error:  # noqa: BLE001 - raised below, when its turn has come
                    stopped = error
                    break
                waiting.append((name_source(source), start(pool, source)))
                if len(waiting) > 2 * workers:
                    yield _finish(*waiting.popleft())
            while waiting:
                yield _finish(*waiting.popleft())
            if stopped is not None:
                raise stopped
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finish(
    name: str, started: Future[Result | PhotoError] | PhotoError
) -> tuple[str, Result | PhotoError]:
    return name, started if isinstance(started, PhotoError) else started.result()
