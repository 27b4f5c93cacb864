from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from figsight.dataset import read
from figsight.dataset.copies import find_copies, fingerprint
from figsight.dataset.groups import group_photos, read_groups
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


def test_read_groups__says_what_is_wrong_with_the_set(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("a/1", "a/2", "b/1", "c/1", "c/2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        noise = random.integers(0, 256, (8, 8, 3), np.uint8)
        picture = Image.fromarray(noise).resize((64, 64), Image.Resampling.NEAREST)
        picture.save(tmp_path / f"{name}.png")
    shutil.copy(tmp_path / "a" / "1.png", tmp_path / "a" / "copy.png")
    Image.new("RGB", (64, 64), (200, 0, 0)).save(tmp_path / "a" / "flat.png")
    (tmp_path / "a" / "bad.png").write_bytes(b"no picture")
    found = read_groups(read(tmp_path), skip_bad=True)
    paths = [photo.path for photo in found.findings.photos]
    assert paths == [photo.path for photo in found.dataset.photos]
    assert [[photo.path for photo in one.photos] for one in found.findings.duplicates] == [
        ["a/1.png", "a/copy.png"]
    ]
    assert [one.name for one in found.findings.scarce] == ["b"]
    assert [error.path for error in found.findings.unreadable] == ["a/bad.png"]
    assert [paths[i] for i in found.odd.blank] == ["a/flat.png"]
