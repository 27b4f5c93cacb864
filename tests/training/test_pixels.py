"""Pixels of photos, in memory and on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from figsight.images import InputSpec
from figsight.training import pixels
from figsight.training.pixels import PixelStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SPEC = InputSpec(5, 7)


@pytest.fixture(params=["memory", "disk"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PixelStore]:
    if request.param == "disk":
        monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    with closing(PixelStore(20, SPEC, tmp_path)) as store:
        yield store


def photos() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (20, SPEC.height, SPEC.width, 3), np.uint8)


def fill(store: PixelStore) -> NDArray[np.uint8]:
    for row, one in enumerate(photos()):
        store[row] = one
    return photos()


def test_store__gives_back_what_it_was_given_in_any_order(store: PixelStore) -> None:
    expected = fill(store)
    for rows in ([0], [19, 3, 3, 7], list(range(20))):
        found = store[np.array(rows)]
        assert found.dtype == np.uint8
        assert np.array_equal(found, expected[rows])
        found[:] = 0  # what is handed out is the caller's
    assert np.array_equal(store[np.arange(20)], expected)
    with pytest.raises(ValueError, match=r"\(5, 5, 3\)|5,5,3"):
        store[0] = np.zeros((5, 5, 3), np.uint8)


def test_store__may_be_read_by_several_threads(store: PixelStore) -> None:
    expected = fill(store)

    def read(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        batches = [rng.integers(0, 20, 4) for _ in range(100)]
        return all(np.array_equal(store[rows], expected[rows]) for rows in batches)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(read, range(8)))


def test_store__leaves_no_file(store: PixelStore, tmp_path: Path) -> None:
    fill(store)
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_store__on_disk_knows_what_it_was_never_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    with closing(PixelStore(3, SPEC, tmp_path)) as store:
        store[0] = photos()[0]
        with pytest.raises(IndexError, match="pixels of photo 1, found the end of the file"):
            store[np.array([0, 1])]
