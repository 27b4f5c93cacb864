"""A lock on a file that ends with the process that holds it, however that ends.

Knows one file and who is at it. Does not know what it guards.

What is not guaranteed: on Windows, and on file systems that have no locks, everybody gets it.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform != "win32":
    import fcntl

_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
_TEXT = "An unfinished training of figsight; last at work here: process {}.\n"
_PROCESS = re.compile(r"process (\d+)")


class FileLock:
    """A file that one thread of one process has at a time.

    The file stays when a process is killed, and says whose it was; its lock does not.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock, and make the file if there is none; False when somebody else has it.

        Raises:
            OSError: The file cannot be made, or is a link.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        while True:
            descriptor = os.open(self.path, flags, 0o666)
            try:
                free = _lock(descriptor)
                # Whoever had it may have cleared the file away between opening and locking.
                same = free and _is_same(descriptor, self.path)
                if same:
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, _TEXT.format(os.getpid()).encode())
                    self._descriptor = descriptor
                    return True
            finally:
                if self._descriptor != descriptor:
                    os.close(descriptor)
            if not free:
                return False

    def holder(self) -> int | None:
        """Return the process that has it, or had it last; None when the file does not say so."""
        try:
            found = _PROCESS.search(self.path.read_text("ascii", "replace"))
        except OSError:
            return None
        return int(found[1]) if found else None

    def give_back(self, *, remove: bool = False) -> None:
        """Let others have it; with ``remove``, clear the file away. Nothing when it is not held."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if remove:
            with suppress(OSError):  # it stays, then, and harms nobody
                self.path.unlink()
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _HELD
    return True


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
