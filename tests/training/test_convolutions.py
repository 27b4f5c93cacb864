"""The quick ways compute what the plain ones do, and leave nothing behind."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from figsight.training.convolutions import (
    has_bfloat16_units,
    mixed_precision,
    quick_convolutions,
)

CPU = torch.device("cpu")


def strided(kernel: int, *, frozen: bool, same: bool = True) -> nn.Sequential:
    """A 1 x 1 convolution that learns, and a strided depthwise one behind it."""
    torch.manual_seed(0)
    padding = 0 if same else kernel // 2
    conv = (Conv2dSame if same else nn.Conv2d)(6, 6, kernel, 2, padding, groups=6)
    network = nn.Sequential(nn.Conv2d(3, 6, 1), conv)
    conv.requires_grad_(not frozen)
    return network.to(memory_format=torch.channels_last)


@settings(max_examples=30, deadline=None)
@given(
    kernel=st.sampled_from([3, 5]),
    height=st.integers(5, 12),
    width=st.integers(5, 12),
    frozen=st.booleans(),
    same=st.booleans(),
)
def test_quick_convolutions__compute_the_same_and_its_gradient(
    kernel: int, height: int, width: int, *, frozen: bool, same: bool
) -> None:
    network = strided(kernel, frozen=frozen, same=same)
    inputs = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))
    plain = network(inputs)
    plain.square().sum().backward()
    wanted = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    with quick_convolutions(network, CPU):
        quick = network(inputs)
        quick.square().sum().backward()
    torch.testing.assert_close(quick, plain)
    for parameter, grad in zip(network.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, grad)


def test_quick_convolutions__pad_nothing_where_filters_do_not_learn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = strided(3, frozen=True)

    def refuse(*_: object) -> None:
        raise AssertionError("timm would copy the picture into a larger one")

    monkeypatch.setattr(Conv2dSame, "forward", refuse)
    with quick_convolutions(network, CPU):
        network(torch.randn(1, 3, 8, 8))
        with pytest.raises(AssertionError, match="larger one"):
            network(torch.randn(1, 3, 7, 7))  # odd: left to timm


def test_quick_convolutions__pad_nothing_where_a_network_is_only_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = strided(3, frozen=False)
    inputs = torch.randn(1, 3, 8, 8)
    plain = network(inputs)

    def refuse(*_: object) -> None:
        raise AssertionError("timm would copy the picture into a larger one")

    monkeypatch.setattr(Conv2dSame, "forward", refuse)
    with torch.no_grad(), quick_convolutions(network, CPU):
        torch.testing.assert_close(network(inputs), plain)
    with (
        quick_convolutions(network, CPU),
        pytest.raises(AssertionError, match="larger one"),
    ):
        network(inputs)


def test_quick_convolutions__leave_nothing_behind() -> None:
    network = strided(5, frozen=True)
    before = network[1].forward
    with quick_convolutions(network, CPU):
        assert network[1].forward != before
    assert network[1].forward == before
    assert all("forward" not in module.__dict__ for module in network.modules())


def test_quick_convolutions__go_through_float32_under_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = strided(3, frozen=False)
    inputs = torch.randn(1, 3, 8, 8)
    seen: list[torch.dtype] = []
    plain = Conv2dSame.forward

    def spy(self: Conv2dSame, inputs: torch.Tensor) -> torch.Tensor:
        seen.append(inputs.dtype)
        result: torch.Tensor = plain(self, inputs)  # type: ignore[no-untyped-call]
        return result

    monkeypatch.setattr(Conv2dSame, "forward", spy)
    with quick_convolutions(network, CPU), torch.autocast("cpu", dtype=torch.bfloat16):
        quick = network(inputs)
    assert seen == [torch.float32]
    assert quick.dtype == torch.bfloat16
    torch.testing.assert_close(quick.float(), network(inputs), rtol=0.05, atol=0.05)


def test_quick_convolutions__leave_other_devices_alone() -> None:
    network = strided(3, frozen=True)
    with quick_convolutions(network, torch.device("meta")):
        assert all("forward" not in module.__dict__ for module in network.modules())


@pytest.mark.parametrize(
    ("units", "has"),
    [({"amx_bf16": True}, True), ({"avx512_bf16": True}, True), ({"avx512_f": True}, False)],
)
def test_mixed_precision__is_for_machines_with_units_for_it(
    monkeypatch: pytest.MonkeyPatch, units: dict[str, bool], *, has: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units, raising=False)
    assert has_bfloat16_units(CPU) == has
    with mixed_precision(CPU):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if has else torch.float32)


def test_has_bfloat16_units__is_no_where_torch_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not has_bfloat16_units(CPU)
    assert not has_bfloat16_units(torch.device("mps"))
