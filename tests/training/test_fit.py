"""The loop's own arithmetic: what learns, and what weighs how much."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.make import TINY, Interruption
from torch import nn

from figsight.training import Silence, change_recipe, read_recipe
from figsight.training.backbones import build
from figsight.training.fit import (
    TrainingSet,
    _average,
    _pair_moving,
    fit,
    freeze,
    weigh_classes,
)
from figsight.training.measuring import Run
from figsight.training.network import plan_network
from figsight.training.pace import Steady, divide_epoch

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.training import Recipe
    from figsight.training.backbones import Network


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


def test_freeze__of_all_stages_leaves_the_head_to_learn() -> None:
    recipe = change_recipe(TINY, frozen_stages=100)
    network = plan_network(recipe, 2, "random", seed=0).fresh()
    freeze(network, recipe)
    learns = {id(p) for p in network.parameters() if p.requires_grad}
    assert learns == {id(p) for p in network.head.parameters()}


def test_freeze__of_nothing_lets_everything_learn() -> None:
    network = plan_network(TINY, 2, "random", seed=0).fresh()
    freeze(network, TINY)
    assert all(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("steps", [100, 1000])
def test_average__looks_back_on_a_share_of_the_steps(steps: int) -> None:
    average, network = torch.zeros(3), torch.zeros(3)
    for step in range(steps):
        network.fill_(step)
        _average(([average], [network]), 0.1, step)
    assert average / steps == pytest.approx(1 / 1.1, abs=0.02)


def test_average__begins_with_the_network_itself() -> None:
    average, network = torch.zeros(3), torch.ones(3)
    _average(([average], [network]), 0.1, 0)
    assert torch.equal(average, network)


def test_pair_moving__leaves_out_what_is_frozen() -> None:
    network, _ = build("test_efficientnet", 2, weights="random")
    freeze(network, change_recipe(TINY, frozen_stages=2))
    average = copy.deepcopy(network)
    ours, theirs = _pair_moving(average, network)
    frozen = {p.data_ptr() for p in network.parameters() if not p.requires_grad}
    assert len(ours) == len(theirs) > 0
    assert frozen.isdisjoint(one.data_ptr() for one in theirs)
    with torch.no_grad():
        network.head.weight.fill_(3)
    _average((ours, theirs), 0.1, 0)
    assert torch.equal(average.head.weight, network.head.weight)


def learn(recipe: Recipe, checkpoint: Path, epochs: int) -> Network:
    """Train a small network on noise, up to so many epochs of the recipe's."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (8, 40, 40, 3), np.uint8)
    data = TrainingSet(pixels, np.arange(8), np.arange(8) % 2, (32, 32))
    pace = Steady(recipe.epochs, 2)
    steps = fit(
        plan_network(recipe, 2, "random", seed=0).fresh(),
        data,
        recipe,
        run="one",
        seed=0,
        device=torch.device("cpu"),
        checkpoint=checkpoint,
        watch=Interruption(epochs),
        pace=pace,
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            network: Network = end.value[0]
            return network


@pytest.mark.parametrize("photos", [1, 7, 130, 214, 268, 1001])
def test_fit__takes_the_steps_that_were_planned(
    photos: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = change_recipe(TINY, epochs=3, batch_size=8, averaging=0.5)
    batches: list[int] = []
    averaged: list[int] = []

    def step(_: object, __: object, batch: torch.Tensor, *___: object) -> tuple[float, int]:
        batches.append(len(batch))
        return 1.0, 0

    monkeypatch.setattr("figsight.training.fit._step", step)
    monkeypatch.setattr("figsight.training.fit._average", lambda *given: averaged.append(given[2]))
    pace = Run._pace(SimpleNamespace(recipe=recipe, table=None), "one", photos)  # type: ignore[arg-type]
    jobs = fit(
        plan_network(recipe, 2, "random", seed=0).fresh(),
        TrainingSet(
            np.zeros((1, 1, 1, 3), np.uint8), np.arange(photos), np.arange(photos) % 2, (1, 1)
        ),
        recipe,
        run="one",
        seed=0,
        device=torch.device("cpu"),
        checkpoint=tmp_path / "one",
        watch=Silence(),
        pace=pace,
    )
    way = list(jobs)
    sizes = divide_epoch(photos, 8)
    steps = len(sizes)
    assert way == [i / (3 * steps) for i in range(3 * steps)]
    assert averaged == list(range(3 * steps))
    assert batches == sizes * 3


@given(st.integers(1, 3000), st.integers(1, 64))
def test_divide_epoch__leaves_no_small_rest(photos: int, batch: int) -> None:
    sizes = divide_epoch(photos, batch)
    assert sum(sizes) == photos
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) >= max(sizes) / 2
    assert abs(max(sizes) - batch) <= (batch + 1) / 2 or len(sizes) == 1


@pytest.mark.parametrize(
    ("photos", "sizes"),
    [
        (214, [8] * 26 + [6]),
        (268, [8] * 33 + [4]),
        (289, [9] + [8] * 35),
        (3, [3]),
    ],
)
def test_divide_epoch__is_even_where_a_rest_would_be_small(photos: int, sizes: list[int]) -> None:
    assert divide_epoch(photos, 8) == sizes


def test_fit__under_a_ceiling_goes_on_where_it_was_and_ends_without_one(tmp_path: Path) -> None:
    recipe = change_recipe(
        TINY, backbone="tf_efficientnet_lite0", ceiling=0.01, epochs=3, averaging=0.5
    )
    whole = learn(recipe, tmp_path / "whole", 3)
    with pytest.raises(KeyboardInterrupt):
        learn(recipe, tmp_path / "cut", 1)
    resumed = learn(recipe, tmp_path / "cut", 3)
    for ours, theirs in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    backbone: Any = whole.backbone
    assert backbone.bn2.max_val == 6
    free = learn(change_recipe(recipe, ceiling=6.0), tmp_path / "free", 3)
    norms = [
        float(one.backbone.get_parameter("conv_head.weight").detach().norm())
        for one in (whole, free)
    ]
    assert norms[0] / norms[1] == pytest.approx(600, rel=0.1)
