"""A finished run as a bundle: the one place where training's results take the bundle's form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from figsight import bundle
from figsight.calibration import Refusal
from figsight.training.curves import draw_curves, write_history
from figsight.training.export import export_onnx
from figsight.training.network import feature_shape
from figsight.training.sample import input_spec
from figsight.training.strangers import Head, equip
from figsight.training.versions import find_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from figsight.training.answers import Own
    from figsight.training.backbones import Network
    from figsight.training.checkpoint import EpochRecord
    from figsight.training.export import Blank
    from figsight.training.judging import Judgement
    from figsight.training.network import Plan
    from figsight.training.recipe import Recipe
    from figsight.training.sample import Sample

CHECKED = 3  # photos that the exported graph must answer as the network does


@dataclass(frozen=True, eq=False)
class Delivery:
    """Everything that goes into the bundle.

    Attributes:
        plan: What the network started from.
        network: Trained on everything, on the CPU.
        sample: The photos.
        own: What the network says of its own training photos, for the gallery.
        recipe: Resolved.
        seed: Of the command.
        device: Where it was trained.
        seconds: How long it took.
        history: Every epoch of every run.
        judgement: What unseen photos say of it.
        versions: Of the libraries that took part.
        blank: The graph that its weights go into; None: it has not been drawn yet.
        budget: Seconds that the run was to take; None: as many as the recipe takes.
    """

    plan: Plan
    network: Network
    sample: Sample
    own: Own
    recipe: Recipe
    seed: int
    device: str
    seconds: float
    history: Sequence[EpochRecord]
    judgement: Judgement
    versions: Mapping[str, str]
    blank: Blank | None = None
    budget: float | None = None


def deliver(
    what: Delivery, path: Path, *, thumbnails: bool, overwrite: bool
) -> bundle.Calibration | None:
    """Write the bundle, whole or not at all, and return the calibration that it keeps.

    Errors: as ``export.export_onnx`` and ``bundle.write_bundle``.
    """
    sample, network = what.sample, what.network
    head = Head(network.head.weight.detach().numpy(), network.head.bias.detach().numpy())
    calibration, arrays = _equip(what.judgement.calibration, what.own, sample.labels, head)
    gallery = bundle.Gallery(
        embeddings=what.own.embeddings.astype(np.float16),
        labels=sample.labels.astype(np.int32),
        sha256=np.array([list(bytes.fromhex(h)) for h in sample.sha256], np.uint8),  # [N, 32]
        paths=tuple(photo.path for photo in sample.dataset.photos),
        head_weight=head.weight,
        head_bias=head.bias,
        unknown=arrays,
    )
    size = what.recipe.image_size
    some = sample.exact[np.arange(min(CHECKED, len(sample.labels)))]
    bundle.write_bundle(
        path,
        _write_manifest(what, feature_shape(network, size), calibration),
        model=export_onnx(network, (size, size), some, what.blank),
        gallery=gallery,
        network=what.plan.named_state(network),
        thumbnails=sample.thumbnails if thumbnails else None,
        extras={
            "history.csv": write_history(what.history),
            "curves.png": draw_curves(what.history, what.judgement.accuracy),
        },
        overwrite=overwrite,
    )
    return calibration


def _equip(
    calibration: bundle.Calibration | None, own: Own, labels: NDArray[np.int64], head: Head
) -> tuple[bundle.Calibration | None, dict[str, NDArray[np.float32]]]:
    """Return a calibration with what its rule measures against, or with the reason for having none."""
    if calibration is None or calibration.unknown is None:
        return calibration, {}
    equipped = equip(calibration.unknown, own, labels, head)
    if isinstance(equipped, Refusal):
        refused = {**calibration.refused, "unknown": equipped.reason}
        return msgspec.structs.replace(calibration, unknown=None, refused=refused), {}
    unknown, arrays = equipped
    return msgspec.structs.replace(calibration, unknown=unknown), arrays


def _write_manifest(
    what: Delivery, features: tuple[int, int, int], calibration: bundle.Calibration | None
) -> bundle.Manifest:
    spec = input_spec(what.recipe)
    final = [record for record in what.history if record.run == "final"]
    return bundle.Manifest(
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        figsight=find_version("figsight"),
        figures=[
            bundle.FigureEntry(id=f.id, name=f.name, display=f.display, metadata=dict(f.metadata))
            for f in what.sample.dataset.figures
        ],
        input=bundle.InputEntry(
            width=spec.width, height=spec.height, fit=spec.fit, resample=spec.resample
        ),
        network=bundle.NetworkEntry(
            backbone=what.recipe.backbone,
            head=what.network.head_name,
            embedding_size=features[0],
            features=features,
            style_size=what.network.style_size,
        ),
        calibration=calibration,
        scores=what.judgement.scores,
        training=bundle.Training(
            recipe=_describe(what),
            seed=what.seed,
            device=what.device,
            seconds=round(what.seconds, 3),
            epochs=len(final),
            photos=len(what.sample.dataset.photos),
            skipped=_list_skipped(what.sample),
            photos_fingerprint=what.sample.photos_fingerprint,
            versions=dict(what.versions),
        ),
    )


def _list_skipped(sample: Sample) -> list[bundle.Skipped]:
    """Return the photos that took no part, each with the reason."""
    bad = [bundle.Skipped(path=one.path, reason=one.reason) for one in sample.skipped]
    leaked = [
        bundle.Skipped(path=photo.path, reason=f"one shot or group with {other.path}, kept aside")
        for photo, other in sample.leaked
    ]
    return bad + leaked


def _describe(what: Delivery) -> dict[str, Any]:
    """Return the recipe as it was carried out, with what decided it besides, as JSON values."""
    recipe: dict[str, Any] = msgspec.to_builtins(what.recipe)
    if what.budget is not None:
        recipe["budget"] = what.budget
    weights = what.plan.weights
    return recipe | {"weights": {"source": weights.source, "sha256": weights.sha256}}
