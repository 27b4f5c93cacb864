"""Pictures that nobody has labelled: what a folder or a zip holds, whatever its folders are called.

Knows files and names. Opens no picture.
"""

from __future__ import annotations

import os
from pathlib import Path

from figsight.dataset.model import Dataset
from figsight.dataset.names import printable
from figsight.dataset.trees import folder_tree, without_ours, zip_tree
from figsight.errors import DataError
from figsight.images import is_picture_name


def read_unlabelled(source: str | os.PathLike[str]) -> Dataset:
    """List all pictures of a folder or a zip, in natural order, as a set without figures.

    Pictures in models and unfinished trainings that lie among them are passed over.

    Raises:
        DataError: It is neither, or holds no pictures.
    """
    path = Path(source)
    if not os.fspath(source):
        raise DataError("expected a folder or a zip of pictures, found an empty path")
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be opened: {error.strerror}") from error
    if is_folder:
        tree = folder_tree(path, name=path.name or str(path))
    elif is_file and path.suffix.lower() == ".zip":
        tree = zip_tree(path)
    else:
        raise DataError(f"{path}: expected a folder or a zip of pictures, found neither")
    tree = without_ours(tree)
    photos = tuple(tree.photo(name) for name in tree.files if is_picture_name(name))
    if not photos:
        raise DataError(f"{path}: expected pictures, found none in it")
    return Dataset(tree.name, (), photos)
