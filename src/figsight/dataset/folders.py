"""Folders of photos: the folder says which figure a photo shows, and perhaps which split it is in.

Knows paths only; whether they lie in a folder or in a zip is the business of ``trees``.

- ``marvel/0001/001.jpg`` shows the figure ``marvel/0001``: the id is the path of the folder, composed
  (NFC): folders whose names differ only in how accents are stored are one figure.
- ``train/NORMAL/1.png`` shows ``NORMAL`` and is in the split train; so with ``val`` or ``valid`` or
  ``validation`` and ``test``, in any case, also below a single top folder. A folder is a split only
  if it holds folders: ``train/1.jpg`` beside ``bus/1.jpg`` is a picture of a train.
- A picture that lies in no figure's folder (beside the class folders, or directly in a split) is
  unlisted.
- A file in a figure's folder whose name is that of a picture which we do not open is unsupported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from figsight.dataset.indexing import assemble, named_figure
from figsight.dataset.names import composed, few, printable
from figsight.dataset.tables import SPLITS
from figsight.dataset.trees import wrappers
from figsight.errors import DataError
from figsight.images import is_picture_name
from figsight.phrases import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from figsight.dataset.model import Dataset, Photo
    from figsight.dataset.trees import Tree

# Camera raws; films, as phones keep them beside photos; and what else may hold a picture.
_UNSUPPORTED = frozenset(
    {"3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mrw", "nef"}
    | {"nrw", "orf", "pef", "raf", "raw", "rw2", "sr2", "srf", "srw", "x3f"}
    | {"avi", "m4v", "mkv", "mov", "mp4", "webm"}
    | {"dcm", "emf", "eps", "exr", "fits", "hdr", "icns", "ico", "j2c", "j2k", "jp2", "jpf", "jpx"}
    | {"jxl", "jxr", "pcx", "pdf", "psb", "psd", "svg", "svgz", "tga", "wdp", "wmf", "xcf"}
)


def read_folders(tree: Tree, *, unwrap: bool = False) -> Dataset:
    """Return the set that class folders describe.

    Args:
        tree: The files.
        unwrap: Whether a single top folder around the class folders is only wrapping, as in most
            zips, and no part of the ids. (Around ``train`` and ``test`` it always is.)

    Raises:
        DataError: There is no picture, or no class folder.
    """
    pictures = [path for path in tree.files if is_picture_name(path)]
    name = printable(tree.name)
    if not pictures:
        found = (
            f"{count(len(tree.files), 'other file')}: {few(list(tree.files))}"
            if tree.files
            else "none"
        )
        raise DataError(
            f"{name}: expected pictures in class folders, found {found}; see what you gave as DATA"
        )
    if not any("/" in path for path in pictures):
        raise DataError(
            f"{name}: expected a folder for each class, found {count(len(pictures), 'picture')} directly "
            f"in it and no class folder; move each picture into a folder named after its class, or "
            f"list them in a CSV (path,label)"
        )
    prefix, splits = _layout(pictures, unwrap=unwrap)
    photos = _in_class_folders(tree, pictures, prefix, splits)
    ids = dict.fromkeys(photo.figure_id or "" for photo in photos)
    closed = [path for path in tree.files if _extension(path) in _UNSUPPORTED]
    return assemble(
        tree,
        photos,
        (named_figure(figure_id) for figure_id in ids),
        unsupported=_in_class_folders(tree, closed, prefix, splits),
    )


def _extension(path: str) -> str:
    return path.rpartition(".")[2].casefold()


def _in_class_folders(
    tree: Tree, paths: Iterable[str], prefix: str, splits: frozenset[str]
) -> list[Photo]:
    """Return the files that lie in a figure's folder, each with its figure and split."""
    photos = []
    for path in paths:
        inner = path.removeprefix(prefix)
        top, _, below = inner.partition("/")
        # A split may hold nothing that we open: then ``splits`` does not name it.
        split = SPLITS.get(top.casefold()) if splits else None
        folder, slash, _ = (below if split else inner).rpartition("/")
        if path.startswith(prefix) and slash and (split or not splits):
            photos.append(tree.photo(path, composed(folder), split))
    return photos


def _layout(pictures: Sequence[str], *, unwrap: bool) -> tuple[str, frozenset[str]]:
    """Return the wrapping prefix (``""`` or ending in ``/``) and the names of the split folders."""
    prefixes = wrappers(pictures)
    for prefix in prefixes:
        splits = split_folders(path.removeprefix(prefix) for path in pictures)
        if splits:
            return prefix, splits
    # The innermost prefix may be the only class folder: then it is no wrapping.
    outer = [prefix for prefix in prefixes if all("/" in p.removeprefix(prefix) for p in pictures)]
    return (outer[1] if unwrap and len(outer) > 1 else ""), frozenset()


def split_folders(paths: Iterable[str]) -> frozenset[str]:
    """Return which top folders are splits; none unless ``train`` is there or all of them are.

    Args:
        paths: Paths of pictures, with ``/``.
    """
    tops, with_folders = set(), set()
    for path in paths:
        top, *below = path.split("/")
        if below:
            tops.add(top)
        if len(below) > 1:
            with_folders.add(top)
    splits = {top for top in with_folders if top.casefold() in SPLITS}
    if splits == tops or any(SPLITS[top.casefold()] == "train" for top in splits):
        return frozenset(splits)
    return frozenset()
