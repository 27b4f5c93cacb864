"""How fast one network predicts: through figsight, and through the runtimes beside it.

    python -m benchmarks.prediction MODEL PHOTOS [--sides 192,224] [--compile] [--out NAME]

The network of one bundle goes through each candidate in a process of its own, and the processes
take turns, a few photos each, so that a busy minute hits all alike. Prints Markdown; ``--out NAME``
writes ``NAME.md`` and ``NAME.json``. Needs the extra ``train``; OpenVINO is measured where it is
installed, ``torch.compile`` where ``--compile`` is given.

Measured for each side of the pictures:

- one photo from its file to its answer in a running process: median and 99th percentile;
- a folder, decoding included: photos a second;
- the network alone on prepared pixels: one photo at a time with all threads, and one photo a thread;
- the same against the machine's arithmetic limit (``limit.py``);
- from a new process to the first answer, and the peak of its memory; what has to be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.prediction import limit, sizes
from benchmarks.prediction.candidates import NAMES, PACKAGES
from benchmarks.prediction.resized import resize_bundle
from benchmarks.prediction.table import write_table

from figsight.bundle import open_bundle
from figsight.bundle.runtime import count_threads
from figsight.images import is_picture_name

VERSIONS = ("numpy", "onnxruntime", "openvino", "pillow", "timm", "torch")
ALONE = 10  # runs of the network alone in a round
WARM = 120  # photos before the first round


class Worker:
    """A candidate's process."""

    def __init__(self, name: str, model: str, threads: int, photo: str) -> None:
        self.begun = time.perf_counter()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.prediction.worker",
                name,
                model,
                str(threads),
                photo,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if name != "torch.compile" else None,
            text=True,
        )

    def ask(self, **request: Any) -> Any:
        """Send a request, if there is one, and wait for the answer; ``None`` from a dead process."""
        if request:
            assert self._process.stdin  # noqa: S101 - it is a pipe
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        assert self._process.stdout  # noqa: S101
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def end(self) -> str:
        """End the process; return the last line of what it had to say."""
        _, words = self._process.communicate()
        return (words or "").strip().rpartition("\n")[2]


def start_all(
    names: list[str], model: str, threads: int, photo: str
) -> tuple[dict[str, Worker], dict[str, dict[str, float]]]:
    """Start the candidates one after the other; those that are not installed are left out."""
    workers, ready = {}, {}
    for name in names:
        worker = Worker(name, model, threads, photo)
        first = worker.ask()
        if first is None:
            print(f"{name}: left out ({worker.end()})", file=sys.stderr)
            continue
        workers[name] = worker
        ready[name] = first | {"cold": time.perf_counter() - worker.begun}
    return workers, ready


def measure_cold(names: list[str], model: str, threads: int, photo: str, runs: int) -> Any:
    """Return what ``runs`` fresh processes of each candidate say, taken in turn."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(runs):
        for name in names:
            workers, ready = start_all([name], model, threads, photo)
            for worker in workers.values():
                worker.end()
            found[name].append(ready[name])
    return found


def measure_side(
    model: str, paths: list[str], threads: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Measure all candidates on one bundle, in rounds."""
    names = [name for name in NAMES if options.compile or name != "torch.compile"]
    workers, ready = start_all(names, model, threads, paths[0])
    install = {name: sizes.measure_install(PACKAGES[name]) for name in workers}
    bound = Worker("limit", model, threads, paths[0])
    answers = {name: w.ask(do="answers", paths=paths[:20]) for name, w in workers.items()}
    for worker in workers.values():  # whatever is made once, when there are many
        worker.ask(do="folder", paths=[paths[i % len(paths)] for i in range(WARM)])
    rounds: list[dict[str, Any]] = []
    for number in range(options.rounds):
        found: dict[str, Any] = {"load": os.getloadavg()[0]}
        # Photos of their own for each round, the same for all candidates.
        chunk = [paths[(number * options.photos + i) % len(paths)] for i in range(options.photos)]
        for name, worker in workers.items():
            found[name] = {
                "photos": worker.ask(do="photos", paths=chunk),
                "folder": worker.ask(do="folder", paths=chunk + chunk),
                "network": worker.ask(
                    do="network", paths=chunk[:1], repeats=ALONE, workers=threads
                ),
            }
        found["limit"] = {str(n): bound.ask(threads=n) for n in sorted({1, threads})}
        rounds.append(found)
    for worker in (*workers.values(), bound):
        worker.end()
    runs = options.cold if options.cold > 1 else 0
    cold_names = [name for name in workers if name != "torch.compile"]
    cold = measure_cold(cold_names, model, threads, paths[0], runs)
    for name in workers:
        cold.setdefault(name, [])
        cold[name] = cold[name] or [ready[name]]
    with open_bundle(model) as bundle:
        multiply_adds = limit.count_multiply_adds(bundle.model_bytes())
    return {
        "side": [bundle.manifest.input.height, bundle.manifest.input.width],
        "multiply_adds": multiply_adds,
        "threads": threads,
        "candidates": {
            name: summarise(name, rounds, cold[name], options)
            | {"difference": _difference(answers, name), "install_mb": sum(install[name].values())}
            for name in workers
        },
        "limit": {
            n: {
                "best": max(found["limit"][n]["best"] for found in rounds),
                "median": statistics.median(found["limit"][n]["median"] for found in rounds),
                "processor": max(found["limit"][n]["processor"] for found in rounds),
            }
            for n in rounds[0]["limit"]
        },
        "load": [found["load"] for found in rounds],
    }


