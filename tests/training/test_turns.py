"""Jobs that take turns: all of them end, in order, and none of them more often than its turn."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figsight.training.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Generator


def count(name: str, steps: int, trace: list[str]) -> Generator[float, None, str]:
    for step in range(steps):
        trace.append(name)
        yield (step + 1) / steps
    return name


@given(st.lists(st.integers(0, 7), min_size=1, max_size=9), st.integers(1, 4))
def test_turns__finish_all_jobs_and_keep_their_order(steps: list[int], threads: int) -> None:
    trace: list[str] = []
    names = [f"job {i}" for i in range(len(steps))]
    jobs = [count(name, n, trace) for name, n in zip(names, steps, strict=True)]
    assert Turns(jobs, threads).run(lambda: None) == names
    assert sorted(trace) == sorted(
        name for name, n in zip(names, steps, strict=True) for _ in range(n)
    )


def test_turns__take_the_one_that_is_furthest_behind() -> None:
    trace: list[str] = []
    # One thread: the first begins alone, and only then the others.
    Turns([count("a", 2, trace), count("b", 2, trace)], 1).run(lambda: None)
    assert trace == ["a", "a", "b", "b"]


def test_turns__run_the_last_few_side_by_side() -> None:
    alive, most = set(), []
    lock = threading.Lock()

    def job(name: int) -> Generator[float, None, int]:
        with lock:
            alive.add(name)
        for step in range(4):
            with lock:
                most.append(len(alive))
            yield step / 4
        with lock:
            alive.discard(name)
        return name

    assert Turns([job(i) for i in range(7)], 2).run(lambda: None) == list(range(7))
    assert max(most) == 3


def test_turns__call_prepare_in_each_thread() -> None:
    seen = set()
    Turns([count("a", 1, [])], 3).run(lambda: seen.add(threading.get_ident()))
    assert 1 <= len(seen) <= 3
    assert threading.get_ident() not in seen


def test_turns__take_jobs_that_come_up_later() -> None:
    trace: list[str] = []
    asked: list[bool] = []

    def more(idle: bool) -> list[Generator[float, None, str]]:
        asked.append(idle)
        return [count("late", 2, trace)] if idle and asked.count(True) == 1 else []

    assert Turns([count("a", 2, trace)], 2, more).run(lambda: None) == ["a", "late"]
    assert trace == ["a", "a", "late", "late"]


def test_turns__raise_what_a_job_raised_and_stop_the_others() -> None:
    trace: list[str] = []

    def broken() -> Generator[float, None, str]:
        yield 0.5
        raise ValueError("broken")

    def endless() -> Generator[float, None, str]:
        while True:
            trace.append("on")
            yield 0.0

    with pytest.raises(ValueError, match=r"^broken$"):
        Turns([broken(), endless()], 2).run(lambda: None)  # and comes back


def test_turns__pass_on_an_interruption() -> None:
    def interrupted() -> Generator[float, None, str]:
        yield 0.0
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Turns([interrupted(), count("a", 3, [])], 1).run(lambda: None)
