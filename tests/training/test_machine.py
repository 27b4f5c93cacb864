"""Settings of the whole process are put back, also when runs overlap."""

from __future__ import annotations

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
