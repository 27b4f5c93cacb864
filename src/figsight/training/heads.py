"""How the head of many figures starts: from a ridge regression on the pretrained embeddings.

Knows a network and its photos. Does not know how they are learned from.

A head of random weights has to see each figure some times before it says anything, and until then the
backbone moves for nothing: Adam's steps are as long for gradients of noise as for others. With 27 figures
that is over within a dozen steps. With 270 it was not: the pretrained features were lost, and nothing
was learned any more. With 110 it made no difference to right answers, and log losses were higher for it
(docs/experiments.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from figsight.calibration import fit_temperature
from figsight.training.recipe import Augmentation
from figsight.training.views import make_views

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Generator, Tensor

    from figsight.training.backbones import Network
    from figsight.training.fit import TrainingSet

BATCH = 8
MOST_ASKED = 12_000  # photos that are asked about: a pass over more of them would take minutes
SCALED_ON = 2_000  # of these, photos that say how sure the head may be
SURE = 30.0  # what an output of 1 is as a logit, before its temperature is fitted
PLAIN = Augmentation()


@torch.no_grad()
def start_head(network: Network, data: TrainingSet, rng: Generator, device: torch.device) -> None:
    """Set the head's weights by regressing which figure a photo shows on its embedding.

    Ridge regression of one-hot targets, ``W = (X'X + r I)^-1 X'Y`` with X centred and r the mean
    variance of its columns times their length (Hoerl & Kennard 1970). The outputs become logits by a
    temperature, fitted to what each photo would be called without itself (the leave-one-out
    residuals of a linear smoother: ``(f - h y) / (1 - h)``).

    Args:
        network: On ``device``; only the head is changed.
        data: Photos and labels; with more than 12,000, some at random are looked at.
        rng: Where the random numbers come from.
        device: Where.
    """
    rows = torch.randperm(len(data.photos), generator=rng)[:MOST_ASKED]
    photos = np.sort(data.photos[rows.numpy()])
    embeddings = _embed(network, data, photos, rng, device).double()  # [N, D]
    labels = torch.from_numpy(data.labels[photos])  # [N]
    figures = network.head.out_features
    mean = embeddings.mean(dim=0)
    x = embeddings - mean
    sums = torch.zeros(figures, x.shape[1], dtype=x.dtype).index_add_(0, labels, x)  # X'Y, [K, D]
    products = x.T @ x
    ridge = products.diagonal().mean().clamp(min=1e-12)
    inverse = torch.linalg.inv(products + ridge * torch.eye(len(products), dtype=x.dtype))
    weight = SURE * (sums @ inverse)
    some = torch.randperm(len(x), generator=rng)[:SCALED_ON]
    left_out = _leave_one_out(x[some], labels[some], weight, inverse, len(x))
    weight /= fit_temperature(left_out, labels[some].numpy())
    network.head.weight.copy_(weight)
    network.head.bias.copy_(-(weight @ mean))


def _embed(
    network: Network,
    data: TrainingSet,
    photos: NDArray[np.intp],
    rng: Generator,
    device: torch.device,
) -> Tensor:
    """Return the embeddings of the photos as they are, at the size of their views."""
    network.eval()
    found = []
    for start in range(0, len(photos), BATCH):
        pixels = torch.from_numpy(data.pixels[photos[start : start + BATCH]])
        views = network.scale(make_views(pixels, data.size, PLAIN, rng).to(device))
        features: Tensor = network.backbone.forward_features(views)  # type: ignore[operator]
        found.append(features.mean(dim=(2, 3)).cpu())
    return torch.cat(found)


def _leave_one_out(
    x: Tensor, labels: Tensor, weight: Tensor, inverse: Tensor, n: int
) -> NDArray[np.float32]:
    """Return the logits [S, K] of photos as a regression without each of them would have them."""
    logits = x @ weight.T
    lever = ((x @ inverse) * x).sum(dim=1) + 1 / n  # what a photo says of itself
    rows = torch.arange(len(x))
    logits[rows, labels] -= SURE * lever
    return (logits / (1 - lever).clamp(min=1e-3)[:, None]).float().numpy()
