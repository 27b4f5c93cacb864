"""What a classifier can be given: one photo in any form, or many of them one after another.

Knows paths, folders and what each form is called in results. Does not decode pictures, and does not
know data sets: their photos come in as anything that has a path and can be read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np

from figsight import images
from figsight.errors import DataError

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


Source: TypeAlias = "str | os.PathLike[str] | bytes | NDArray[np.uint8] | Image | Readable"
"""What can be predicted: a picture file's path or bytes, uint8 pixels [H, W, 3], an open image, or
a photo of a data set."""


def name_source(source: Source) -> str:
    """Return what a photo is called in predictions and messages."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if isinstance(source, bytes):
        return "<bytes>"
    if isinstance(source, Readable):
        return source.path
    return "<array>" if isinstance(source, np.ndarray) else "<image>"


def is_folder(source: object) -> bool:
    """Say whether a source is a folder of photos and not a photo."""
    return isinstance(source, (str, os.PathLike)) and os.path.isdir(source)  # noqa: PTH112


def expand_sources(sources: Source | Iterable[Source]) -> Iterator[Source]:
    """Yield single photos: one alone, or each of many, with folders looked through."""
    is_one = isinstance(sources, (str, os.PathLike, bytes, np.ndarray, Readable))
    is_one = is_one or not hasattr(sources, "__iter__")  # an open image
    many = cast("Iterable[Source]", [sources] if is_one else sources)
    for source in many:
        if isinstance(source, (str, os.PathLike)) and is_folder(source):
            yield from _find_pictures(os.fspath(source))
        else:
            yield source


def _find_pictures(folder: str) -> Iterator[str]:
    """Yield the pictures under a folder, sorted by path; links to folders are not followed.

    Models and unfinished trainings below the folder are passed over.
    """
    found = False
    stack = [(folder, True)]
    while stack:
        path, is_folder = stack.pop()
        if not is_folder:
            found = True
            yield path
            continue
        try:
            with os.scandir(path) as scan:
                entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in scan]
        except OSError as error:
            raise DataError(f"{path}: the folder cannot be listed ({error.strerror})") from error
        if path != folder and _is_ours(path, [name for name, _ in entries]):
            continue
        # The slash makes this the order of whole paths: "a.jpg" before "a/b.jpg".
        entries.sort(key=lambda entry: entry[0] + "/" * entry[1], reverse=True)
        for name, is_dir in entries:
            # Hidden folders are left out as hidden pictures are.
            if images.is_picture_name(f"{name}/_.png" if is_dir else name):
                stack.append((os.path.join(path, name), is_dir))  # noqa: PTH118 - as it was given
    if not found:
        raise DataError(f"{folder}: expected a folder with pictures, found none in it")


def _is_ours(folder: str, names: list[str]) -> bool:
    from figsight.dataset.trees import is_ours  # here and not above: one photo needs no data sets

    return is_ours(folder, names)
