"""Where a bundle's files lie: a folder, or one zip that is read without being unpacked.

Knows names, sizes, links and how to read bytes with a bound. Does not know what the files mean.
What systems and file managers leave in a folder or a zip is not listed, and so never read.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import zipfile
from typing import IO, TYPE_CHECKING, Protocol, cast

from figsight.errors import BundleError
from figsight.files import is_litter, locate
from figsight.zips import DAMAGED_ZIP, CrowdedZipError, ZipSource, read_entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DAMAGED = (*DAMAGED_ZIP, OSError)
_MAX_FILES = 1_000_000
_MAX_MEMBERS = 500_000  # of a zip: a thumbnail for each photo, and a dozen more
# Photos and weights hardly shrink; manifests and tables shrink about tenfold.
_MAX_UNPACKED = 64 * 2**20
_MAX_RATIO = 20
_ENCRYPTED = 0x1


class Store(Protocol):
    """Named files that can be read."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """The size of every file in bytes, by its name with ``/``."""

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's bytes.

        Raises:
            BundleError: It is missing, no plain file, longer than ``limit`` or cannot be read.
        """

    def close(self) -> None:
        """Give back what the store holds open."""


def open_store(path: str, *, marker: str, folder: str) -> Store:
    """List the files of a folder or a zip without reading them.

    Args:
        path: A folder or a zip.
        marker: The file without which it is something else than we expect.
        folder: The one folder that may lie inside.

    Raises:
        BundleError: Nothing is there, it is something else, or it holds a link, another folder or
            a device.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a link to the whole model is welcome
    except PermissionError as error:
        raise _refuse_locked(path, "a place", error) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BundleError(f"{path}: expected a figsight model, found nothing ({reason})") from None
    if stat.S_ISDIR(mode):
        return FolderStore(path, marker, folder)
    if stat.S_ISREG(mode):
        return ZipStore(path, marker, folder)
    raise BundleError(f"{path}: expected a figsight model (a folder or a zip), found a device")


class FolderStore:
    """A folder with plain files, at most one folder deep.

    Attributes:
        sizes: The size of every file in bytes, by name.
    """

    def __init__(self, path: str, marker: str, folder: str) -> None:
        self._path = path
        self.sizes: dict[str, int] = {}
        try:
            self._folder = locate(path)
            if not _is_there(f"{path}/{marker}"):
                raise _refuse_stranger(path, marker)
            self._list(path, "", folder)
        except PermissionError as error:
            raise _refuse_locked(path, "a folder", error) from None
        except OSError as error:
            raise BundleError(f"{path}: cannot be listed ({error.strerror})") from None

    def _list(self, path: str, prefix: str, folder: str | None) -> None:
        with os.scandir(path) as entries:
            for entry in entries:
                name = prefix + entry.name
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISLNK(mode):
                    raise BundleError(
                        f"{self._path}: expected plain files, found the link {name!a}: remove it, "
                        "or copy the model with its links resolved (cp -rL)"
                    )
                if (stat.S_ISREG(mode) and is_litter(entry.name)) or (
                    stat.S_ISDIR(mode) and is_litter(entry.name, folder=True)
                ):
                    continue
                if stat.S_ISREG(mode):
                    self.sizes[name] = entry.stat(follow_symlinks=False).st_size
                elif stat.S_ISDIR(mode) and entry.name == folder:
                    self._list(entry.path, f"{name}/", None)
                else:
                    kind = "folder" if stat.S_ISDIR(mode) else "device"
                    raise BundleError(
                        f"{self._path}: expected only a model's own files, found the {kind} "
                        f"{name!a}: remove it"
                    )
                if len(self.sizes) > _MAX_FILES:
                    raise BundleError(f"{self._path}: found more than {_MAX_FILES} files")

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's bytes; see ``Store.read``."""
        # The file may have changed since it was listed, so what was opened is looked at again.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(f"{self._folder}/{name}", flags)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise BundleError(f"{self._path}: {name}: expected a plain file")
                _check_size(self._path, name, status.st_size, limit)
                data = file.read(status.st_size + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BundleError(f"{self._path}: {name}: cannot be read ({reason})") from None
        if len(data) != status.st_size:
            raise BundleError(f"{self._path}: {name}: it changed while it was read: try again")
        return data

    def close(self) -> None:
        """Do nothing: a folder holds nothing open."""


class _Cursor(io.RawIOBase):
    """A file that is open for reading, at a place that is this object's own.

    Processes that were forked share the place of a plain file: each reads on where another left it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def fileno(self) -> int:
        if self.closed:
            raise ValueError("the model is closed")
        return self._descriptor

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        end = os.fstat(self.fileno()).st_size
        at = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: end}[whence] + offset
        if at < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = at
        return at

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            size = max(0, os.fstat(self.fileno()).st_size - self._at)
        data = os.pread(self.fileno(), size, self._at)
        self._at += len(data)
        return data


class ZipStore:
    """A zip with plain files, read in place; by threads and forked processes, if they like.

    Attributes:
        sizes: The size of every file in bytes when unpacked, by name.
    """

    def __init__(self, path: str, marker: str, folder: str) -> None:
        self._path = path
        self._entries: dict[str, zipfile.ZipInfo] = {}
        try:
            self._opened = _open_zip(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except PermissionError as error:
            raise _refuse_locked(path, "a file", error) from None
        except CrowdedZipError as error:
            raise BundleError(
                f"{path}: expected at most {_MAX_MEMBERS:,} files in a zip, found {error}: give the "
                "model's folder"
            ) from None
        except _DAMAGED as error:
            raise BundleError(
                f"{path}: expected a figsight model (a folder or a zip), found a file that is no "
                f"readable zip ({error})"
            ) from None
        try:
            self._list(marker, folder)
        except BaseException:
            self.close()
            raise
        self.sizes = {name: entry.file_size for name, entry in self._entries.items()}

    def _list(self, marker: str, folder: str) -> None:
        _, file, archive = self._opened
        entries = archive.infolist()
        if not any(entry.filename == marker for entry in entries):
            raise _refuse_stranger(self._path, marker, [entry.filename for entry in entries])
        allowed = max(_MAX_UNPACKED, _MAX_RATIO * os.fstat(file.fileno()).st_size)
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > allowed:
            raise BundleError(
                f"{self._path}: expected at most {allowed} bytes when unpacked, found {unpacked}: "
                "this looks like a decompression bomb"
            )
        for entry in entries:
            if entry.filename == f"{folder}/":
                continue
            litter = _is_litter(entry.filename, folder)
            problem = _find_bad_entry(entry, may_be_folder=litter)
            if problem is not None:
                raise BundleError(
                    f"{self._path}: expected plain files, found {problem} {entry.orig_filename!a}: "
                    "make the zip from the model's folder again"
                )
            if litter:
                continue
            if entry.filename in self._entries:
                raise BundleError(f"{self._path}: found {entry.filename!a} twice in the zip")
            self._entries[entry.filename] = entry

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's bytes; see ``Store.read``."""
        entry = self._entries.get(name)
        if entry is None:
            raise BundleError(f"{self._path}: {name}: not in the zip")
        _check_size(self._path, name, entry.file_size, limit)
        try:
            return read_entry(self._archive(), entry)
        except _DAMAGED as error:
            raise BundleError(f"{self._path}: {name}: cannot be read ({error})") from None

    def close(self) -> None:
        """Close the zip."""
        _, file, archive = self._opened
        archive.close()
        file.close()

    def _archive(self) -> zipfile.ZipFile:
        """Return the zip as this process reads it."""
        process, file, archive = self._opened
        if process != os.getpid():
            # We were forked. What is open stays open, should another file have its name by now; but
            # threads that were not forked with us may have held the locks of what they read with.
            self._opened = opened = _open_zip(os.dup(file.fileno()))
            archive = opened[2]
        return archive


def _open_zip(descriptor: int) -> tuple[int, _Cursor, zipfile.ZipFile]:
    """Read the directory of a zip; return the process that did, and what it reads the rest with."""
    file = _Cursor(descriptor)
    source = ZipSource(file, _MAX_MEMBERS)
    try:
        archive = zipfile.ZipFile(cast("IO[bytes]", source))
        source.trust()
        return os.getpid(), file, archive
    except BaseException:
        file.close()
        raise


def _is_there(path: str) -> bool:
    """Say whether there is such a name; ``os.path.lexists`` says no where one may not look."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _refuse_stranger(where: str, marker: str, names: Sequence[str] = ()) -> BundleError:
    """Say what lies there instead of a model."""
    nested = min((name for name in names if name.endswith(f"/{marker}")), default=None)
    if nested is not None:
        return BundleError(
            f"{where}: expected {marker} at the top, found {nested!a}: zip what is in the model's "
            "folder, not the folder"
        )
    if any(name.endswith("/data.pkl") for name in names):
        return BundleError(
            f"{where}: expected a figsight model, found a PyTorch checkpoint, a pickle that can "
            "run code when it is opened: train a model with figsight"
        )
    return BundleError(
        f"{where}: expected a figsight model, found no {marker}: give the folder or zip that "
        "figsight train wrote"
    )


def _refuse_locked(where: str, what: str, error: OSError) -> BundleError:
    """Say that somebody may not look there."""
    return BundleError(
        f"{where}: expected a figsight model, found {what} that may not be read "
        f"({error.strerror}): allow reading it"
    )


def _is_litter(name: str, folder: str) -> bool:
    """Say whether an entry of a zip is litter beside a model's files, or beside its thumbnails."""
    *above, last = name.removesuffix("/").split("/")
    if above[:1] == [folder]:
        del above[0]
    return is_litter(above[0] if above else last, folder=bool(above) or name.endswith("/"))


def _find_bad_entry(entry: zipfile.ZipInfo, *, may_be_folder: bool) -> str | None:
    """Say what kind of thing an entry of a zip is when it is no plain file."""
    name = entry.orig_filename
    mode = entry.external_attr >> 16
    supported = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    problems = {
        "the odd name": name != entry.filename or "\\" in name or "\0" in name,
        "a path out of the model,": name.startswith("/") or ".." in name.split("/"),
        "the link": stat.S_ISLNK(mode),
        "the folder": entry.is_dir() and not may_be_folder,
        "the device": not entry.is_dir() and stat.S_IFMT(mode) not in (0, stat.S_IFREG),
        "the encrypted file": bool(entry.flag_bits & _ENCRYPTED),
        "an unusual compression of": entry.compress_type not in supported,
    }
    return next((problem for problem, is_so in problems.items() if is_so), None)


def _check_size(where: str, name: str, size: int, limit: int) -> None:
    if size > limit:
        raise BundleError(f"{where}: {name}: expected at most {limit} bytes, found {size}")
