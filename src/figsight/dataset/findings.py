"""What is wrong with a set of photos before anything is learnt from it: copies, leaks, sizes.

Knows photos, their labels and splits, and which of them are copies. Does not read or decode a file,
and does not know what a photo shows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from figsight.dataset.choosing import is_for_training, side_of
from figsight.dataset.names import find_alike, is_called_unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from figsight.dataset.copies import Copies
    from figsight.dataset.model import Dataset, Figure, Photo
    from figsight.errors import PhotoError

FEWEST_SMALL = 3  # crossed photos of two figures, from which they are taken to differ by little
LEAST_SMALL = 0.2  # of the smaller figure's photos, likewise
Kind = Literal["identical", "near", "group"]


@dataclass(frozen=True, slots=True)
class Together:
    """Photos that are one shot, or that their source says belong together.

    Attributes:
        photos: Two or more, in the order of the set.
        kind: ``identical`` when all files have the same bytes, ``near`` when some are only
            near-duplicates, ``group`` when their source puts them together.
        by_side: Whether they are one shot from two sides, each side with a label of its own.
    """

    photos: tuple[Photo, ...]
    kind: Kind
    by_side: bool = False


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Two photos that are one shot, in different files.

    Attributes:
        first: One photo.
        second: The other.
        score: How well they agree where they agree least, 0.965 to 1; see ``resemblance``.
        mirrored: Whether one is the mirror image of the other.
    """

    first: Photo
    second: Photo
    score: float
    mirrored: bool


@dataclass(frozen=True, slots=True)
class ClassSize:
    """How many photos a figure has.

    Attributes:
        id: The figure's id.
        name: Its display.
        photos: Its labelled, readable photos.
        shots: How many are left when copies of one shot count once.
    """

    id: str
    name: str
    photos: int
    shots: int


@dataclass(frozen=True, slots=True)
class Scarce:
    """A figure with a single shot to learn from.

    Attributes:
        id: The figure's id.
        name: Its display.
        photos: The photo, or all copies of it.
    """

    id: str
    name: str
    photos: tuple[Photo, ...]


@dataclass(frozen=True)
class Findings:
    """What fingerprints, labels and splits say of a set.

    Attributes:
        photos: The readable photos that were looked at.
        duplicates: Files with the same bytes.
        near_duplicates: Pairs; of files with the same bytes only the first stands here.
        leaks: Copies, or photos of one source group, that the source puts into different splits.
            Pictures that nothing lists and that lie in no split's folder are not in it.
        label_conflicts: Copies with different labels. Photos without a label are not in it.
        mirror_images: Copies with different labels that are one shot from two sides, of two figures
            that have several such shots, or are known to be each other's mirror image: an arrow to the
            left is one to the right when it is mirrored. They are not among the conflicts.
        small_differences: Copies with different labels that are not the same file, of two figures of
            which many photos are such: what tells these apart is smaller than the comparison sees, as
            on photos of one scene by a fixed camera. They are not among the conflicts.
        unreadable: One error a picture that cannot be decoded.
        classes: Every figure, the smallest first.
        scarce: Figures with a single shot to learn from, which cannot be learned and measured on.
            Photos that a split keeps from training do not count here.
        untaught: Figures with no photo to learn from; some are known by their name alone.
        unlisted: Pictures of the set that no index names and no class folder holds.
        unsupported: Files in class folders that are no pictures which figsight opens.
        tables: The tables that say which photos are meant; none where folders do.
        missing: Photos that a table lists and that are not there.
        names_alike: Figures whose names differ only in case or spaces, those that are alike together.
        called_unknown: Figures with the name that figsight gives to photos of none of them.
    """

    photos: tuple[Photo, ...]
    duplicates: tuple[Together, ...]
    near_duplicates: tuple[Resemblance, ...]
    leaks: tuple[Together, ...]
    label_conflicts: tuple[Together, ...]
    mirror_images: tuple[Together, ...]
    small_differences: tuple[Together, ...]
    unreadable: tuple[PhotoError, ...]
    classes: tuple[ClassSize, ...]
    scarce: tuple[Scarce, ...]
    untaught: tuple[Figure, ...]
    unlisted: tuple[Photo, ...]
    unsupported: tuple[Photo, ...]
    tables: tuple[str, ...]
    missing: tuple[Photo, ...]
    names_alike: tuple[tuple[Figure, ...], ...]
    called_unknown: tuple[Figure, ...]

    @property
    def imbalance(self) -> float | None:
        """Photos of the largest class for one of the smallest, >= 1; ``None`` if one is empty."""
        sizes = [size.photos for size in self.classes]
        smallest = min(sizes, default=0)
        return max(sizes) / smallest if smallest else None


