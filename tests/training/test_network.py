"""A network as every run starts from it."""

from __future__ import annotations

import torch
from tests.training.make import TINY

from figsight.training.network import plan_network


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
