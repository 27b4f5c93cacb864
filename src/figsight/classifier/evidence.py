"""What speaks for a figure: the map over the photo, and the training photos that look alike.

Knows the head and the training photos of a model. Does not know how the map is coloured.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from figsight.classifier.results import Evidence, Neighbour
from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from figsight.bundle import Bundle, Manifest
    from figsight.classifier.memory import Memory
    from figsight.classifier.results import Outputs


def find_places(manifest: Manifest, class_ids: Sequence[str | None]) -> list[int | None]:
    """Return where figures stand among the logits; ``None`` stays what it is.

    Raises:
        ValueError: The model has no such figure.
    """
    places = {figure.id: index for index, figure in enumerate(manifest.figures)}
    for class_id in class_ids:
        if class_id is not None and class_id not in places:
            raise ValueError(f"class_id: expected one of this model's figures, found {class_id!r}")
    return [None if one is None else places[one] for one in class_ids]


def check_count(neighbours: int) -> None:
    """Raise if there can't be so many neighbours.

    Raises:
        ValueError: It is negative, or no whole number.
    """
    if not _is_whole(neighbours):
        raise ValueError(
            f"neighbours: expected a whole number, such as 3, found {neighbours!r:.40}"
        )
    if neighbours < 0:
        raise ValueError(f"neighbours: expected at least 0, found {neighbours}")


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral)


def gather_evidence(
    bundle: Bundle,
    memory: Memory,
    outputs: Outputs,
    places: Sequence[int | None],
    neighbours: int,
) -> list[Evidence]:
    """Collect what speaks for each of some figures on one photo; see ``Classifier.explain``.

    Args:
        bundle: The model.
        memory: Of the same model.
        outputs: For N = 1, with features.
        places: Of the figures, among the logits; ``None`` means the most probable one.
        neighbours: How many training photos; for each figure the same.

    Raises:
        ValueError: The outputs have no features.
        BundleError: The head of the gallery is not that of the network, or a file is damaged.
    """
    if outputs.features is None:
        raise ValueError("outputs: expected features, found none; run with features=True")
    best = int(outputs.logits[0].argmax())
    chosen = [best if place is None else place for place in places]
    heats = [_map_heat(bundle, memory, outputs.features[0], outputs.logits[0], c) for c in chosen]
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
    return [
        Evidence(heat, entries[c].id, tuple(found)) for c, heat in zip(chosen, heats, strict=True)
    ]


def _map_heat(
    bundle: Bundle,
    memory: Memory,
    features: NDArray[np.float32],
    logits: NDArray[np.float32],
    c: int,
) -> NDArray[np.float32]:
    """Return the map of a figure from features [D, h, w], held against its logit of [K]."""
    with np.errstate(all="ignore"):  # what is no number is close to none
        heat: NDArray[np.float32] = np.tensordot(memory.head_weight[c], features, axes=1)  # [h, w]
        fits = np.isclose(heat.mean() + memory.head_bias[c], logits[c], rtol=1e-3, atol=1e-2)
    if not fits:
        raise BundleError(
            f"{bundle.path}: expected the head in gallery.safetensors to be that of model.onnx, "
            "found another: train the model again"
        )
    return heat
