"""One candidate in a process of its own, doing what it is told, a line at a time.

So none of them shares threads, memory or caches with another, and the parent can take them in turn.
A request is a line of JSON, its answer another; without requests the process ends.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.prediction import candidates, limit

if TYPE_CHECKING:
    from collections.abc import Callable


def peak_mb() -> float:
    """Return the most memory that this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held before it started us
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def spend(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of the clock and of the processor (all threads) that some work takes."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def side_by_side(work: Callable[[], object], workers: int, repeats: int) -> float:
    """Return the seconds that ``workers`` threads take, each for ``repeats`` times some work."""

    def repeat() -> None:
        for _ in range(repeats):
            work()

    threads = [threading.Thread(target=repeat) for _ in range(workers)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin


def answer(one: candidates.Candidate | candidates.Figsight, request: dict[str, Any]) -> Any:
    """Do what a request asks for."""
    if request["do"] == "photos":
        return [spend(partial(one.photo, path)) for path in request["paths"]]
    if request["do"] == "folder":
        return spend(lambda: one.folder(request["paths"]))
    if request["do"] == "network":
        pixels = one.prepare(request["paths"][0])
        times = [spend(lambda: one.run(pixels)) for _ in range(request["repeats"])]
        together = side_by_side(lambda: one.run(pixels), request["workers"], request["repeats"])
        return {
            "times": times,
            "together": together / (request["workers"] * request["repeats"]),
        }
    if request["do"] == "answers":
        return [one.run(one.prepare(path))[0].tolist() for path in request["paths"]]
    raise ValueError(f"do: expected photos, folder, network or answers, found {request['do']!r}")


def main() -> None:
    """Load a candidate and answer its first photo; then whatever is asked."""
    name, model, threads, first = sys.argv[1:5]
    if name == "limit":
        for line in sys.stdin:
            print(json.dumps(limit.measure_products(int(json.loads(line)["threads"]))), flush=True)
        return
    begin = time.perf_counter()
    one = candidates.start(name, model, int(threads))
    loaded = time.perf_counter()
    one.photo(first)
    ready = {"load": loaded - begin, "first": time.perf_counter() - loaded, "peak": peak_mb()}
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(one, json.loads(line)), default=float), flush=True)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
