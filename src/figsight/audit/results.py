"""What an audit has found, as data and as JSON.

Knows findings. Does not know how they were made, nor how people read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from figsight.dataset.choosing import side_of

if TYPE_CHECKING:
    from figsight.dataset.findings import ClassSize, Findings, Resemblance, Scarce, Together
    from figsight.dataset.model import Dataset, Figure, Photo
    from figsight.dataset.quality import Quality


CHECKED_FROM = 0.65
"""The score from which a label is to be checked, suspect or not: see decision 0005."""


@dataclass(frozen=True, slots=True)
class SuspectLabel:
    """How a label compares with what a photo looks like.

    Attributes:
        photo: The photo.
        given: The figure that its label names.
        likely: The figure that it looks like; ``given`` where nothing else is more probable.
        score: 0 to 1, higher is more suspect; see ``suspects.Suspicions``.
        suspect: Whether confident learning would change the label.
        beside: The photo of the likely figure that it resembles most; None where nobody looked.
    """

    photo: Photo
    given: Figure
    likely: Figure
    score: float
    suspect: bool
    beside: Photo | None = None

    @property
    def to_check(self) -> bool:
        """Whether a person should look at it."""
        return self.suspect or self.score >= CHECKED_FROM


@dataclass(frozen=True, slots=True)
class OddPhoto:
    """A photo that is not like most, and what was measured of it."""

    photo: Photo
    quality: Quality


@dataclass(frozen=True)
class Audit:
    """Everything that an audit has found.

    Attributes:
        dataset: The set as it was read.
        findings: Copies, leaks, conflicts, sizes, unreadable and unlisted pictures.
        blank: Photos of nothing.
        dark: Very dark photos, the darkest first.
        blurred: Blurred photos, the most blurred first.
        odd_sizes: Photos of another size or shape than most.
        suspect_labels: Every labelled, readable photo, the most suspect label first; empty when
            labels were not looked at (``notes`` says why).
        notes: What could not be looked at, and what the findings cannot tell.
        obstacle: Why nothing can be trained on the set and measured, or None.
    """

    dataset: Dataset
    findings: Findings
    blank: tuple[OddPhoto, ...]
    dark: tuple[OddPhoto, ...]
    blurred: tuple[OddPhoto, ...]
    odd_sizes: tuple[OddPhoto, ...]
    suspect_labels: tuple[SuspectLabel, ...]
    notes: tuple[str, ...]
    obstacle: str | None = None

    @property
    def photos(self) -> int:
        """How many pictures there are: labelled, unlisted and unreadable."""
        return len(self.findings.photos) + len(self.findings.unreadable)

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain data for JSON, paths as the set calls them.

        Keys: ``name``, ``photos``, ``labelled``, ``obstacle`` (a reason, or null), ``duplicates``
        (lists of paths), ``near_duplicates`` (paths, score, mirrored), ``leaks`` (paths, splits, kind),
        ``label_conflicts``, ``mirror_images`` and ``small_differences`` (paths, labels, names, kind),
        ``unreadable`` (path,
        reason), ``untaught`` (id, name), ``scarce`` (id, name, photos, shots, paths),
        ``suspect_labels`` (path, given, likely, given_name, likely_name, score, suspect; all labelled
        photos, the worst first), ``classes`` (sizes, imbalance), ``blank``, ``dark``, ``blurred``,
        ``unlisted``, ``unsupported``, ``missing`` (paths), ``odd_sizes`` (path, width, height),
        ``tables``, ``names_alike`` (ids, names), ``called_unknown`` (id, name), ``notes``.
        """
        found = self.findings
        return {
            "name": self.dataset.name,
            "photos": self.photos,
            "labelled": len(self.dataset.photos),
            "obstacle": self.obstacle,
            "unreadable": [{"path": e.path, "reason": e.reason} for e in found.unreadable],
            "missing": [photo.path for photo in found.missing],
            "unsupported": [photo.path for photo in found.unsupported],
            "untaught": [_figure(one) for one in found.untaught],
            "scarce": [_scarce(one) for one in found.scarce],
            "names_alike": [
                {"ids": [one.id for one in those], "names": [one.display for one in those]}
                for those in found.names_alike
            ],
            "called_unknown": [_figure(one) for one in found.called_unknown],
            "label_conflicts": [self._conflict(one) for one in found.label_conflicts],
            "mirror_images": [self._conflict(one) for one in found.mirror_images],
            "small_differences": [self._conflict(one) for one in found.small_differences],
            "leaks": [_leak(one) for one in found.leaks],
            "suspect_labels": [_suspect(one) for one in self.suspect_labels],
            "duplicates": [_paths(one) for one in found.duplicates],
            "near_duplicates": [_near(pair) for pair in found.near_duplicates],
            "blank": [odd.photo.path for odd in self.blank],
            "dark": [odd.photo.path for odd in self.dark],
            "blurred": [odd.photo.path for odd in self.blurred],
            "odd_sizes": [_odd_size(odd) for odd in self.odd_sizes],
            "unlisted": [photo.path for photo in found.unlisted],
            "tables": list(found.tables),
            "classes": {
                "sizes": [_size(size) for size in found.classes],
                "imbalance": None if found.imbalance is None else round(found.imbalance, 4),
            },
            "notes": list(self.notes),
        }

    def _conflict(self, one: Together) -> dict[str, Any]:
        names = {figure.id: figure.display for figure in self.dataset.figures}
        labels = [photo.figure_id or "" for photo in one.photos]
        return {
            "paths": _paths(one),
            "labels": labels,
            "names": [names[label] for label in labels],
            "kind": one.kind,
        }


def _figure(one: Figure) -> dict[str, Any]:
    return {"id": one.id, "name": one.display}


def _leak(one: Together) -> dict[str, Any]:
    splits = [side_of(photo) for photo in one.photos]
    return {"paths": _paths(one), "splits": splits, "kind": one.kind}


def _suspect(one: SuspectLabel) -> dict[str, Any]:
    return {
        "path": one.photo.path,
        "given": one.given.id,
        "likely": one.likely.id,
        "given_name": one.given.display,
        "likely_name": one.likely.display,
        "score": round(one.score, 6),
        "suspect": one.suspect,
    }


def _near(pair: Resemblance) -> dict[str, Any]:
    return {
        "paths": [pair.first.path, pair.second.path],
        "score": round(pair.score, 4),
        "mirrored": pair.mirrored,
    }


def _odd_size(odd: OddPhoto) -> dict[str, Any]:
    return {"path": odd.photo.path, "width": odd.quality.width, "height": odd.quality.height}


def _size(size: ClassSize) -> dict[str, Any]:
    return {"id": size.id, "name": size.name, "photos": size.photos, "shots": size.shots}


def _scarce(one: Scarce) -> dict[str, Any]:
    paths = [photo.path for photo in one.photos]
    return {"id": one.id, "name": one.name, "photos": len(paths), "shots": 1, "paths": paths}


def _paths(one: Together) -> list[str]:
    return [photo.path for photo in one.photos]
