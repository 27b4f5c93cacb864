"""Files written whole or not at all. Knows files, not what is in them."""

from __future__ import annotations

import os
from threading import get_ident
from typing import TYPE_CHECKING

from figsight.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_whole(files: Mapping[Path, bytes]) -> None:
    """Write files beside their places, and move them there when all of them are written.

    Raises:
        OutputError: One cannot be written; then none has been, or (should a disk fail between two
            moves) each is either as it was or whole.
    """
    # Two threads, or two processes, may write the same file: the later one stays, whole.
    mine = f"{os.getpid()}-{get_ident()}"
    parts = {path: path.with_name(f".{path.name}.{mine}.part") for path in files}
    path = next(iter(files))
    try:
        for path, data in files.items():
            with parts[path].open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for path, part in parts.items():
            part.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path}: expected a place that can be written, found: {error.strerror or error}; "
            "free some space, or choose another folder"
        ) from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
