"""Of two figures one is looked for: from the call to the bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.training.make import TINY, Told

from figsight import bundle, evaluate, load, train
from figsight.errors import DataError, RecipeError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("graph_at_hand")
def test_train__keeps_which_figure_is_looked_for(photos: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"recipe": TINY, "weights": "random", "positive": "figure-0"}
    made = train(photos, tmp_path / "m", sensitivity=0.5, **how)
    with bundle.open_bundle(tmp_path / "m") as opened:
        manifest = opened.manifest
    assert manifest.calibration == made.calibration
    assert manifest.calibration is not None
    assert manifest.calibration.positive == "figure-0"
    point = manifest.calibration.operating_point
    assert point is not None
    with load(tmp_path / "m") as classifier:
        sought = classifier.predict(photos / "figure-1" / "0.png").sought
    assert sought is not None
    assert (sought.class_id, sought.threshold) == ("figure-0", point.threshold)
    found = evaluate(tmp_path / "m", photos, record=False)
    assert found.figures[found.positive].id == "figure-0"
    assert found.operating is not None
    assert found.operating.positive == "figure-0"
    said = (tmp_path / "m" / "README.md").read_text()
    assert "**figure\\-0 looked for**: from a probability of " in said


@pytest.mark.usefixtures("graph_at_hand")
@pytest.mark.parametrize("asked", [{}, {"positive": "figure-0"}, {"sensitivity": 0.9}])
def test_train__says_that_nothing_measured_leaves_nothing_looked_for(
    photos: Path, tmp_path: Path, asked: dict[str, Any]
) -> None:
    told = Told()
    train(photos, tmp_path / "m", recipe=TINY, weights="random", folds=0, watch=told, **asked)
    said = [line for line in told.lines if "looked for" in line]
    lost = (
        "nothing will be measured, so that the model has no threshold, and does not keep which figure is "
        "looked for"
    )
    assert said == ([lost] if asked else [])


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"positive": "figure-2"}, DataError),
        ({"sensitivity": 1}, RecipeError),
        ({"sensitivity": "0.9"}, RecipeError),
    ],
)
def test_train__refuses_what_cannot_be_looked_for_before_it_begins(
    photos: Path, tmp_path: Path, asked: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^(set|sensitivity): expected .*, found .*; write "):
        train(photos, tmp_path / "m", recipe=TINY, weights="random", **asked)
    assert not list(tmp_path.iterdir())
