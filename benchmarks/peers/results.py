"""The results in a folder: one small JSON file a run, written whole.

Files of runs that failed are there, too, so that the report can say why; they are run again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from benchmarks import provenance
from benchmarks.peers.curves import extrapolate
from benchmarks.peers.registry import PEERS

from figsight.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from benchmarks.peers.planning import Job

    # Peer, setting, seed and fold of a run, and why it would not be the same now, in words.
    Old: TypeAlias = Mapping[tuple[str, str, int, int], str]
    # Of each peer the ``code`` and the ``versions`` that it would run with.
    Now: TypeAlias = Mapping[str, Mapping[str, Mapping[str, str]]]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one run.

    Attributes:
        peer: Its name.
        setting: One of its settings.
        seed: Of the deal and of the training.
        fold: Which part was held out, from 0.
        status: "finished", "failed", "not installed" or "unavailable".
        why: Why it is not finished.
        held: The photos that were held out, as indices.
        predicted: The class that was answered for each; None when they were not asked about.
        began: Seconds at which the first epoch began.
        curve: (seconds, accuracy) at the end of each epoch that was run.
        of_epochs: How many the run would have.
        versions: Of what it ran with.
        code: Of a run of figsight, which code that was: see ``provenance``; empty where nobody noted it.
        process_seconds: Of the whole process, asking about held-out photos included.
        processor_seconds: Of all its processes on all cores, likewise.
        peak_mb: Peak resident memory of the largest of its processes, megabytes.
        load_before: Load of the machine in the minute before.
        cores: How it was kept on how many cores.
        date: When it ended.
    """

    peer: str
    setting: str
    seed: int
    fold: int
    status: str
    why: str = ""
    held: list[int] = []
    predicted: list[int] | None = None
    began: float | None = None
    curve: list[tuple[float, float | None]] = []
    of_epochs: int = 0
    versions: dict[str, str] = {}
    code: dict[str, str] = {}
    process_seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_mb: float = 0.0
    load_before: float = 0.0
    cores: str = ""
    date: str = ""

    @property
    def place(self) -> tuple[str, str, int, int]:
        """Peer, setting, seed and fold: what there is one run of."""
        return self.peer, self.setting, self.seed, self.fold

    @property
    def is_finished(self) -> bool:
        """Whether it ran as far as it was asked to."""
        return self.status == "finished"

    @property
    def is_whole(self) -> bool:
        """Whether it ran to its end, and not for a part of its epochs."""
        return self.is_finished and len(self.curve) == self.of_epochs

    @property
    def seconds(self) -> float:
        """Seconds of training to its end; extrapolated when it is not whole."""
        return extrapolate([time for time, _ in self.curve], self.began, self.of_epochs)

    @property
    def measured(self) -> list[tuple[float, float]]:
        """The points of the curve at which held-out photos were asked about."""
        return [(time, accuracy) for time, accuracy in self.curve if accuracy is not None]

    def satisfies(self, epochs: int | None) -> bool:
        """Whether nothing is left to be run when so many epochs are asked for."""
        enough = epochs is not None and self.is_finished and len(self.curve) >= epochs
        return self.is_whole or enough


def save(job: Job, found: dict[str, Any], held: list[int], cores: str, folder: Path) -> Result:
    """Write what came of a run, and return it."""
    values = {
        "peer": job.peer.name,
        "setting": job.setting,
        "seed": job.seed,
        "fold": job.fold,
        "held": held,
        "cores": cores,
        **found,
    }
    result = msgspec.convert(values, Result)
    path = job.place(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole({path: json.dumps(values).encode()})
    return result


def load(path: Path) -> Result | None:
    """Read one result; None when there is none, or it cannot be read and is to be made again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def find_old(results: Sequence[Result], now: Now) -> Old:
    """Return the finished runs that would not be the same now, and why not.

    Those of figsight are of one state of its code. For all of them the versions of their packages count,
    but where a peer cannot be run: its own package is not there, so nothing would be mixed.
    """
    old = {}
    for one in results:
        peer = PEERS.get(one.peer)
        if peer is None or not one.is_finished:
            continue  # not in the report, or run again
        there = now[one.peer]
        why = [provenance.say_other_code(one.code, there["code"])] if peer.is_figsight else []
        if peer.package in there["versions"]:
            why.append(provenance.say_other_packages(one.versions, there["versions"]))
        if any(why):
            old[one.place] = "; ".join(words for words in why if words)
    return old


def load_all(folder: Path) -> list[Result]:
    """Read all results of a folder, those of former commands included."""
    paths = sorted(folder.glob("runs/seed-*/fold-*/*.json"))
    return [result for result in map(load, paths) if result is not None]
