"""What has to be installed for some packages: their own files and those of what they depend on."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

import figsight

if TYPE_CHECKING:
    from collections.abc import Iterable


def measure_install(packages: Iterable[str]) -> dict[str, float]:
    """Return the megabytes of each installed package that some packages need, themselves included.

    Extras are not followed; files outside of the records of pip (bytecode) are not counted.

    Raises:
        importlib.metadata.PackageNotFoundError: One of them is not installed.
    """
    waiting, found = [_normal(name) for name in packages], dict[str, float]()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        distribution = metadata.distribution(name)
        if name == "figsight":  # perhaps a checkout, of which pip has no list
            paths = [str(path) for path in Path(figsight.__file__).parent.rglob("*")]
            paths = [path for path in paths if not path.endswith(".pyc")]
        else:
            paths = [
                str(distribution.locate_file(file))
                for file in distribution.files or ()
                if file.suffix != ".pyc"
            ]
        found[name] = sum(map(_size, paths)) / 1e6
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(_normal(requirement.name))
    return found


def _size(path: str) -> int:
    file = Path(path)
    return file.lstat().st_size if file.is_file() else 0


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
