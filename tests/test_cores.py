from __future__ import annotations

import os
import re

import pytest

from figsight import cores


@pytest.mark.parametrize(
    ("siblings", "quota", "wanted"),
    [
        (["0-1", "0-1", "2-3", "2-3"], "max 100000", 2),
        (["0", "1", "2", "3"], "200000 100000", 2),
        (["0", "1", "2", "3"], "50000 100000", 1),
        (["", "", "", ""], "", 4),
    ],
)
def test_count_cores__counts_no_hyperthreads(
    monkeypatch: pytest.MonkeyPatch, siblings: list[str], quota: str, wanted: int
) -> None:
    def read(path: object) -> str:
        found = re.search(r"/cpu(\d+)/", str(path))
        return siblings[int(found[1])] if found else quota

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(cores, "_read", read)
    assert cores.count_cores() == wanted


def test_count_cores__without_affinity_counts_all_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.count_cores() == 1
