"""What tests of a cross-validation share."""

from __future__ import annotations

import pytest
from tests.evaluation.make import Trainer

import figsight.training


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    """Stand in for training."""
    stand_in = Trainer()
    # Into the module's own names: asking it for the real one would import torch.
    monkeypatch.setitem(vars(figsight.training), "train", stand_in)
    return stand_in
