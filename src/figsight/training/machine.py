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
    from collections.abc import Callable, Iterator, Mapping

# mallopt(3) of glibc: how large a block is before it is mapped and unmapped each time, and how much
# free memory is kept at hand.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEPT = 512 * 2**20
# What glibc comes to by itself where large blocks are freed.
_LARGE = 32 * 2**20

_CUBLAS, _WORKSPACE = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"


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
    _tell_allocator({_M_MMAP_THRESHOLD: 2**30, _M_TRIM_THRESHOLD: _KEPT, _M_TOP_PAD: 64 * 2**20})


def hand_back_memory() -> None:
    """Give freed memory back to the system, and let glibc do so from now on: nobody will reuse it."""
    if not sys.platform.startswith("linux"):
        return
    _tell_allocator({_M_MMAP_THRESHOLD: _LARGE, _M_TRIM_THRESHOLD: 2 * _LARGE, _M_TOP_PAD: 2**17})
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _tell_allocator(numbers: Mapping[int, int]) -> None:
    """Set numbers of glibc's allocator, where there is one."""
    mallopt = (
        getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    )
    if mallopt is not None:
        for parameter, number in numbers.items():
            mallopt(parameter, number)


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


@contextmanager
def plain_tensors() -> Iterator[None]:
    """Make new tensors of float32 on the CPU, whatever the program around us prefers; put that back."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"):
            yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def repeatable() -> Iterator[None]:
    """Make torch choose algorithms that give the same bits each time, and put its choice back.

    The choice is the whole process's: only for who is ``alone``.
    """
    settings: Any = torch.utils.deterministic
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = settings.fill_uninitialized_memory
    # cuBLAS reads this when it starts; without it, torch refuses to be deterministic on CUDA.
    ours = _CUBLAS not in os.environ
    os.environ.setdefault(_CUBLAS, _WORKSPACE)
    # MPS lacks deterministic forms of some kernels: there we ask, but do not insist.
    torch.use_deterministic_algorithms(True, warn_only=torch.backends.mps.is_available())
    # On top of that torch would paint all new memory, in case somebody reads it before
    # writing. No layer of ours does, and painting took as long as computing.
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        settings.fill_uninitialized_memory = fill
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        if ours:
            os.environ.pop(_CUBLAS, None)
