"""Picture files as streams: opening what was asked for, and stopping readers that never end.

Knows paths and bytes. Does not know formats.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from figsight.errors import PhotoError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Parsers of headers read byte by byte, in places. A file that makes them do so for ever (a JPEG
# with 100 MB of junk between two markers) is stopped after half a second.
MAX_READS = 1_000_000


class EndlessReadError(OSError):
    """A parser asked for more than ``MAX_READS`` pieces of one file."""


class FailedReadError(OSError):
    """A disk, or a server of files, did not give what it holds: no fault of the picture."""


class PhotoBytes(io.BytesIO):
    """Bytes that count how often they are read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as the base class does; raises ``EndlessReadError`` the millionth time."""
        self.reads = _count(self.reads)
        return super().read(size)


class PhotoFile(io.BufferedReader):
    """A file that counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as the base class does; raises ``EndlessReadError`` the millionth time.

        What the system says raises ``FailedReadError``, so that nobody takes it for a parser's word.
        """
        self.reads = _count(self.reads)
        try:
            return super().read(size)
        except OSError as error:
            raise FailedReadError(error.errno, error.strerror) from error


def _count(reads: int) -> int:
    if reads >= MAX_READS:
        raise EndlessReadError(f"its header needs more than {MAX_READS:,} reads")
    return reads + 1


def open_stream(source: str | os.PathLike[str] | bytes, name: str) -> PhotoBytes | PhotoFile:
    """Open a picture file for reading; close it, or use it in a ``with``.

    Args:
        source: A path, or the bytes of the file.
        name: What errors call it.

    Raises:
        PhotoError: There is no such file, or it is a folder, a device, unreadable or empty.
    """
    if isinstance(source, bytes):
        stream: PhotoBytes | PhotoFile = PhotoBytes(source)
    else:
        stream = _open_file(source, name)
    try:
        with reading(name):
            first = stream.read(1)
            stream.seek(0)
    except PhotoError:
        stream.close()
        raise
    if not first:
        stream.close()
        raise PhotoError(name, "expected a picture, found an empty file; get the original again")
    return stream


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what the system says when a file is read into ``PhotoError``.

    Only our own reading belongs inside: parsers of damaged pictures seek to places that there are not.
    """
    try:
        yield
    except EndlessReadError:
        raise
    except OSError as error:
        raise refuse_unread(name, error) from error


def refuse_unread(name: str, error: OSError) -> PhotoError:
    """Return the error of a picture whose file cannot be read."""
    return PhotoError(name, f"cannot be read ({error.strerror or error}); check its disk")


def _open_file(path: str | os.PathLike[str], name: str) -> PhotoFile:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (a path may hold a null byte, which Path mangles)
        if stat.S_ISDIR(mode):
            raise PhotoError(name, "expected a picture file, found a folder; name its pictures")
        if not stat.S_ISREG(mode):  # a pipe or a device may never end
            raise PhotoError(name, "expected a picture file, found a device or pipe; copy it first")
        return PhotoFile(io.FileIO(path, "r"))
    except FileNotFoundError:
        reason = "expected a picture file, found nothing at this path; check how it is written"
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        reason = f"expected a readable file, found {str(what).lower()!r}; check it and its folder"
    raise PhotoError(name, reason)


def size_of(stream: PhotoBytes | PhotoFile) -> int:
    """Return the bytes of a whole stream, leaving it where it was."""
    here = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    return size
