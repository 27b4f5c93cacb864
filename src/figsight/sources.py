"""What a classifier can be given: one photo in any form, or many of them one after another.

Knows paths, folders and what each form is called in results. Does not decode pictures, and does not
know data sets: their photos come in as anything that has a path and can be read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np

from figsight import images
from figsight.errors import PhotoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from PIL.Image import Image


@runtime_checkable
class Readable(Protocol):
    """A photo that knows where its bytes are, like ``figsight.Photo``."""

    @property
    def path(self) -> str:
        """What it is called in results."""

    def read(self) -> bytes:
        """Return the bytes of the picture file.

        Raises:
            PhotoError: They cannot be read.
        """


@runtime_checkable
class Decodable(Readable, Protocol):
    """A photo that gives its pixels, as somebody else wants them, too, and it is decoded but once."""

    def read_pixels(self) -> NDArray[np.uint8]:
        """Return the pixels of the picture, as ``images.decode`` gives them.

        Raises:
            PhotoError: It cannot be read or decoded.
        """


Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | NDArray[np.uint8] | Image "
    "| Readable"
)
"""What can be predicted: a picture file's path, its bytes, a file that is open for reading bytes,
uint8 pixels [H, W, 3], an open image, or a photo of a data set."""

Taken: TypeAlias = "str | os.PathLike[str] | bytes | NDArray[np.uint8] | Image | Readable"
"""A source that can be read in another thread, or later: nothing in it belongs to somebody else but
arrays and images."""


@dataclass(frozen=True)
class Held:
    """The bytes of a file that was open: its name and what was read of it."""

    path: str
    data: bytes

    def read(self) -> bytes:
        """Return them."""
        return self.data


@dataclass(frozen=True)
class Missing:
    """A place where photos were expected and none can be had."""

    path: str
    reason: str
    kind: type[PhotoError] = PhotoError

    def read(self) -> bytes:
        """Say why; see ``Readable.read``."""
        raise self.kind(self.path, self.reason)


def take(source: Source) -> Taken:
    """Return a photo in a form that stays what it is: open files are read, buffers copied."""
    if isinstance(source, (bytearray, memoryview)):
        return bytes(source)
    if not hasattr(source, "read") or (isinstance(source, Readable) and not _is_file(source)):
        return source
    name = getattr(source, "name", None) or getattr(source, "path", None)
    path = os.fsdecode(name) if isinstance(name, (str, bytes)) else "<file>"
    try:
        return Held(path, images.read_opened(cast("BinaryIO", source), path))
    except PhotoError as error:
        return Missing(path, error.reason, type(error))


def _is_file(source: object) -> bool:
    """Say whether what has a path and can be read is a file that is open, and may be closed soon.

    Those of fsspec are, for one: local files, clouds and archives.
    """
    return any(hasattr(source, name) for name in ("seek", "readable", "closed"))


def read_photo(photo: Readable) -> bytes | NDArray[np.uint8]:
    """Return the bytes of a photo, or the pixels of one that has decoded itself.

    Raises:
        PhotoError: They cannot be read.
    """
    try:
        return photo.read_pixels() if isinstance(photo, Decodable) else photo.read()
    except (OSError, ValueError) as error:  # a closed file is the latter
        found = str(getattr(error, "strerror", None) or error).lower()
        advice = "check its disk" if isinstance(error, OSError) else "open it again"
        reason = f"expected a file that can be read, found {found!r}; {advice}"
        raise PhotoError(photo.path, reason) from error


def name_source(source: Taken) -> str:
    """Return what a photo is called in predictions and messages."""
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    if isinstance(source, bytes):
        return "<bytes>"
    if isinstance(source, Readable):
        return source.path
    return "<array>" if isinstance(source, np.ndarray) else "<image>"


def is_folder(source: object) -> bool:
    """Say whether a source is a folder of photos and not a photo."""
    return isinstance(source, (str, os.PathLike)) and os.path.isdir(source)  # noqa: PTH112


def expand_sources(sources: Source | Iterable[Source]) -> Iterator[Taken]:
    """Yield single photos: one alone, or each of many, with folders looked through as they are needed.

    Of a folder come the pictures that ``figsight.read`` would find in it: hidden ones and what systems
    leave behind are left out, links are followed, and what is reached twice comes once.
    A folder that cannot be listed, or holds no pictures, comes as one that cannot be read (``Missing``).
    """
    one = (str, os.PathLike, bytes, bytearray, memoryview, np.ndarray, Readable)
    is_one = isinstance(sources, one) or hasattr(sources, "read")
    is_one = is_one or not hasattr(sources, "__iter__")  # an open image
    many = cast("Iterable[Source]", [sources] if is_one else sources)
    for source in many:
        if isinstance(source, (str, os.PathLike)) and is_folder(source):
            yield from _find_pictures(os.fspath(source))
        else:
            yield take(source)


def _find_pictures(folder: str) -> Iterator[str | Missing]:
    """Yield the pictures under a folder, as ``walk`` finds them: those that a set of it would have.

    In the order of their paths; those in folders that only links lead to come last. Models and
    unfinished trainings below the folder are passed over.
    """
    # Here and not above: one photo needs no data sets.
    from figsight.dataset.trees import is_ours
    from figsight.dataset.walking import place, walk

    found = False
    for path, error in walk(folder, pass_over=is_ours):
        if error is not None:
            found = True
            reason = f"the folder cannot be listed ({error.strerror})"
            yield Missing(place(folder, path), reason)
        elif images.is_picture_name(path):
            found = True
            yield place(folder, path)
    if not found:
        yield Missing(folder, "expected a folder with pictures, found none in it")


def find_others(folder: str) -> Iterator[str]:
    """Yield the files under a folder that are passed over, as their names are not those of pictures.

    Not those that nobody put there: hidden ones, what systems leave behind, models.
    """
    from figsight.dataset.trees import is_ours
    from figsight.dataset.walking import place, walk
    from figsight.files import is_litter

    for path, error in walk(folder, pass_over=is_ours):
        name = path.rpartition("/")[2]
        if error is None and not images.is_picture_name(path) and not is_litter(name):
            yield place(folder, path)
