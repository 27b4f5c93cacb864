"""Rows in memory and on disk."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pytest

from figsight.errors import OutputError
from figsight.rows import Chosen, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SHAPE = (5, 7, 3)
ROW = 5 * 7 * 3


# In memory, in a file from the first row on, and in a file from the tenth on.
@pytest.fixture(params=[20 * ROW, 0, 10 * ROW])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rows[np.uint8]]:
    with closing(Rows(SHAPE, np.uint8, in_memory=request.param, folder=tmp_path)) as rows:
        yield rows


def fill(rows: Rows[np.uint8]) -> NDArray[np.uint8]:
    numbers = np.random.default_rng(0).integers(0, 256, (20, *SHAPE), np.uint8)
    for row in numbers[:8]:
        rows.append(row)
    rows.extend(numbers[8:8])
    rows.extend(numbers[8:])
    return numbers


def test_rows__are_given_back_in_any_order(rows: Rows[np.uint8]) -> None:
    expected = fill(rows)
    assert rows.shape == expected.shape
    assert len(rows) == 20
    for numbers in ([], [0], [19, 3, 3, 7], [4, 5, 6, 2, 1, 0, 1, 2], list(range(20))):
        chosen = np.array(numbers, np.intp)
        found = rows[chosen]
        assert found.dtype == np.uint8
        assert np.array_equal(found, expected[chosen])
        found[:] = 0  # what is handed out is the caller's
    assert np.array_equal(rows[np.arange(20)], expected)


def test_rows__may_be_added_after_some_were_read(rows: Rows[np.uint8]) -> None:
    expected = fill(rows)
    rows[np.array([3])]
    rows.append(expected[0])
    assert np.array_equal(rows[np.array([20, 19])], expected[[0, 19]])


def test_rows__may_be_read_by_several_threads(rows: Rows[np.uint8]) -> None:
    expected = fill(rows)

    def read(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        batches = [rng.integers(0, 20, 4) for _ in range(100)]
        return all(np.array_equal(rows[batch], expected[batch]) for batch in batches)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(read, range(8)))


def test_rows__of_half_precision_and_of_a_column_that_is_not_contiguous() -> None:
    expected = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float16)
    with closing(Rows((4,), np.float16, in_memory=0)) as rows:
        rows.extend(np.asfortranarray(expected))
        assert np.array_equal(rows[np.array([5, 0])], expected[[5, 0]])


def test_rows__leave_no_file(rows: Rows[np.uint8], tmp_path: Path) -> None:
    fill(rows)
    rows.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", [1, 7 * ROW], ids=["a byte", "some rows"])
def test_rows__that_a_file_has_lost_are_an_error_and_no_pixels(
    rows: Rows[np.uint8], tmp_path: Path, lost: int
) -> None:
    fill(rows)
    rows._file.truncate(20 * ROW - lost)
    assert rows[np.array([0, 1, 12])].shape == (3, *SHAPE)
    with pytest.raises(OutputError) as caught:
        rows[np.array([0, 18, 19])]
    assert str(caught.value) == (
        f"{tmp_path}: expected {2 * ROW} bytes of a temporary file, found: the file is shorter than what "
        "was written; check the disk, or name another folder in TMPDIR"
    )


def test_rows__that_a_disk_refuses_are_an_error(
    rows: Rows[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> int:
        raise OSError(5, "Input/output error")

    fill(rows)
    monkeypatch.setattr(rows._file, "readinto", fail, raising=False)
    with pytest.raises(OutputError, match=rf"^{tmp_path}: .* found: Input/output error; check"):
        rows[np.array([3])]


@pytest.mark.parametrize("numbers", [[20], [-1], [0, 25, 1]])
def test_rows__that_do_not_exist_are_refused(rows: Rows[np.uint8], numbers: list[int]) -> None:
    fill(rows)
    with pytest.raises(IndexError, match="expected rows from 0 to 19, found"):
        rows[np.array(numbers)]


@pytest.mark.parametrize(
    "row", [np.zeros((5, 5, 3), np.uint8), np.zeros(SHAPE, np.int8), np.zeros((5, 7), np.uint8)]
)
def test_rows__of_another_kind_are_refused(rows: Rows[np.uint8], row: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"expected rows of uint8\[5, 7, 3\], found"):
        rows.append(row)
    assert len(rows) == 0


@pytest.mark.parametrize("in_memory", [0, 9000])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_rows__on_a_full_disk_are_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    # The kernel takes nothing that is written to it.
    def full(**_: object) -> BinaryIO:
        return Path("/dev/full").open("r+b", 4096)

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    message = "expected room for 41472 more bytes, found: No space left on device; free some space"
    with closing(Rows((4608,), np.uint8, in_memory=in_memory)) as rows:  # noqa: SIM117
        with pytest.raises(OutputError, match=message):
            rows.extend(np.zeros((9, 4608), np.uint8))


def test_chosen__are_rows_under_new_numbers(rows: Rows[np.uint8]) -> None:
    expected = fill(rows)
    some = Chosen(rows, np.array([4, 17, 2]))
    assert some.shape == (3, *SHAPE)
    assert np.array_equal(some[np.array([2, 0, 0])], expected[[2, 4, 4]])
