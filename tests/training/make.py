"""Small sets and recipes for training in a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from figsight.training import Recipe, Silence
from figsight.training.recipe import Augmentation, Optimizer

if TYPE_CHECKING:
    from pathlib import Path

    from figsight.training.checkpoint import EpochRecord

TINY = Recipe(
    name="tiny",
    backbone="test_efficientnet",
    image_size=32,
    store_size=40,
    epochs=2,
    batch_size=4,
    folds=2,
    norms="folded",
    dropout=0.1,
    averaging=0.5,
    optimizer=Optimizer(
        name="adamw", learning_rate=1e-3, head_learning_rate=1e-2, layer_decay=0.9, warmup=0.1
    ),
    augmentation=Augmentation(
        flip=0.5, rotation=10, min_area=0.7, brightness=0.2, erase=0.3, mix=0.5
    ),
)


class Interruption(Silence):
    """Raises in the middle of a run, as Ctrl-C would."""

    def __init__(self, after: int) -> None:
        self._left = after

    def epoch(self, record: EpochRecord) -> None:
        """Count down."""
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt


class Told(Silence):
    """Writes down what it is told in passing."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        """Take a line down."""
        self.lines.append(line)


def plant_photos(root: Path, figures: int = 2, photos: int = 6) -> Path:
    """Write noise of one colour a figure; no photo is a near-duplicate of another."""
    rng = np.random.default_rng(0)
    for figure in range(figures):
        folder = root / f"figure-{figure}"
        folder.mkdir(parents=True)
        for number in range(photos):
            noise = rng.integers(0, 120, (6, 6, 3), dtype=np.uint8)
            noise[..., figure % 3] += 120
            picture = Image.fromarray(noise).resize((48, 48), Image.Resampling.NEAREST)
            picture.save(folder / f"{number}.png")
    return root
