"""Photos decoded a few ahead of the one that the network looks at, in order.

Knows threads and their order. Does not know how a photo is decoded.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from figsight.errors import PhotoError
from figsight.sources import Readable, name_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from figsight.sources import Source

_MAX_DECODERS = 8

Pixels: TypeAlias = "NDArray[np.uint8] | PhotoError"
_Prepared: TypeAlias = "Future[Pixels] | Pixels"


def prepare_each(
    prepare: Callable[[Source], NDArray[np.uint8]], sources: Iterable[Source], threads: int
) -> Iterator[tuple[str, Pixels]]:
    """Prepare photos in threads of their own, at most 2 x ``threads`` + 1 ahead.

    Args:
        prepare: Decodes one photo.
        sources: The photos; taken from only as far as needed.
        threads: How many may decode at once; 8 at most do.

    Yields:
        What each photo is called, and its pixels or why there are none, in the order of the photos.
    """

    def attempt(source: Source) -> Pixels:
        try:
            return prepare(source)
        except PhotoError as error:
            return error

    def start(pool: ThreadPoolExecutor, source: Source) -> _Prepared:
        # An array may be overwritten by its owner once we return, and an open image is not safe to
        # load in two threads at once; both are prepared here and now.
        if isinstance(source, (str, os.PathLike, bytes, Readable)):
            return pool.submit(attempt, source)
        return attempt(source)

    decoders = min(threads, _MAX_DECODERS)
    waiting: deque[tuple[str, _Prepared]] = deque()
    with ThreadPoolExecutor(decoders, thread_name_prefix="figsight-decode") as pool:
        try:
            for source in sources:
                waiting.append((name_source(source), start(pool, source)))
                if len(waiting) > 2 * decoders:
                    yield _finish(*waiting.popleft())
            while waiting:
                yield _finish(*waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finish(name: str, prepared: _Prepared) -> tuple[str, Pixels]:
    if isinstance(prepared, (np.ndarray, PhotoError)):
        return name, prepared
    return name, prepared.result()
