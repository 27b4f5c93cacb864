"""The side file of a model that says what it was tested on, and when: ``evaluations.jsonl``.

A set of photos tests a model once. Whoever looks at the result, changes something and tests on the
same photos again is choosing by them, and the number creeps up without the model getting better. The
file cannot prevent that; it tells it. One JSON object a line, never changed, only added to:

    time        when, in UTC
    photos      SHA-256 over the sorted SHA-256 of the photos' files, as in the model's manifest
    each        the first 12 hex digits of the SHA-256 of each photo's file, sorted, as one text; left
                out where an earlier line has it for the same photos, and in lines of older versions
    model       the seal of the manifest
    n, correct, accuracy, interval, protocol, trained_on (how many), figsight (version)

A model that replaces another of its name takes the file over: who trains anew after a test and tests
again on the same photos is just the one who has to be told.

Knows the file. Does not know how anything is measured, and proves nothing: anybody can edit it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figsight.dataset.fingerprints import fingerprint_photos
from figsight.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NAME = "evaluations.jsonl"
_LONGEST = 1 << 24  # bytes of a line: a million photos; those of a hundred have 1,600
# Of a photo's hash: of 50,000 photos and 50,000 others, one in 100,000 pairs of sets errs.
_DIGITS = 12


@dataclass(frozen=True)
class Log:
    """What the side file says of some photos.

    Attributes:
        times: When all of them together, and no others, were tested by the model, oldest first.
        other_times: The same by earlier models of its name.
        listed: Whether a line names each photo of this very set.
        retested: What it says of each by itself; None when none of them was tested.
        damaged: How many lines are no JSON object with a time.
    """

    times: tuple[str, ...]
    other_times: tuple[str, ...]
    listed: bool
    retested: Retested | None
    damaged: int


@dataclass(frozen=True)
class Retested:
    """Photos that were tested before, whatever others were tested with them.

    Attributes:
        n: How many files of the set there are among them.
        first: When one of them was tested first.
        earlier_model: Whether that was by an earlier model of this name.
        earlier_first: When an earlier model of this name was tested on one first; None without one.
    """

    n: int
    first: str
    earlier_model: bool
    earlier_first: str | None


def find_log(model: str) -> Path:
    """Return where the side file of a model lies: in its folder, or beside its zip."""
    path = Path(model)
    return path / NAME if path.is_dir() else path.with_name(f"{path.name}.{NAME}")


def read_log(
    path: Path, sha256: Sequence[str], seal: str, test: Sequence[str] | None = None
) -> Log:
    """Return when photos were tested.

    Args:
        path: The side file.
        sha256: Of the file of each photo, as hex, [N].
        seal: Of the model.
        test: Of those that are a test; by default all. Of the others, which were trained on, nobody
            needs to be told that they were tested before.

    Raises:
        OutputError: The file is there and cannot be read.
    """
    entries, damaged = _read_entries(path)
    same = fingerprint_photos(sha256)
    test = sha256 if test is None else test
    own, seen = {_shorten(one) for one in test}, set[str]()
    # Of each set by itself: it may have been tested a thousand times.
    shared = {e["photos"]: own & _split(e["each"]) for e in entries if "each" in e}
    listed = same in shared
    shared[same] = own
    touched = []
    for entry in entries:
        if parts := shared.get(entry["photos"]):
            seen |= parts
            touched.append((entry["time"], entry.get("model", seal) != seal))
    touched.sort()
    alike = [(e["time"], e.get("model", seal) == seal) for e in entries if e["photos"] == same]
    return Log(
        times=tuple(sorted(time for time, ours in alike if ours)),
        other_times=tuple(sorted(time for time, ours in alike if not ours)),
        listed=listed,
        retested=Retested(
            n=sum(_shorten(one) in seen for one in test),
            first=touched[0][0],
            earlier_model=touched[0][1],
            earlier_first=next((time for time, earlier in touched if earlier), None),
        )
        if touched
        else None,
        damaged=damaged,
    )


def say_retested(log: Log, n: int) -> str:
    """Say in a sentence which of ``n`` photos were tested before; ``log.retested`` must be there."""
    if log.retested is None:
        raise ValueError("log: expected one in which some of the photos are")
    again, earlier = log.retested, ""
    if log.times:
        if again.earlier_first is not None:
            earlier = f", an earlier model of this name on {again.earlier_first[:10]}"
        what = (
            f"{_ordinal(len(log.times) + 1)} time that this model is tested on these photos (first on "
            f"{log.times[0][:10]}{earlier})"
        )
    else:
        if again.earlier_model:
            earlier = ", by an earlier model of this name"
        which = f"{again.n} of these {n} photos were" if n > 1 else "This photo was"
        if n == again.n > 1:
            which = f"All {n} photos were" if n > 2 else "Both photos were"
        what = f"{which} tested before (first on {again.first[:10]}{earlier})"
    return f"{what}: a choice made by looking at the result is no longer tested by it."


def list_each(sha256: Iterable[str]) -> str | None:
    """Return what a line says of each photo; None where that would be too long for a line."""
    each = "".join(sorted({_shorten(one) for one in sha256}))
    return each if len(each) < _LONGEST // 2 else None


def _read_entries(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the lines that can be read, and the number of the others."""
    entries, damaged = [], 0
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST):
                entry = _parse(line)
                if entry is None:
                    damaged += bool(line.strip())
                else:
                    entries.append(entry)
    except FileNotFoundError:
        pass  # never tested, or never told
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return entries, damaged


def _shorten(sha256: str) -> str:
    return sha256[:_DIGITS]


def _split(each: str) -> set[str]:
    return {each[at : at + _DIGITS] for at in range(0, len(each), _DIGITS)}


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
    if not isinstance(entry, dict):
        return None
    texts = [entry.get("time"), entry.get("photos"), entry.get("each", ""), entry.get("model", "")]
    return entry if all(isinstance(one, str) for one in texts) else None


def _ordinal(n: int) -> str:
    ending = "th" if 11 <= n % 100 <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
