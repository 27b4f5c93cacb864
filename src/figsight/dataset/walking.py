"""The one way through a folder: every file below it, one after another.

Knows names and links. Does not know which files are pictures, and opens none. What reads sets of photos
and what predicts a folder both go this way, so that they see the same files.

Left out: names that begin with a dot, what operating systems leave behind, and what is neither file
nor folder (a pipe would block its reader). Broken links stay in, so that somebody notices.

Links are followed, also out of the folder: a set is often a farm of links to files elsewhere. A
folder that is reached twice is gone through once, by the path that needs no link, so link loops end.
"""

from __future__ import annotations

import errno
import heapq
import os
import stat
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from figsight.dataset.archives import is_hidden
from figsight.dataset.names import printable
from figsight.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})  # where a broken link may lead


class Found(NamedTuple):
    """A file; or a folder that cannot be listed.

    Attributes:
        path: Relative to the root, with ``/``; ``""`` for the root itself.
        error: Why the folder cannot be listed; None for a file.
    """

    path: str
    error: OSError | None = None


class _Kind(Enum):
    FILE = auto()
    FOLDER = auto()
    LINK = auto()  # to a folder


def walk(
    root: str,
    *,
    confined: bool = False,
    pass_over: Callable[[str, Collection[str]], bool] | None = None,
) -> Iterator[Found]:
    """Go through a folder, as far as somebody asks for more.

    Linear in the number of files; the entries of the folders on the way to a file are in memory.

    Args:
        root: The folder.
        confined: Whether to refuse links, hidden ones too.
        pass_over: Told a folder below the root and the names of the files directly in it; where it says
            so, nothing in that folder is found.

    Yields:
        Files in the order of their paths; those in folders that only links lead to come last.

    Raises:
        DataError: A confined folder holds a link.
    """
    seen: set[tuple[int, int]] = set()
    # Real folders first: then what is found does not depend on which link is met first.
    links = [("", False)]  # whether in a folder that is passed over
    while links:
        folder, passed = heapq.heappop(links)
        stack = [(folder, _Kind.FOLDER, passed)]
        while stack:
            path, kind, passed = stack.pop()
            if kind is _Kind.FILE:
                yield Found(path)
                continue
            try:
                status = os.stat(place(root, path))  # noqa: PTH116 - as it was given
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                entries = _list(root, path, confined=confined)
            except OSError as error:
                if not passed:
                    yield Found(path, error)
                continue
            if path and pass_over is not None and not passed:
                names = [name for name, kind in entries if kind is _Kind.FILE]
                passed = pass_over(path, names)
            for name, kind in reversed(entries):
                inside = f"{path}/{name}" if path else name
                if kind is _Kind.LINK:
                    heapq.heappush(links, (inside, passed))
                elif kind is _Kind.FOLDER or not passed:
                    stack.append((inside, kind, passed))


def place(root: str, path: str) -> str:
    """Return where a path that ``walk`` found lies."""
    return os.path.join(root, *path.split("/")) if path else root  # noqa: PTH118 - as it was given


def _list(root: str, folder: str, *, confined: bool) -> list[tuple[str, _Kind]]:
    """Return what is to be found directly in a folder, in the order of whole paths."""
    entries = []
    with os.scandir(place(root, folder)) as scan:
        for entry in scan:
            if confined and entry.is_symlink():
                path = f"{folder}/{entry.name}" if folder else entry.name
                raise DataError(f"{printable(path)}: a link in downloaded data; remove it")
            kind = None if is_hidden(entry.name) else _look(entry)
            if kind is not None:
                entries.append((entry.name, kind))
    # The slash makes this the order of whole paths: "a.jpg" before "a/b.jpg".
    return sorted(entries, key=lambda one: one[0] + "/" * (one[1] is not _Kind.FILE))


def _look(entry: os.DirEntry[str]) -> _Kind | None:
    """Return what an entry is; None for a pipe and the like."""
    try:
        mode = entry.stat().st_mode if entry.is_symlink() else None
    except OSError as error:
        # One that may not be followed is for whoever lists it as a folder to tell.
        return _Kind.FILE if error.errno in _NOWHERE else _Kind.LINK
    if mode is not None:
        return _Kind.LINK if stat.S_ISDIR(mode) else _Kind.FILE if stat.S_ISREG(mode) else None
    return _Kind.FOLDER if entry.is_dir() else _Kind.FILE if entry.is_file() else None
