"""Which versions a training runs on."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import PIL

from figsight.training.versions import LIBRARIES, find_version, list_versions

if TYPE_CHECKING:
    import pytest


def test_list_versions__names_python_and_every_library() -> None:
    found = list_versions()
    assert list(found) == ["python", *LIBRARIES]
    assert all(found[name] == metadata.version(name) for name in LIBRARIES)


def test_find_version__asks_a_library_that_came_under_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert find_version("pillow") == PIL.__version__
    assert find_version("nothing-like-it") == "unknown"
    assert find_version("figsight") == "unknown"  # from a folder, not installed
