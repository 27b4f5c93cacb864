"""Figures that become others when photos are mirrored, turned or resized; and views not made then.

Most things stay what they are, from either side, lying on theirs, near and far; so views are mirrored,
some are turned, and all are of other sizes. An arrow to the left does not: mirrored, it is the arrow to
the right, and turned, the one that points down; and a long screw from farther away is the short one. A
network that learns from such views cannot tell these figures apart, and nothing that is
measured afterwards says why. So the photos are asked before anything is learned.

Knows a pretrained network, pixels and labels. Does not know how views are made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from msgspec.structs import replace

from figsight.dataset.findings import know_mirror_images
from figsight.training.adapting import keep_size
from figsight.training.convolutions import quick_convolutions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from figsight.dataset.findings import Findings
    from figsight.rows import RowsLike
    from figsight.training.backbones import Network
    from figsight.training.network import Plan
    from figsight.training.recipe import Recipe
    from figsight.training.sample import Sample

LOOKED_AT = 300  # photos, or so many more that there are
EACH = 4  # of each figure,
MOST_PHOTOS = 4_000  # but never more than these
SIDE = 128  # pixels of what the network is fed
PLACES = (2, 4)  # rows and columns of the last feature map that are told apart: sides matter here
RIDGE = 0.1  # of the mean squared length of a description
CHANCE = 0.02
LIKE_IT = 2 / 3  # of the lead that photos of a figure have over those of the other
LIKE_ITS_SIZE = 1 / 4  # likewise for sizes, which are hardly ever just so far apart
BATCH = 32


@dataclass(frozen=True, slots=True)
class Turn:
    """What is done to a photo: one of these.

    Attributes:
        mirrored: Whether left and right change places.
        quarters: Quarter turns, against the clock.
        scale: How much larger what it shows becomes; below 1 it shrinks, as from farther away.
    """

    mirrored: bool = False
    quarters: int = 0
    scale: float = 1.0

    @property
    def back(self) -> Turn:
        """What undoes it."""
        return Turn(self.mirrored, -self.quarters % 4, 1 / self.scale)


AS_IT_IS = Turn()
MIRRORED = Turn(mirrored=True)
TURNED = [Turn(quarters=1), Turn(quarters=2), Turn(quarters=3)]
FARTHER = Turn(scale=1 / 1.5)  # and back: nearer


@dataclass(frozen=True, slots=True)
class Change:
    """Two figures of which one becomes the other.

    Attributes:
        figure: Its label.
        becomes: The label of the other.
        photos: How many photos of both are called the other one then, and rightly as they are.
    """

    figure: int
    becomes: int
    photos: int


def spare_figures(
    recipe: Recipe, plan: Plan, sample: Sample, device: torch.device, note: Callable[[str], None]
) -> Recipe:
    """Return the recipe without mirrored, turned or resized views where they make another figure of one.

    Unchanged where the recipe may not be fitted to its photos (no ``max_views``).

    Args:
        recipe: Says which views there would be.
        plan: The network before it learns.
        sample: The photos.
        device: Where the network is asked.
        note: Is told what is left out, and why.
    """
    how = recipe.augmentation
    kinds = (
        ("mirrored", [MIRRORED] if how.flip else [], lambda how: replace(how, flip=0.0)),
        ("turned", TURNED if how.turn else [], lambda how: replace(how, turn=0.0)),
        ("shown nearer or farther", [FARTHER] if keep_size(how) != how else [], keep_size),
    )
    turns = [turn for _, those, _ in kinds for turn in those]
    if recipe.max_views is None or not turns:
        return recipe
    side = min(SIDE, recipe.view_size or recipe.image_size)
    network = plan.fresh().to(device)
    found = find_changes(network, sample.stored, sample.labels, turns, side, device)
    if MIRRORED in found:
        found[MIRRORED] += _see_copies(sample)
    for done, those, without in kinds:
        changes = [change for turn in those for change in found[turn]]
        if not changes:
            continue
        how = without(how)
        worst = max(changes, key=lambda change: change.photos)
        one, other = (
            sample.dataset.figures[label].display for label in (worst.figure, worst.becomes)
        )
        note(f"photos are not {done} while the networks learn: {one} would look like {other}")
    return replace(recipe, augmentation=how)


def judge_mirrored(plan: Plan, recipe: Recipe, sample: Sample) -> Findings:
    """Return what is wrong with the photos, as an audit says it that knows of mirror images.

    A single shot that lies mirrored under another label is a conflict, unless the two figures are each
    other's mirror image. The network is asked only where there is such a shot.

    Args:
        plan: The network before it learns.
        recipe: Says how large photos are for it.
        sample: The photos.
    """
    findings, figures = sample.findings, sample.dataset.figures
    if not any(one.by_side for one in findings.label_conflicts):
        return findings
    side, cpu = min(SIDE, recipe.view_size or recipe.image_size), torch.device("cpu")
    found = find_changes(plan.fresh(), sample.stored, sample.labels, [MIRRORED], side, cpu)
    alike = {
        frozenset((figures[change.figure].id, figures[change.becomes].id))
        for change in found[MIRRORED]
    }
    return know_mirror_images(findings, alike)


def _see_copies(sample: Sample) -> list[Change]:
    """Return the figures that have shots which are mirror images of each other's, by pixels."""
    index_of = sample.dataset.index_of
    shots: Counter[tuple[int, ...]] = Counter(
        tuple(sorted({index_of[photo.figure_id or ""] for photo in one.photos}))
        for one in sample.findings.mirror_images
    )
    return [Change(figure, becomes, 2 * n) for (figure, becomes), n in shots.items()]


