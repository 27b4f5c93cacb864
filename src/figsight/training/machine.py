"""What a training run asks of the machine: a device, torch for itself, the same bits, kept memory."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch
import torch.utils.deterministic

from figsight.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# mallopt(3) of glibc: how large a block is before it is mapped and unmapped each time, and how much
# free memory is kept at hand.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEPT = 512 * 2**20


def choose_device(wanted: str = "auto") -> torch.device:
    """Take what this machine has: CUDA, else Apple's MPS, else the CPU.

    Raises:
        RecipeError: Another device is wanted than this machine has.
    """
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in has.items() if there))
    if not has.get(wanted):
        have = ", ".join(name for name, there in has.items() if there)
        raise RecipeError(
            f"device: expected auto or one of this machine's ({have}), found {wanted!r}"
        )
    return torch.device(wanted)


def keep_freed_memory() -> None:
    """Ask glibc to reuse large blocks instead of handing them back after every layer.

    A step allocates and frees a few hundred activations. By default each is mapped anew and its
    pages are zeroed at first touch: that took up to 40 % of a step. Other C libraries are left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 2**30)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_TOP_PAD, 64 * 2**20)


def hand_back_memory() -> None:
    """Give freed memory back to the system: after the last step nobody will reuse it."""
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


_TORCH = Lock()


@contextmanager
def alone(note: Callable[[str], None] | None = None) -> Iterator[float]:
    """Have torch for oneself: of several trainings in one process, one computes at a time.

    Torch's exporter replaces functions of torch for the whole process while it listens to a network, so
    that whoever computes beside it fails, and so does a second exporter.

    Args:
        note: Hears that it waits, if it must.

    Yields:
        How long it has waited, in seconds.
    """
    began = time.perf_counter()
    if not _TORCH.acquire(blocking=False):
        if note is not None:
            note("waiting for another training of this process to end")
        _TORCH.acquire()
    try:
        yield time.perf_counter() - began
    finally:
        _TORCH.release()


class _Repeatable:
    """How many runs want repeatable arithmetic at the moment, and what torch did before the first."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.runs = 0
        self.before = (False, False, True)

    def enter(self) -> None:
        """Make torch repeatable, unless another run has."""
        with self.lock:
            self.runs += 1
            if self.runs > 1:
                return
            settings: Any = torch.utils.deterministic
            self.before = (
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
                settings.fill_uninitialized_memory,
            )
            # cuBLAS reads this when it starts; without it, torch refuses to be deterministic on CUDA.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            # MPS lacks deterministic forms of some kernels: there we ask, but do not insist.
            torch.use_deterministic_algorithms(True, warn_only=torch.backends.mps.is_available())
            # On top of that torch would paint all new memory, in case somebody reads it before
            # writing. No layer of ours does, and painting took as long as computing.
            settings.fill_uninitialized_memory = False

    def leave(self) -> None:
        """Put torch's choice back after the last run."""
        with self.lock:
            self.runs -= 1
            if self.runs:
                return
            enabled, warn_only, fill = self.before
            settings: Any = torch.utils.deterministic
            settings.fill_uninitialized_memory = fill
            torch.use_deterministic_algorithms(enabled, warn_only=warn_only)


_REPEATABLE = _Repeatable()


@contextmanager
def repeatable() -> Iterator[None]:
    """Make torch choose algorithms that give the same bits each time, and put its choice back.

    The choice is the whole process's: of several runs at a time the last one puts it back.
    """
    _REPEATABLE.enter()
    try:
        yield
    finally:
        _REPEATABLE.leave()
