"""Silence for Pillow's warnings while we decode, in the decoding thread only.

Pillow warns about corrupt EXIF, odd TIFF tags and broken animations of pictures that decode well.
Users can do nothing about it, and where warnings are errors a good photo would fail.

``warnings.catch_warnings`` is the usual answer, but it swaps the filters of the whole process: two
threads that leave it in the other order than they entered it leave the wrong filters behind for
good, and other threads lose their warnings meanwhile (a program may rely on Pillow's bomb warning
being an error). So we put one filter in front of the others, and leave it there: it matches only in
a thread that is inside ``quiet()``, and is inert for everybody else.

Who copies the filters (scikit-learn hands them to its workers) reads patterns from them, and gets one
that matches nothing: the copy is inert.

Not guaranteed: when another thread enters ``catch_warnings`` during a decode, a warning may slip
through. Filters are consulted through their ``match`` method, as compiled patterns are; should an
interpreter stop doing that, warnings would be shown again and nothing else would change.
"""

from __future__ import annotations

import re
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_thread = threading.local()
_lock = threading.Lock()


class _InsideQuiet:
    """Matches every text, but only in a thread that is inside ``quiet()``; a copy matches none.

    Attributes:
        pattern: As a compiled pattern has it: what matches nothing.
        flags: Likewise.
    """

    pattern = "(?!)"
    flags = 0

    def __reduce__(self) -> tuple[Callable[..., re.Pattern[str]], tuple[str]]:
        """Go to another process, or into a copy, as the pattern that it looks like."""
        return re.compile, (self.pattern,)

    def match(self, _text: str) -> bool:
        return getattr(_thread, "depth", 0) > 0


# The form that warnings.filters holds: action, text, category, module, line (0: any).
_FILTER: Any = ("ignore", _InsideQuiet(), Warning, None, 0)


def _put_in_front() -> None:
    filters = cast("list[Any]", warnings.filters)
    if filters and filters[0] is _FILTER:
        return
    with _lock:
        filters.insert(0, _FILTER)
        # Only now may an older place go, so that no thread is ever without it.
        for at in range(len(filters) - 1, 0, -1):
            if filters[at] is _FILTER:
                del filters[at]


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore the warnings of this thread until the block ends."""
    if getattr(
        sys.flags, "context_aware_warnings", False
    ):  # 3.14 on: catch_warnings is thread-safe
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
        return
    _put_in_front()
    _thread.depth = getattr(_thread, "depth", 0) + 1
    try:
        yield
    finally:
        _thread.depth -= 1