def find_findings(
    dataset: Dataset,
    photos: Sequence[Photo],
    sha256: Sequence[str],
    copies: Copies,
    failures: Sequence[PhotoError] = (),
    alike: Collection[frozenset[str]] = (),
) -> Findings:
    """Draw the conclusions from which photos are copies of each other.

    Args:
        dataset: The set, for its figures and for what is unlisted.
        photos: The readable photos that were looked at: all of the set, or a part of it.
        sha256: Of the file of each of ``photos``.
        copies: What ``find_copies`` found among ``photos``.
        failures: One error for each picture that is not among ``photos``.
        alike: Ids of figures that are each other's mirror image, as far as that is known.
    """
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(copies.groups):
        groups[group].append(number)
    crowds = [numbers for numbers in groups.values() if len(numbers) > 1]

    def join(
        numbers: Iterable[int], kind: Kind | None = None, *, by_side: bool = False
    ) -> Together:
        chosen = list(numbers)
        same = len({sha256[i] for i in chosen}) == 1
        kind = kind or ("identical" if same else "near")
        return Together(tuple(photos[i] for i in chosen), kind, by_side)

    leaks, crossed = [], []
    for numbers in crowds:
        placed = [i for i in numbers if side_of(photos[i]) is not None]
        if len({side_of(photos[i]) for i in placed}) > 1:
            leaks.append(join(placed))
        labelled = [i for i in numbers if photos[i].figure_id is not None]
        if len({photos[i].figure_id for i in labelled}) > 1:
            by_side = _differ_by_side(labelled, photos, copies.sides)
            crossed.append(join(labelled, by_side=by_side))
    conflicts, mirrored, small = _tell_conflicts(crossed, alike, photos)
    leaks += [join(numbers, "group") for numbers in _find_split_groups(photos)]
    to_learn, their_groups = _for_training(photos, copies.groups)
    taught = _class_sizes(dataset, to_learn, their_groups)
    without = {size.id for size in taught if not size.photos}
    named = (*dataset.figures, *dataset.untaught)
    return Findings(
        photos=tuple(photos),
        duplicates=tuple(join(numbers) for numbers in copies.identical),
        near_duplicates=tuple(
            Resemblance(photos[pair.first], photos[pair.second], pair.score, pair.mirrored)
            for pair in copies.near
        ),
        leaks=tuple(leaks),
        label_conflicts=conflicts,
        mirror_images=mirrored,
        small_differences=small,
        unreadable=tuple(failures),
        classes=_class_sizes(dataset, photos, copies.groups),
        scarce=_find_scarce(taught, to_learn),
        untaught=tuple(one for one in dataset.figures if one.id in without) + dataset.untaught,
        unlisted=dataset.unlisted,
        unsupported=dataset.unsupported,
        tables=dataset.tables,
        missing=dataset.missing,
        names_alike=find_alike(named),
        called_unknown=tuple(one for one in named if is_called_unknown(one)),
    )


def _find_split_groups(photos: Sequence[Photo]) -> list[list[int]]:
    """Return the photos of each source group that lies in several splits."""
    sources: defaultdict[str, list[int]] = defaultdict(list)
    for number, photo in enumerate(photos):
        if photo.group is not None and side_of(photo) is not None:
            sources[photo.group].append(number)
    return [
        numbers for numbers in sources.values() if len({side_of(photos[i]) for i in numbers}) > 1
    ]


