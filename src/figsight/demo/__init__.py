"""The photos that come with the package, for a first try without any of one's own.

Knows where they are. They show toy figures that exist only as formulas; ``scripts/make_demo.py``
renders them.

    photos/   a folder for each of 12 figures
    unknown/  pictures of other figures
    tour.py   figsight's whole path on them
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from figsight.errors import DataError


def demo_photos() -> Path:
    """Return the folder of class folders of the demo set, inside the installed package.

    Raises:
        DataError: figsight is imported from a zip, where there are no folders.
    """
    folder = Path(str(files(__name__))) / "photos"
    if not folder.is_dir():
        raise DataError(
            f"{folder}: expected the demo photos in a folder, found none; install figsight, or unpack it"
        )
    return folder
