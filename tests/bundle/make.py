"""Small models for tests: a real graph of standard operators, a manifest, a gallery."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from figsight.bundle import (
    Calibration,
    FigureEntry,
    Gallery,
    InputEntry,
    Manifest,
    Measured,
    NetworkEntry,
    OperatingPoint,
    Score,
    SetRule,
    Skipped,
    Training,
    UnknownLine,
    UnknownRule,
    open_bundle,
    verify,
    write_bundle,
)
from figsight.calibration.names import SPREADS
from figsight.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 16
FEATURES = 6
STYLE = 2 * FEATURES
PLACES = 8
FIGURES = 3
PHOTOS = 4
FILES = (
    "README.md",
    "curves.png",
    "gallery.safetensors",
    "history.csv",
    "manifest.json",
    "model.onnx",
    "network.safetensors",
    *(f"thumbnails/{index:06d}.jpg" for index in range(PHOTOS)),
)


def make_weights(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    return {
        "conv.weight": random.normal(size=(FEATURES, 3, 3, 3)).astype(np.float32),
        "classifier.weight": random.normal(size=(FIGURES, FEATURES)).astype(np.float32),
        "classifier.bias": random.normal(size=FIGURES).astype(np.float32),
    }


def make_proto(
    seed: int = 0,
    weights: Mapping[str, NDArray[np.float32]] | None = None,
    *,
    styled: bool = False,
) -> onnx.ModelProto:
    """Cast, normalise, convolve, pool, classify; batch of any size. Its style is mean and maximum."""
    weights = weights or make_weights(seed)
    constants = {
        "half": np.float32(127.5),
        "one": np.float32(1),
        "axes": np.array([2, 3], np.int64),
        **weights,
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["cast", "half"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], ["centred"]),
        helper.make_node("Transpose", ["centred"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "Conv", ["planes", "conv.weight"], ["maps"], strides=[2, 2], pads=[1, 1, 1, 1]
        ),
        helper.make_node("Relu", ["maps"], ["features"]),
        helper.make_node("ReduceMean", ["features", "axes"], ["embedding"], keepdims=0),
        helper.make_node(
            "Gemm", ["embedding", "classifier.weight", "classifier.bias"], ["logits"], transB=1
        ),
    ]
    value = helper.make_tensor_value_info
    style = [value("style", TensorProto.FLOAT, ["N", STYLE])] if styled else []
    if styled:
        nodes += [
            helper.make_node("ReduceMax", ["features", "axes"], ["highest"], keepdims=0),
            helper.make_node("Concat", ["embedding", "highest"], ["style"], axis=1),
        ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [value("pixels", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [
            value("logits", TensorProto.FLOAT, ["N", FIGURES]),
            value("embedding", TensorProto.FLOAT, ["N", FEATURES]),
            value("features", TensorProto.FLOAT, ["N", FEATURES, PLACES, PLACES]),
            *style,
        ],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@cache
def make_model(seed: int = 0, *, styled: bool = False) -> bytes:
    return bytes(make_proto(seed, styled=styled).SerializeToString())


def make_gallery(seed: int = 0) -> Gallery:
    weights = make_weights(seed)
    random = np.random.default_rng(seed)
    return Gallery(
        embeddings=random.normal(size=(PHOTOS, FEATURES)).astype(np.float16),
        labels=np.arange(PHOTOS, dtype=np.int32) % FIGURES,
        sha256=random.integers(0, 256, (PHOTOS, 32), np.uint8),
        paths=("a/1.jpg", "b/\u00fc.jpg", "c/\udc80.jpg", "a/2.jpg"),
        head_weight=weights["classifier.weight"],
        head_bias=weights["classifier.bias"],
    )


@cache
def make_jpeg(seed: int = 0, size: tuple[int, int] = (8, 8)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def make_styled(**changes: Any) -> Manifest:
    """A manifest for ``make_model(styled=True)``."""
    plain = make_manifest(**changes)
    network = msgspec.structs.replace(plain.network, style_size=STYLE)
    return msgspec.structs.replace(plain, network=network)


def make_manifest(**changes: Any) -> Manifest:
    manifest = Manifest(
        created="2025-01-31T12:00:00Z",
        figsight="0.1.0",
        figures=[
            FigureEntry(id="1", name="SPIDER-MAN", display="SPIDER-MAN (Mech)"),
            FigureEntry(id="2", name="YODA", display="YODA", metadata={"sets": "75208"}),
            FigureEntry(id="17", name="SPIDER-MAN", display="SPIDER-MAN (Molten Man)"),
        ],
        input=InputEntry(width=SIDE, height=SIDE, fit="squash", resample="bicubic"),
        network=NetworkEntry(
            backbone="tiny",
            head="classifier",
            embedding_size=FEATURES,
            features=(FEATURES, PLACES, PLACES),
        ),
        scores=[
            Score(
                protocol="5-fold cross-validation, copies kept together",
                photos=268,
                metric="accuracy",
                value=261 / 268,
                low=0.947,
                high=0.987,
                interval="Wilson 95 %",
                correct=261,
            )
        ],
        training=Training(
            recipe={"name": "quick", "epochs": 2, "augmentation": {"flip": 0.5}},
            seed=0,
            device="cpu",
            seconds=12.5,
            epochs=2,
            photos=PHOTOS,
            skipped=[Skipped(path="a/bad.jpg", reason="it is damaged")],
            photos_fingerprint="ab" * 32,
            versions={"torch": "2.5.0", "numpy": "2.0.0"},
        ),
    )
    return msgspec.structs.replace(manifest, **changes)


def make_measured(
    value: float = 0.95, low: float = 0.9, high: float = 0.98, n: int = 120
) -> Measured:
    return Measured(value=value, low=low, high=high, n=n, method="Wilson")


TWO = [FigureEntry(id=name, name=name, display=name) for name in ("NORMAL", "PNEUMONIA")]
POINT = OperatingPoint(
    positive="PNEUMONIA",
    stated_sensitivity=0.95,
    threshold=0.31,
    sensitivity=make_measured(),
    specificity=make_measured(),
)


def make_unknown(*parts: str, **changes: Any) -> UnknownRule:
    """A rule of these scores (``knn`` unless told), with everything that they need."""
    names = list(parts or ("knn",))
    several = len(names) if len(names) > 1 else 0
    rule = UnknownRule(
        score="mixed" if several else names[0],
        parts=names,
        centres=[0.5] * several,
        spreads=[2.0] * several,
        threshold=0.25,
        floors=[0.1, 0.2] if SPREADS.intersection(names) else [],
        style_floor=0.1 if "style_mahalanobis" in names else None,
        kept=0.95,
        protocol="2 figures left out in turn",
    )
    return msgspec.structs.replace(rule, **changes)


def make_line(kept: float, threshold: float, **changes: Any) -> UnknownLine:
    return UnknownLine(kept=kept, threshold=threshold, **changes)


def make_sets(**changes: Any) -> SetRule:
    rule = SetRule(method="lac", coverage=0.95, threshold=0.9, n=120)
    return msgspec.structs.replace(rule, **changes)


def make_calibration(**changes: Any) -> Calibration:
    return msgspec.structs.replace(Calibration(temperature=1.5), **changes)


def make_parts(**changes: Any) -> dict[str, Any]:
    """The keyword arguments of ``write_bundle``."""
    parts: dict[str, Any] = {
        "model": make_model(),
        "gallery": make_gallery(),
        "network": make_weights(),
        "thumbnails": [make_jpeg(seed) for seed in range(PHOTOS)],
        "extras": {"history.csv": b"epoch,loss\n1,2.5\n", "curves.png": b"\x89PNG\r\n\x1a\n"},
    }
    return parts | changes


def make_bundle(path: Path, manifest: Manifest | None = None, **changes: Any) -> Path:
    write_bundle(path, manifest or make_manifest(), **make_parts(**changes))
    return path


def forge(folder: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Path:
    """Change a manifest and make it whole again, hashes and seal, as a forger would."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    for name in manifest["files"]:
        if (folder / name).is_file():
            manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    change(manifest)
    manifest["seal"] = "0" * 64
    text = json.dumps(manifest, indent=1)
    seal = hashlib.sha256(text.encode()).hexdigest()
    file.write_text(text.replace("0" * 64, seal, 1))
    return folder


def refusal(path: Path, read: Callable[[Path], object] = open_bundle) -> str:
    """What opening a model says, on one line, with the path left out."""
    with pytest.raises(BundleError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def verdict(path: Path) -> str:
    """What looking at every file says, on one line, with the path left out."""
    return refusal(path, verify)


def write_zip(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, hidden ones included."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def temperature_of(path: Path) -> float | None:
    with open_bundle(path) as bundle:
        calibration = bundle.manifest.calibration
        return calibration.temperature if calibration else None


def make_new_manifest() -> Manifest:
    return make_manifest(calibration=Calibration(temperature=2.0))
