"""Settings of the whole process are put back, and torch is one run's at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import torch
import torch.utils.deterministic

from figsight.training import machine


@pytest.mark.parametrize("before", [False, True])
def test_repeatable__puts_back_what_it_found(before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Any = torch.utils.deterministic
    usual = settings.fill_uninitialized_memory
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    torch.use_deterministic_algorithms(before)
    settings.fill_uninitialized_memory = before
    try:
        with machine.repeatable():
            assert torch.are_deterministic_algorithms_enabled()
            assert not settings.fill_uninitialized_memory
            assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert torch.are_deterministic_algorithms_enabled() == before
        assert settings.fill_uninitialized_memory == before
        assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
        with machine.repeatable():
            pass
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    finally:
        torch.use_deterministic_algorithms(False)
        settings.fill_uninitialized_memory = usual


def test_plain_tensors__are_what_networks_are_made_of_whatever_the_program_prefers() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), suppress(KeyError), machine.plain_tensors():
            inside = torch.zeros(1)
            raise KeyError
        assert (inside.dtype, inside.device.type) == (torch.float32, "cpu")
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.skipif(sys.platform != "linux", reason="it is about glibc")
def test_hand_back_memory__lets_the_program_free_its_own_again() -> None:
    script = """
import numpy as np
from figsight.training import machine

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def churn():
    before = resident()
    blocks = [np.ones(5 << 20, np.uint8) for _ in range(40)]
    del blocks
    return resident() - before

machine.keep_freed_memory()
kept = churn()
machine.hand_back_memory()
print(kept, churn())
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    kept, after = map(int, run.stdout.split())
    assert kept > 150 << 20
    assert after < 80 << 20


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
