"""What a suspect photo looks like: the photo of the other figure that resembles it most.

Knows rows of embeddings and labels as numbers. Does not know pictures, nor what is suspect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figsight.calibration.strangeness import direct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from figsight.rows import RowsLike

# Suspects for which one is looked for: a page shows no more of them with photos.
MOST_LOOKALIKES = 24
_ROOT = 0.5
_ROWS = 1024  # embeddings that are in memory at a time: a figure may have many thousands


def find_lookalikes(
    embeddings: RowsLike[np.floating[Any]],
    labels: NDArray[np.intp],
    likely: NDArray[np.int64],
    trusted: NDArray[np.bool_],
    wanted: Sequence[int],
) -> dict[int, int]:
    """Return for photos, by number, the photo of their likely figure that resembles them most.

    Resemblance is the cosine of the roots of the embeddings, which is what labels are judged by, too. It
    is a help for the eye: the classifiers that judge weigh directions, and may have another reason.

    Args:
        embeddings: [N, D].
        labels: The figure that each photo's label names, [N].
        likely: The figure that each looks like, [N].
        trusted: Whether the label of each may be believed, [N]; others are taken where a figure has none.
        wanted: The photos to find one for. Those without any other photo of their figure are left out.
    """
    found = {}
    for one in wanted:
        others = np.flatnonzero(labels == likely[one])
        others = others[others != one]
        believed = others[trusted[others]]
        candidates = believed if len(believed) else others
        if not len(candidates):
            continue
        own = _directions(embeddings[np.array([one])])[0]
        alike = np.concatenate(
            [
                _directions(embeddings[candidates[start : start + _ROWS]]) @ own
                for start in range(0, len(candidates), _ROWS)
            ]
        )
        found[one] = int(candidates[alike.argmax()])
    return found


def _directions(embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return direct(embeddings.astype(np.float64), _ROOT)
