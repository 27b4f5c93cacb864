"""An unfinished training goes on only with what it began with."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.training.make import TINY, Interruption

from figsight import train
from figsight.errors import OutputError
from figsight.images import CHANGES

if TYPE_CHECKING:
    from pathlib import Path


def test_train__resumed_with_other_options_says_which(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "m", recipe=TINY, weights="random", watch=Interruption(1))
    with pytest.raises(OutputError, match="had recipe epochs 2, this one has epochs 3"):
        train(photos, tmp_path / "m", recipe=TINY, weights="random", epochs=3, resume=True)
    assert (tmp_path / "m.training" / "plan.json").exists()


def test_train__resumed_with_photos_that_changed_places_says_so(
    photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos, tmp_path / "set")
    one, other, aside = (
        tmp_path / "set" / name for name in ("figure-0/0.png", "figure-1/0.png", "x")
    )
    how: dict[str, Any] = {"recipe": TINY, "weights": "random"}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "set", tmp_path / "m", watch=Interruption(1), **how)
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    with pytest.raises(OutputError, match="had other contents, 2 of 12; resume with the same"):
        train(tmp_path / "set", tmp_path / "m", resume=True, **how)


def test_train__resumed_with_other_groups_says_so(photos: Path, tmp_path: Path) -> None:
    def write(group: int) -> Path:
        rows = [
            f"{path},{path.parent.name},{i % group}" for i, path in enumerate(photos.rglob("*.png"))
        ]
        table = tmp_path / "set.csv"
        table.write_text("\n".join(["path,label,group", *rows]))
        return table

    how: dict[str, Any] = {"recipe": TINY, "weights": "random"}
    with pytest.raises(KeyboardInterrupt):
        train(write(12), tmp_path / "m", watch=Interruption(1), **how)
    with pytest.raises(OutputError, match="had other groups, "):
        train(write(4), tmp_path / "m", resume=True, **how)


@pytest.mark.usefixtures("graph_at_hand")
def test_train__resumed_judges_by_what_is_looked_for_now(
    photos: Path, model: Path, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"recipe": TINY, "weights": "random", "device": "cpu"}
    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "m", watch=Interruption(3), positive="figure-1", **how)
    asked: dict[str, Any] = {"positive": "figure-0", "sensitivity": 0.5}
    resumed = train(photos, tmp_path / "m", resume=True, **asked, **how)
    # Nothing that is trained depends on it: the same comes of a run that began with it.
    whole = train(photos, tmp_path / "whole", **asked, **how)
    assert resumed.calibration == whole.calibration
    assert resumed.calibration is not None
    point = resumed.calibration.operating_point
    assert point is not None
    assert (point.positive, point.stated_sensitivity) == ("figure-0", 0.5)
    weights = [
        (path / "network.safetensors").read_bytes()
        for path in (tmp_path / "m", tmp_path / "whole", model)
    ]
    assert weights[0] == weights[1] == weights[2]


def test_train__resumed_from_another_version_says_so(photos: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"recipe": TINY, "weights": "random"}
    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "m", watch=Interruption(1), **how)
    plan = tmp_path / "m.training" / "plan.json"
    earlier = json.loads(plan.read_text("utf-8"))
    assert earlier.pop("cameras") == len(CHANGES)
    plan.write_text(json.dumps(earlier), "utf-8")
    with pytest.raises(OutputError, match="was begun by another version of figsight; go on"):
        train(photos, tmp_path / "m", resume=True, **how)
