"""The side file of a model that says what it was tested on, and when: ``evaluations.jsonl``.

A set of photos tests a model once. Whoever looks at the result, changes something and tests on the
same photos again is choosing by them, and the number creeps up without the model getting better. The
file cannot prevent that; it tells it. One JSON object a line, never changed, only added to:

    time        when, in UTC
    photos      SHA-256 over the sorted SHA-256 of the photos' files, as in the model's manifest
    model       the seal of the manifest
    n, correct, accuracy, interval, protocol, trained_on (how many), figsight (version)

Knows the file. Does not know how anything is measured, and proves nothing: anybody can edit it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figsight.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = "evaluations.jsonl"
_LONGEST = 1 << 16  # bytes of a line; ours have a few hundred


@dataclass(frozen=True)
class Log:
    """What the side file says of some photos.

    Attributes:
        times: When they were tested, oldest first.
        damaged: How many lines are no JSON object with a time.
    """

    times: tuple[str, ...]
    damaged: int


def find_log(model: str) -> Path:
    """Return where the side file of a model lies: in its folder, or beside its zip."""
    path = Path(model)
    return path / NAME if path.is_dir() else path.with_name(f"{path.name}.{NAME}")


def fingerprint_photos(sha256: Iterable[str]) -> str:
    """Return SHA-256 over the sorted hashes (hex) of photos: the same photos in any order."""
    return hashlib.sha256("".join(sorted(sha256)).encode()).hexdigest()


def read_log(path: Path, photos: str) -> Log:
    """Return when photos of this fingerprint were tested.

    Raises:
        OutputError: The file is there and cannot be read.
    """
    times, damaged = [], 0
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST):
                entry = _parse(line)
                if entry is None:
                    damaged += bool(line.strip())
                elif entry["photos"] == photos:
                    times.append(entry["time"])
    except FileNotFoundError:
        pass  # never tested, or never told
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return Log(tuple(sorted(times)), damaged)


def add_to_log(path: Path, entry: Mapping[str, Any]) -> None:
    """Add a line.

    Raises:
        OutputError: The file cannot be written.
    """
    line = json.dumps(dict(entry)).encode() + b"\n"
    # One write at the end of the file: two tests at the same time do not mix their lines. A link
    # that lies in its place is not followed.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o666)
        with open(descriptor, "r+b", buffering=0) as file:  # noqa: PTH123 - a descriptor
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(entry, dict) and all(
        isinstance(entry.get(k), str) for k in ("time", "photos")
    )
    return entry if sound else None
