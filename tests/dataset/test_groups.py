from __future__ import annotations

from pathlib import Path

import numpy as np

from figsight.dataset.copies import find_copies, fingerprint
from figsight.dataset.groups import group_photos
from figsight.dataset.model import Photo


def test_group_photos__joins_copies_and_what_the_source_joins() -> None:
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256, (40, 40, 3), np.uint8) for _ in range(4)]
    order = [0, 1, 0, 2, 3]  # the third photo is the first again
    prints = [fingerprint(pixels[k], f"hash {k}") for k in order]
    sources = [None, "ann", None, "ann", None]
    photos = [Photo(f"{i}.png", Path(f"{i}.png"), group=group) for i, group in enumerate(sources)]
    groups = group_photos(photos, [f"hash {k}" for k in order], find_copies(prints))
    assert groups == ["hash 0", "hash 1", "hash 0", "hash 1", "hash 3"]
