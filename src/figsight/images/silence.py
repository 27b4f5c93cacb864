"""Silence for what libtiff and Pillow's log say of bad TIFFs, in the decoding thread only.

libtiff writes to standard error itself, without a file's name, what we say as a ``PhotoError`` or what
does not matter. It has one handler of errors and one of warnings for the whole process, so ours hands
on to the one before it whatever another thread decodes.

Not guaranteed: where Pillow was built so that nobody can reach its libtiff (Windows), or somebody
else sets handlers later, messages are shown as before, and nothing else changes.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import _imaging

if TYPE_CHECKING:
    from collections.abc import Iterator

_thread = threading.local()
# The module, the format and a va_list, which is or decays to a pointer wherever Pillow runs.
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_LOG = "PIL.TiffImagePlugin"


@contextmanager
def silent() -> Iterator[None]:
    """Let libtiff and Pillow's log say nothing of what this thread decodes until the block ends."""
    _install()
    _thread.depth = getattr(_thread, "depth", 0) + 1
    try:
        yield
    finally:
        _thread.depth -= 1


def _is_silent() -> bool:
    return getattr(_thread, "depth", 0) > 0


@cache
def _install() -> None:
    """Put our handlers before those that are there, for good."""
    logging.getLogger(_LOG).addFilter(lambda _: not _is_silent())
    with suppress(OSError, AttributeError):  # what cannot be reached is left as it is
        pillow = ctypes.CDLL(_imaging.__file__)  # finds what it was linked with, too
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            _put_before(getattr(pillow, name))


def _put_before(replace: Any) -> None:
    """Make libtiff call us, and us what it called before."""
    replace.argtypes, replace.restype = (_HANDLER,), ctypes.c_void_p

    def handle(module: int | None, form: int | None, values: int | None) -> None:
        if before is not None and not _is_silent():
            before(module, form, values)

    handler = _HANDLER(handle)
    before = None
    # libtiff may call it as long as the process lives.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(handler))
    address = replace(handler)
    before = _HANDLER(address) if address else None