def find_changes(
    network: Network,
    pixels: RowsLike[np.uint8],
    labels: NDArray[np.intp],
    turns: list[Turn],
    side: int,
    device: torch.device,
) -> dict[Turn, list[Change]]:
    """Find the figures that become others when their photos are mirrored, turned or resized.

    A ridge regression of which figure a photo shows on the pretrained network's last feature map, 2 x 4
    places of it, names each photo without having learned from it, as it is and turned (in closed
    form: the leave-one-out residuals of a linear smoother). Places, because the mean over them is
    nearly the same from both sides: these networks have themselves learned from mirrored photos.

    A figure becomes another one where three things hold. At least half of its photos that are rightly
    named are called the other one when they are turned, and half of the other's, turned back, are
    called this one. That is not as often the other way round: photos called the other one as they are,
    and rightly when they are turned (a sign test, p < 0.02, so from six photos on). And turned photos
    are told from the figure that they show nearly as clearly as photos of the other one are: by two
    thirds of their lead. Two figures that look alike, and happen to be photographed from opposite
    sides, pass the first two; but what tells them apart besides still speaks for the figure.

    Sizes differ by any factor, and photos are resized by one: so the other figure's photos, brought
    nearer, may become whatever they like (of three sizes the small one becomes the large one), if only
    half of them do not stay what they are; and a quarter of the lead is enough. Figures of which the
    pretrained network does not see the size (thin ones, at any angle) are not found.

    Of more than a thousand figures only the first thousand are looked at. Not found, but not hurt much
    either, are figures that the pretrained network does not tell apart from both sides.

    Args:
        network: Pretrained, on ``device``.
        pixels: uint8 [N, S, S, 3].
        labels: [N], 0..K-1.
        turns: What may be done to photos.
        side: Of what the network is fed, in pixels.
        device: Where the network is.

    Returns:
        For each turn the changes that it makes.
    """
    some = choose(labels)
    y = labels[some]
    described = {
        turn: _describe(network, pixels, some, turn, side, device)
        for turn in dict.fromkeys((AS_IT_IS, *turns, *(turn.back for turn in turns)))
    }
    plain, said = _score_without(described.pop(AS_IT_IS), described, y)
    return {
        turn: _compare(y, plain, said[turn], said[turn.back], resized=turn.scale != 1)
        for turn in turns
    }


