"""One network through several runtimes: each from a bundle's files, each answering prepared pixels.

Knows how each runtime is set up as its own documentation recommends for one photo on a CPU. All get
their pixels from ``figsight.images``, so that only the runtimes differ.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight import images
from figsight.bundle import open_bundle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.bundle import Bundle

Run = Callable[["NDArray[np.uint8]"], "NDArray[np.float32]"]
"""Pixels uint8 [N, H, W, 3] -> logits float32 [N, K]."""


class Candidate:
    """A runtime with the network loaded.

    Attributes:
        run: The network alone.
        spec: What photos are brought to.
    """

    def __init__(self, model: str, threads: int, start: Callable[[Bundle, int], Run], batch: int):
        with open_bundle(model) as bundle:
            entry = bundle.manifest.input
            self.spec = images.InputSpec(entry.width, entry.height, entry.fit, entry.resample)
            self.run = start(bundle, threads)
        self._threads, self._batch = threads, batch

    def prepare(self, path: str) -> NDArray[np.uint8]:
        """Return the pixels of a photo, [1, H, W, 3]."""
        return images.open_photo(path, self.spec)[np.newaxis]

    def photo(self, path: str) -> NDArray[np.float32]:
        """Answer one photo from its file: logits [K]."""
        logits: NDArray[np.float32] = self.run(self.prepare(path))[0]
        return logits

    def folder(self, paths: Sequence[str]) -> None:
        """Answer many photos, decoded in threads ahead of the network, in batches."""
        with ThreadPoolExecutor(self._threads) as pool:
            prepared = pool.map(self.prepare, paths)
            for _ in range(0, len(paths), self._batch):
                batch = [pixels for _, pixels in zip(range(self._batch), prepared, strict=False)]
                self.run(np.concatenate(batch))


class Figsight:
    """figsight itself, as people call it: names, probabilities, rules and all."""

    def __init__(self, model: str, threads: int) -> None:
        import figsight

        self.model = figsight.load(model, threads=threads)
        self.spec = self.model.input

    def prepare(self, path: str) -> NDArray[np.uint8]:
        """Return the pixels of a photo, [1, H, W, 3]."""
        return self.model.prepare(path)[np.newaxis]

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network alone."""
        return self.model.run(pixels).logits

    def photo(self, path: str) -> NDArray[np.float32]:
        """Answer one photo from its file; returns probabilities in the model's order, [K]."""
        answer = self.model.predict(path)
        by_id = {one.class_id: one.probability for one in answer.top}
        return np.array([by_id[figure.id] for figure in self.model.manifest.figures], np.float32)

    def folder(self, paths: Sequence[str]) -> None:
        """Answer many photos."""
        self.model.predict(list(paths))


def _start_torch(bundle: Bundle, threads: int, *, compiled: bool = False) -> Run:
    import timm
    import torch

    torch.set_num_threads(threads)
    entry = bundle.manifest.network
    backbone = timm.create_model(entry.backbone, num_classes=len(bundle.manifest.figures))
    state = {key: torch.from_numpy(value) for key, value in bundle.network().items()}
    backbone.load_state_dict(state)
    backbone.eval()
    scaling: dict[str, Any] = backbone.default_cfg  # type: ignore[assignment]
    mean = torch.tensor(scaling["mean"]).view(1, 3, 1, 1) * 255
    std = torch.tensor(scaling["std"]).view(1, 3, 1, 1) * 255

    def forward(pixels: Any) -> Any:
        return backbone((pixels.permute(0, 3, 1, 2).float() - mean) / std)

    network: Callable[[Any], Any] = torch.compile(forward) if compiled else forward

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = network(torch.from_numpy(pixels)).numpy()
        return logits

    return run


def _start_compiled(bundle: Bundle, threads: int) -> Run:
    return _start_torch(bundle, threads, compiled=True)


def _start_onnxruntime(bundle: Bundle, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        bundle.model_bytes(), options, providers=["CPUExecutionProvider"]
    )

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = session.run(["logits"], {"pixels": pixels})[0]
        return logits

    return run


def _start_openvino(bundle: Bundle, threads: int, *, precision: str = "f32") -> Run:
    import openvino  # type: ignore[import-not-found, unused-ignore]

    core = openvino.Core()
    entry = bundle.manifest.input
    network = core.read_model(bundle.model_bytes())
    network.reshape([1, entry.height, entry.width, 3])
    # Left alone it would count in bfloat16 on processors that can.
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
    }
    compiled = core.compile_model(network, "CPU", settings)
    own = threading.local()  # a request serves one thread at a time

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        request, rows = own.request, []
        for index in range(len(pixels)):
            request.infer({0: pixels[index : index + 1]})
            rows.append(request.get_output_tensor(0).data.copy())
        return np.concatenate(rows)

    return run


def _start_openvino_bf16(bundle: Bundle, threads: int) -> Run:
    return _start_openvino(bundle, threads, precision="bf16")


# The batch is what was best for each on two cores; compiling for a second batch size takes as long
# again as the first.
_STARTS: dict[str, tuple[Callable[[Bundle, int], Run], int]] = {
    "torch eager": (_start_torch, 16),
    "torch.compile": (_start_compiled, 1),
    "ONNX Runtime": (_start_onnxruntime, 1),
    "OpenVINO": (_start_openvino, 1),
    "OpenVINO bf16": (_start_openvino_bf16, 1),
}
NAMES = ("figsight", *_STARTS)
PACKAGES = {
    "figsight": ("figsight",),
    "torch eager": ("torch", "timm", "pillow", "safetensors"),
    "torch.compile": ("torch", "timm", "pillow", "safetensors"),
    "ONNX Runtime": ("onnxruntime", "pillow"),
    "OpenVINO": ("openvino", "pillow"),
    "OpenVINO bf16": ("openvino", "pillow"),
}
"""What somebody would install for each; their dependencies are added."""


def start(name: str, model: str, threads: int) -> Candidate | Figsight:
    """Load the network of a bundle into one of ``NAMES``."""
    if name == "figsight":
        return Figsight(model, threads)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    begin, batch = _STARTS[name]
    return Candidate(model, threads, begin, batch)
