"""Made-up predictions for the tests of the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

Draw: TypeAlias = Callable[..., tuple[NDArray[Any], NDArray[Any]]]


@pytest.fixture
def draw() -> Draw:
    """A maker of labels [N] and calibrated probabilities [N, K]."""

    def make(
        n: int = 120, k: int = 5, margin: float = 2.0, seed: int = 0
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        rng = np.random.default_rng(seed)
        logits = rng.normal(size=(n, k))
        logits[np.arange(n), rng.integers(0, k, n)] += margin
        p = np.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        labels = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
        return labels, p

    return make
