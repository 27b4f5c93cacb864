"""What networks say of photos; of a measuring one, of those that it was kept from and of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from figsight.training.parts import Part


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a network says of N photos.

    Embeddings and styles of different networks lie in different spaces.

    Attributes:
        logits: float32 [N, K]; K is 0 where they were left away.
        embeddings: float32 [N, D].
        styles: float32 [N, S]; S is 0 for a network that gives none.
    """

    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    styles: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Answers:
    """The outputs of one measuring network.

    Attributes:
        part: What the network was taught, and kept from.
        held: Of ``part.held``.
        own: Of ``part.kept``, as they are and not augmented; without logits.
        strangers: Of ``part.strangers``.
    """

    part: Part
    held: Outputs
    own: Outputs
    strangers: Outputs

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return all outputs by names of their own."""
        return {
            f"{which}.{one.name}": getattr(getattr(self, which), one.name)
            for which in _WHICH
            for one in fields(Outputs)
        }

    @classmethod
    def from_arrays(cls, part: Part, arrays: Mapping[str, NDArray[np.float32]]) -> Answers:
        """Return what ``arrays`` was made of."""
        names = [one.name for one in fields(Outputs)]
        held, own, strangers = (
            Outputs(**{name: arrays[f"{which}.{name}"] for name in names}) for which in _WHICH
        )
        return cls(part, held, own, strangers)


_WHICH = ("held", "own", "strangers")
