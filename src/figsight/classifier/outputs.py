"""Pixels through the network, and what it gives held against the manifest.

Knows the shapes of inputs and outputs. Does not know photos, nor what the numbers mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figsight.bundle.graph import INPUT, list_outputs
from figsight.classifier.results import Outputs
from figsight.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.bundle import Manifest
    from figsight.bundle.runtime import Runtime, SideBySide


def ask_network(
    network: Runtime | SideBySide,
    pixels: NDArray[np.uint8],
    manifest: Manifest,
    where: str,
    features: bool,
) -> Outputs:
    """Run a network on each of N photos, one after another.

    Args:
        network: The network.
        pixels: uint8 [N, height, width, 3].
        manifest: Of the same model.
        where: What the network is called in messages.
        features: Whether to return the feature maps too.

    Raises:
        ValueError: The pixels have another type or shape.
        BundleError: The network fails, or gives something else than the manifest says.
    """
    height, width = manifest.input.height, manifest.input.width
    if (found := _find_other(pixels, (height, width, 3))) is not None:
        raise ValueError(
            f"pixels: expected uint8 [N, {height}, {width}, 3], found {found}: use Classifier.prepare"
        )
    entry = manifest.network
    names = [n for n in list_outputs(entry.style_size) if features or n != "features"]
    shapes: dict[str, tuple[int, ...]] = {
        "logits": (len(manifest.figures),),
        "embedding": (entry.embedding_size,),
        "features": entry.features,
        "style": (entry.style_size,),
    }
    results = [np.empty((len(pixels), *shapes[name]), np.float32) for name in names]
    for index in range(len(pixels)):
        one = np.ascontiguousarray(pixels[index : index + 1])  # [1, height, width, 3]
        outputs = network.run(INPUT, one, names)
        for name, output, result in zip(names, outputs, results, strict=True):
            _check(name, output, shapes[name], where)
            result[index] = output[0]
    return Outputs(**dict(zip(names, results, strict=True)))


def _find_other(pixels: object, shape: tuple[int, ...]) -> str | None:
    """Say what was given when it is not prepared photos of a shape."""
    if not isinstance(pixels, np.ndarray):
        return f"a {type(pixels).__name__}"
    if pixels.dtype == np.uint8 and pixels.ndim == 4 and pixels.shape[1:] == shape:
        return None
    return f"{pixels.dtype} {list(pixels.shape)}"


def _check(name: str, output: NDArray[Any], shape: tuple[int, ...], where: str) -> None:
    """Hold what the network gave for one photo against the manifest."""
    wanted = (1, *shape)
    if output.dtype != np.float32 or output.shape != wanted or not np.isfinite(output).all():
        raise BundleError(
            f"{where}: expected {name} as finite float32 {list(wanted)}, found {output.dtype} "
            f"{list(output.shape)} or numbers that are not finite: train the model again"
        )
