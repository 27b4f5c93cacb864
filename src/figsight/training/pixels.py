"""The training photos as pixels, decoded once.

Small sets lie in memory; large ones in a file beside the checkpoints, of which a batch at a time is
read, so that memory stays flat. Does not know labels.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.images import InputSpec

# Beyond this many bytes, pixels lie on disk.
IN_MEMORY = 512 * 2**20


class Pixels(Protocol):
    """Pixels of photos by their numbers; an array uint8 [N, H, W, 3] is such, too."""

    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[np.uint8]:
        """Return the pixels of some photos, uint8 [B, H, W, 3]."""


class PixelStore:
    """Pixels of photos that were all fitted to one size.

    Not a mapped file: the pages of one count as this process's memory for as long as the system
    finds no other use for them, and would be most of what a large run is said to take.

    Args:
        photos: How many there will be at most.
        spec: The size, and how photos are brought to it.
        folder: Where a file may lie.

    Attributes:
        spec: As given.
    """

    def __init__(self, photos: int, spec: InputSpec, folder: Path) -> None:
        self.spec = spec
        self._shape = (spec.height, spec.width, 3)
        self._row = spec.height * spec.width * 3  # bytes
        self._lock = Lock()  # networks that learn side by side share the place in the file
        self._array: NDArray[np.uint8] | None = None
        self._path: Path | None = None
        if photos * self._row <= IN_MEMORY:
            self._array = np.empty((photos, *self._shape), np.uint8)
        else:
            self._path = folder / f"pixels-{spec.width}x{spec.height}.u8"
            self._file = self._path.open("w+b")

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Return the pixels of some photos, uint8 [B, height, width, 3]."""
        if self._array is not None:
            return self._array[rows]
        found = np.empty((len(rows), *self._shape), np.uint8)
        with self._lock:
            for one, row in zip(found, rows.tolist(), strict=True):
                self._file.seek(row * self._row)
                if self._file.readinto(one.data) != self._row:
                    raise IndexError(
                        f"expected the pixels of photo {row}, found the end of the file"
                    )
        return found

    def __setitem__(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Keep the pixels of a photo, uint8 [height, width, 3]."""
        if self._array is not None:
            self._array[row] = pixels
            return
        if pixels.shape != self._shape:
            raise ValueError(f"expected pixels {self._shape}, found {pixels.shape}")
        with self._lock:
            self._file.seek(row * self._row)
            self._file.write(np.ascontiguousarray(pixels).data)

    def close(self) -> None:
        """Let go of the pixels, and of the file."""
        self._array = None
        if self._path is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
