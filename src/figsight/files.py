"""Files written whole or not at all, and only where nothing is lost.

Knows files, not what is in them.

Knows by their names, too, what operating systems and file managers put into folders unasked.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

from figsight.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

UNFINISHED = ".training"
"""What follows the name of a model in that of the folder in which it is trained."""
PLAN = "plan.json"
"""The file in that folder that says what is trained there."""

# In lower case; .gitattributes comes with every model from the Hugging Face Hub. What people threw
# away (.Trashes, #recycle) is theirs, and is not here.
_LITTER = frozenset(
    {
        ".ds_store",
        ".localized",
        "icon\r",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        ".directory",
        ".gitattributes",
    }
)
_LITTER_FOLDERS = frozenset(
    {
        "__macosx",
        ".appledouble",
        ".fseventsd",
        ".spotlight-v100",
        ".temporaryitems",
        "system volume information",
        "@eadir",
        "lost+found",
    }
)
_READ = 2**16  # bytes at either end of a file, in which it says who wrote it
_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space, or choose another folder"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "allow writing there, or choose another folder"),
}


def is_litter(name: str, *, folder: bool = False) -> bool:
    """Say whether systems and file managers leave a file, or a folder, of this name behind.

    Only names that are nobody's own: other names with a dot in front may well be somebody's.
    """
    name = name.lower()
    return name in _LITTER_FOLDERS if folder else name in _LITTER or name.startswith("._")


def locate(path: str) -> str:
    """Return where a path leads now, so that it is found when the program has gone to another folder.

    Raises:
        OSError: It begins at a working directory that is gone.
    """
    # Not abspath: where there are links, ".." counts.
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH117, PTH118


def read_plain(path: Path, limit: int) -> bytes:
    """Return the bytes of a file, of a longer one ``limit`` and one more.

    Raises:
        OSError: It cannot be read; or is a pipe or a device, which may never end; or its name is none.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(
                    errno.EINVAL, "A pipe or a device, which may never end; copy it first"
                )
            return file.read(limit + 1)
    except ValueError as error:  # a null byte
        raise OSError(errno.EINVAL, str(error).capitalize()) from error


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to keeps nobody waiting."""
    return os.open(path, flags | os.O_NONBLOCK)


def check_output(
    path: str | os.PathLike[str],
    suffixes: Sequence[str],
    is_ours: Callable[[bytes], bool],
    what: str,
) -> Path:
    """Return where a file is to be written, before the work that it will show is begun.

    Replaced is only what is empty, or what figsight wrote itself: somebody else's file is easily
    named by mistake.

    Args:
        path: Where to.
        suffixes: What it may end in, in lower case, the usual one first.
        is_ours: Whether a file, of which it is given the first and the last 64 KiB, may be replaced.
        what: What such a file is called.

    Raises:
        OutputError: The name is none for a file, or has another ending; the folder is missing or may
            not be written to; or another file is there.
    """
    target = Path(path)
    try:
        is_folder = stat.S_ISDIR(target.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    except (OSError, ValueError) as error:  # a name that is too long, or has a null byte
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"{target}: expected a name for a file, found one that cannot be used ({reason}); choose "
            "another"
        ) from error
    if not target.name or is_folder:
        raise OutputError(
            f"{target}: expected the name of a file, found a folder; add a file name, or choose "
            "another"
        )
    if target.suffix.lower() not in suffixes:
        *others, last = suffixes
        found = repr(target.suffix) if target.suffix else "no extension"
        raise OutputError(
            f"{target}: expected a file ending in {', '.join(others)} or {last}, found {found}; "
            f"write for example {target.with_suffix(suffixes[0]).name}"
        )
    if not target.parent.is_dir():
        raise OutputError(
            f"{target}: expected an existing folder {target.parent}, found none; make it first"
        )
    if not os.access(target.parent, os.W_OK):
        raise OutputError(
            f"{target}: expected a folder that can be written to, found {target.parent}; choose "
            "another"
        )
    if not _may_be_replaced(target, is_ours):
        raise OutputError(
            f"{target}: expected no file, or {what}, found another; choose another name, or remove "
            "it first"
        )
    return target


def _may_be_replaced(target: Path, is_ours: Callable[[bytes], bool]) -> bool:
    """Say whether nothing is lost with a file: there is none, it is empty, or it is ours."""
    try:
        if not stat.S_ISREG(target.stat().st_mode):  # a pipe would wait for ever
            return False
        with target.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            ends = file.read(_READ)
            file.seek(max(0, size - _READ))
            ends += file.read(_READ)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return size == 0 or is_ours(ends)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a place beside a file's own to be written to, and move what lies there when it is done.

    Raises:
        OutputError: It cannot be written; then the file is as it was.
    """
    part = _part_of(path)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise _cannot(path, error) from error
    finally:
        _clear(part)


def write_whole(files: Mapping[Path, bytes]) -> None:
    """Write files beside their places, and move them there when all of them are written.

    Raises:
        OutputError: One cannot be written; then none has been, or (should a disk fail between two
            moves) each is either as it was or whole.
    """
    parts = {path: _part_of(path) for path in files}
    path = next(iter(files))
    try:
        for path, data in files.items():
            with parts[path].open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for path, part in parts.items():
            part.replace(path)
    except OSError as error:
        raise _cannot(path, error) from error
    finally:
        for part in parts.values():
            _clear(part)


def _part_of(path: Path) -> Path:
    """Return where a file is written before it is moved to its place.

    Threads and processes that write the same file each have a place of their own: the later one
    stays, whole. ``training.workplace`` knows these names.
    """
    return hide(path, f"{os.getpid()}-{get_ident()}.part")


def hide(path: Path, ending: str) -> Path:
    """Return a hidden place beside a file's or folder's own, of one length for names of any length."""
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".figsight-{digest}.{ending}")


def _clear(part: Path) -> None:
    """Remove what was not moved; a disk that refuses has said so already."""
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _cannot(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: expected a place that can be written, found: {error.strerror or error}; "
        f"{_ADVICE.get(error.errno or 0, 'choose another folder')}"
    )
