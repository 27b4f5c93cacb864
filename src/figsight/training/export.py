"""A trained network as one ONNX graph: uint8 pixels in; logits, embedding and features out.

Knows torch's exporter. Does not know bundles.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from figsight.training.backbones import Network

OUTPUTS = ("logits", "embedding", "features")
OPSET = 18


class Pipeline(nn.Module):
    """A network behind its own pixel scaling, as it is exported."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Answer pixels uint8 [N, H, W, 3] with ``OUTPUTS``: [N, K], [N, D] and [N, D, h, w]."""
        return self.network.parts(self.network.scale(pixels.permute(0, 3, 1, 2)))


def export_onnx(network: Network, size: tuple[int, int]) -> bytes:
    """Write a network in evaluation mode as an ONNX file with its weights inside.

    Args:
        network: On the CPU.
        size: Height and width of its pictures; the number of pictures stays open.

    Returns:
        The bytes of the file, with standard operators only and no trace of this machine.
    """
    pipeline = Pipeline(network.eval()).eval()
    example = torch.zeros(2, *size, 3, dtype=torch.uint8)
    levels = {
        name: logging.getLogger(name).level for name in ("torch.onnx", "onnxscript", "onnx_ir")
    }
    with warnings.catch_warnings():
        # What the exporter says concerns its own internals; the result is checked number by number.
        warnings.simplefilter("ignore")
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                pipeline,
                (example,),
                input_names=["pixels"],
                output_names=list(OUTPUTS),
                dynamic_shapes={"pixels": {0: torch.export.Dim("photos", min=1)}},
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")  # it says so for dynamo=False only
    model = program.model_proto
    # The exporter notes for each node which line of whose file made it.
    for value in (*model.graph.node, *model.graph.value_info, *model.graph.input):
        del value.metadata_props[:]
        value.doc_string = ""
    for value in (*model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""
    del model.metadata_props[:], model.graph.metadata_props[:]
    data: bytes = model.SerializeToString(deterministic=True)
    return data
