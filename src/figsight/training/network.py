"""One network for one recipe: built, asked, and taken apart again.

Joins ``backbones`` and ``folding``. Does not know how it is trained.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from figsight.images import CHANGES, change_camera, choose_some
from figsight.training.answers import Outputs, Own
from figsight.training.backbones import Network, PretrainedWeights, build
from figsight.training.convolutions import quick_convolutions
from figsight.training.folding import fold_norms, unfold_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from figsight.rows import RowsLike
    from figsight.training.recipe import Recipe

# More at once are a little quicker, and take 15 MB more for each at 192 px.
BATCH = 8
_DRAWING = Lock()


@contextmanager
def _borrow_numbers() -> Iterator[None]:
    """Let timm draw from the random numbers that all threads share, and put them back for the caller."""
    with _DRAWING, torch.random.fork_rng(devices=[]):
        yield


@dataclass(frozen=True, eq=False)
class Plan:
    """A network as every run of one command starts from it, kept so that it is built once.

    Attributes:
        network: Untrained head, pretrained backbone, norms folded if the recipe says so.
        original: The backbone before folding, for its names and shapes.
        folded: What was folded: see ``folding.fold_norms``.
        weights: Where the pretrained weights come from.
    """

    network: Network
    original: nn.Module
    folded: dict[str, str]
    weights: PretrainedWeights

    def fresh(self, figures: int | None = None, rng: torch.Generator | None = None) -> Network:
        """Return a copy to train; for another number of figures if one is given, drawn from rng."""
        network = copy.deepcopy(self.network)
        if figures is not None and figures != network.head.out_features:
            with _borrow_numbers():
                network.renew_head(figures, rng)
        return network

    def named_state(self, network: Network) -> dict[str, NDArray[Any]]:
        """Return a trained network's backbone and head under timm's names."""
        state = {k: v.detach().cpu().contiguous() for k, v in network.backbone.state_dict().items()}
        unfold_names(state, self.original, self.folded)
        # Not ascontiguousarray, which makes a list of a single number.
        return {key: np.asarray(value.numpy(), order="C") for key, value in state.items()}


def plan_network(recipe: Recipe, figures: int, weights: Path | str | None, seed: int) -> Plan:
    """Build the network that a recipe describes. Errors: as ``backbones.build``."""
    with _borrow_numbers():
        # For the new head's weights, and all of them without pretraining.
        torch.default_generator.manual_seed(seed)
        network, pretrained = build(recipe.backbone, figures, weights=weights)
    original = copy.deepcopy(network.backbone)
    folded = fold_norms(network.backbone) if recipe.norms == "folded" else {}
    return Plan(network, original, folded, pretrained)


def answer(
    network: Network, pixels: RowsLike[np.uint8], photos: NDArray[np.intp], device: torch.device
) -> Outputs:
    """Ask a network about the photos at some rows of pixels."""
    widths = (network.head.out_features, network.head.in_features, network.style_size)
    found = Outputs(*(np.empty((len(photos), width), np.float32) for width in widths))
    network.eval()
    with quick_convolutions(network, device):
        for start in range(0, len(photos), BATCH):
            rows = slice(start, start + BATCH)
            said = _ask(network, pixels[photos[rows]], device)
            found.logits[rows], found.embeddings[rows], found.styles[rows] = said
    return found


def ask_own(
    network: Network,
    pixels: RowsLike[np.uint8],
    photos: NDArray[np.intp],
    device: torch.device,
    *,
    cameras: bool = True,
) -> Own:
    """Ask a network about the photos that it learned from, and what other cameras do to their styles.

    The latter, of ``count_changed`` pictures, may be left away: then the shifts are [C, 0, S].
    """
    width, size = network.head.in_features, network.style_size
    embeddings, styles = (np.empty((len(photos), each), np.float32) for each in (width, size))
    some = choose_some(len(photos) if cameras and size else 0)
    shifts = np.empty((len(CHANGES), len(some), size), np.float32)
    network.eval()
    with quick_convolutions(network, device):
        for start in range(0, len(photos), BATCH):
            rows = slice(start, start + BATCH)
            _, embeddings[rows], styles[rows] = _ask(network, pixels[photos[rows]], device)
        for start in range(0, len(some), BATCH):
            which = some[start : start + BATCH]
            for kind, changed in enumerate(change_camera(pixels[photos[which]], start)):
                said = _ask(network, changed, device)[2]
                shifts[kind, start : start + BATCH] = said - styles[which]
    return Own(embeddings, styles, shifts)


def count_changed(network: Network, photos: int) -> int:
    """Return how many changed pictures ``ask_own`` asks a network about besides so many photos."""
    return len(CHANGES) * len(choose_some(photos)) if network.style_size else 0


@torch.no_grad()
def _ask(
    network: Network, pixels: NDArray[np.uint8], device: torch.device
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return logits [B, K], embeddings [B, D] and styles [B, S] of pixels [B, H, W, 3]."""
    views = network.scale(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device))
    said = network.parts(views)
    return said.logits.cpu().numpy(), said.embedding.cpu().numpy(), said.style.cpu().numpy()


def feature_shape(network: Network, size: int) -> tuple[int, int, int]:
    """Return [D, h, w] of the last feature map for pictures of ``size`` x ``size``."""
    with torch.no_grad():
        features = network.parts(torch.zeros(1, 3, size, size)).features
    return int(features.shape[1]), int(features.shape[2]), int(features.shape[3])
