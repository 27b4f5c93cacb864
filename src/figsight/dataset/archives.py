"""Zips of photos, read in place: what is in one, and the bytes of a member.

Nothing is ever written to disk, so a hostile name can harm nobody; hostile zips are refused all the
same, because they show that the file is not what it pretends to be. Knows zips only: no labels, no
pictures.

What is not guaranteed: the bytes of a member are checked (CRC-32) when they are read, not before.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from figsight.dataset.names import few, natural_key, printable
from figsight.errors import ArchiveError
from figsight.files import is_litter
from figsight.phrases import count
from figsight.zips import DAMAGED_ZIP, CrowdedZipError, ZipSource, read_entry

if TYPE_CHECKING:
    from pathlib import Path

# zlib can be stopped after n bytes. zipfile cannot stop bzip2 and LZMA, so a bomb could hide there.
_READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}
_OPEN_ZIPS = 4  # kept open by each thread


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """How large a zip may be. The defaults are far above any set of photos.

    Attributes:
        members: Most members, folders included.
        member_bytes: Most bytes of one member, unpacked.
        total_bytes: Most bytes of all members, unpacked.
        ratio: Most unpacked bytes for one byte of the zip.
        ratio_from: Unpacked bytes below which the ratio does not matter: a few blank pictures
            may well shrink a thousandfold.
    """

    members: int = 500_000
    member_bytes: int = 256 * 2**20
    total_bytes: int = 256 * 2**30
    ratio: int = 200
    ratio_from: int = 256 * 2**20


LIMITS = ZipLimits()


class _Zip(zipfile.ZipFile):
    """A zip, opened only if it has no more members than there may be."""

    _held: BinaryIO | None = None  # should opening it fail: ``ZipFile`` closes whatever it is

    def __init__(self, path: Path, members: int) -> None:
        self._held = held = path.open("rb")
        source = ZipSource(held, members)
        try:
            super().__init__(cast("IO[bytes]", source))
            source.trust()
        except BaseException:
            held.close()
            raise

    def close(self) -> None:
        """Close its file, too."""
        super().close()
        if self._held is not None:
            self._held.close()


def list_zip(path: Path, limits: ZipLimits = LIMITS) -> dict[str, str]:
    """Return every file in a zip: its path with ``/`` -> its name in the zip, in natural order.

    Folders are left out, and so is what operating systems leave behind (names that begin with a
    dot, ``__MACOSX``).

    Args:
        path: The zip.
        limits: How large it may be.

    Raises:
        ArchiveError: It is damaged, encrypted, too large, or holds absolute names, names with
            ``..``, links, one name twice or a compression other than deflate.
    """
    name = printable(path.name)
    try:
        with _Zip(path, limits.members) as archive:
            members = archive.infolist()
        size = path.stat().st_size
    except OSError as error:
        raise ArchiveError(
            f"{name}: the zip cannot be opened: {error.strerror or error}"
        ) from error
    except CrowdedZipError as error:
        raise ArchiveError(f"{name}: {error}; {_at_most(limits.members)}") from error
    except DAMAGED_ZIP as error:
        reason = printable(error)
        raise ArchiveError(f"{name}: the zip is damaged ({reason}); fetch it again") from error
    _check_sizes(name, members, size, limits)
    found: dict[str, str] = {}
    for member in members:
        inside = _safe_path(name, member)
        if inside in found:
            raise ArchiveError(f"{name}: two members are called {printable(inside)}; zip it again")
        found[inside] = "" if member.is_dir() else member.filename
    kept = (inside for inside, member in found.items() if member and not is_hidden(inside))
    return {inside: found[inside] for inside in sorted(kept, key=natural_key)}


def is_hidden(path: str) -> bool:
    """Whether nobody means this as a photo: dot files, and folders that systems leave behind."""
    return any(part.startswith(".") or is_litter(part, folder=True) for part in path.split("/"))


def _at_most(members: int) -> str:
    return f"at most {members:,} are read from one zip"


def _check_sizes(name: str, members: list[zipfile.ZipInfo], size: int, limits: ZipLimits) -> None:
    large = [member.filename for member in members if member.file_size > limits.member_bytes]
    if large:
        members_are = count(len(large), "member is", "members are")
        raise ArchiveError(
            f"{name}: {members_are} larger than {limits.member_bytes / 2**20:,.0f} MiB "
            f"unpacked: {few(large)}; take {'it' if len(large) == 1 else 'them'} out"
        )
    total = sum(member.file_size for member in members)
    bomb = total > limits.ratio_from and total > limits.ratio * size
    if total > limits.total_bytes or bomb:
        raise ArchiveError(
            f"{name}: {size:,} bytes that would unpack to {total:,}; this looks like a zip bomb"
        )


def _safe_path(name: str, member: zipfile.ZipInfo) -> str:
    """Return the path of a member with ``/`` and without ``.``, or refuse it."""
    shown = printable(member.orig_filename)
    text = member.filename.replace("\\", "/")  # some Windows tools write backslashes
    parts = [part for part in text.split("/") if part not in {"", "."}]
    kind = stat.S_IFMT(member.external_attr >> 16)
    reason, remedy = None, "without it"
    if "\0" in member.orig_filename or not parts:
        reason = "has an empty or broken name"
    elif text.startswith("/") or parts[0][1:2] == ":":
        reason = "has an absolute name"
    elif ".." in parts:
        reason = "leads out of the zip"
    elif kind == stat.S_IFLNK:
        reason = "is a link"
    elif kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        reason = "is neither a file nor a folder"
    elif member.flag_bits & 0x1:
        reason, remedy = "is encrypted", "without a password"
    elif member.compress_type not in _READABLE:
        reason = f"is compressed by {_method(member.compress_type)}"
        remedy = "with the usual compression (deflate)"
    if reason is not None:
        raise ArchiveError(f"{name}: the member {shown} {reason}; zip the photos again {remedy}")
    return "/".join(parts)


def _method(number: int) -> str:
    """Return what a method of compression is called."""
    return _METHODS.get(number, f"method {number}")


class _OpenZips(threading.local):
    """The zips that this thread has open, the one used last at the end."""

    def __init__(self) -> None:
        self.zips: OrderedDict[tuple[int, str, int, int], zipfile.ZipFile] = OrderedDict()


_open_zips = _OpenZips()


def _open_zip(path: Path) -> zipfile.ZipFile:
    # Opening parses the whole list of members: far too slow to do for each of thousands of photos.
    # A process id in the key: a forked child shares the file position with its parent, so it needs
    # a file of its own.
    status = path.stat()
    key = (os.getpid(), str(path), status.st_mtime_ns, status.st_size)
    zips = _open_zips.zips
    if key not in zips:
        zips[key] = _Zip(path, LIMITS.members)
        while len(zips) > _OPEN_ZIPS:
            zips.popitem(last=False)[1].close()
    zips.move_to_end(key)
    return zips[key]


def read_member(path: Path, member: str, limit: int = LIMITS.member_bytes) -> bytes:
    """Return the bytes of one member of a zip.

    Each thread keeps its last few zips open, until they change on disk, so that reading thousands
    of members is cheap. At most ``limit`` bytes are ever unpacked, whatever the zip declares.

    Args:
        path: The zip.
        member: The name in the zip, as ``list_zip`` gives it.
        limit: Most bytes.

    Raises:
        ArchiveError: The zip is damaged, the member is not in it, or it is larger than the limit.
        OSError: The zip is gone or may not be read.
    """
    try:
        archive = _open_zip(path)
        info = archive.getinfo(member)
        if info.compress_type not in _READABLE:
            raise ArchiveError(f"compressed by {_method(info.compress_type)}; only deflate is read")
        if info.file_size > limit:
            raise ArchiveError(f"larger than {limit / 2**20:,.0f} MiB unpacked")
        return read_entry(archive, info)
    except CrowdedZipError as error:
        raise ArchiveError(
            f"{error} in {printable(path.name)}; {_at_most(LIMITS.members)}"
        ) from error
    except KeyError as error:
        raise ArchiveError(f"no longer in {printable(path.name)}") from error
    except DAMAGED_ZIP as error:
        raise ArchiveError(f"damaged in {printable(path.name)} ({printable(error)})") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # an offset before the beginning of the file
            raise ArchiveError(f"damaged in {printable(path.name)} (bad offset)") from error
        raise
