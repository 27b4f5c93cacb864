"""The loop's own arithmetic: what learns, and what weighs how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.training.make import TINY
from torch import nn

from figsight.training import change_recipe, read_recipe
from figsight.training.fit import freeze, weigh_classes
from figsight.training.network import plan_network


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_weigh_classes__lets_the_average_photo_weigh_one(balance: float) -> None:
    labels = np.repeat([0, 1, 2], [5, 20, 75])
    weights = weigh_classes(labels, 3, balance)
    assert float(weights[labels].mean()) == pytest.approx(1)
    assert float(weights[0] / weights[2]) == pytest.approx(15**balance)


def test_weigh_classes__does_not_stumble_over_a_class_without_photos() -> None:
    assert torch.isfinite(weigh_classes(np.array([0, 0, 2]), 3, 1.0)).all()


def test_freeze__stops_stages_and_wide_depthwise_filters_only() -> None:
    recipe = change_recipe(
        read_recipe("quick"), frozen_stages=2, wide_depthwise="frozen", norms="folded"
    )
    network = plan_network(recipe, 2, "random", seed=0).fresh()
    freeze(network, recipe)
    stages = network.stages()
    assert not any(p.requires_grad for stage in stages[:2] for p in stage)
    wide = {
        id(p)
        for m in network.modules()
        if isinstance(m, nn.Conv2d) and m.groups > 1 and m.kernel_size == (5, 5)
        for p in m.parameters()
    }
    assert wide
    for p in (p for stage in stages[2:] for p in stage):
        assert p.requires_grad == (id(p) not in wide)


def test_freeze__ends_before_the_first_layer_whose_gradient_needs_no_slow_kernel() -> None:
    recipe = read_recipe("quick")
    network = plan_network(recipe, 2, "random", seed=0).fresh()
    freeze(network, recipe)
    backbone: Any = network.backbone
    first = backbone.blocks[2][0]
    learns = {name for name, p in first.named_parameters() if p.requires_grad}
    assert learns == {"conv_pwl.weight", "conv_pwl.bias"}
    assert not any(p.requires_grad for p in backbone.blocks[1].parameters())
    second = backbone.blocks[2][1]
    learns = {name for name, p in second.named_parameters() if p.requires_grad}
    assert learns == {"conv_pw.weight", "conv_pw.bias", "conv_pwl.weight", "conv_pwl.bias"}
    everything = change_recipe(recipe, frozen_stages=0)
    freeze(network, everything)
    assert all(p.requires_grad for p in backbone.conv_stem.parameters())


def test_freeze__of_nothing_lets_everything_learn() -> None:
    network = plan_network(TINY, 2, "random", seed=0).fresh()
    freeze(network, TINY)
    assert all(p.requires_grad for p in network.parameters())
