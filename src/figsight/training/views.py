"""Varied views of photos for training: pixels in, pixels out, a whole batch at once.

Every random number comes from the generator that is handed in, so that a run can be repeated and
resumed. Geometry is one resampling (one blur, however many turns and stretches). Does not know
networks, files or labels, but for ``mix``, which blends targets along with pixels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

if TYPE_CHECKING:
    from figsight.training.recipe import Augmentation

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601

# Width of the strip along the edge that goes on beyond it, of half a side: a table's grain, or all of
# what is there.
_STRIP = (0.06, 1.0)


def make_views(photos: Tensor, size: tuple[int, int], how: Augmentation, rng: Generator) -> Tensor:
    """Make one random view of each photo.

    Args:
        photos: uint8 [N, S, T, 3], larger than ``size`` or equal to it.
        size: Height and width of the views.
        how: The ranges.
        rng: Where the random numbers come from; a CPU generator.

    Returns:
        float32 [N, 3, height, width] of 0..255, channels last in memory.
    """
    views = _move(photos.permute(0, 3, 1, 2).float(), size, how, rng)  # [N, 3, H, W]
    views = _recolour(views, how, rng).clamp_(0, 255)
    _erase(views, how.erase, rng)
    return views.contiguous(memory_format=torch.channels_last)


def mix(inputs: Tensor, targets: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
    """Blend a batch with a shuffle of itself: mixup or CutMix, one half each.

    Args:
        inputs: float [N, 3, H, W].
        targets: float [N, K], rows that sum to one.
        rng: Where the random numbers come from.

    Returns:
        Inputs and targets of the same shapes. The share of the partner is uniform in 0..1.
    """
    partner = torch.randperm(len(inputs), generator=rng)
    kept, coin, row, column = torch.rand(4, generator=rng).tolist()
    if coin < 0.5:
        blended = inputs * kept + inputs[partner] * (1 - kept)
    else:
        height, width = inputs.shape[2:]
        side = math.sqrt(1 - kept)
        h, w = int(height * side), int(width * side)
        top, left = int(row * (height - h + 1)), int(column * (width - w + 1))
        blended = inputs.clone()
        blended[:, :, top : top + h, left : left + w] = inputs[
            partner, :, top : top + h, left : left + w
        ]
        kept = 1 - h * w / (height * width)
    return blended, targets * kept + targets[partner] * (1 - kept)


def _uniform(n: int, reach: float, rng: Generator) -> Tensor:
    """Draw n numbers in -reach..reach."""
    return (torch.rand(n, generator=rng) * 2 - 1) * reach  # [n]


def _ratio(n: int, least: float, most: float, rng: Generator) -> Tensor:
    """Draw n numbers from least to most, all ratios alike."""
    return least * (most / least) ** torch.rand(n, generator=rng)  # [n]


def _move(photos: Tensor, size: tuple[int, int], how: Augmentation, rng: Generator) -> Tensor:
    n = len(photos)
    angle = _uniform(n, math.radians(how.rotation), rng)
    area = _ratio(n, how.min_area, how.max_area, rng)
    stretch = torch.exp(_uniform(n, how.aspect, rng) / 2)
    width, height = area.sqrt() * stretch, area.sqrt() / stretch
    # A window smaller than the photo may lie anywhere in it; a larger one keeps the photo whole.
    shift_x, shift_y = (_uniform(n, 1.0, rng) * (1 - side).abs() for side in (width, height))
    mirror = torch.where(torch.rand(n, generator=rng) < how.flip, -1.0, 1.0)
    if how.turn:
        quarters = torch.randint(1, 4, (n,), generator=rng)
        angle += (torch.rand(n, generator=rng) < how.turn) * quarters * (math.pi / 2)
    cos, sin = angle.cos(), angle.sin()
    matrix = torch.stack(
        [
            torch.stack([mirror * width * cos, -height * sin, shift_x], 1),
            torch.stack([mirror * width * sin, height * cos, shift_y], 1),
        ],
        1,
    )  # [N, 2, 3]
    grid = F.affine_grid(matrix, [n, 3, *size], align_corners=False)  # [N, H, W, 2]
    if how.perspective:
        tilt = torch.stack([_uniform(n, how.perspective, rng) for _ in range(2)], 1)  # [N, 2]
        depth = 1 + (grid * tilt.view(n, 1, 1, 2)).sum(-1, keepdim=True)
        grid = grid / depth
    strip = _ratio(n, *_STRIP, rng).view(n, 1, 1, 1)
    return F.grid_sample(
        photos, _fold(grid, strip), mode="bilinear", padding_mode="reflection", align_corners=False
    )


def _fold(places: Tensor, strip: Tensor) -> Tensor:
    """Bring places beyond -1..1 back into a strip along the edge, folded as often as it takes.

    So what is beyond a photo looks like what lies along its edge, and not like a second figure, as it
    would mirrored whole.
    """
    beyond = (places.abs() - 1).clamp(min=0) % (2 * strip)
    inwards = torch.minimum(beyond, 2 * strip - beyond)
    return torch.where(places.abs() > 1, places.sign() * (1 - inwards), places)


def _recolour(views: Tensor, how: Augmentation, rng: Generator) -> Tensor:
    """Multiply by brightness and tint, stretch from the mean, then from grey: one matrix a view."""
    n = len(views)
    none = views.new_ones(n, 1)

    def factor(reach: float, channels: int = 1) -> Tensor:
        return torch.exp(_uniform(n * channels, reach, rng)).view(n, channels)

    light = none.expand(n, 3)
    if how.brightness or how.tint:
        light = factor(how.brightness) * factor(how.tint, 3)  # [N, 3]
    contrast = factor(how.contrast) if how.contrast else none  # [N, 1]
    saturation = factor(how.saturation) if how.saturation else none
    mean = (views.mean(dim=(2, 3)) * light).mean(1, keepdim=True)  # [N, 1]
    grey = views.new_tensor(LUMA).expand(3, 3)  # sums to one, so it leaves the offset alone
    mixing = saturation[:, :, None] * torch.eye(3) + (1 - saturation[:, :, None]) * grey
    matrix = mixing * (contrast * light)[:, None, :]  # [N, 3, 3]
    offset = mean * (1 - contrast)
    return torch.baddbmm(offset[:, :, None], matrix, views.flatten(2)).view_as(views)


def _erase(views: Tensor, share: float, rng: Generator) -> None:
    """Paint a rectangle of one random colour over a share of the views, in place."""
    if share == 0:
        return
    n, _, height, width = views.shape
    for view, draws in zip(views, torch.rand(n, 5, generator=rng).tolist(), strict=True):
        coin, tall, wide, top, left = draws
        colour = torch.rand(3, 1, 1, generator=rng) * 255
        if coin < share:
            h, w = int(height * (0.15 + 0.3 * tall)), int(width * (0.15 + 0.3 * wide))
            y, x = int(top * (height - h)), int(left * (width - w))
            view[:, y : y + h, x : x + w] = colour
