"""What several networks are together, in whatever order they end."""

from __future__ import annotations

import math

import torch
from tests.training.make import TINY

from figsight.training.checkpoint import EpochRecord
from figsight.training.network import plan_network
from figsight.training.soup import Soup, average


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


def test_soup__leaves_out_an_ingredient_that_has_learned_nothing() -> None:
    plan = plan_network(TINY, 3, "random", seed=0)
    rng = torch.Generator().manual_seed(2)
    starts = [torch.randn(plan.network.head.weight.shape, generator=rng) for _ in range(3)]

    def mix(*losses: float) -> tuple[Soup, torch.Tensor]:
        soup = Soup()
        soup.expect(len(losses))
        done = None
        for number, loss in enumerate(losses):
            network = plan.fresh()
            with torch.no_grad():
                network.head.weight.copy_(starts[number])
            done = soup.add(number, network, [EpochRecord("final", 1, loss, 0.4, 0.0)])
        assert done is not None
        assert len(done[1]) == len(losses)
        return soup, done[0].head.weight.detach()

    guessing = math.log(3)
    soup, weight = mix(0.5, 1.01 * guessing, 0.9)
    assert soup.spoilt == [1]
    assert not soup.hopeless
    torch.testing.assert_close(weight, (starts[0] + starts[2]) / 2)
    soup, weight = mix(guessing, guessing)
    assert soup.spoilt == []
    assert soup.hopeless
    torch.testing.assert_close(weight, (starts[0] + starts[1]) / 2)


def test_soup__is_ready_with_its_last_ingredient_and_the_same_in_any_order() -> None:
    plan = plan_network(TINY, 3, "random", seed=0)
    rng = torch.Generator().manual_seed(1)
    starts = [torch.randn(plan.network.head.weight.shape, generator=rng) for _ in range(3)]
    means = []
    for order in ([0, 1, 2], [2, 0, 1]):
        soup = Soup()
        assert soup.expect(2)
        assert soup.expect(1)
        for place, number in enumerate(order):
            network = plan.fresh()
            with torch.no_grad():
                network.head.weight.copy_(starts[number])
            done = soup.add(number, network, [EpochRecord(f"run {number}", 1, 0.0, 1.0, 0.0)])
            assert (done is None) == (place < 2)
        assert done is not None
        assert not soup.expect(1)
        assert [record.run for record in done[1]] == ["run 0", "run 1", "run 2"]
        means.append(done[0].head.weight)
    assert torch.equal(*means)
