from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.bundle.make import make_bundle
from tests.cli.make import RECIPE
from tests.training.make import plant_photos

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("cli") / "model")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos of each of the model's three figures."""
    for number, name in enumerate(("1", "2", "17")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(2):
            random = np.random.default_rng([number, index])
            pixels = random.integers(0, 256, (20, 30, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    return tmp_path / "photos"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return plant_photos(tmp_path / "data", figures=2, photos=4)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for results."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