def _for_training(
    photos: Sequence[Photo], groups: Sequence[int]
) -> tuple[Sequence[Photo], Sequence[int]]:
    """Return the photos that training may see, with their groups; all where it may see none."""
    kept = [i for i, photo in enumerate(photos) if photo.figure_id and is_for_training(photo)]
    return ([photos[i] for i in kept], [groups[i] for i in kept]) if kept else (photos, groups)


def know_mirror_images(findings: Findings, alike: Collection[frozenset[str]]) -> Findings:
    """Return what is wrong with the set when more is known of its figures.

    Args:
        findings: What was found without that.
        alike: As for ``find_findings``.
    """
    crossed = (*findings.mirror_images, *findings.small_differences, *findings.label_conflicts)
    conflicts, mirrored, small = _tell_conflicts(crossed, alike, findings.photos)
    return replace(
        findings, label_conflicts=conflicts, mirror_images=mirrored, small_differences=small
    )


def _differ_by_side(numbers: Sequence[int], photos: Sequence[Photo], sides: Sequence[int]) -> bool:
    """Whether copies with two labels have one of them on each side."""
    of_side: defaultdict[int, set[str | None]] = defaultdict(set)
    for i in numbers:
        of_side[sides[i]].add(photos[i].figure_id)
    labels = {photos[i].figure_id for i in numbers}
    return len(labels) == 2 and all(len(one) == 1 for one in of_side.values())


def _tell_conflicts(
    crossed: Sequence[Together], alike: Collection[frozenset[str]], photos: Sequence[Photo]
) -> tuple[tuple[Together, ...], tuple[Together, ...], tuple[Together, ...]]:
    """Return the copies with several labels that are conflicts, and what explains the others.

    Mirror images do: one shot of two figures from both sides is most likely a wrong label, if nothing
    else is known of these; two are what they are. And small differences do, where they are many.

    Args:
        crossed: Copies with different labels.
        alike: Ids of figures that are each other's mirror image, as far as that is known.
        photos: All photos that were looked at.
    """

    def labels(one: Together) -> frozenset[str]:
        return frozenset(photo.figure_id or "" for photo in one.photos)

    shots = Counter(labels(one) for one in crossed if one.by_side)
    sizes = Counter(photo.figure_id or "" for photo in photos)
    several = Counter[
        frozenset[str]
    ]()  # photos of the rarer label, of copies that are no same file
    for one in crossed:
        if one.kind == "near" and len(labels(one)) == 2:
            several[labels(one)] += min(Counter(p.figure_id for p in one.photos).values())
    conflicts, mirrored, small = list[Together](), list[Together](), list[Together]()
    for one in crossed:
        pair = labels(one)
        least = max(FEWEST_SMALL, LEAST_SMALL * min(sizes[label] for label in pair))
        if one.by_side and (shots[pair] > 1 or pair in alike):
            mirrored.append(one)
        elif one.kind == "near" and several[pair] >= least:
            small.append(one)
        else:
            conflicts.append(one)
    return tuple(conflicts), tuple(mirrored), tuple(small)


def _find_scarce(sizes: Sequence[ClassSize], photos: Sequence[Photo]) -> tuple[Scarce, ...]:
    """Return the figures of a single shot, with its photos."""
    single = {size.id: size for size in sizes if size.shots == 1}
    theirs: defaultdict[str | None, list[Photo]] = defaultdict(list)
    for photo in photos:
        if photo.figure_id in single:
            theirs[photo.figure_id].append(photo)
    return tuple(Scarce(size.id, size.name, tuple(theirs[size.id])) for size in single.values())


def _class_sizes(
    dataset: Dataset, photos: Sequence[Photo], groups: Sequence[int]
) -> tuple[ClassSize, ...]:
    counts = Counter(photo.figure_id for photo in photos)
    shots: defaultdict[str | None, set[int]] = defaultdict(set)
    for photo, group in zip(photos, groups, strict=True):
        shots[photo.figure_id].add(group)
    sizes = [
        ClassSize(figure.id, figure.display, counts[figure.id], len(shots[figure.id]))
        for figure in dataset.figures
    ]
    return tuple(sorted(sizes, key=lambda size: size.photos))
