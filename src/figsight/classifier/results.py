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
class Sought:
    """The one of two figures that is to be found, held against the threshold that was set for it.

    Attributes:
        class_id: Its id.
        name: What people call it.
        probability: In [0, 1].
        threshold: From which probability on it counts as found: set at training to find a stated share
            of its photos, and so often below one half.
    """

    class_id: str
    name: str
    probability: float
    threshold: float

    @property
    def found(self) -> bool:
        """Whether the photo counts as one of it, whichever figure is more probable."""
        return self.probability >= self.threshold


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one photo.

    Attributes:
        path: The photo: its path as it was given; of an open file the name that it has; or ``<bytes>``,
            ``<file>``, ``<array>``, ``<image>``.
        class_id: The most probable figure's id.
        name: What people call it, unique in the model.
        probability: Of that figure, in [0, 1].
        top: Every figure, the most probable first; equal ones in the order of the model. The
            probabilities sum to one.
        unknown: Whether the photo is of none of the figures, as far as the model can tell; the
            other fields then say what it looks most like. ``None`` when the model has no such rule.
        unknown_score: How strange it looks, higher is stranger; the rule's own scale. ``None``
            likewise.
        names: The figures that it may be, the most probable first, never empty: a set that holds
            the right one as often as the model states, for photos of its figures. ``None`` when the
            model has no such rule.
        sought: Of two figures: whether the one that is looked for counts as found. ``None`` likewise.
    """

    path: str
    class_id: str
    name: str
    probability: float
    top: tuple[Ranked, ...]
    unknown: bool | None = None
    unknown_score: float | None = None
    names: tuple[Ranked, ...] | None = None
    sought: Sought | None = None

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
            "unknown": self.unknown,
            "unknown_score": self.unknown_score,
            "set": None
            if self.names is None
            else [{"class_id": one.class_id, "name": one.name} for one in self.names],
            "sought": None
            if self.sought is None
            else {
                "class_id": self.sought.class_id,
                "name": self.sought.name,
                "probability": self.sought.probability,
                "threshold": self.sought.threshold,
                "found": self.sought.found,
            },
        }


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training photo that looks like the one that was asked about, to the network.

    Attributes:
        path: What it was called in its set.
        class_id: The id of its figure.
        name: What people call that, unique in the model.
        distance: Cosine distance of the two embeddings, ``1 - cos(angle)``: 0 for the same photo,
            1 for nothing in common, at most 2.
        thumbnail: A small JPEG of it; ``None`` when the model carries none.
    """

    path: str
    class_id: str
    name: str
    distance: float
    thumbnail: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What speaks for a figure on one photo; see ``Classifier.explain``.

    Attributes:
        heat: What spoke for it where, in units of logits, negative where it spoke against: float32
            [h, w]. It covers the prepared photo evenly (see ``drawing.place_heat``).
        class_id: The figure's id.
        neighbours: The training photos that are most similar, the nearest first, of any figure.
    """

    heat: NDArray[np.float32]
    class_id: str
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, eq=False)
class Outputs:
    """What the network gives for N photos.

    Attributes:
        logits: float32 [N, K].
        embedding: float32 [N, D], the mean of the features over h and w.
        features: float32 [N, D, h, w], the last feature map; ``None`` unless it was asked for.
        style: float32 [N, S], mean and standard deviation of channels in early layers; ``None``
            when the network gives none.
    """

    logits: NDArray[np.float32]
    embedding: NDArray[np.float32]
    features: NDArray[np.float32] | None = None
    style: NDArray[np.float32] | None = None
