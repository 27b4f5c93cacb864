"""What tests of a cross-validation share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.evaluation.make import Trainer, plant

import figsight.training

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    """Stand in for training."""
    stand_in = Trainer()
    # Into the module's own names: asking it for the real one would import torch.
    monkeypatch.setitem(vars(figsight.training), "train", stand_in)
    return stand_in


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos of each of three figures; one of them lies there three times."""
    folder = plant(tmp_path / "set", "1", "2", "17", photos=6)
    for copy in ("copy", "again"):
        shutil.copy(folder / "1" / "0.png", folder / "1" / f"{copy}.png")
    return folder
