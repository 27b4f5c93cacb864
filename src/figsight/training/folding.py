"""Batch norms multiplied into the convolutions before them, and back under timm's names.

With ten photos a class a batch norm cannot learn better statistics than ImageNet's, and on a CPU it
costs as much as a convolution. Folded, the network computes the same with nearly half the passes over
memory, and its biases learn in the norms' place.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from figsight.errors import RecipeError


def fold_norms(backbone: nn.Module) -> dict[str, str]:
    """Fold each batch norm that directly follows a convolution; the others stay, in evaluation mode.

    Args:
        backbone: Changed in place; put into evaluation mode.

    Returns:
        The name of each folded norm -> the name of the convolution that took it in.

    Raises:
        RecipeError: The backbone does not compute the same afterwards (its modules are not called in
            the order in which they are registered).
    """
    backbone.eval()
    probe = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    # Not its logits: those of a new head may lie as near to zero as rounding does.
    with torch.no_grad():
        before = backbone.forward_features(probe)  # type: ignore[operator]
    folded: dict[str, str] = {}
    for parent_name, parent in list(backbone.named_modules()):
        children = list(parent.named_children())
        for (name, conv), (norm_name, norm) in pairwise(children):
            if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
                continue
            if norm.num_features != conv.out_channels:
                continue
            prefix = f"{parent_name}." if parent_name else ""
            setattr(parent, name, fuse_conv_bn_eval(conv, norm))
            # timm's norms carry the activation that follows them.
            setattr(parent, norm_name, getattr(norm, "act", None) or nn.Identity())
            folded[f"{prefix}{norm_name}"] = f"{prefix}{name}"
    with torch.no_grad():
        after = backbone.forward_features(probe)  # type: ignore[operator]
    if not torch.allclose(before, after, rtol=1e-3, atol=1e-3 * float(before.abs().max())):
        raise RecipeError("norms: 'folded' does not fit this backbone; set norms = \"train\"")
    return folded


def unfold_names(state: dict[str, Tensor], reference: nn.Module, folded: dict[str, str]) -> None:
    """Give a folded network's state the names and shapes of the network before folding, in place.

    The norms come back as the identity plus a bias: they compute the same, to the last bit but one.

    Args:
        state: The folded backbone's state.
        reference: The backbone before folding, for the norms' epsilon.
        folded: What ``fold_norms`` returned.
    """
    modules = dict(reference.named_modules())
    for norm_name, conv_name in folded.items():
        norm = cast("nn.BatchNorm2d", modules[norm_name])
        bias = state[f"{conv_name}.bias"]
        if getattr(modules[conv_name], "bias", None) is None:
            del state[f"{conv_name}.bias"]
            state[f"{norm_name}.bias"] = bias
        else:
            state[f"{norm_name}.bias"] = torch.zeros_like(bias)
        state[f"{norm_name}.weight"] = torch.ones_like(bias)
        state[f"{norm_name}.running_mean"] = torch.zeros_like(bias)
        state[f"{norm_name}.running_var"] = torch.full_like(bias, 1 - norm.eps)
        state[f"{norm_name}.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
