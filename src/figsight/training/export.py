"""A trained network as one ONNX graph: uint8 pixels in; logits, embedding, features, style out.

Knows torch's exporter. Does not know bundles.

A graph depends on a network's layers and on the size of its pictures, not on its weights. So it is
drawn once, before anything is trained (``draw_blank``), and weights are put into it when they are
ready (``export_onnx``), which takes a tenth of a second. Whatever is written has been run: ONNX
Runtime must answer pictures as torch does, or the graph is drawn anew from the trained network, in two
ways; what then still differs is not written.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from figsight.bundle.graph import list_outputs
from figsight.bundle.runtime import Runtime
from figsight.errors import BundleError, RecipeError
from figsight.images.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from numpy.typing import NDArray

    from figsight.training.backbones import Network

OPSET = 18
TOLERANCE = 1e-3  # of the largest number of an output: another order of adding makes 1e-5
DRAWN = 2  # pictures in the example that a graph is drawn from
ASKED = (1, 3)  # pictures that it is checked with: other numbers, so that none can be built in
_NUMBER = "photos"
_LOGGERS = ("torch.onnx", "onnxscript", "onnx_ir")


class Pipeline(nn.Module):
    """A network behind its own pixel scaling, as it is exported."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Answer pixels uint8 [N, H, W, 3] with what ``list_outputs`` names, in that order."""
        parts = self.network.parts(self.network.scale(pixels.permute(0, 3, 1, 2)))
        return tuple(getattr(parts, name) for name in list_outputs(self.network.style_size))


@dataclass(frozen=True, eq=False)
class Blank:
    """A graph that waits for its weights.

    Attributes:
        graph: An ONNX file whose weights are empty.
    """

    graph: bytes

    def fill(self, network: Network) -> bytes:
        """Return the file with a network's weights; the network must be built like the first one."""
        import onnx

        model = onnx.ModelProto.FromString(self.graph)
        weights = _weights(network)
        for tensor in model.graph.initializer:
            if tensor.name in weights:
                tensor.raw_data = weights[tensor.name].tobytes()
        return _write(model)


_blanks: dict[Hashable, Blank | None] = {}


def draw_blank(
    network: Network, size: tuple[int, int], key: Hashable | None = None
) -> Blank | None:
    """Draw the graph of a network before it is trained.

    Must not run while another thread computes with torch: see ``machine.alone``.

    Args:
        network: On the CPU; left as it is.
        size: Height and width of its pictures.
        key: Whatever tells this kind of network and size from others in this process. What was
            drawn for a key is kept, so that the networks of a cross-validation share it.

    Returns:
        The graph; None when its weights cannot be told from its other numbers (an exporter may
        multiply some of them together).
    """
    if key is None:
        return _draw(network, size)
    if key not in _blanks:
        _blanks[key] = _draw(network, size)
    return _blanks[key]


def export_onnx(
    network: Network,
    size: tuple[int, int],
    pictures: NDArray[np.uint8] | None = None,
    blank: Blank | None = None,
) -> bytes:
    """Write a network in evaluation mode as an ONNX file with its weights inside.

    Like ``draw_blank``, no other thread may compute with torch meanwhile.

    Args:
        network: On the CPU.
        size: Height and width of its pictures; the number of pictures stays open.
        pictures: Some that the file is checked with, uint8 [M, H, W, 3]; made ones by default.
        blank: The graph, when it has been drawn.

    Returns:
        The bytes of the file, with standard operators only and no trace of this machine.

    Raises:
        RecipeError: No way of drawing it gives the network's answers.
    """
    network.eval()
    if pictures is None or not len(pictures):
        pictures = np.random.default_rng(0).integers(0, 256, (max(ASKED), *size, 3), np.uint8)
    if blank is not None:
        data = blank.fill(network)
        if answers_alike(data, network, pictures):
            return data
    data = _write(_trace(network, size, fixed=True))
    if answers_alike(data, network, pictures):
        return data
    # Some layer has the number of pictures built in: leave it open from the start.
    data = _write(_trace(network, size, fixed=False))
    if answers_alike(data, network, pictures):
        return data
    raise RecipeError(
        "backbone: expected a network that ONNX Runtime computes as torch does, found one that it "
        "answers otherwise or not at all; name another backbone"
    )


@torch.no_grad()
def answers_alike(data: bytes, network: Network, pictures: NDArray[np.uint8]) -> bool:
    """Return whether ONNX Runtime answers some of the pictures as torch does."""
    try:
        runtime = Runtime(data, threads=1, where="model.onnx")
        names = list_outputs(network.style_size)
        for number in ASKED:
            some = np.ascontiguousarray(np.resize(pictures, (number, *pictures.shape[1:])))
            theirs = Pipeline(network)(torch.from_numpy(some))
            for ours, torchs in zip(runtime.run("pixels", some, names), theirs, strict=True):
                wanted = torchs.numpy()
                if ours.shape != wanted.shape:
                    return False
                # Written so that numbers that are no numbers fail.
                if not np.abs(ours - wanted).max() <= TOLERANCE * np.abs(wanted).max():
                    return False
    except BundleError:  # it does not load, or does not take so many pictures
        return False
    return True


def _draw(network: Network, size: tuple[int, int]) -> Blank | None:
    drawn = copy.deepcopy(network).eval()
    # No two weights alike, and none zero or one: the exporter would share or drop them.
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in [*drawn.parameters(), *drawn.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=rng) + 0.5)
    model = _trace(drawn, size, fixed=True)
    weights = _weights(drawn)
    missing = {array.ctypes.data for array in weights.values()}
    for tensor in model.graph.initializer:
        given = weights.get(tensor.name)
        if given is None:
            continue
        if tensor.raw_data != given.tobytes() or list(tensor.dims) != list(given.shape):
            return None
        missing.discard(given.ctypes.data)
        tensor.raw_data = b""
    return None if missing else Blank(_write(model))


def _weights(network: Network) -> Mapping[str, NDArray[Any]]:
    """Return everything that differs between networks of a kind, under all names that it has.

    The head has two: its own and that inside the backbone.
    """
    pipeline = Pipeline(network)
    named = {
        **dict(pipeline.named_parameters(remove_duplicate=False)),
        **dict(pipeline.named_buffers(remove_duplicate=False)),
    }
    floats = {name: tensor for name, tensor in named.items() if tensor.is_floating_point()}
    return {name: tensor.detach().numpy() for name, tensor in floats.items()}


def _trace(network: Network, size: tuple[int, int], *, fixed: bool) -> Any:
    """Let torch draw the graph, as an ``onnx.ModelProto``.

    Args:
        network: In evaluation mode, on the CPU.
        size: Of the pictures.
        fixed: Trace a fixed number of pictures and open the number afterwards: half the time, and
            right for all networks that do not reshape by that number.
    """
    example = torch.zeros(DRAWN, *size, 3, dtype=torch.uint8)
    opened = {"pixels": {0: torch.export.Dim(_NUMBER, min=1)}}
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    # What the exporter says concerns its own internals; the result is checked number by number.
    with quiet():
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                Pipeline(network).eval(),
                (example,),
                input_names=["pixels"],
                output_names=list_outputs(network.style_size),
                dynamic_shapes=None if fixed else opened,
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
    # Shapes in between are for readers, and would hold the fixed number.
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = _NUMBER
    return model


def _write(model: Any) -> bytes:
    # The exporter notes for each node which line of whose file made it.
    graph = model.graph
    for value in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""
    del model.metadata_props[:], graph.metadata_props[:]
    data: bytes = model.SerializeToString(deterministic=True)
    return data
