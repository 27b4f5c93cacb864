"""Scores and rules from what networks said of photos that they never saw."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from figsight import bundle, calibration
from figsight.dataset import Figure
from figsight.training.answers import Outputs
from figsight.training.judging import _find_operating_point, judge

FIGURES = (Figure("n", "NORMAL", "NORMAL"), Figure("p", "PNEUMONIA", "PNEUMONIA"))


def find(negatives: int, positives: int, groups: list[str] | None = None) -> Any:
    """The operating point of photos of which each shows what its number says, nearly."""
    labels = np.repeat([0, 1], [negatives, positives])
    scores = 0.3 * labels + np.random.default_rng(0).random(len(labels)) * 0.7
    return _find_operating_point(
        np.stack([1 - scores, scores], axis=1),
        labels,
        groups or [f"{i:03d}" for i in range(len(labels))],
        SimpleNamespace(dataset=SimpleNamespace(figures=FIGURES)),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("negatives", [1, 2, 40])
def test_find_operating_point__needs_few_photos_of_the_other_figure(negatives: int) -> None:
    groups = ["together"] * negatives + [f"{i:03d}" for i in range(60)]
    for found in (find(negatives, 60), find(negatives, 60, groups)):
        assert isinstance(found, bundle.OperatingPoint)
        assert found.positive == "p"
        assert found.sensitivity is not None
        assert found.sensitivity.low < 0.95 < found.sensitivity.high
    assert find(0, 60) is None


def test_find_operating_point__says_how_many_photos_it_takes() -> None:
    found = find(30, 20)
    assert isinstance(found, calibration.Refusal)
    assert found.reason == (
        "a threshold that finds 95% of PNEUMONIA needs at least 21 photos of it, copies counted once, "
        "to be set and tested on, found 20; add photos"
    )
    assert isinstance(find(30, 22), bundle.OperatingPoint)


def test_find_operating_point__counts_patients_and_not_pictures() -> None:
    groups = [f"n{i}" for i in range(30)] + [f"p{i // 10}" for i in range(100)]
    found = find(30, 100, groups)
    assert isinstance(found, calibration.Refusal)
    assert "found 10; add photos" in found.reason


def test_judge__counts_copies_once_in_the_temperature() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 3
    logits = (2 * np.eye(3)[labels] + rng.normal(size=(60, 3))).astype(np.float32)

    def temperature(rows: np.ndarray) -> float:
        held = SimpleNamespace(held=np.arange(len(rows)), strangers=[], kept=np.arange(2))
        own = Outputs(*np.zeros((3, 2, 4), np.float32))
        said = Outputs(logits[rows], *np.zeros((2, len(rows), 4), np.float32))
        sample = SimpleNamespace(labels=labels[rows], groups=[str(i) for i in rows])
        answers = SimpleNamespace(part=held, held=said, own=own)
        found = judge([answers], sample).calibration  # type: ignore[list-item, arg-type]
        assert found is not None
        return found.temperature

    once = temperature(np.arange(60))
    assert once == calibration.fit_temperature(logits, labels)
    copies = np.r_[np.arange(60), [5] * 40]
    assert temperature(copies) == pytest.approx(once, rel=1e-6)
