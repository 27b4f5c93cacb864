"""What spoke for the mistakes, collected while the network that made them is at hand.

Knows maps and neighbours, and how they are kept with a fold's answers. Does not draw them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from figsight.classifier import Evidence, Neighbour
from figsight.evaluation.results import Grounds
from figsight.images import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from figsight.classifier import Classifier
    from figsight.dataset import Photo

DRAWN = 60  # mistakes, the surest first, of which anybody wants to see the neighbours
NEIGHBOURS = 3


def explain_mistakes(
    classifier: Classifier,
    photos: Sequence[Photo],
    labels: NDArray[np.int64],
    sureness: NDArray[np.floating[Any]],
) -> dict[int, Grounds]:
    """Return what spoke for each wrong answer, by its place in ``photos``.

    Of the surest ``DRAWN`` with the neighbours' thumbnails, where the model has such.

    Args:
        classifier: The network that was asked.
        photos: [N].
        labels: Class indices [N].
        sureness: Logits or probabilities, [N, K].
    """
    answers = sureness.argmax(axis=1)
    wrong = np.flatnonzero(answers != labels)
    drawn = set(wrong[np.argsort(-sureness.max(axis=1)[wrong], kind="stable")][:DRAWN].tolist())
    ids = [figure.id for figure in classifier.figures]
    grounds = {}
    for i in wrong.tolist():
        both = [ids[answers[i]], ids[labels[i]]]
        chosen, true = classifier.explain(photos[i], both, neighbours=NEIGHBOURS)
        if i not in drawn:
            chosen = _without_pictures(chosen)
        grounds[i] = Grounds(chosen=chosen, true_heat=true.heat, input=classifier.input)
    return grounds


def _without_pictures(evidence: Evidence) -> Evidence:
    bare = tuple(replace(one, thumbnail=None) for one in evidence.neighbours)
    return replace(evidence, neighbours=bare)


def pack_grounds(grounds: Mapping[int, Grounds]) -> dict[str, NDArray[Any]]:
    """Return grounds as arrays: the maps as float16, and no thumbnails."""
    rows = list(grounds.values())
    words = [
        {
            "class_id": row.chosen.class_id,
            "neighbours": [asdict(one) | {"thumbnail": None} for one in row.chosen.neighbours],
            "input": row.input.to_dict(),
        }
        for row in rows
    ]
    heat = [np.stack([row.chosen.heat, row.true_heat]) for row in rows]  # [2, h, w] each
    return {
        "mistakes": np.array(list(grounds), np.int64),
        "heat": np.array(heat, np.float16) if heat else np.empty((0, 2, 1, 1), np.float16),
        "words": np.frombuffer(json.dumps(words).encode(), np.uint8),
    }


def unpack_grounds(arrays: Mapping[str, NDArray[Any]]) -> dict[int, Grounds]:
    """Return what ``pack_grounds`` packed.

    Raises:
        KeyError: An array is missing.
        ValueError: The arrays do not fit each other.
    """
    words = json.loads(arrays["words"].tobytes())
    return {
        int(place): Grounds(
            chosen=Evidence(
                heat=heat[0].astype(np.float32),
                class_id=one["class_id"],
                neighbours=tuple(Neighbour(**other) for other in one["neighbours"]),
            ),
            true_heat=heat[1].astype(np.float32),
            input=InputSpec.from_dict(one["input"]),
        )
        for place, heat, one in zip(arrays["mistakes"], arrays["heat"], words, strict=True)
    }
