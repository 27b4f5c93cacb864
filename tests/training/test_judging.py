"""Scores and rules from what networks said of photos that they never saw."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from figsight import bundle, calibration
from figsight.dataset import Figure
from figsight.errors import Remedy
from figsight.training.answers import Outputs, Own
from figsight.training.judging import Judgement, _find_operating_point, judge

FIGURES = (Figure("n", "NORMAL", "NORMAL"), Figure("p", "PNEUMONIA", "PNEUMONIA"))


def find(
    negatives: int,
    positives: int,
    groups: list[str] | None = None,
    *,
    positive: int = 1,
    sensitivity: float = 0.95,
) -> Any:
    """The operating point of photos of which each shows what its number says, nearly."""
    labels = np.repeat([0, 1], [negatives, positives])
    scores = 0.3 * labels + np.random.default_rng(0).random(len(labels)) * 0.7
    return _find_operating_point(
        np.stack([1 - scores, scores], axis=1),
        labels,
        groups or [f"{i:03d}" for i in range(len(labels))],
        SimpleNamespace(dataset=SimpleNamespace(figures=FIGURES)),  # type: ignore[arg-type]
        positive,
        sensitivity,
    )


def _judge(
    labels: np.ndarray,
    logits: np.ndarray,
    figures: Any,
    *,
    spare: int = 0,
    networks: int = 1,
    **how: Any,
) -> Judgement:
    """What comes of answers to N photos that networks were kept from; some more were taught, twice."""
    n = len(labels)
    held = SimpleNamespace(held=np.arange(n), strangers=[], kept=np.arange(2))
    own = Own(zeros := np.zeros((2, 4), np.float32), zeros, zeros[None])
    said = Outputs(logits, *np.zeros((2, n, 4), np.float32))
    sample = SimpleNamespace(
        labels=np.r_[labels, np.zeros(2 * spare, np.int64)],
        groups=[str(i) for i in range(n)] + [f"spare {i // 2}" for i in range(2 * spare)],
        dataset=SimpleNamespace(figures=figures),
    )
    answers = SimpleNamespace(part=held, held=said, own=own)
    return judge([answers] * networks, sample, **how)  # type: ignore[list-item, arg-type]


@pytest.mark.parametrize("negatives", [1, 2, 40])
def test_find_operating_point__needs_few_photos_of_the_other_figure(negatives: int) -> None:
    groups = ["together"] * negatives + [f"{i:03d}" for i in range(60)]
    for found in (find(negatives, 60), find(negatives, 60, groups)):
        assert isinstance(found, bundle.OperatingPoint)
        assert found.positive == "p"
        assert found.sensitivity is not None
        assert found.sensitivity.low < 0.95 < found.sensitivity.high
    one = find(0, 60)
    assert isinstance(one, calibration.Refusal)
    assert one.reason == (
        "a threshold for PNEUMONIA needs photos of the other figure to be tested on, found none; "
        "add photos"
    )


def test_find_operating_point__says_how_many_photos_it_takes() -> None:
    found = find(30, 20)
    assert isinstance(found, calibration.Refusal)
    assert found.reason == (
        "a threshold that finds 95% of PNEUMONIA needs at least 21 photos of it, copies counted once, "
        "to be set and tested on, found 20; add photos"
    )
    assert found.remedy is Remedy.ADD_PHOTOS
    assert isinstance(find(30, 22), bundle.OperatingPoint)


def test_find_operating_point__is_of_the_figure_that_is_looked_for() -> None:
    usual, other = (find(80, 60, positive=place, sensitivity=0.75) for place in (1, 0))
    assert (usual.positive, other.positive) == ("p", "n")
    for found in (usual, other):
        assert found.stated_sensitivity == 0.75
        assert found.sensitivity.low < 0.75 < found.sensitivity.high
    assert (usual.sensitivity.n, usual.specificity.n) == (60, 80)
    assert (other.sensitivity.n, other.specificity.n) == (80, 60)
    too_few = find(20, 60, positive=0, sensitivity=0.985)
    assert too_few.reason.startswith("a threshold that finds 98.5% of NORMAL needs at least 68 ")


@pytest.mark.parametrize("positive", [0, 1])
def test_judge__scores_the_figure_that_is_looked_for(positive: int) -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], [90, 50])
    logits = (2 * np.eye(2)[labels] + rng.normal(size=(140, 2))).astype(np.float32)
    found = _judge(labels, logits, FIGURES, positive=positive, sensitivity=0.8)
    assert found.calibration is not None
    point = found.calibration.operating_point
    assert point is not None
    assert found.calibration.positive == point.positive == FIGURES[positive].id
    assert point.stated_sensitivity == 0.8
    values = {score.metric: score.value for score in found.scores}
    right = logits.argmax(axis=1) == labels
    assert values["sensitivity"] == pytest.approx(right[labels == positive].mean())
    assert values["specificity"] == pytest.approx(right[labels != positive].mean())


def test_judge__keeps_what_is_looked_for_where_there_is_no_threshold() -> None:
    labels = np.arange(8) % 2
    found = _judge(labels, np.eye(2, dtype=np.float32)[labels], FIGURES, positive=0).calibration
    assert found is not None
    assert (found.positive, found.operating_point) == ("n", None)
    assert "operating_point" in found.refused


@pytest.mark.parametrize(("spare", "helps"), [(15, False), (16, True)])
def test_judge__advises_to_hold_out_all_where_that_does(spare: int, helps: bool) -> None:
    # Four of each figure were held out; of the first one there are some more, each of them twice.
    labels = np.arange(8) % 2
    logits = np.eye(2, dtype=np.float32)[labels]
    found = _judge(labels, logits, FIGURES, spare=spare, positive=0).calibration
    assert found is not None
    advice = f", or hold out all {8 + 2 * spare} in turn (--folds 5)" if helps else ""
    assert found.refused["operating_point"] == (
        "a threshold that finds 95% of NORMAL needs at least 20 photos of it, copies counted once, to be "
        f"set and tested on, found 4; add photos{advice}"
    )
    assert found.refused["sets"].endswith("found 8; add photos")
    several = _judge(labels, logits, FIGURES, spare=99, networks=2).calibration
    assert several is not None
    assert "hold out" not in several.refused["operating_point"]


def test_judge__looks_for_no_figure_of_three() -> None:
    labels = np.arange(9) % 3
    three = (*FIGURES, Figure("x", "X", "X"))
    found = _judge(labels, np.eye(3, dtype=np.float32)[labels], three).calibration
    assert found is not None
    assert found.positive is None
    assert "operating_point" not in found.refused


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
        own = Own(zeros := np.zeros((2, 4), np.float32), zeros, zeros[None])
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
