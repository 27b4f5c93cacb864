"""The training photos as one array of pixels, decoded once.

Small sets lie in memory; large ones in a file beside the checkpoints that the system pages in and
out, so that memory stays flat. Does not know labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.images import InputSpec

# Beyond this, pixels lie on disk.
IN_MEMORY = 512 * 2**20


class PixelStore:
    """Pixels of photos that were all fitted to one size.

    Attributes:
        spec: The size, and how photos were brought to it.
        pixels: uint8 [N, height, width, 3].
    """

    def __init__(self, photos: int, spec: InputSpec, folder: Path) -> None:
        self.spec = spec
        shape = (photos, spec.height, spec.width, 3)
        self.pixels: NDArray[np.uint8]
        self._file: Path | None = None
        if np.prod(shape) <= IN_MEMORY:
            self.pixels = np.empty(shape, np.uint8)
        else:
            self._file = folder / f"pixels-{spec.width}x{spec.height}.u8"
            self.pixels = np.memmap(self._file, np.uint8, "w+", shape=shape)

    def close(self) -> None:
        """Let go of the pixels, and of the file."""
        del self.pixels
        if self._file is not None:
            self._file.unlink(missing_ok=True)
