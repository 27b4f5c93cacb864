"""The same network for pictures of another size, as a bundle.

The weights of a convolutional network fit any size; an exported graph has one. For timing only: the
probabilities of the result were never calibrated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import timm
import torch

from figsight.bundle import open_bundle, write_bundle
from figsight.training.backbones import Network, pretrained_config
from figsight.training.export import export_onnx
from figsight.training.folding import fold_norms
from figsight.training.network import feature_shape

if TYPE_CHECKING:
    import os
    from pathlib import Path


def resize_bundle(model: str | os.PathLike[str], side: int, target: Path) -> Path:
    """Write the model at ``target``, for pictures of ``side`` x ``side``, without thumbnails."""
    with open_bundle(model) as bundle:
        manifest, weights, gallery = bundle.manifest, bundle.network(), bundle.gallery()
    entry = manifest.network
    backbone = timm.create_model(entry.backbone, num_classes=len(manifest.figures))
    backbone.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    fold_norms(backbone)
    scaling = pretrained_config(backbone)
    network = Network(backbone, tuple(scaling["mean"]), tuple(scaling["std"])).eval()
    manifest = msgspec.structs.replace(
        manifest,
        input=msgspec.structs.replace(manifest.input, width=side, height=side),
        network=msgspec.structs.replace(
            entry, features=feature_shape(network, side), style_size=network.style_size
        ),
    )
    write_bundle(
        target,
        manifest,
        model=export_onnx(network, (side, side)),
        gallery=gallery,
        network=weights,
        thumbnails=None,
        extras={},
    )
    return target
