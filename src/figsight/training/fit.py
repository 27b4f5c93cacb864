"""The loop: one network, some photos, some epochs.

Repeatable bit for bit on one machine, and resumable after any epoch. Does not know files of photos,
folds or bundles.
"""

from __future__ import annotations

import copy
import hashlib
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from figsight.training.ceiling import lower_ceiling, raise_ceiling
from figsight.training.checkpoint import EpochRecord, load_checkpoint, save_checkpoint
from figsight.training.convolutions import mixed_precision, quick_convolutions
from figsight.training.heads import start_head
from figsight.training.pace import divide_epoch
from figsight.training.views import make_views, mix

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from figsight.rows import RowsLike
    from figsight.training.backbones import Network
    from figsight.training.pace import Pace
    from figsight.training.progress import Watcher
    from figsight.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What one run learns from.

    Attributes:
        pixels: Of all M photos, uint8 [M, H, W, 3], of which ``photos`` picks some.
        photos: Indices [N] into ``pixels``.
        labels: Class index of every row of ``pixels``, int64 [M].
        size: Height and width of the views.
    """

    pixels: RowsLike[np.uint8]
    photos: NDArray[np.intp]
    labels: NDArray[np.int64]
    size: tuple[int, int]


def fit(
    network: Network,
    data: TrainingSet,
    recipe: Recipe,
    *,
    run: str,
    seed: int,
    device: torch.device,
    checkpoint: Path,
    watch: Watcher,
    pace: Pace,
) -> Generator[float, None, tuple[Network, list[EpochRecord]]]:
    """Train a network, going on from its checkpoint if there is one; stop for breath after each step.

    Args:
        network: Fresh from ``backbones.build``; trained in place.
        data: The photos.
        recipe: How; resolved.
        run: What history and random numbers call this run.
        seed: Of the whole command.
        device: Where.
        checkpoint: Where the state is kept after each epoch.
        watch: Told of every epoch as it ends.
        pace: When it ends.

    Yields:
        How far it is, 0..1.

    Returns:
        The network to deliver (the moving average of the weights, when the recipe asks for one), on
        ``device`` and in evaluation mode, and one record an epoch, of which the last may be cut short.
    """
    network.to(device).to(memory_format=torch.channels_last)
    frozen = freeze(network, recipe)
    lowered = lower_ceiling(network, recipe.ceiling)
    average = copy.deepcopy(network) if recipe.averaging else network
    optimizer = make_optimizer(network, recipe)
    history, progress = load_checkpoint(checkpoint, network, average, optimizer)
    if recipe.head_start == "ridge" and not history:
        with quick_convolutions(network, device):
            start_head(network, data, seeded(seed, run, -2), device)
        average.head.load_state_dict(network.head.state_dict())
    moving = _pair_moving(average, network)
    pace.resume(len(history), len(history) * len(data.photos), progress)
    for record in history:
        watch.epoch(record)
    peaks = [group["initial_lr"] for group in optimizer.param_groups]
    weights = weigh_classes(data.labels[data.photos], network.head.out_features, recipe.balance)
    sizes = divide_epoch(len(data.photos), recipe.batch_size)
    with quick_convolutions(network, device):
        while pace.goes_on(len(history), 0):
            epoch = len(history)
            started = time.perf_counter()
            rng = seeded(seed, run, epoch)
            _wake(network, frozen)
            loss_sum, right, seen = 0.0, 0, 0
            order = torch.randperm(len(data.photos), generator=rng)
            batches = order.split(sizes)  # type: ignore[no-untyped-call]
            for step, batch in enumerate(batches):
                if step and not pace.goes_on(epoch, step):
                    break
                way = pace.progress(epoch, step)
                yield way
                for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                    group["lr"] = peak * learning_pace(way, recipe)
                loss, hits = _step(network, data, batch, recipe, optimizer, rng, device, weights)
                loss_sum, right = loss_sum + loss * len(batch), right + hits
                if recipe.averaging:
                    _average(moving, recipe.averaging, epoch * len(sizes) + step)
                seen += len(batch)
                pace.learned(len(batch))
            seconds = time.perf_counter() - started
            history.append(EpochRecord(run, epoch + 1, loss_sum / seen, right / seen, seconds))
            if pace.end_epoch(epoch):
                way = pace.progress(epoch + 1, 0)
                save_checkpoint(checkpoint, network, average, optimizer, history, way)
            watch.epoch(history[-1])
    if lowered:
        raise_ceiling(average)
    return average.eval(), history


def freeze(network: Network, recipe: Recipe) -> list[nn.Module]:
    """Stop what the recipe names from learning; return its modules (norms must not drift either)."""
    stages = network.stages()
    frozen = {id(p) for stage in stages[: recipe.frozen_stages] for p in stage}
    frozen -= {id(p) for p in network.head.parameters()}  # it is new: all stages frozen, it learns
    if recipe.wide_depthwise == "frozen":
        first = stages[recipe.frozen_stages] if 0 < recipe.frozen_stages < len(stages) else []
        before: set[int] = set()  # what of the first stage that learns lies before its wide one
        for module in network.modules():
            own = {id(p) for p in module.parameters(recurse=False)}
            if isinstance(module, nn.Conv2d) and _is_wide_depthwise(module):
                # The bias too: oneDNN computes the gradients of both in one kernel, the slow one.
                frozen |= own
                if own & {id(p) for p in first}:
                    # Few weights, and their gradient would have to come through the slow kernel.
                    frozen |= before
            elif own <= {id(p) for p in first}:
                before |= own
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) not in frozen)
    owned = [(m, [id(p) for p in m.parameters(recurse=False)]) for m in network.modules()]
    asleep = [module for module, ids in owned if ids and frozen.issuperset(ids)]
    if recipe.norms == "folded":  # those that no convolution took in keep their statistics
        asleep += [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    return asleep


def _wake(network: Network, frozen: list[nn.Module]) -> None:
    """Let a network learn, but for what is frozen."""
    network.train()
    for module in frozen:
        module.eval()


def weigh_classes(labels: NDArray[np.int64], figures: int, balance: float) -> Tensor:
    """Return what a photo of each class weighs in the loss, float32 [K]; 1 for the average photo."""
    counts = torch.bincount(torch.from_numpy(labels), minlength=figures).clamp(min=1).float()
    weights = counts**-balance
    return weights * (counts.sum() / (counts * weights).sum())


def _is_wide_depthwise(conv: nn.Conv2d) -> bool:
    return conv.groups == conv.in_channels > 1 and max(conv.kernel_size) > 3


def make_optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """Group parameters by depth and by whether they decay."""
    how = recipe.optimizer
    head = {id(p) for p in network.head.parameters()}
    stages = network.stages()
    groups: list[dict[str, object]] = []
    for depth, stage in enumerate(reversed(stages)):
        rate = how.learning_rate * how.layer_decay**depth
        for is_head in (True, False):
            for decays in (True, False):
                members = [
                    p
                    for p in stage
                    if p.requires_grad and (p.ndim > 1) == decays and (id(p) in head) == is_head
                ]
                if members:
                    peak = how.head_learning_rate if is_head else rate
                    decay = how.weight_decay if decays else 0.0
                    group = {"params": members, "lr": peak, "initial_lr": peak}
                    groups.append({**group, "weight_decay": decay})
    if how.name == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True)
    # One pass over the weights a step: 600 small kernels less.
    return torch.optim.AdamW(groups, fused=network.mean.device.type != "mps")


def learning_pace(progress: float, recipe: Recipe) -> float:
    """Return the factor on the peak learning rates at a share of the run, 0..1."""
    warmup = recipe.optimizer.warmup
    if progress < warmup:
        return progress / warmup
    if recipe.optimizer.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def seeded(seed: int, run: str, epoch: int) -> torch.Generator:
    """Start the random numbers of an epoch, from nothing but its name.

    torch's own numbers are shared by all threads; nothing of a run may draw from them.
    """
    digest = hashlib.sha256(f"{seed}/{run}/{epoch}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))


def _step(
    network: Network,
    data: TrainingSet,
    batch: Tensor,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    rng: torch.Generator,
    device: torch.device,
    weights: Tensor,
) -> tuple[float, int]:
    """Learn from one batch; return its mean loss, and how many were right before learning."""
    chosen = data.photos[batch.numpy()]
    labels = torch.from_numpy(data.labels[chosen])  # [B]
    photos = torch.from_numpy(data.pixels[chosen])  # [B, S, S, 3]
    views = network.scale(make_views(photos, data.size, recipe.augmentation, rng).to(device))
    targets = F.one_hot(labels, network.head.out_features).float()  # [B, K]
    targets = targets * (1 - recipe.label_smoothing) + recipe.label_smoothing / targets.shape[1]
    if recipe.augmentation.mix and torch.rand(1, generator=rng) < recipe.augmentation.mix:
        views, targets = mix(views, targets, rng)
    shape = len(batch), network.head.in_features
    gain = (torch.rand(shape, generator=rng) >= recipe.dropout).float() / (1 - recipe.dropout)
    with mixed_precision(device):
        logits = network(views, gain.to(device))
    losses = -(targets.to(device) * F.log_softmax(logits.float(), 1)).sum(1)
    loss = (losses * weights[labels].to(device)).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    hits = int((logits.argmax(1).cpu() == labels).sum())
    return float(loss.detach()), hits


def _pair_moving(average: Network, network: Network) -> tuple[list[Tensor], list[Tensor]]:
    """Return what moves while a network learns: the average's weights and statistics, and its own."""
    frozen = {name for name, one in network.named_parameters() if not one.requires_grad}
    ours, theirs = average.state_dict(), network.state_dict()  # they share memory with the modules
    names = [n for n, one in theirs.items() if n not in frozen and one.dtype.is_floating_point]
    return [ours[name] for name in names], [theirs[name] for name in names]


@torch.no_grad()
def _average(moving: tuple[list[Tensor], list[Tensor]], span: float, step: int) -> None:
    """Move the average towards the network, so that it looks back on a share of all steps so far.

    Polynomial-decay averaging (Shamir & Zhang 2013, https://arxiv.org/abs/1212.1824), with
    ``1 / span - 1`` for their eta: a share of the steps, however many there will be.
    """
    share = min(1.0, 1 / (span * (step + 1)))
    get_ema_multi_avg_fn(1 - share)(*moving, step)  # type: ignore[no-untyped-call]
