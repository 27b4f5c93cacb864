"""What a model remembers of its training photos, ready to be searched, and its head.

Knows embeddings and which lie near one another. Does not know pictures, nor what nearness says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from figsight.bundle import Gallery

_SPARE = 16  # candidates beyond those asked for: more than float32 could put in a wrong order


def _any_numbers() -> AbstractContextManager[object]:
    """Take embeddings as a model has them, however large: some order comes of any of them."""
    return np.errstate(all="ignore")


class Memory:
    """The training photos of a model.

    Holds one float32 copy of the embeddings: 1.4 MB for 268 photos of 1280 numbers, 154 MB for
    30,000. A search reads them once, as one product.

    Attributes:
        paths: What each photo was called, M texts.
        labels: Class index of each, int32 [M].
        embeddings: float32 [M, D].
        unknown: Arrays that the rule for unknown photos needs.
        head_weight: float32 [K, D].
        head_bias: float32 [K].
    """

    def __init__(self, gallery: Gallery) -> None:
        self.paths = gallery.paths
        self.labels = gallery.labels
        self.embeddings: NDArray[np.float32] = np.ascontiguousarray(gallery.embeddings, np.float32)
        self.unknown = gallery.unknown
        self.head_weight = gallery.head_weight
        self.head_bias = gallery.head_bias
        with _any_numbers():
            lengths = np.sqrt(np.einsum("md,md->m", self.embeddings, self.embeddings))
            self._scale = 1 / np.where(lengths > 0, lengths, 1)  # [M]; zeros have no direction

    def __len__(self) -> int:
        return len(self.labels)

    def find_candidates(self, embedding: NDArray[np.float32], count: int) -> NDArray[np.intp]:
        """Return the rows of a few photos, in no order, with the ``count`` nearest among them.

        Args:
            embedding: Of one photo, [D].
            count: At least 1.
        """
        wanted = count + _SPARE
        if wanted >= len(self):
            return np.arange(len(self))
        with _any_numbers():
            near = (self.embeddings @ embedding) * self._scale  # [M], cosines but for one factor
        return np.argpartition(near, -wanted)[-wanted:]

    def find_nearest(self, embedding: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
        """Return the rows of the nearest photos with their cosine distance, the nearest first.

        Args:
            embedding: Of one photo, [D].
            count: How many, at least 0; fewer are found when there are fewer photos.

        Returns:
            Row and ``1 - cos(angle)``, 0..2, in float64; equally near ones in the order of rows.
        """
        if not count:
            return []
        rows = self.find_candidates(embedding, count)
        known = self.embeddings[rows].astype(np.float64)  # [R, D]
        with _any_numbers():
            lengths = np.linalg.norm(known, axis=1) * np.linalg.norm(embedding.astype(np.float64))
            cosines = known @ embedding.astype(np.float64) / np.where(lengths > 0, lengths, 1)
        distances = np.clip(1 - cosines, 0.0, 2.0)  # [R]
        order = np.lexsort((rows, distances))[:count]
        return [(int(rows[i]), float(distances[i])) for i in order]
