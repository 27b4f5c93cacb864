"""Files that somebody else has opened: as many of their bytes as a picture may have, and no more.

Knows what can be read, and how much of it. Does not know where it comes from: it may be a file, a
member of an archive or an answer from a network.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

from figsight.errors import PhotoError, PhotoTooLargeError
from figsight.images.formats import HEAD_BYTES, identify
from figsight.images.limits import limit_held

if TYPE_CHECKING:
    from typing import BinaryIO

_PIECE = 2**20


def read_opened(file: BinaryIO, name: str) -> bytes:
    """Return what is left of an open file; of one that is no picture of ours only its beginning.

    Args:
        file: Read from where it stands, with as many calls as it needs; left open.
        name: What errors call it.

    Raises:
        PhotoTooLargeError: It has more than a picture of its format may have. No more was read.
        PhotoError: It cannot be read, is of text, or was read to its end before.
    """
    held = io.BytesIO()  # which gives its bytes away without a second copy of them
    try:
        _read(file, HEAD_BYTES, held, name)
        what = identify(held.getvalue())
        if what is not None and held.tell() >= HEAD_BYTES:
            limit = limit_held(what)
            _read(file, limit + 1 - held.tell(), held, name)
            if held.tell() > limit:
                reason = (
                    f"expected at most {limit // 10**6} MB of {what}, found more; make it smaller"
                )
                raise PhotoTooLargeError(name, reason)
    except (OSError, ValueError) as error:  # a closed file is the latter
        raise _refuse(name, error) from error
    if not held.tell() and _stands_at(file) > 0:
        raise PhotoError(
            name, "expected a picture, found a file that was read to its end; seek(0) first"
        )
    return held.getvalue()


def _refuse(name: str, error: OSError | ValueError) -> PhotoError:
    """Return the error of an open file that cannot be read."""
    reason = str(getattr(error, "strerror", None) or error).lower()
    return PhotoError(name, f"expected a file that can be read, found {reason!r}; open it again")


def _read(file: BinaryIO, size: int, held: io.BytesIO, name: str) -> None:
    """Add the next ``size`` bytes, or as many as there are; one call may well give fewer."""
    left = size
    while left > 0:
        piece: object = file.read(min(left, _PIECE))
        if not isinstance(piece, bytes):
            found = type(piece).__name__
            raise PhotoError(
                name, f"expected a file of bytes, found one of {found}; open it with 'rb'"
            )
        if not piece:
            break
        held.write(piece)
        left -= len(piece)


def _stands_at(file: BinaryIO) -> int:
    """Return the position of a file; 0 where it has none."""
    with suppress(AttributeError, OSError, ValueError):
        return file.tell()
    return 0
