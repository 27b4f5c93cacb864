"""The graph that is drawn before training is the one that the trained network would draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import torch
from tests.training.make import TINY

from figsight.errors import RecipeError
from figsight.training import change_recipe
from figsight.training.export import Blank, answers_alike, draw_blank, export_onnx
from figsight.training.network import plan_network

if TYPE_CHECKING:
    from figsight.training.backbones import Network

SIZE = (32, 32)


def make_network(seed: int, norms: str = "folded") -> Network:
    """A network with weights of its own everywhere."""
    network = plan_network(change_recipe(TINY, norms=norms), 3, "random", seed=0).fresh().eval()
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng) * 0.1)
    return network


@pytest.fixture(scope="module")
def blank() -> Blank:
    drawn = draw_blank(make_network(0), SIZE)
    assert drawn is not None
    return drawn


def test_blank__filled_is_the_graph_of_the_network_to_the_byte(blank: Blank) -> None:
    # Whatever the exporter makes of weights would show here: it is shown others.
    network = make_network(1)
    assert blank.fill(network) == export_onnx(network, SIZE)


def test_blank__depends_on_no_weights_and_leaves_the_network_as_it_is(blank: Blank) -> None:
    network = make_network(4)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    other = draw_blank(network, SIZE, "a key")
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert other is not None
    assert other.graph == blank.graph
    assert draw_blank(make_network(5), SIZE, "a key") is other


def test_blank__is_refused_where_weights_are_multiplied_together() -> None:
    network = make_network(1, norms="train")
    assert draw_blank(network, SIZE) is None
    pictures = np.random.default_rng(1).integers(0, 256, (5, *SIZE, 3), np.uint8)
    assert answers_alike(export_onnx(network, SIZE, pictures), network, pictures)


def test_export__does_not_take_a_blank_that_does_not_fit(blank: Blank) -> None:
    other = plan_network(TINY, 5, "random", seed=0).fresh().eval()
    wide = onnx.ModelProto.FromString(export_onnx(other, SIZE, None, blank))
    logits = next(one for one in wide.graph.output if one.name == "logits")
    assert [dim.dim_param or dim.dim_value for dim in logits.type.tensor_type.shape.dim] == [
        "photos",
        5,
    ]


def test_export__writes_nothing_that_answers_otherwise(
    blank: Blank, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, other = make_network(1), blank.fill(make_network(2))
    drawn: list[bool] = []

    def trace(*_: object, fixed: bool) -> Any:
        drawn.append(fixed)
        return onnx.ModelProto.FromString(other if fixed or wrong else blank.fill(network))

    monkeypatch.setattr("figsight.training.export._trace", trace)
    wrong = False
    assert export_onnx(network, SIZE) == blank.fill(network)
    wrong = True
    with pytest.raises(RecipeError, match=r"^backbone: expected a network that ONNX Runtime comp"):
        export_onnx(network, SIZE)
    assert drawn == [True, False] * 2


def test_answers_alike__tells_other_weights_from_the_right_ones(blank: Blank) -> None:
    right, wrong = make_network(1), make_network(2)
    pictures = np.random.default_rng(0).integers(0, 256, (4, *SIZE, 3), np.uint8)
    data = blank.fill(right)
    assert answers_alike(data, right, pictures)
    assert not answers_alike(data, wrong, pictures)
    assert not answers_alike(b"no graph", right, pictures)
    with torch.no_grad():
        wrong.head.weight.fill_(float("nan"))
    assert not answers_alike(blank.fill(wrong), wrong, pictures)