def summarise(
    name: str, rounds: list[dict[str, Any]], cold: list[dict[str, float]], options: Any
) -> dict[str, Any]:
    """Return the numbers of one candidate, times in seconds."""
    mine = [found[name] for found in rounds]
    walls = [wall for one in mine for wall, _ in one["photos"]]
    alone = [wall for one in mine for wall, _ in one["network"]["times"]]
    folder = [2 * options.photos / one["folder"][0] for one in mine]
    paired = [
        statistics.median(w for w, _ in found[name]["photos"])
        / statistics.median(w for w, _ in found["figsight"]["photos"])
        for found in rounds
    ]
    return {
        "photo": {
            "least": min(walls),
            "p50": statistics.median(walls),
            "p99": float(np.quantile(walls, 0.99)),
            "n": len(walls),
            "processor": statistics.median(cpu for one in mine for _, cpu in one["photos"]),
            "against_figsight": statistics.median(paired),
        },
        "folder": {
            "most": max(folder),
            "median": statistics.median(folder),
            "processor": statistics.median(one["folder"][1] / (2 * options.photos) for one in mine),
        },
        "network": {
            "least": min(alone),
            "median": statistics.median(alone),
            "processor": statistics.median(
                cpu for one in mine for _, cpu in one["network"]["times"]
            ),
            "processor_least": min(cpu for one in mine for _, cpu in one["network"]["times"]),
            "together_least": min(one["network"]["together"] for one in mine),
            "together_median": statistics.median(one["network"]["together"] for one in mine),
        },
        "cold": statistics.median(one["cold"] for one in cold),
        "first": statistics.median(one["first"] for one in cold),
        "peak_mb": max(one["peak"] for one in cold),
    }


def _difference(answers: dict[str, Any], name: str) -> float:
    """Return the largest difference of a logit from figsight's, over the photos that were asked."""
    return float(np.abs(np.array(answers[name]) - np.array(answers["figsight"])).max())


def describe_machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    versions = {}
    for package in VERSIONS:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    processor = platform.processor()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text().splitlines()
        processor = next((x.partition(": ")[2] for x in lines if "model name" in x), processor)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "processor": processor,
        "cpus": os.cpu_count(),
        "load": list(os.getloadavg()),
        "versions": versions,
    }


def main() -> None:
    """Read the command line, measure, write the table."""
    parser = argparse.ArgumentParser(description="Time one network through several runtimes.")
    parser.add_argument("model", help="a bundle")
    parser.add_argument("photos_folder", metavar="PHOTOS", type=Path)
    parser.add_argument("--sides", default="", help="such as 192,224; the bundle's own without")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--photos", type=int, default=16, help="in a round")
    parser.add_argument("--cold", type=int, default=5, help="fresh processes of each")
    parser.add_argument("--compile", action="store_true", help="torch.compile too: minutes")
    parser.add_argument("--threads", type=int, default=count_threads())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    paths = sorted(
        str(p) for p in options.photos_folder.rglob("*") if p.is_file() and is_picture_name(p.name)
    )
    if not paths:
        parser.error(f"expected a folder with pictures, found none in {options.photos_folder}")
    with open_bundle(options.model) as bundle:
        own = bundle.manifest.input.width
    wanted = [int(side) for side in options.sides.split(",") if side] or [own]
    results: dict[str, Any] = {"machine": describe_machine(), "sides": []}
    with tempfile.TemporaryDirectory() as folder:
        for side in wanted:
            model = options.model
            if side != own:
                model = str(resize_bundle(options.model, side, Path(folder) / f"side-{side}"))
            results["sides"].append(measure_side(model, paths, options.threads, options))
            if options.out:
                text = json.dumps(results, indent=1)
                options.out.with_suffix(".json").write_text(text, "utf-8")
                options.out.with_suffix(".md").write_text(write_table(results), "utf-8")
    print(write_table(results))


if __name__ == "__main__":
    main()
