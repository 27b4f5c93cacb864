"""Settings of the whole process are put back, also when runs overlap; and torch is one run's at a time."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import torch
import torch.utils.deterministic

from figsight.training import machine


def test_repeatable__is_put_back_by_the_last_of_several_runs() -> None:
    settings: Any = torch.utils.deterministic
    before = settings.fill_uninitialized_memory
    first, second = machine.repeatable(), machine.repeatable()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert torch.are_deterministic_algorithms_enabled()
    assert not settings.fill_uninitialized_memory
    second.__exit__(None, None, None)
    assert not torch.are_deterministic_algorithms_enabled()
    assert settings.fill_uninitialized_memory == before


def test_alone__lets_the_next_one_in_when_it_ends_whatever_happened() -> None:
    heard: list[str] = []
    order: list[str] = []

    def second() -> float:
        with machine.alone(heard.append) as waited:
            order.append("second")
            return waited

    def first(pool: ThreadPoolExecutor) -> Future[float]:
        with suppress(KeyError), machine.alone(heard.append) as waited:
            assert waited < 1
            later = pool.submit(second)
            while not heard:
                time.sleep(0.01)
            time.sleep(0.1)
            order.append("first")
            raise KeyError
        return later

    with ThreadPoolExecutor(1) as pool:
        assert first(pool).result() >= 0.05
    assert order == ["first", "second"]
    assert heard == ["waiting for another training of this process to end"]
