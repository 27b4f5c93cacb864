"""Rows of numbers, more of them than memory should hold.

Knows arrays and a file without a name. Does not know what the rows say.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from figsight.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Beyond this many bytes, rows lie on disk unless another number is given.
IN_MEMORY = 32 * 2**20

S = TypeVar("S", bound=np.generic)
S_co = TypeVar("S_co", bound=np.generic, covariant=True)


class RowsLike(Protocol[S_co]):
    """Rows by their numbers: ``Rows`` are such, and so is an array [N, ...]."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many rows there are, and the shape of each."""

    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[S_co]:
        """Return some of them, [B, ...]."""


class Rows(Generic[S]):
    """Rows of one shape, added one after another: in memory while they are few, then in a file.

    The file has no name and ends with the process, however that ends. It is not mapped: the pages of a
    mapped file count as memory of the process for as long as the system finds no other use for them,
    and would be most of what a large run is said to take.

    May be read by several threads.

    Args:
        shape: Of a row.
        dtype: Of its numbers.
        in_memory: How many bytes stay in memory, at most; 0 for none.
        folder: Where the file lies; by default where the system keeps temporary files.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: type[S],
        *,
        in_memory: int = IN_MEMORY,
        folder: Path | None = None,
    ) -> None:
        self._of_row, self._dtype, self._rows = shape, np.dtype(dtype), 0
        self._bytes = int(np.prod(shape)) * self._dtype.itemsize
        self._folder = folder
        self._lock = Lock()  # who reads and who writes share the place in the file
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=in_memory, dir=None if folder is None else str(folder)
        )
        if in_memory <= 0:
            self._file.rollover()

    def __len__(self) -> int:
        return self._rows

    @property
    def shape(self) -> tuple[int, ...]:
        """How many rows there are, and the shape of each."""
        return (self._rows, *self._of_row)

    def append(self, row: NDArray[S]) -> None:
        """Add a row.

        Raises:
            OutputError: The disk is full; the rows are lost.
        """
        self.extend(row[None])

    def extend(self, rows: NDArray[S]) -> None:
        """Add rows, [B, ...].

        Raises:
            OutputError: The disk is full; the rows are lost.
        """
        if rows.shape[1:] != self._of_row or rows.dtype != self._dtype:
            raise ValueError(
                f"expected rows of {self._dtype}{list(self._of_row)}, found "
                f"{rows.dtype}{list(rows.shape[1:])}"
            )
        with self._lock:
            try:
                self._file.seek(self._rows * self._bytes)
                self._file.write(np.ascontiguousarray(rows).data)
                self._file.flush()
            except OSError as error:
                with suppress(OSError):  # what waits in the file's buffer has no room, either
                    self._file.close()
                raise OutputError(
                    f"{self._place}: expected room for {len(rows) * self._bytes} more bytes, found: "
                    f"{error.strerror or error}; free some space, or name another folder in TMPDIR"
                ) from error
            self._rows += len(rows)

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[S]:
        """Return some rows, [B, ...], in this order; the array is the caller's.

        Raises:
            IndexError: A number is not from 0 to one below the number of rows.
            OutputError: The disk does not give back what was written to it.
        """
        rows = np.asarray(rows, np.intp)
        if len(rows) and not 0 <= rows.min() <= rows.max() < self._rows:
            raise IndexError(f"expected rows from 0 to {self._rows - 1}, found {rows.tolist()}")
        found: NDArray[S] = np.empty((len(rows), *self._of_row), self._dtype)
        # Neighbours are read at once.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        with self._lock:
            for start, stop in pairwise([*starts, len(rows)]):
                self._read(int(rows[start]), found[start:stop])
        return found

    def _read(self, row: int, into: NDArray[S]) -> None:
        """Read rows that lie one after another, or say that they are not there."""
        wanted = into.reshape(-1).view(np.uint8).data
        try:
            self._file.seek(row * self._bytes)
            read, reason = self._file.readinto(wanted), "the file is shorter than what was written"
        except OSError as error:
            read, reason = 0, error.strerror or str(error)
        if read != len(wanted):
            raise OutputError(
                f"{self._place}: expected {len(wanted)} bytes of a temporary file, found: {reason}; "
                f"check the disk, or name another folder in TMPDIR"
            )

    @property
    def _place(self) -> Path | str:
        return self._folder or tempfile.gettempdir()

    def close(self) -> None:
        """Let go of the rows."""
        self._file.close()


class Chosen(Generic[S]):
    """Some of the rows, under numbers from 0; nothing is copied.

    Args:
        rows: All of them.
        numbers: Which, in this order, [N].
    """

    def __init__(self, rows: Rows[S], numbers: NDArray[np.intp]) -> None:
        self._rows, self._numbers = rows, np.asarray(numbers, np.intp)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many rows were chosen, and the shape of each."""
        return (len(self._numbers), *self._rows.shape[1:])

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[S]:
        """Return some of them, [B, ...]; as ``Rows`` does."""
        return self._rows[self._numbers[rows]]

    def close(self) -> None:
        """Let go of all rows, chosen or not."""
        self._rows.close()
