"""Folders of photos, and small models that remember them."""

from __future__ import annotations

import hashlib
import io
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from tests.bundle.make import (
    make_bundle,
    make_gallery,
    make_manifest,
    make_model,
    make_styled,
    make_weights,
)
from tests.training.make import plant_photos

from figsight.classifier import load
from figsight.dataset import Dataset, Figure, Photo, read
from figsight.errors import PhotoError
from figsight.evaluation import Evaluation
from figsight.evaluation.seen import shrink
from figsight.images import decode

if TYPE_CHECKING:
    from figsight.bundle import Calibration
    from figsight.training import Watcher

IDS = ("1", "2", "17")  # of the figures of ``make_bundle``


def plant(folder: Path, *names: str, photos: int = 3) -> Path:
    """Write photos of noise below folders of these names."""
    # Numbered for all names together, so that no two sets of a test share a photo.
    plant_photos(folder, figures=len(names), photos=photos)
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"figure-{number}").rename(folder / name)
    return folder


def plant_desk(folder: Path) -> Path:
    """Write ``old`` and ``new`` photos of the small model's figures, and ``x`` of none of them."""
    everything = folder / "all"
    plant(everything, *(f"{age}/{figure}" for age in ("old", "new") for figure in IDS), "x")
    for name in ("old", "new", "x"):
        (everything / name).rename(folder / name)
    return folder


def make_remembering(path: Path, photos: Path, calibration: Calibration | None = None) -> Path:
    """Write a model whose gallery is these photos, as training writes it."""
    dataset = read(photos)
    plain = make_bundle(path.with_name(f"{path.name}-plain"))
    with load(plain) as classifier:
        index = {figure.id: i for i, figure in enumerate(classifier.figures)}
        pixels = np.stack([classifier.prepare(photo) for photo in dataset.photos])
        embeddings = classifier.run(pixels).embedding.astype(np.float16)
    data = [photo.read() for photo in dataset.photos]
    gallery = replace(
        make_gallery(),
        embeddings=embeddings,
        labels=np.array([index[photo.figure_id or ""] for photo in dataset.photos], np.int32),
        sha256=np.array([list(hashlib.sha256(one).digest()) for one in data], np.uint8),
        paths=tuple(photo.path for photo in dataset.photos),
    )
    manifest = make_manifest(calibration=calibration)
    return make_bundle(
        path, manifest, gallery=gallery, thumbnails=[_thumbnail(one) for one in data]
    )


@dataclass
class Trainer:
    """Stands in for training: writes a small bundle, another each time, and remembers the call."""

    learned: list[Dataset] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    options: list[dict[str, Any]] = field(default_factory=list)
    styled: bool = False  # whether its networks give styles

    def __call__(self, data: Dataset, path: Path, *, watch: Watcher, **options: Any) -> None:
        seed = len(self.learned)
        self.learned.append(data)
        self.paths.append(path)
        self.options.append(options)
        watch.expect(2)
        watch.begin("reading photos", len(data.photos))
        watch.begin("final", 2)
        if options["overwrite"] and path.exists():
            shutil.rmtree(path)
        parts: dict[str, Any] = {"gallery": make_gallery(seed), "network": make_weights(seed)}
        manifest = make_styled() if self.styled else make_manifest()
        model = make_model(seed, styled=self.styled)
        make_bundle(path, manifest, model=model, thumbnails=None, **parts)


def _thumbnail(data: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(shrink(decode(data))).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def make_evaluation(
    labels: list[int], probabilities: list[list[float]], **changes: Any
) -> Evaluation:
    """Make up an evaluation whose photos exist only by name."""
    p = np.array(probabilities, np.float64)
    repeats = changes.get("repeats", 1)
    photos = tuple(Photo(f"{i}.png", Path(f"{i}.png")) for i in range(len(labels) // repeats))
    made = Evaluation(
        protocol="some photos",
        figures=tuple(Figure(str(k), "SAME", f"SAME ({k})") for k in range(p.shape[1])),
        photos=photos * repeats,
        labels=np.array(labels, np.int64),
        probabilities=p / p.sum(axis=1, keepdims=True),
        skipped=(PhotoError("bad.png", "it is damaged"),),
        notes=("A note.",),
        seconds=1.23456,
    )
    return replace(made, **changes)
