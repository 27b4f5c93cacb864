"""Photos and one trained model for all tests of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.training.make import TINY, plant_photos

from figsight import train

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant_photos(tmp_path_factory.mktemp("photos") / "set")


@pytest.fixture(scope="module")
def model(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "model"
    train(photos, path, recipe=TINY, weights="random", device="cpu")
    return path


@pytest.fixture
def graph_at_hand(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliver the fixture's ONNX file: exporting takes longer than all training here together."""
    data = (model / "model.onnx").read_bytes()
    monkeypatch.setattr("figsight.training.delivery.export_onnx", lambda *_: data)
