"""What was said of photos of none of the figures, and what it comes to.

Knows scores, lines between known and unknown, and which strangers show the same thing. Does not ask
a network, nor choose a line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from figsight import metrics
from figsight.metrics.checks import check_groups
from figsight.metrics.estimates import GROUP, chance_of_so_few, share_of, worth_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from figsight.dataset import Photo
    from figsight.metrics import Estimate

CHANCE = 0.025  # of so few photos kept, below which it is no longer taken for chance


@dataclass(frozen=True, eq=False)
class Strangers:
    """Photos of none of the figures, [M], and what was said of them.

    Attributes:
        photos: The photos.
        source: Where they come from, in words.
        predicted: Class index of the figure that each looks most like, int64 [M].
        probability: Of that figure, float64 [M].
        scores: How strange each looks, float64 [M].
        unknown: Whether it was called unknown, bool [M].
        groups: Copies share a key, [M]; None when every photo stands alone.
        kinds: What each shows, [M], see ``name_kinds``; None where nothing says.
        at_ends: Which would not be called unknown with the line at both ends of what is known of it,
            bool [M] each; empty where the line is what it is, a finished model's.
        networks: How many networks were asked; each photo occurs once for each, and one network
            follows the other.
    """

    photos: tuple[Photo, ...]
    source: str
    predicted: NDArray[np.int64]
    probability: NDArray[np.float64]
    scores: NDArray[np.float64]
    unknown: NDArray[np.bool_]
    groups: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    at_ends: tuple[NDArray[np.bool_], ...] = ()
    networks: int = 1

    @property
    def n(self) -> int:
        """How many photos there are, each counted once however many networks were asked."""
        return len(self.photos) // self.networks

    def measure_accepted(
        self, unknown: NDArray[np.bool_], at_ends: Sequence[NDArray[np.bool_]] = ()
    ) -> Estimate:
        """Return the share of these that a line does not call unknown; the interval counts their kinds."""
        found = metrics.share_accepted(
            ~unknown, at_ends=at_ends, groups=self.groups, kinds=self.kinds
        )
        unit = "photo" if len(set(self.groups or ())) in (0, self.n) else "shot"
        method = found.method.replace(f"each {GROUP}", f"each {unit}")
        return replace(found, n=self.n, method=method)


@dataclass(frozen=True)
class UnknownScore:
    """How well a model tells photos of its figures from others.

    Attributes:
        n_unknown: How many photos of none of the figures there were.
        kept: Share of the photos of its figures that were not called unknown.
        auroc: How often a photo of none of the figures scores above one of them; None without any.
        accepted: Share of the photos of none of the figures that were taken for one; likewise.
        promise: What the line was set to keep; None where nothing says.
    """

    n_unknown: int
    kept: Estimate
    auroc: Estimate | None
    accepted: Estimate | None
    promise: Promise | None = None

    @property
    def stated(self) -> float | None:
        """Share of the photos of its figures that the line was set to keep."""
        return None if self.promise is None else self.promise.kept

    @property
    def missed(self) -> str | None:
        """A sentence where fewer photos were kept than were to be, by more than chance; else None."""
        promise = self.promise
        if promise is None or self.kept.value >= promise.kept:
            return None
        if promise.set_on is None:
            by_chance = self.kept.high >= promise.kept
        else:
            by_chance = chance_of_so_few(self.kept, promise.kept, promise.set_on) >= CHANCE
        if by_chance:
            return None
        why = "these photos, or this network, are not like those that the line was set on"
        if promise.of_folds:
            why = "lines that were set on the other folds' photos do not fit the networks of all folds"
        return (
            f"Fewer photos of the figures were kept than the {metrics.say_stated(promise.kept)} that "
            f"were to be, by more than chance: {why}."
        )


class Promise(NamedTuple):
    """What a line between known and unknown was set to keep.

    Attributes:
        kept: The share.
        set_on: How many independent photos it was set on, other ones than those that it is measured
            on; None where nothing says, or where they are the same, in turn.
        of_folds: Whether each fold of a cross-validation has a line of its own.
    """

    kept: float
    set_on: float | None = None
    of_folds: bool = False


@dataclass(frozen=True)
class LineScore:
    """What one line between known and unknown does to the photos of an evaluation.

    Attributes:
        stated: Share of known photos that it was set to keep.
        kept: Share of the photos of its figures that it does not call unknown.
        accepted: Share of the photos of none of the figures that it takes for one; None without any.
    """

    stated: float
    kept: Estimate
    accepted: Estimate | None


def read_promise(about: Mapping[str, Any]) -> Promise | None:
    """Return what was to be kept, by the rule of the folds or else of the model; None without one."""
    folds = about.get("unknown")
    calibration = about.get("model", {}).get("calibration") or {}
    rule = folds or calibration.get("unknown") or {}
    if rule.get("kept") is None:
        return None
    seen = None if folds else rule.get("measured_kept")
    if seen is None:
        return Promise(rule["kept"], of_folds=folds is not None)
    measured = metrics.Estimate(seen["value"], seen["low"], seen["high"], seen["method"], seen["n"])
    return Promise(rule["kept"], min(worth_of(measured), seen["n"]))


def name_kinds(photos: Sequence[Photo]) -> tuple[str, ...] | None:
    """Return what each stranger shows, as far as anything says; None where nothing does.

    That is the figure of its label, or else the folder that it lies in, where they lie in several: ten
    photos of one thing are mostly told rightly, or wrongly, together. Others stand for themselves.
    """
    folders = {_folder(photo) for photo in photos if photo.figure_id is None} - {""}
    if len(folders) < 2 and all(photo.figure_id is None for photo in photos):
        return None
    kinds = []
    for photo in photos:
        folder = _folder(photo)
        if photo.figure_id is not None:
            kinds.append(f"figure {photo.figure_id}")
        else:
            kinds.append(f"folder {folder}" if folder and len(folders) > 1 else photo.path)
    return tuple(kinds)


def _folder(photo: Photo) -> str:
    return photo.path.rpartition("/")[0]


def share_not(unknown: NDArray[np.bool_], groups: tuple[str, ...] | None) -> Estimate:
    """Return the share of N photos that were not called unknown; groups count once."""
    members = None if groups is None else check_groups(groups, len(groups))
    return share_of((~unknown).astype(np.float64), members, 0.95)
