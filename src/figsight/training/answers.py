"""What one measuring network said of the photos that it was kept from, and of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from figsight.training.parts import Part


@dataclass(frozen=True, eq=False)
class Answers:
    """The outputs of one network for F figures.

    Embeddings of different networks lie in different spaces.

    Attributes:
        part: What the network was taught, and kept from.
        logits: For ``part.held``, float32 [N, F].
        embeddings: Likewise, float32 [N, D].
        own_embeddings: Of ``part.kept``, as they are and not augmented, float32 [M, D].
        stranger_logits: For ``part.strangers``, float32 [S, F].
        stranger_embeddings: Likewise, float32 [S, D].
    """

    part: Part
    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    own_embeddings: NDArray[np.float32]
    stranger_logits: NDArray[np.float32]
    stranger_embeddings: NDArray[np.float32]
