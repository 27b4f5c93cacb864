"""What speaks for a figure: the map over the photo, and the training photos that look alike.

Knows the head and the training photos of a model. Does not know how the map is coloured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figsight.classifier.results import Evidence, Neighbour
from figsight.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.bundle import Bundle
    from figsight.classifier.memory import Memory
    from figsight.classifier.results import Outputs


def gather_evidence(
    bundle: Bundle, memory: Memory, outputs: Outputs, index: int | None, neighbours: int
) -> Evidence:
    """Collect what speaks for a figure on one photo; see ``Classifier.explain``.

    Args:
        bundle: The model.
        memory: Of the same model.
        outputs: For N = 1, with features.
        index: Of the figure; ``None`` means the most probable one.
        neighbours: How many training photos.

    Raises:
        ValueError: The outputs have no features.
        BundleError: The head of the gallery is not that of the network, or a file is damaged.
    """
    if outputs.features is None:
        raise ValueError("outputs: expected features, found none; run with features=True")
    logits = outputs.logits[0]  # [K]
    c = int(logits.argmax()) if index is None else index
    heat: NDArray[np.float32] = np.tensordot(
        memory.head_weight[c], outputs.features[0], axes=1
    )  # [h, w]
    if not np.isclose(heat.mean() + memory.head_bias[c], logits[c], rtol=1e-3, atol=1e-2):
        raise BundleError(
            f"{bundle.path}: expected the head in gallery.safetensors to be that of model.onnx, "
            "found another: train the model again"
        )
    entries = bundle.manifest.figures
    found = []
    for row, distance in memory.find_nearest(outputs.embedding[0], neighbours):
        entry = entries[memory.labels[row]]
        found.append(
            Neighbour(
                path=memory.paths[row],
                class_id=entry.id,
                name=entry.display,
                distance=distance,
                thumbnail=bundle.thumbnail(row),
            )
        )
    return Evidence(heat, entries[c].id, tuple(found))
