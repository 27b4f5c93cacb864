from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from figsight.classifier.ahead import run_side_by_side
from figsight.errors import BundleError, PhotoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from figsight.sources import Taken


def prepare(source: Taken) -> np.ndarray:
    """A photo whose pixels are its number; odd names of one digit take longer, and 13 is damaged."""
    number = int(Path(str(source)).stem) if isinstance(source, str) else 0
    if number == 13:
        raise PhotoError(str(source), "expected luck, found none; try again")
    time.sleep(0.002 * (number % 2))
    return np.full((2, 2, 3), number % 256, np.uint8)


def look(pixels: np.ndarray) -> int:
    return int(pixels[0, 0, 0])


@given(st.lists(st.integers(0, 15), max_size=12), st.integers(1, 4))
def test_run_side_by_side__keeps_the_order(numbers: list[int], threads: int) -> None:
    names = [f"{number}.jpg" for number in numbers]
    found = list(run_side_by_side(prepare, look, names, threads))
    assert [name for name, _ in found] == names
    for number, (name, result) in zip(numbers, found, strict=True):
        if number == 13:
            assert str(result) == f"{name}: expected luck, found none; try again"
        else:
            assert result == number


def test_run_side_by_side__raises_what_is_no_photos_fault_in_its_place() -> None:
    def fail_at_three(pixels: np.ndarray) -> int:
        if look(pixels) == 3:
            raise BundleError("the network gave nothing")
        return look(pixels)

    results = run_side_by_side(prepare, fail_at_three, map(str, range(9)), 2)
    assert [next(results) for _ in range(3)] == [("0", 0), ("1", 1), ("2", 2)]
    with pytest.raises(BundleError, match=r"^the network gave nothing$"):
        next(results)
    assert not [t for t in threading.enumerate() if t.name.startswith("figsight-photo")]


def test_run_side_by_side__works_on_as_many_photos_as_it_has_threads() -> None:
    # Two photos can only meet at the barrier when each is in a thread of its own.
    meeting = threading.Barrier(2, timeout=20)

    def meet(pixels: np.ndarray) -> int:
        meeting.wait()
        return look(pixels)

    names = [str(number) for number in range(0, 12, 2)]
    assert list(run_side_by_side(prepare, meet, names, 2)) == [(n, int(n)) for n in names]


def test_run_side_by_side__keeps_a_photo_in_one_thread() -> None:
    made: dict[int, int] = {}

    def note(source: Taken) -> np.ndarray:
        pixels = prepare(source)
        made[look(pixels)] = threading.get_ident()
        return pixels

    def is_mine(pixels: np.ndarray) -> bool:
        return made[look(pixels)] == threading.get_ident() != threading.main_thread().ident

    found = run_side_by_side(note, is_mine, [str(n) for n in range(10)], 3)
    assert all(result is True for _, result in found)


@pytest.mark.parametrize(
    "source", [np.zeros((3, 3, 3), np.uint8), Image.new("RGB", (3, 3))], ids=["array", "image"]
)
def test_run_side_by_side__prepares_what_its_owner_may_change_at_once(source: Taken) -> None:
    threads: list[int] = []

    def note(source: Taken) -> np.ndarray:
        threads.append(threading.get_ident())
        return prepare(source)

    assert len(list(run_side_by_side(note, look, [source] * 4, 2))) == 4
    assert set(threads) == {threading.get_ident()}


def test_run_side_by_side__gives_what_it_has_before_the_source_stops() -> None:
    def three() -> Iterator[Taken]:
        yield from (b"a", b"b", b"c")
        raise RuntimeError("the queue is gone")

    found = run_side_by_side(prepare, look, three(), threads=2)
    assert [result for _, result in itertools.islice(found, 3)] == [0, 0, 0]
    with pytest.raises(RuntimeError, match="the queue is gone"):
        next(found)


def test_run_side_by_side__errors_that_are_kept_keep_no_photo() -> None:
    def refuse(source: Taken) -> np.ndarray:
        raise PhotoError("a", "no")

    array = np.zeros((2, 2, 3), np.uint8)
    for _, error in run_side_by_side(refuse, look, [b"a", array], threads=1):
        assert isinstance(error, PhotoError)
        assert error.__traceback__ is None
