"""A lock that ends with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from figsight.training.lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from figsight.training.lock import FileLock
print(FileLock(Path(sys.argv[1])).take(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_lock__is_for_one_at_a_time(path: Path) -> None:
    one, other = FileLock(path), FileLock(path)
    assert one.take()
    assert not other.take()
    assert other.holder() == os.getpid()
    one.give_back()
    assert path.exists()
    assert other.take()
    assert not one.take()
    other.give_back(remove=True)
    assert not path.exists()
    other.give_back()  # nothing


def test_lock__is_for_one_thread_of_many(path: Path) -> None:
    start = Barrier(8)

    def take(_: int) -> bool:
        start.wait()
        return FileLock(path).take()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1


def test_lock__ends_with_a_killed_process(path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        lock = FileLock(path)
        assert not lock.take()
        assert lock.holder() == process.pid
        process.send_signal(signal.SIGKILL)
    assert lock.take()
    assert lock.holder() == os.getpid()


def test_lock__of_a_file_that_was_cleared_away_meanwhile_is_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, opened = FileLock(path), os.open
    assert older.take()

    def open_and_lose(*arguments: object) -> int:
        monkeypatch.setattr(os, "open", opened)
        descriptor = opened(*arguments)  # type: ignore[arg-type]
        older.give_back(remove=True)
        return descriptor

    monkeypatch.setattr(os, "open", open_and_lose)
    newer = FileLock(path)
    assert newer.take()
    assert path.exists()
    assert not FileLock(path).take()


def test_lock__does_not_follow_a_link(path: Path) -> None:
    outside = path.with_name("thesis")
    outside.write_text("my thesis")
    path.symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links"):
        FileLock(path).take()
    assert outside.read_text() == "my thesis"
