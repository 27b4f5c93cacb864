"""What a training run asks of the machine: a device, repeatable arithmetic, a patient allocator."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.utils.deterministic

from figsight.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def repeatable() -> Iterator[None]:
    """Make torch choose algorithms that give the same bits each time, and put its choice back."""
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    # cuBLAS reads this when it starts; without it, torch refuses to be deterministic on CUDA.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # MPS lacks deterministic forms of some kernels: there we ask, but do not insist.
    torch.use_deterministic_algorithms(True, warn_only=torch.backends.mps.is_available())
    # On top of that torch would paint all new memory, in case somebody reads it before writing.
    # No layer of ours does, and painting took as long as computing.
    settings: Any = torch.utils.deterministic
    fill = settings.fill_uninitialized_memory
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        settings.fill_uninitialized_memory = fill
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
