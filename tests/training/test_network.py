"""A network as every run starts from it."""

from __future__ import annotations

import numpy as np
import torch
from tests.training.make import TINY

from figsight.images import CHANGES, change_camera
from figsight.training.network import answer, ask_own, count_changed, plan_network

CPU = torch.device("cpu")


def test_plan_network__draws_the_numbers_of_its_seed_and_leaves_those_of_others_alone() -> None:
    torch.manual_seed(5)
    first = plan_network(TINY, 3, "random", seed=1).network
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(3))
    again = plan_network(TINY, 3, "random", seed=1).network
    for ours, theirs in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    other = plan_network(TINY, 3, "random", seed=2).network
    assert not torch.equal(first.head.weight, other.head.weight)


def test_fresh__with_another_head_leaves_the_numbers_of_others_alone() -> None:
    plan = plan_network(TINY, 3, "random", seed=0)
    before = torch.random.get_rng_state()
    heads = [plan.fresh(2, torch.Generator().manual_seed(7)).head.weight for _ in range(2)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(*heads)


def test_ask_own__says_what_answer_says_and_what_other_cameras_do() -> None:
    network = plan_network(TINY, 3, "random", seed=1).network
    size = TINY.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (14, size, size, 3), np.uint8)
    photos = np.array([13, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    own = ask_own(network, pixels, photos, CPU)
    said = answer(network, pixels, photos, CPU)
    assert (own.embeddings == said.embeddings).all()
    assert (own.styles == said.styles).all()
    assert own.shifts.shape == (len(CHANGES), len(photos), network.style_size)
    assert count_changed(network, len(photos)) == own.shifts[..., 0].size
    for kind, changed in zip(own.shifts, change_camera(pixels[photos]), strict=True):
        found = answer(network, changed, np.arange(len(photos)), CPU).styles - said.styles
        assert np.abs(kind - found).max() < 1e-5
        assert np.abs(kind).max() > 1e-4


def test_ask_own__of_a_network_without_styles_asks_no_more() -> None:
    network = plan_network(TINY, 3, "random", seed=1).network
    network.style_layers, network.style_size = [], 0
    pixels = np.zeros((3, TINY.image_size, TINY.image_size, 3), np.uint8)
    own = ask_own(network, pixels, np.arange(3), CPU)
    assert own.styles.shape == (3, 0)
    assert own.shifts.size == count_changed(network, 3) == 0


def test_ask_own__may_leave_cameras_away() -> None:
    network = plan_network(TINY, 3, "random", seed=1).network
    pixels = np.zeros((3, TINY.image_size, TINY.image_size, 3), np.uint8)
    own = ask_own(network, pixels, np.arange(3), CPU, cameras=False)
    assert own.shifts.shape == (len(CHANGES), 0, network.style_size)
