"""Small sets of photos with known flaws."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter
from tests.make import scene

if TYPE_CHECKING:
    from pathlib import Path


def png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def jpeg(picture: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def flawed() -> dict[str, bytes]:
    """Two classes in two splits, with one flaw of each kind that an audit finds without torch."""
    files = {f"train/red/{k}.png": png(scene(k)) for k in range(6)}
    files |= {f"train/blue/{k}.png": png(scene(10 + k)) for k in range(3)}
    files |= {f"test/red/{k}.png": png(scene(20 + k)) for k in range(2)}
    files |= {f"test/blue/{k}.png": png(scene(30 + k)) for k in range(2)}
    files["train/red/again.png"] = files["train/red/0.png"]
    files["train/blue/small.jpg"] = jpeg(scene(10).resize((64, 64)), 85)
    files["test/red/leak.png"] = files["train/red/1.png"]
    files["test/blue/conflict.png"] = files["test/red/0.png"]
    files["train/red/broken.png"] = files["train/red/2.png"][:200]
    files["train/red/dark.png"] = png(scene(40).point(lambda value: value // 8))
    files["train/red/soft.png"] = png(scene(41).filter(ImageFilter.GaussianBlur(4)))
    files["train/red/nothing.png"] = png(Image.new("RGB", (96, 96), (230, 230, 230)))
    files["train/red/wide.png"] = png(scene(42).crop((0, 0, 96, 40)))
    files["train/cover.png"] = png(scene(43))
    return files


def plant(root: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder."""
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root
