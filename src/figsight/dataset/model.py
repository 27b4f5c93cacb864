"""What a labelled set of photos is: figures, photos, and the set of them.

Knows names and files. Does not decode pictures, read tables or make splits.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from figsight.dataset.archives import LIMITS, read_member
from figsight.errors import ArchiveError, PhotoError, PhotoTooLargeError
from figsight.files import read_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Split = Literal["train", "val", "test"]

_GONE = "expected a file where the table says, found none"
_URL = "expected a file, found a URL, which is not fetched"


@dataclass(frozen=True, slots=True)
class Figure:
    """One class. Its identity is ``id``; two figures may share a ``name``.

    Attributes:
        id: What the labels say, as text ("17", "marvel/0003", "NORMAL").
        name: What people call it ("SPIDER-MAN").
        display: ``name`` plus what tells it apart from its namesakes, unique in the set
            ("SPIDER-MAN (Molten Man Battle)"). Equal to ``name`` when that is unique already.
        metadata: Anything else that the source says of it, e.g. ``{"sets": "Molten Man Battle",
            "set_numbers": "76128"}``.
    """

    id: str
    name: str
    display: str
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture file, never modified: a file of its own, or a member of a zip.

    Attributes:
        path: What it is called in lists and reports: relative to the set's root, with ``/``.
        file: The file that holds it: the picture itself, or the zip.
        member: The name inside the zip; ``None`` for a file of its own.
        figure_id: The id of its figure; ``None`` when nothing says which (an unlisted picture).
        split: The part of the set that its source puts it in; ``None`` when it says nothing. Where it
            says it of some photos, the others are in ``train``.
        group: What its source says belongs together (one patient, one session), or ``None``.
    """

    path: str
    file: Path
    member: str | None = None
    figure_id: str | None = None
    split: Split | None = None
    group: str | None = None

    def read(self) -> bytes:
        """Return the bytes of the picture file; cheap for thousands of members of one zip.

        Raises:
            PhotoError: The file is gone, may not be read, is a pipe or a device, or is damaged inside
                its zip.
            PhotoTooLargeError: It has more than 256 MiB, whatever its zip declares.
        """
        limit = LIMITS.member_bytes
        try:
            if self.member is not None:
                return read_member(self.file, self.member, limit)
            data = read_plain(self.file, limit)
        except OSError as error:
            raise PhotoError(self.path, error.strerror or "cannot be read") from error
        except ArchiveError as error:
            raise PhotoError(self.path, str(error)) from error
        if len(data) > limit:
            raise PhotoTooLargeError(self.path, f"larger than {limit / 2**20:,.0f} MiB")
        return data


@dataclass(frozen=True)
class Dataset:
    """Labelled photos and the figures on them.

    Attributes:
        name: What the set is called, for people (the last part of its path, or ``kaggle:a/b``).
        figures: Every figure, sorted by id (numbers as numbers), whether or not a photo shows it.
        photos: The labelled photos, in the order of their source.
        unlisted: Pictures that lie under the set's root but that its index does not name, sorted by
            path. They have no figure; their split is that of a folder called so. The audit looks at
            them; training learns from none.
        unsupported: Files in class folders whose names are those of pictures that figsight cannot open
            (camera raws, JPEG 2000, films). They are in no other list.
        untaught: Figures that the source names but that no photo of this part shows, as all of
            theirs are unreadable, unsupported or in another split. They are not among ``figures``.
        tables: The names of the tables that say which photos are meant; none where folders do.
        missing: Photos that a table lists and that are not there, under the paths that it gives. They
            are in no other list.
    """

    name: str
    figures: tuple[Figure, ...]
    photos: tuple[Photo, ...]
    unlisted: tuple[Photo, ...] = ()
    unsupported: tuple[Photo, ...] = ()
    untaught: tuple[Figure, ...] = ()
    tables: tuple[str, ...] = ()
    missing: tuple[Photo, ...] = ()

    @cached_property
    def index_of(self) -> dict[str, int]:
        """The position of each figure id in ``figures``: the class index of a network."""
        return {figure.id: index for index, figure in enumerate(self.figures)}

    @property
    def splits(self) -> frozenset[Split]:
        """The splits that the source names."""
        return frozenset(photo.split for photo in self.photos if photo.split is not None)

    @property
    def not_there(self) -> tuple[PhotoError, ...]:
        """One error for each of ``missing``."""
        return tuple(
            PhotoError(photo.path, _URL if is_url(photo.path) else _GONE) for photo in self.missing
        )

    def labels(self) -> list[int]:
        """The class index of each of ``photos``, in their order."""
        return [self.index_of[photo.figure_id or ""] for photo in self.photos]

    def only(self, photos: Iterable[Photo]) -> Dataset:
        """The same set and figures with these labelled photos only."""
        return replace(self, photos=tuple(photos))

    def narrow(self, photos: Iterable[Photo]) -> Dataset:
        """The same set with these labelled photos only; figures that lose all of theirs go, too.

        Figures that no photo of this set showed to begin with stay: whoever made it with ``only``
        wants answers in the order of its figures.
        """
        kept = tuple(photos)
        lost = {photo.figure_id for photo in self.photos} - {photo.figure_id for photo in kept}
        figures = tuple(figure for figure in self.figures if figure.id not in lost)
        gone = tuple(figure for figure in self.figures if figure.id in lost)
        return replace(self, figures=figures, photos=kept, untaught=self.untaught + gone)


def is_url(path: str) -> bool:
    """Whether a table names a place on the network instead of a file."""
    return path.lower().startswith(("http://", "https://", "ftp://", "s3://", "gs://"))
