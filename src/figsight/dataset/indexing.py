"""From the rows of tables to a set of photos that are really there.

Knows paths, labels and files. Does not know how tables are written, and opens no picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from figsight.dataset.model import Dataset, Figure, is_url
from figsight.dataset.names import few, printable, with_displays
from figsight.dataset.tables import SPLITS
from figsight.errors import DataError
from figsight.images import is_picture_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from figsight.dataset.model import Photo, Split
    from figsight.dataset.tables import Row
    from figsight.dataset.trees import Tree


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of one table.

    Attributes:
        name: The table's name, for messages.
        folder: Its folder relative to the root of the tree; ``""`` for the root.
        rows: What it says.
        split: The split of rows that name none.
    """

    name: str
    folder: str
    rows: Sequence[Row]
    split: Split | None = None


def index_tree(
    tree: Tree,
    listings: Sequence[Listing],
    figures: Mapping[str, Figure] | None = None,
    *,
    skip_missing: bool = False,
) -> Dataset:
    """Return the set that tables describe.

    A photo that is listed twice in the same words counts once.

    Args:
        tree: The files.
        listings: The tables.
        figures: What is known of figures, by id. Only those with photos are kept; a figure that is
            missing here takes its name from the tables, or else its id.
        skip_missing: Whether to go on without photos that are not there: ``Dataset.missing`` has them.

    Raises:
        DataError: Photos are missing (with ``skip_missing``: all of a table), one has two labels, splits
            or groups, or a figure two names.
    """
    photos: dict[str, Photo] = {}
    names: dict[str, str] = {}
    missing: dict[str, Photo] = {}
    for listing in listings:
        gone = []
        for row in listing.rows:
            path = tree.locate(listing.folder, row.path)
            about = (row.label, row.split or listing.split, row.group)
            if path is None:
                gone.append(row.path)
                missing[row.path] = tree.photo(row.path, *about)
                continue
            photo = tree.photo(path, *about)
            where = f"{listing.name}, line {row.line}"
            _refuse_conflict(where, photo, photos.setdefault(path, photo))
            if row.name and names.setdefault(row.label, row.name) != row.name:
                raise DataError(
                    f"{where}: {printable(row.label)!r} is called {printable(row.name)!r} here and "
                    f"{printable(names[row.label])!r} before; give each figure one name"
                )
        if gone and not (skip_missing and len(gone) < len(listing.rows)):
            raise DataError(_say_missing(listing, gone))
    if not photos:
        raise DataError(f"{few([x.name for x in listings])}: expected photos, found no rows")
    known = figures or {}
    labels = dict.fromkeys(photo.figure_id or "" for photo in photos.values())
    return assemble(
        tree,
        photos.values(),
        (known.get(label) or named_figure(label, names.get(label)) for label in labels),
        missing=missing.values(),
        tables=tuple(listing.name for listing in listings),
    )


def _say_missing(listing: Listing, gone: Sequence[str]) -> str:
    """Say which photos are not there, and what to do."""
    n, of = len(gone), len(listing.rows)
    which = f"{n} of the {of} photos that it lists {'is' if n == 1 else 'are'}"
    if of == 1:
        which = "the only photo that it lists is"
    where = "paths are relative to the table: put the photos back or correct the table"
    if any(map(is_url, gone)):
        where = "URLs are not fetched: download the photos, and list their files"
    others = "; audit lists all of them, and --skip-bad continues without them" if n < of else ""
    return f"{listing.name}: {which} not there: {few(gone)}; {where}{others}"


def _refuse_conflict(where: str, photo: Photo, before: Photo) -> None:
    for what in ("figure_id", "split", "group"):
        now, then = getattr(photo, what), getattr(before, what)
        if now != then:
            kind = "label" if what == "figure_id" else what
            raise DataError(
                f"{where}: the photo {printable(photo.path)} is listed twice, with the {kind} "
                f"{printable(then)!r} and with {printable(now)!r}; keep one of the rows"
            )


def named_figure(figure_id: str, name: str | None = None) -> Figure:
    """Return a figure of which only the id, and perhaps the name, is known."""
    line = " ".join((name or figure_id).split()) or figure_id
    return Figure(figure_id, line, line)


def assemble(
    tree: Tree,
    photos: Iterable[Photo],
    figures: Iterable[Figure],
    *,
    unsupported: Iterable[Photo] = (),
    missing: Iterable[Photo] = (),
    tables: tuple[str, ...] = (),
) -> Dataset:
    """Put a set together: figures sorted and told apart, other pictures of the tree unlisted.

    Figures that only ``unsupported`` or ``missing`` files show are untaught. Where some photos are in a
    split, those in none are in ``train``.
    """
    kept, closed, gone = tuple(photos), tuple(unsupported), tuple(missing)
    known = with_displays(figures)
    ids = {figure.id for figure in known}
    others = dict.fromkeys(photo.figure_id or "" for photo in closed + gone)
    if any(photo.split for photo in kept):
        # Beside those of a named split, the rest is there to learn from.
        kept, gone = (
            tuple(photo if photo.split else replace(photo, split="train") for photo in those)
            for those in (kept, gone)
        )
    listed = {photo.path for photo in kept}
    unlisted = tuple(
        tree.photo(path, split=_split_of(path))
        for path in tree.files
        if path not in listed and is_picture_name(path)
    )
    untaught = with_displays(named_figure(other) for other in others if other not in ids)
    return Dataset(tree.name, known, kept, unlisted, closed, untaught, tables, gone)


def _split_of(path: str) -> Split | None:
    """Return the split whose folder a picture lies in that nothing lists: ``test/007.jpg``."""
    folders = path.split("/")[:-1]
    return next((SPLITS[one.casefold()] for one in folders if one.casefold() in SPLITS), None)


def renamed(dataset: Dataset, name: str) -> Dataset:
    """Return the set under another name."""
    return replace(dataset, name=name)
