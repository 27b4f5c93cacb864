"""One run of one peer, in a process of its own.

    python -m benchmarks.peers.worker PEER TASK ANSWER STARTED

Knows no figsight (its own peer imports it): it runs in the environment of any peer. Started by
``processes``; reads a task and writes what came of it, both JSON.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.peers.registry import PEERS
from benchmarks.peers.tasks import Clock, Run, Task, UnavailableError

# Whose versions are written down with each run, as far as they are installed.
NOTED = ("figsight", "torch", "timm", "fastai", "keras", "scikit-learn", "autogluon.multimodal")


def run(name: str, task: Task, started: float) -> dict[str, Any]:
    """Run a peer; return its answers, its curve and which versions it ran with."""
    peer = PEERS[name]
    going = Run(task, Clock(started))
    try:
        predicted = peer.train(going)
    except UnavailableError as error:
        return {"status": "unavailable", "why": str(error)}
    except ModuleNotFoundError as error:
        # A package that the peer needs; anything of ours that is missing is a mistake.
        if (error.name or "").partition(".")[0] in ("benchmarks", "figsight"):
            raise
        return {"status": "not installed", "why": f"{error}: pip install {peer.install}"}
    if not going.curve:
        raise RuntimeError(f"{name} has marked no end of an epoch")
    return {
        "status": "finished",
        "predicted": predicted,
        "began": going.began,
        "curve": going.curve,
        "of_epochs": going.whole if going.whole is not None else len(going.curve),
        "versions": {"python": platform.python_version(), **dict(_versions())},
    }


def _versions() -> list[tuple[str, str]]:
    found = []
    for name in NOTED:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue  # only what is there is noted
    return found


def main() -> None:
    """Read the task, run, write the answer."""
    name, task, answer, started = sys.argv[1:]
    values = json.loads(Path(task).read_text("utf-8"))
    found = run(name, Task(**values), float(started))
    Path(answer).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
