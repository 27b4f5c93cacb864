"""What a model says of photos, as plain frozen values.

Knows names, probabilities and arrays. Does not know where they come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ranked:
    """One figure and how probable it is.

    Attributes:
        class_id: The figure's id.
        name: What people call it, unique in the model.
        probability: In [0, 1].
    """

    class_id: str
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one photo.

    Attributes:
        path: The photo: its path as it was given, or ``<bytes>``, ``<array>``, ``<image>``.
        class_id: The most probable figure's id.
        name: What people call it, unique in the model.
        probability: Of that figure, in [0, 1].
        top: Every figure, the most probable first; equal ones in the order of the model. The
            probabilities sum to one.
    """

    path: str
    class_id: str
    name: str
    probability: float
    top: tuple[Ranked, ...]

    def to_dict(self, top: int = 5) -> dict[str, Any]:
        """Return plain values for JSON, with the ``top`` most probable figures."""
        return {
            "path": self.path,
            "class_id": self.class_id,
            "name": self.name,
            "probability": self.probability,
            "top": [
                {"class_id": one.class_id, "name": one.name, "probability": one.probability}
                for one in self.top[:top]
            ],
        }


@dataclass(frozen=True, eq=False)
class Outputs:
    """What the network gives for N photos.

    Attributes:
        logits: float32 [N, K].
        embedding: float32 [N, D], the mean of the features over h and w.
        features: float32 [N, D, h, w], the last feature map; ``None`` unless it was asked for.
    """

    logits: NDArray[np.float32]
    embedding: NDArray[np.float32]
    features: NDArray[np.float32] | None = None
