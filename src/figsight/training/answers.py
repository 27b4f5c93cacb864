"""What networks say of photos; of a measuring one, of those that it was kept from and of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

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
        logits: float32 [N, K].
        embeddings: float32 [N, D].
        styles: float32 [N, S]; S is 0 for a network that gives none.
    """

    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    styles: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Own:
    """What a network says of the N photos that it learned from, as they are and not augmented.

    Their logits would be photos times figures, and nobody wants them.

    Attributes:
        embeddings: float32 [N, D].
        styles: float32 [N, S]; S is 0 for a network that gives none.
        shifts: What other cameras do to the styles of some of them, float32 [C, n, S]: C of
            ``images.CHANGES``.
    """

    embeddings: NDArray[np.float32]
    styles: NDArray[np.float32]
    shifts: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Answers:
    """The outputs of one measuring network.

    Attributes:
        part: What the network was taught, and kept from.
        held: Of ``part.held``.
        own: Of ``part.kept``.
        strangers: Of ``part.strangers``.
    """

    part: Part
    held: Outputs
    own: Own
    strangers: Outputs

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return all outputs by names of their own."""
        return {
            f"{which}.{one.name}": getattr(getattr(self, which), one.name)
            for which, kind in _KINDS.items()
            for one in fields(kind)
        }

    @classmethod
    def from_arrays(cls, part: Part, arrays: Mapping[str, NDArray[np.float32]]) -> Answers:
        """Return what ``arrays`` was made of."""
        said = {
            which: kind(**{one.name: arrays[f"{which}.{one.name}"] for one in fields(kind)})
            for which, kind in _KINDS.items()
        }
        return cls(part, **said)


_KINDS: dict[str, type[Any]] = {"held": Outputs, "own": Own, "strangers": Outputs}
