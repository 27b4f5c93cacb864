"""Tiny sets of photos, made on the spot."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    Plant = Callable[..., Path]


def picture(colour: str = "red", size: tuple[int, int] = (4, 3)) -> bytes:
    """The bytes of a small PNG."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def png() -> bytes:
    """The bytes of a small PNG."""
    return picture()


@pytest.fixture
def plant(tmp_path: Path, png: bytes) -> Plant:
    """Write pictures and other files below ``tmp_path / "set"`` and return that folder."""

    def write(pictures: Iterable[str] = (), files: Mapping[str, str | bytes] | None = None) -> Path:
        root = tmp_path / "set"
        root.mkdir(exist_ok=True)
        for path, content in {**dict.fromkeys(pictures, png), **(files or {})}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write


@pytest.fixture
def pack(tmp_path: Path) -> Callable[[Path, str], Path]:
    """Zip a folder, below a wrapping folder (``""`` for none), and return the zip."""

    def write(folder: Path, wrapper: str = "") -> Path:
        target = tmp_path / "set.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, wrapper + path.relative_to(folder).as_posix())
        return target

    return write
