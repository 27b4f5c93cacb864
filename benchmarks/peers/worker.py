"""One run of one peer, in a process of its own.

    python -m benchmarks.peers.worker PEER TASK ANSWER STARTED

Knows no figsight (its own peer imports it): it runs in the environment of any peer. Started by
``processes``; reads a task and writes what came of it, both JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import provenance
from benchmarks.peers.registry import PEERS
from benchmarks.peers.tasks import Clock, Run, Task, UnavailableError


def run(name: str, task: Task, started: float) -> dict[str, Any]:
    """Run a peer; return its answers, its curve and which versions it ran with."""
    peer = PEERS[name]
    going = Run(task, Clock(started))
    with going.clock.paused():  # before it can change
        code = provenance.read_code() if peer.is_figsight else {}
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
        "versions": provenance.read_versions(),
        "code": code,
    }


def main() -> None:
    """Read the task, run, write the answer."""
    name, task, answer, started = sys.argv[1:]
    values = json.loads(Path(task).read_text("utf-8"))
    found = run(name, Task(**values), float(started))
    Path(answer).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
