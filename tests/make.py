"""Pictures that more than one room's tests are made of."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw


def scene(seed: int, side: int = 96) -> Image.Image:
    """A picture with coarse and fine structure in colour, another for every seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (6, 6, 3), np.uint8)
    picture = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, w, h = random.uniform(0, 0.9, 2).tolist() + random.uniform(0.04, 0.2, 2).tolist()
        colour = tuple(int(c) for c in random.integers(20, 235, 3))
        draw.ellipse([x * side, y * side, (x + w) * side, (y + h) * side], fill=colour)
    return picture