def choose(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rows of the photos that are looked at: as many of each figure, spread over them."""
    figures = np.unique(labels)
    each = max(EACH, LOOKED_AT // len(figures))
    chosen = []
    for figure in figures[: MOST_PHOTOS // each]:
        rows = np.flatnonzero(labels == figure)
        chosen.append(rows[np.unique(np.linspace(0, len(rows) - 1, each).astype(int))])
    return np.sort(np.concatenate(chosen))


@torch.no_grad()
def _describe(
    network: Network,
    pixels: RowsLike[np.uint8],
    photos: NDArray[np.intp],
    turn: Turn,
    side: int,
    device: torch.device,
) -> Tensor:
    """Return what the last feature map has at each place, float32 [n, 8 D]."""
    network.eval()
    inner = round(side * turn.scale)
    found = []
    with quick_convolutions(network, device):
        for start in range(0, len(photos), BATCH):
            batch = torch.from_numpy(pixels[photos[start : start + BATCH]])  # uint8 [B, S, S, 3]
            batch = batch.permute(0, 3, 1, 2).to(device).float()
            batch = F.interpolate(batch, (inner, inner), mode="bilinear", antialias=True)
            batch = _centre(batch, side)
            batch = torch.rot90(batch.flip(3) if turn.mirrored else batch, turn.quarters, (2, 3))
            inputs = network.scale(batch).contiguous(memory_format=torch.channels_last)
            features: Tensor = network.backbone.forward_features(inputs)  # type: ignore[operator]
            found.append(F.adaptive_avg_pool2d(features, PLACES).flatten(1).cpu())
    return torch.cat(found)


def _centre(pictures: Tensor, side: int) -> Tensor:
    """Return the middle of pictures [B, 3, s, s], or them in the middle of what their edges go on as."""
    before = (side - pictures.shape[2]) // 2
    after = side - pictures.shape[2] - before
    if before >= 0:
        return F.pad(pictures, (before, after, before, after), mode="replicate")
    return pictures[:, :, -before : side - before, -before : side - before]


def _score_without(
    plain: Tensor, turned: Mapping[Turn, Tensor], labels: NDArray[np.intp]
) -> tuple[NDArray[np.float64], dict[Turn, NDArray[np.float64]]]:
    """Score photos by a regression without each of them, as they are and turned, each [n, K].

    With kernel G = X X', H = (G + r I)^-1 and residuals e = (Y - G H Y) / (1 - h), h the diagonal
    of G H and 1/n for the mean, a regression without photo i says Y_i - e_i of it, and of its turned
    description x' what all say, less what i itself says: x' X' H Y - (x' X' H)_i e_i.
    """
    mean = plain.mean(dim=0)
    x = plain - mean
    kernel = (x @ x.T).double()
    ridge = RIDGE * kernel.diagonal().mean().clamp(min=1e-12)
    inverse = torch.linalg.inv(kernel + ridge * torch.eye(len(x), dtype=torch.float64))
    y = F.one_hot(torch.from_numpy(labels)).double()
    y -= y.mean(dim=0)
    smoother = kernel @ inverse
    lever = smoother.diagonal() + 1 / len(x)
    left = (y - smoother @ y) / (1 - lever).clamp(min=1e-6)[:, None]  # [n, K]

    def score(description: Tensor) -> NDArray[np.float64]:
        weights = ((description - mean) @ x.T).double() @ inverse  # [n, n]
        return np.asarray(weights @ y - weights.diagonal()[:, None] * left)

    return np.asarray(y - left), {turn: score(description) for turn, description in turned.items()}


def _compare(
    labels: NDArray[np.intp],
    plain: NDArray[np.float64],
    turned: NDArray[np.float64],
    back: NDArray[np.float64],
    *,
    resized: bool = False,
) -> list[Change]:
    """Return the figures that become others; ``back`` is what photos turned the other way score."""
    as_is, there, here = (scores.argmax(axis=1) for scores in (plain, turned, back))
    right = np.bincount(labels[as_is == labels], minlength=labels.max() + 1)
    ours = _count(labels, there, as_is == labels)
    theirs = _count(labels, here, as_is == labels)
    leaving = np.bincount(labels[(as_is == labels) & (here != labels)], minlength=len(right))
    like = LIKE_ITS_SIZE if resized else LIKE_IT
    found = []
    for (figure, other), photos in ours.items():
        others = int(leaving[other]) if resized else theirs.get((other, figure), 0)
        if 2 * photos < right[figure] or 2 * others < right[other]:
            continue
        one, two = labels == figure, labels == other
        against = int((one & (as_is == other) & (there == figure)).sum())
        against += int((two & (as_is == figure) & (here == other)).sum())
        lead = _lead(turned[one], other, figure) + _lead(back[two], figure, other)
        usual = _lead(plain[one], figure, other) + _lead(plain[two], other, figure)
        if _by_chance(photos + others, against) < CHANCE and lead >= like * usual:
            found.append(Change(figure, other, photos + others))
    return found


def _lead(scores: NDArray[np.float64], one: int, other: int) -> float:
    """Return by how much photos score higher as one figure than as another, on average."""
    return float((scores[:, one] - scores[:, other]).mean())


def _count(
    labels: NDArray[np.intp], called: NDArray[np.intp], those: NDArray[np.bool_]
) -> dict[tuple[int, int], int]:
    """Count the photos of each figure that are called each other one, only where there are any."""
    changed = those & (called != labels)
    pairs, counts = np.unique(
        np.stack([labels[changed], called[changed]]), axis=1, return_counts=True
    )
    return {(int(a), int(b)): int(n) for (a, b), n in zip(pairs.T, counts, strict=True)}


def _by_chance(so: int, against: int) -> float:
    """Return how likely as many, or more, of them are when both are as likely: one side of a sign test."""
    n = so + against
    return float(sum(comb(n, k) for k in range(so, n + 1)) / 2**n)
