"""What the JSON says of curves: the points that a report draws, and no more than can be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.evaluation.make import make_evaluation

from figsight import metrics
from figsight.evaluation.curves import POINTS, thin

if TYPE_CHECKING:
    from figsight.evaluation import Evaluation


def made_up(n: int) -> Evaluation:
    rng = np.random.default_rng(n)
    labels = (np.arange(n) % 2).tolist()
    sure = rng.uniform(0.05, 0.95, n)
    return make_evaluation(labels, np.stack([1 - sure, sure], axis=1).tolist())


def test_to_dict__has_the_points_of_its_curves() -> None:
    made = made_up(40)
    found = made.to_dict()
    positive = made.probabilities[:, 1]
    bins = found["reliability"]
    assert sum(one["count"] for one in bins) == made.n
    assert [one["low"] for one in bins[1:]] == [one["high"] for one in bins[:-1]]
    for one in bins:
        assert (one["accuracy"] is None) == (one["interval"] is None) == (one["count"] == 0)
    last = found["risk_coverage"][-1]
    assert (last["coverage"], last["risk"]) == (1, pytest.approx(1 - found["accuracy"]))
    curve = metrics.roc_curve(made.labels, positive)
    assert len(found["roc"]) == len(curve.threshold)
    first = found["roc"][0]
    assert first == {"threshold": None, "false_positive_rate": 0, "sensitivity": 0}
    for one in found["roc"][1:]:
        called = positive >= one["threshold"]
        assert one["sensitivity"] == pytest.approx(called[made.labels == 1].mean())
        assert one["false_positive_rate"] == pytest.approx(called[made.labels == 0].mean())
    assert found["history"] is None


def test_to_dict__leaves_points_out_of_a_curve_of_many() -> None:
    small, large = made_up(40).to_dict(), made_up(2000).to_dict()
    for key in ("risk_coverage", "roc"):
        assert len(large[key]) == POINTS
        assert large[key][0].keys() == small[key][0].keys()
    curves = {key: large[key] for key in ("reliability", "risk_coverage", "roc", "history")}
    assert len(json.dumps(curves)) < 50_000


def test_to_dict__of_one_kind_of_photos_or_of_three_figures_has_no_roc() -> None:
    assert make_evaluation([1, 1], [[0.9, 0.1], [0.8, 0.2]]).to_dict()["roc"] is None
    assert "roc" not in make_evaluation([1], [[0.5, 0.2, 0.3]]).to_dict()


def test_to_dict__has_the_epochs_of_training() -> None:
    text = "run,epoch,loss,accuracy,seconds\nfinal,1,2.5,0.25,3\nfinal,2,1.5,0.5,3\n"
    found = make_evaluation([0], [[0.9, 0.1]], history=text).to_dict()
    assert found["history"] == [
        {"run": "final", "epoch": 1, "loss": 2.5, "accuracy": 0.25},
        {"run": "final", "epoch": 2, "loss": 1.5, "accuracy": 0.5},
    ]


def test_to_dict__leaves_epochs_out_of_a_long_training() -> None:
    rows = "".join(f"{run},{i},1,0.5,3\n" for run in "ab" for i in range(1, 1001))
    text = f"run,epoch,loss,accuracy,seconds\n{rows}"
    found = make_evaluation([0], [[0.9, 0.1]], history=text).to_dict()["history"]
    for run in "ab":
        epochs = [one["epoch"] for one in found if one["run"] == run]
        assert (epochs[0], epochs[-1], len(epochs)) == (1, 1000, POINTS)


@pytest.mark.parametrize("n", [1, 2, 3, POINTS, POINTS + 1, 12_345])
def test_thin__keeps_both_ends(n: int) -> None:
    places = thin(n).tolist()
    assert places == sorted(set(places))
    assert (places[0], places[-1], len(places)) == (0, n - 1, min(n, POINTS))
