"""A lower ceiling for the last feature map, while a network learns.

Knows the last convolution, its activation and the head. Does not know photos.

An embedding is the mean of activations over places, and a few that shout decide most of it. What tells
figures apart on ten photos each is rather which channels answer at all: fourth roots of embeddings tell
strangers better (docs/decisions/0006), and classes, but no linear head can take a root. It can be given
activations that are bounded sooner. ReLU6 ends at 6, which one in seventeen of those above zero comes to;
half of them come to 1.5. A bound of ``c`` is the same as multiplying what goes into a ReLU6 by ``6 / c``,
and the head by ``c / 6``: so a network learns under the lower ceiling, at rates that fit its weights as
they are, and is an ordinary one afterwards, under timm's names. Sun, Guo & Li (2021, "ReAct:
out-of-distribution detection with rectified activations", https://arxiv.org/abs/2111.12797) bound the
same activations after training, to tell strangers.

Measured on one backbone and seven sets: photographs, drawings, renderings, X-rays (docs/experiments.md).
It is for few photos: from 40 a class on they lose by it, so ``adapting`` takes it away before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from figsight.training.backbones import Network

_USUAL = 6.0  # of nn.ReLU6


def lower_ceiling(network: Network, ceiling: float | None) -> bool:
    """Bound the last feature map at ``ceiling``; return whether it has a bound that can be moved.

    Not where ``ceiling`` is None, nor where the backbone does not end in a convolution and a ReLU6
    directly behind it (as timm's EfficientNet-Lite does when its norms are folded).
    """
    found = None if ceiling is None else _find_last(network)
    if ceiling is None or found is None:
        return False
    found[1].max_val = ceiling
    return True


@torch.no_grad()
def raise_ceiling(network: Network) -> None:
    """Put the bound back to 6, and let weights make up for it: logits stay as they are."""
    found = _find_last(network)
    if found is None:
        return
    conv, activation = found
    factor = _USUAL / activation.max_val
    for parameter in conv.parameters():
        parameter.mul_(factor)
    network.head.weight.div_(factor)
    activation.max_val = _USUAL


def _find_last(network: Network) -> tuple[nn.Conv2d, nn.ReLU6] | None:
    """Return the convolution that makes the features, and its activation, as they are really called."""
    # What went in and came out last, and how often it had been written to: residual networks add to a
    # convolution's output in place.
    got: dict[nn.Module, tuple[Tensor, int]] = {}
    made: dict[nn.Module, tuple[Tensor, int]] = {}

    def note_input(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        got[module] = inputs[0], inputs[0]._version

    def note_output(module: nn.Module, _: object, output: Tensor) -> None:
        made[module] = output, output._version

    backbone = network.backbone
    wanted = [m for m in backbone.modules() if isinstance(m, nn.Conv2d | nn.ReLU6)]
    hooks = [module.register_forward_pre_hook(note_input) for module in wanted]
    hooks += [module.register_forward_hook(note_output) for module in wanted]
    was_training = backbone.training
    try:
        backbone.eval()
        with torch.no_grad():
            probe = torch.zeros(1, 3, 64, 64, device=network.mean.device)
            features = backbone.forward_features(probe)  # type: ignore[operator]
    finally:
        backbone.train(was_training)
        for hook in hooks:
            hook.remove()
    for activation, (last, _) in made.items():
        if last is not features or not isinstance(activation, nn.ReLU6):
            continue
        before, writes = got[activation]
        for conv, (output, then) in made.items():
            if isinstance(conv, nn.Conv2d) and output is before and then == writes:
                return conv, activation
    return None
