"""The folder of an unfinished run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from figsight.errors import OutputError
from figsight.training.workplace import Workplace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    found = Workplace(tmp_path / "model")
    found.open(resume=False, overwrite=False)
    return found


def test_outputs__come_back_as_they_were(place: Workplace) -> None:
    wide = np.arange(12, dtype=np.float32).reshape(3, 4)
    arrays = {"held.logits": wide.T, "own.logits": np.empty((5, 0), np.float32)}
    assert place.load_outputs("left out 1") is None
    place.save_outputs("left out 1", arrays)
    found = place.load_outputs("left out 1")
    assert found is not None
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)
        assert found[name].shape == array.shape
    assert [path.name for path in place.folder.iterdir()] == ["left-out-1.outputs.safetensors"]


def test_outputs__that_cannot_be_kept_end_the_run_in_one_line(place: Workplace) -> None:
    shutil.rmtree(place.folder)
    with pytest.raises(
        OutputError, match=r"holdout\.outputs\.safetensors: cannot be written \(.*\); "
    ):
        place.save_outputs("holdout", {"held.logits": np.ones((2, 2), np.float32)})
