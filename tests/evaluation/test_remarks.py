from __future__ import annotations

from typing import TYPE_CHECKING

from tests.evaluation.make import plant

from figsight.dataset import read
from figsight.dataset.choosing import training_part
from figsight.evaluation.remarks import say_untaught

if TYPE_CHECKING:
    from pathlib import Path


def test_say_untaught__names_figures_that_no_photo_shows(tmp_path: Path) -> None:
    plant(tmp_path / "set", "train/1", "train/2", "test/17")
    dataset = read(tmp_path / "set")
    assert say_untaught(dataset) == ()
    assert say_untaught(training_part(dataset)) == (
        "Figures without a photo to learn from, left out: 17.",
    )
