"""A lower ceiling while a network learns, an ordinary network afterwards."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import torch

from figsight.training.ceiling import lower_ceiling, raise_ceiling
from figsight.training.network import plan_network
from figsight.training.recipe import change_recipe, read_recipe

if TYPE_CHECKING:
    from figsight.training.backbones import Network

PICTURES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 4 - 2


def make(backbone: str = "tf_efficientnet_lite0", norms: str = "folded") -> Network:
    recipe = change_recipe(read_recipe("quick"), backbone=backbone, norms=norms)
    network = plan_network(recipe, 3, "random", 0).fresh().eval()
    modules: Any = network.backbone
    with torch.no_grad():  # random weights say too little to meet any ceiling
        for parameter in modules.conv_head.parameters():
            parameter.mul_(50)
    return network


@torch.no_grad()
def test_raise_ceiling__leaves_logits_as_they_were_under_the_lower_one() -> None:
    network = make()
    usual = network.parts(PICTURES)
    assert lower_ceiling(network, 0.5)
    lowered = network.parts(PICTURES)
    assert float(lowered.features.max()) == pytest.approx(0.5)
    assert not torch.allclose(lowered.logits, usual.logits, atol=1e-4)
    raise_ceiling(network)
    raised = network.parts(PICTURES)
    torch.testing.assert_close(raised.logits, lowered.logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(raised.features, lowered.features * 12, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_raise_ceiling__gives_weights_that_fit_an_ordinary_network() -> None:
    network, ordinary = make(), make()
    lower_ceiling(network, 1.5)
    lowered = network.parts(PICTURES).logits
    raise_ceiling(network)
    ordinary.load_state_dict(network.state_dict())
    torch.testing.assert_close(ordinary.parts(PICTURES).logits, lowered, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_lower_ceiling__is_kept_by_copies() -> None:
    network = make()
    lower_ceiling(network, 0.5)
    assert float(copy.deepcopy(network).parts(PICTURES).features.max()) == pytest.approx(0.5)


@torch.no_grad()
@pytest.mark.parametrize("case", ["no ceiling", "norms in between", "another activation"])
def test_lower_ceiling__leaves_alone_what_has_none(case: str) -> None:
    norms = "train" if case == "norms in between" else "folded"
    backbone = "resnet18" if case == "another activation" else "tf_efficientnet_lite0"
    network = make(norms=norms) if backbone.startswith("tf") else _plan(backbone)
    before = {name: one.clone() for name, one in network.state_dict().items()}
    assert not lower_ceiling(network, None if case == "no ceiling" else 0.5)
    raise_ceiling(network)
    for name, one in network.state_dict().items():
        assert torch.equal(one, before[name])


def _plan(backbone: str) -> Network:
    recipe = change_recipe(read_recipe("quick"), backbone=backbone)
    return plan_network(recipe, 3, "random", 0).fresh().eval()


@torch.no_grad()
def test_lower_ceiling__leaves_alone_what_adds_something_before_its_activation() -> None:
    network = _plan("resnet18")
    modules: Any = network.backbone
    modules.layer4[-1].act2 = torch.nn.ReLU6()
    assert not lower_ceiling(network, 0.5)
