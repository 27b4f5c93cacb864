from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.evaluation.make import plant

from figsight.dataset import read
from figsight.dataset.choosing import training_part
from figsight.dataset.groups import read_groups
from figsight.evaluation.remarks import say_single, say_untaught

if TYPE_CHECKING:
    from pathlib import Path


def test_say_untaught__names_figures_that_no_photo_shows(tmp_path: Path) -> None:
    plant(tmp_path / "set", "train/1", "train/2", "test/17")
    dataset = read(tmp_path / "set")
    assert say_untaught(dataset) == ()
    assert say_untaught(training_part(dataset)) == (
        "Figures without a photo to learn from, left out: 17.",
    )


def test_say_single__names_figures_that_no_network_knows_when_it_is_asked(tmp_path: Path) -> None:
    folder = plant(tmp_path / "set", "1", "2", "17")
    for number in (1, 2):
        (folder / "2" / f"{number}.png").unlink()
    (said,) = say_single(read_groups(read(tmp_path / "set"), skip_bad=False))
    assert said == (
        "Figures of a single shot, or whose photos all belong together, which the network that is asked "
        "about them never learned, so that it cannot be right: 2 (2/0.png)."
    )


def test_say_single__counts_what_belongs_together_as_one(tmp_path: Path) -> None:
    dataset = read(plant(tmp_path / "set", "1", "2"))
    assert say_single(read_groups(dataset, skip_bad=False)) == ()
    together = [
        replace(photo, group="session") if photo.figure_id == "1" else photo
        for photo in dataset.photos
    ]
    (said,) = say_single(read_groups(dataset.only(together), skip_bad=False))
    assert said.endswith(" never learned, so that it cannot be right: 1 (1/0.png).")
