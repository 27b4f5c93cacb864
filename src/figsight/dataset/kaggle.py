"""Sets on Kaggle, fetched by Kaggle's own client ``kagglehub`` into its own cache.

Knows one function of ``kagglehub``. Does not know what is in a set.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from figsight.dataset.names import printable
from figsight.errors import DataError, MissingExtraError

PREFIX = "kaggle:"
_HANDLE = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+(/versions/[0-9]+)?")


def download(handle: str) -> Path:
    """Return the folder of a Kaggle set; ``kagglehub`` fetches it unless its cache has it.

    Args:
        handle: ``owner/name``, or ``owner/name/versions/3``.

    Raises:
        MissingExtraError: ``kagglehub`` is not installed.
        DataError: The handle is not one, or the set cannot be fetched.
    """
    if not _HANDLE.fullmatch(handle):
        raise DataError(f"{PREFIX}{printable(handle)}: expected {PREFIX}owner/name")
    try:
        kagglehub = importlib.import_module("kagglehub")
    except ImportError as error:
        raise MissingExtraError(f"{PREFIX}{handle}", "kaggle") from error
    try:
        folder = Path(kagglehub.dataset_download(handle))
    except Exception as error:  # its errors have no common base: requests', Kaggle's, ValueError
        reason = printable(f"{type(error).__name__}: {error}")
        raise DataError(
            f"{PREFIX}{handle}: cannot be fetched from Kaggle ({reason}); check the name and the "
            f"network, or fetch the zip in a browser and give its path"
        ) from error
    if not folder.is_dir():
        raise DataError(f"{PREFIX}{handle}: expected kagglehub to give a folder, found none")
    return folder
