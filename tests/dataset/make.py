"""Findings of photos that are nowhere but in their names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from figsight.dataset.copies import Copies, NearPair
from figsight.dataset.findings import Findings, find_findings
from figsight.dataset.indexing import named_figure
from figsight.dataset.model import Dataset, Photo

if TYPE_CHECKING:
    from figsight.dataset.model import Split
    from figsight.errors import PhotoError


def photo(
    name: str, figure: str | None = "a", split: Split | None = None, group: str | None = None
) -> Photo:
    return Photo(f"{name}.png", Path(f"{name}.png"), None, figure, split, group)


def find(
    photos: list[Photo],
    groups: list[int],
    sha256: str | None = None,
    failures: tuple[PhotoError, ...] = (),
    *,
    sides: list[int] | None = None,
    alike: tuple[frozenset[str], ...] = (),
    **more: Any,
) -> Findings:
    """Photos of one group are copies; those with the same letter in ``sha256`` the same file.

    Those of one group and two ``sides`` are mirror images.
    """
    hashes = list(sha256 or "abcdefghij"[: len(photos)])
    firsts: dict[int, int] = {}
    near = []
    for number, group in enumerate(groups):
        other = firsts.setdefault(group, number)
        if hashes[other] != hashes[number]:
            near.append(NearPair(other, number, 0.98, mirrored=False))
    same = [[i for i, h in enumerate(hashes) if h == x] for x in sorted(set(hashes))]
    copies = Copies(
        [numbers for numbers in same if len(numbers) > 1], near, groups, sides or groups
    )
    figures = tuple(named_figure(figure) for figure in ("a", "b", "c"))
    labelled = tuple(p for p in photos if p.figure_id is not None)
    unlisted = tuple(p for p in photos if p.figure_id is None)
    return find_findings(
        Dataset("set", figures, labelled, unlisted, **more),
        photos,
        hashes,
        copies,
        failures,
        alike,
    )


def names(photos: tuple[Photo, ...]) -> str:
    return "".join(photo.path.removesuffix(".png") for photo in photos)
