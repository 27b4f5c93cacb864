"""Zips read with a bound, and what comes of reading damaged ones.

Knows members and their declared sizes. Does not know what they hold, nor which zips are refused.
"""

from __future__ import annotations

import struct
import zipfile
import zlib

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
