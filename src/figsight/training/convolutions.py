"""How convolutions are computed while a network learns or is asked, so that this machine is quick.

Knows which kernels CPUs lack, and computes the same numbers by others. Does not know what is learned:
weights, names and shapes stay as they are, and nothing of this is left in a network afterwards.

Measured on EfficientNet-Lite0 with one thread: see docs/experiments.md.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether products of bfloat16 are quicker than of float32.

    They are on newer GPUs, and on CPUs with AMX (Intel since 2023) or AVX512-BF16 (AMD since 2022).
    Other CPUs compute them by emulation, or no faster than float32.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type != "cpu":
        return False
    look = getattr(torch.cpu, "get_capabilities", None)  # older torch cannot tell
    return look is not None and any(look().get(unit) for unit in ("amx_bf16", "avx512_bf16"))


def mixed_precision(device: torch.device) -> AbstractContextManager[None]:
    """Multiply in bfloat16 where that is quick; weights, sums and the loss stay float32."""
    if has_bfloat16_units(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def quick_convolutions(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Compute the strided depthwise convolutions of a network by quicker kernels, on a CPU.

    - TensorFlow's SAME padding puts more zeros after an even picture than before it. No kernel of
      oneDNN does, so the picture is copied into a larger one first: that takes longer than the
      convolution. A filter with a row and a column of zeros before it computes the same under
      symmetric padding. Only for filters that do not learn: there is no fast kernel for the gradient
      of such a filter.
    - oneDNN has no kernel for their gradient in bfloat16 (50 times slower than in float32).

    Args:
        network: With ``requires_grad`` as it will be, and gradients off if it is only to be asked;
            filters that do not learn must not be changed inside.
        device: Where the network is; nothing is done on others than the CPU.
    """
    strided = [m for m in network.modules() if isinstance(m, nn.Conv2d) and _is_strided(m)]
    changed = strided if device.type == "cpu" else []
    for module in changed:
        module.__dict__["forward"] = _quicken(module)
    try:
        yield
    finally:
        for module in changed:
            del module.__dict__["forward"]


def _is_strided(conv: nn.Conv2d) -> bool:
    return conv.groups == conv.in_channels > 1 and max(conv.stride) > 1


def _quicken(conv: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """Return what computes a strided depthwise convolution in place of its ``forward``."""
    plain, pad = conv.forward, conv.kernel_size[0] // 2
    widened = F.pad(conv.weight.detach(), (1, 0, 1, 0)).contiguous()  # [C, 1, k + 1, k + 1]
    widens = (
        isinstance(conv, Conv2dSame)
        and not (conv.weight.requires_grad and torch.is_grad_enabled())
        and conv.kernel_size in ((3, 3), (5, 5))
        and conv.stride == (2, 2)
        and conv.dilation == (1, 1)
    )

    def compute(inputs: Tensor) -> Tensor:
        if widens and inputs.shape[2] % 2 == inputs.shape[3] % 2 == 0:
            return F.conv2d(inputs, widened, conv.bias, conv.stride, pad, groups=conv.groups)
        return plain(inputs)

    def forward(inputs: Tensor) -> Tensor:
        if inputs.dtype == torch.float32 or not inputs.requires_grad:
            return compute(inputs)
        with torch.autocast("cpu", enabled=False):
            return compute(inputs.float()).to(inputs.dtype)

    return forward
