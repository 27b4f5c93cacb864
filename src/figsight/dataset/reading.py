"""``read``: whatever people have as labelled photos -> ``Dataset``.

Knows which of the layouts is in front of it, and hands over to the module that reads it. Nothing is
ever written, and no picture is opened.

What wins when a folder could be read in several ways: a LEGO layout, then a table that lists photos
(with the columns found, and a photo of it there), then split folders, then class folders. Models
and unfinished trainings that lie among the photos are passed over.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from figsight.dataset import kaggle, lego
from figsight.dataset.folders import read_folders
from figsight.dataset.indexing import Listing, index_tree, renamed
from figsight.dataset.names import few, printable
from figsight.dataset.tables import (
    MAX_TABLE_BYTES,
    SPLITS,
    TABLE_SUFFIXES,
    Columns,
    Table,
    find_columns,
    parse_table,
    read_rows,
)
from figsight.dataset.trees import (
    MODEL_FILES,
    Tree,
    folder_tree,
    without_ours,
    wrappers,
    zip_tree,
)
from figsight.errors import DataError
from figsight.images import is_picture_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from figsight.dataset.model import Dataset, Figure, Split

    _Index: TypeAlias = Callable[
        ..., Dataset
    ]  # ``index_tree``, told what to do about missing photos


def read(
    data: str | os.PathLike[str],
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    name_column: str | None = None,
    skip_missing: bool = False,
) -> Dataset:
    """Read a set of labelled photos, whatever its layout.

    Args:
        data: One of

            - a folder of class folders, nested or not, also below ``train``, ``val``, ``test``;
            - a CSV with a path (relative to the CSV) and a label for each photo, and perhaps a
              split, a group (what belongs together: a patient, a session) and a name;
            - a folder that holds such a CSV, or ``train.csv`` and ``test.csv``;
            - the Kaggle LEGO layout, or a CSV beside its ``metadata.csv``;
            - a ``.zip`` of any of these, read in place;
            - ``kaggle:owner/name`` (needs the extra ``kaggle``).
        path_column: The name of the CSV's column of paths, if it has none of the usual names.
        label_column: The same for labels.
        split_column: The same for splits (``train``, ``val``, ``test`` or empty).
        group_column: The same for groups.
        name_column: The same for the names of figures.
        skip_missing: Go on without photos that a table lists and that are not there, as long as there
            are others: ``Dataset.missing`` has them.

    Returns:
        The set. Every one of its photos exists, but none has been decoded; see ``look_at_photos``. It may
        have a single figure; see ``require_trainable``. Pictures beside those that a table lists
        are ``unlisted``.

    Raises:
        DataError: There is nothing there, or it cannot be read as labelled photos.
        ArchiveError: The zip is damaged or hostile.
        MissingExtraError: ``kaggle:`` without ``kagglehub``.
    """
    columns = Columns(path_column, label_column, split_column, group_column, name_column)
    index = partial(index_tree, skip_missing=skip_missing)
    text = os.fspath(data)
    if text.startswith(kaggle.PREFIX):
        folder = kaggle.download(text.removeprefix(kaggle.PREFIX))
        return _read_tree(folder_tree(folder, name=text, confined=True), columns, index)
    path = Path(text)
    if not text or not _exists(path):
        raise DataError(
            f"{printable(text) or 'DATA'}: expected a folder, a CSV, a zip or kaggle:owner/name, "
            f"found nothing there; check the path"
        )
    if path.is_dir():
        return _read_tree(folder_tree(path), columns, index)
    if path.suffix.casefold() == ".zip":
        return _read_tree(zip_tree(path), columns, index)
    if path.suffix.casefold() in TABLE_SUFFIXES:
        return _read_table_file(path, columns, index)
    kind = "one picture" if is_picture_name(path.name) else "another kind of file"
    raise DataError(
        f"{printable(text)}: expected a folder of class folders, a CSV or a zip, found {kind}"
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be opened: {error.strerror}") from error


def _read_table_file(path: Path, columns: Columns, index: _Index) -> Dataset:
    tree = without_ours(folder_tree(path.parent))
    table = _table(tree, path.name)
    figures = _lego_figures(tree, "")
    if path.name == lego.METADATA and figures is not None:
        raise DataError(f"{path.name}: the names of figures, not a list of photos; give index.csv")
    listing = Listing(table.name, "", read_rows(table, find_columns(table, columns)))
    return renamed(index(tree, [listing], figures), path.name)


def _read_tree(tree: Tree, columns: Columns, index: _Index) -> Dataset:
    if any(
        all(prefix + name in tree.files for name in MODEL_FILES)
        for prefix in wrappers(_relevant(tree))
    ):
        raise DataError(
            f"{printable(tree.name)}: expected photos, found a model of figsight "
            f"(manifest.json and model.onnx); name a set of photos here"
        )
    tree = without_ours(tree)
    for prefix in wrappers(_relevant(tree)):
        figures = _lego_figures(tree, prefix)
        if figures is not None and prefix + lego.INDEX in tree.files:
            return index(tree, _lego_listings(tree, prefix, columns), figures)
        listings = _table_listings(tree, prefix, columns)
        if listings:
            return index(tree, listings)
    if columns:
        raise DataError(
            f"{printable(tree.name)}: columns are named, but there is no CSV to find them in; "
            f"give the CSV itself"
        )
    return read_folders(tree, unwrap=tree.confined)


def _relevant(tree: Tree) -> list[str]:
    """Return the files that say what a tree is."""
    return [
        path
        for path in tree.files
        if path.casefold().endswith(TABLE_SUFFIXES)
        or path.rpartition("/")[2] in MODEL_FILES
        or is_picture_name(path)
    ]


def _table(tree: Tree, path: str) -> Table:
    return parse_table(tree.read(path, MAX_TABLE_BYTES), path)


def _lego_figures(tree: Tree, prefix: str) -> dict[str, Figure] | None:
    """Return the figures of a LEGO ``metadata.csv``; ``None`` if there is no such file."""
    path = prefix + lego.METADATA
    if path not in tree.files:
        return None
    table = _table(tree, path)
    return lego.read_figures(table) if lego.is_metadata(table) else None


def _lego_listings(tree: Tree, prefix: str, columns: Columns) -> list[Listing]:
    listings = [_listing(tree, prefix, lego.INDEX, columns, None)]
    if prefix + lego.TEST in tree.files:
        listings.append(_listing(tree, prefix, lego.TEST, columns, "test"))
    return listings


def _listing(tree: Tree, prefix: str, name: str, columns: Columns, split: Split | None) -> Listing:
    table = _table(tree, prefix + name)
    rows = read_rows(table, find_columns(table, columns))
    return Listing(table.name, prefix.rstrip("/"), rows, split)


def _table_listings(tree: Tree, prefix: str, columns: Columns) -> list[Listing]:
    """Return the tables at one level that list photos: one, or one for each split."""
    names = [
        path.removeprefix(prefix)
        for path in tree.files
        if path.startswith(prefix)
        and "/" not in path.removeprefix(prefix)
        and path.casefold().endswith(TABLE_SUFFIXES)
    ]
    depth = prefix.count("/")
    folders = {
        path.rpartition("/")[0]
        for path in tree.files
        if path.count("/") > depth and is_picture_name(path)
    }
    if len(names) == 1 and (columns or len(folders) < 2):
        # It can only be this one, so its mistakes are worth telling.
        return [_listing(tree, prefix, names[0], columns, None)]
    names = [name for name in names if _lists_photos(tree, prefix, name, columns)]
    stems = {name: name.rpartition(".")[0].casefold() for name in names}
    if len(names) > 1 and not set(stems.values()) <= set(SPLITS):
        raise DataError(
            f"{printable(tree.name)}: expected one table of photos, found {len(names)}: "
            f"{few(names)}; give the path of the one that you mean"
        )
    return [_listing(tree, prefix, name, columns, SPLITS.get(stem)) for name, stem in stems.items()]


def _lists_photos(tree: Tree, prefix: str, name: str, columns: Columns) -> bool:
    """Whether a table among class folders is an index of photos rather than something else."""
    try:
        listing = _listing(tree, prefix, name, columns, None)
    except DataError:
        return False  # some other table; the class folders say what the photos show
    return any(tree.locate(listing.folder, row.path) is not None for row in listing.rows)
