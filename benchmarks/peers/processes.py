"""Starting workers, one at a time, and what they used. Knows processes, not peers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.peers.tasks import Task

ROOT = Path(__file__).resolve().parents[2]
_UNIT = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes


def use_cores(number: int) -> str:
    """Keep this process and all that it starts on so many cores; return how, in words."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < number:
            sys.exit(f"--cores: expected at most {len(cores)} here, found {number}")
        os.sched_setaffinity(0, cores[:number])
        return f"{number} cores, by affinity"
    # What torch, OpenMP and BLAS go by; loading processes are not held back.
    os.environ["OMP_NUM_THREADS"] = str(number)
    return f"{number} threads of OpenMP"


def look_up(python: str) -> dict[str, dict[str, str]]:
    """Return the ``code`` of figsight and the ``versions`` of what an interpreter would run."""
    done = subprocess.run(
        [python, "-m", "benchmarks.provenance"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(
            f"{python}: expected a working Python, found one that ended with {done.returncode}"
        )
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


def work(python: str, peer: str, task: Task, log: Path) -> dict[str, Any]:
    """Run a worker and wait for it.

    Args:
        python: The interpreter of the peer's environment.
        peer: Its name.
        task: What it is given, but for the folder.
        log: Where everything that it prints goes.

    Returns:
        What it wrote, with ``status`` "failed" and ``why`` when it wrote nothing; besides seconds
        of the whole process, of the processor, peak megabytes of the largest of its processes, and
        the load of the machine (other processes included) before it began.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="figsight-peers-") as name, log.open("wb") as output:
        folder = Path(name)
        given, answer = folder / "task.json", folder / "answer.json"
        scratch = folder / "scratch"
        scratch.mkdir()
        given.write_text(json.dumps(replace(task, folder=str(scratch)).to_dict()), "utf-8")
        started = time.monotonic()
        words = [python, "-m", "benchmarks.peers.worker", peer, str(given), str(answer)]
        process = subprocess.Popen(
            [*words, repr(started)], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:  # Ctrl-C
            process.kill()
            process.wait()
            raise
        seconds = time.monotonic() - started
        found: dict[str, Any] = (
            json.loads(answer.read_text("utf-8"))
            if process.returncode == 0
            else {"status": "failed", "why": _last_line(log, process.returncode)}
        )
    return {
        **found,
        "process_seconds": round(seconds, 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss * _UNIT / 1e6),
        "load_before": round(load, 2),
        "date": time.strftime("%Y-%m-%d"),
    }


def _last_line(log: Path, status: int) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    return f"ended with {status}: {lines[-1][:300]}" if lines else f"ended with {status}"
