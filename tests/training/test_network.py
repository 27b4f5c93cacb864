"""What several networks are together."""

from __future__ import annotations

import torch
from tests.training.make import TINY

from figsight.training.network import average, plan_network


def test_average__is_the_mean_of_all_weights() -> None:
    plan = plan_network(TINY, 3, "random", seed=0)
    networks = [plan.fresh() for _ in range(3)]
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for network in networks:
            for parameter in network.parameters():
                parameter.add_(torch.rand(parameter.shape, generator=rng))
    wanted = [
        torch.stack(same).mean(0)
        for same in zip(*([p.clone() for p in n.parameters()] for n in networks), strict=True)
    ]
    mean = average(networks)
    for parameter, expected in zip(mean.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.detach(), expected)


def test_average__of_one_network_is_that_network_to_the_bit() -> None:
    network = plan_network(TINY, 3, "random", seed=0).fresh()
    before = [p.clone() for p in network.parameters()]
    for parameter, expected in zip(average([network]).parameters(), before, strict=True):
        assert torch.equal(parameter, expected)
