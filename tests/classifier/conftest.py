from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.bundle.make import (
    FIGURES,
    make_bundle,
    make_calibration,
    make_gallery,
    make_jpeg,
    make_manifest,
    make_sets,
    make_unknown,
)

from figsight.classifier import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from figsight.bundle import Calibration, Gallery
    from figsight.classifier import Classifier

KNOWN = 40


def make_photo(seed: int) -> np.ndarray:
    size = (20 + seed % 7, 30)
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def make_memory(classifier: Classifier) -> Gallery:
    """A gallery of what the network really gives for ``KNOWN`` photos."""
    pixels = np.stack([classifier.prepare(make_photo(seed)) for seed in range(KNOWN)])
    return replace(
        make_gallery(),
        embeddings=classifier.run(pixels).embedding.astype(np.float16),
        labels=np.arange(KNOWN, dtype=np.int32) % FIGURES,
        sha256=np.zeros((KNOWN, 32), np.uint8),
        paths=tuple(f"set/{seed}.png" for seed in range(KNOWN)),
    )


def make_ruled(path: Path, gallery: Gallery, calibration: Calibration | None = None) -> Path:
    """A model of that gallery, with these rules or some."""
    if calibration is None:
        calibration = make_calibration(unknown=make_unknown(threshold=0.004), sets=make_sets())
    return make_bundle(
        path,
        make_manifest(calibration=calibration),
        gallery=gallery,
        thumbnails=[make_jpeg(seed) for seed in range(len(gallery))],
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("classifier") / "model")


@pytest.fixture(scope="module")
def classifier(model: Path) -> Iterator[Classifier]:
    with load(model) as opened:
        yield opened


@pytest.fixture(scope="module")
def memory(classifier: Classifier) -> Gallery:
    return make_memory(classifier)


@pytest.fixture(scope="module")
def ruled(memory: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classifier]:
    """A model that tells unknown photos and gives sets."""
    with load(make_ruled(tmp_path_factory.mktemp("ruled") / "model", memory)) as opened:
        yield opened


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Seven photos of several sizes, in folders."""
    folder = tmp_path / "photos"
    for index in range(7):
        path = folder / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make_photo(index)).save(path)
    return folder
