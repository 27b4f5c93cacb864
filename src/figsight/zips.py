"""Zips read with a bound, and what comes of reading damaged ones.

Knows members and their declared sizes. Does not know what they hold, nor which zips are refused.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import io

_ENTRY, _ENTRY_BEGINS = 512, b"PK\1\2"  # bytes of a member in a zip's list, far above the usual

DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a compression that this Python does not have
    OverflowError,
    RuntimeError,  # encrypted
    ValueError,
)
"""What zipfile raises on damaged or hostile zips, besides OSError, which a sound one may raise, too."""


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return a zip's member, of which no more is unpacked than it declares.

    ``ZipFile.read`` unpacks up to 2 GiB at once, and cuts off afterwards what was not declared.

    Args:
        archive: The zip.
        entry: A member of it, stored or deflated: zipfile cannot stop other methods on the way.

    Raises:
        BadZipFile: Its bytes are not what the zip says of them (CRC-32, length). What else zipfile
            raises on damaged input (``DAMAGED_ZIP``, OSError), it raises too.
    """
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise zipfile.BadZipFile("its size is not the declared one")
    return data


class CrowdedZipError(Exception):
    """A zip has more members than are to be read of one; the text says how many."""


class ZipSource:
    """What ``ZipFile`` reads a zip from, so that a list of too many members is never parsed.

    An entry of the list is 46 bytes and a name, and half a kilobyte once it is parsed. What the end of
    a zip declares of their number binds nobody: zipfile goes by the bytes of the list.

    Args:
        file: The zip's own, open; closed by whoever opened it.
        members: How many there may be.
    """

    def __init__(self, file: io.RawIOBase | io.BufferedReader, members: int) -> None:
        self._file, self._members = file, members
        self._listed = False
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def trust(self) -> None:
        """Take note that the list has been read: members may be of any size, and hold what they like."""
        self._listed = True

    def read(self, size: int = -1, /) -> bytes:
        """Read as the file does.

        Raises:
            CrowdedZipError: That is the list of members, and it is too long.
        """
        if not self._listed and size > self._members * _ENTRY:
            raise CrowdedZipError(f"a list of members of {size:,} bytes")
        data = self._file.read(size) or b""
        if not self._listed and (found := data.count(_ENTRY_BEGINS)) > self._members:
            raise CrowdedZipError(f"{found:,} members")
        return data
