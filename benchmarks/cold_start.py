"""How long one photo takes from a cold start, and how much memory: a fresh process each time.

    python benchmarks/cold_start.py MODEL PHOTO [--runs 15]

Measures, with the processes taken in turn so that a busy minute hits all alike:

- ``bare``: ONNX Runtime, numpy and the network on black pixels; what no tool can go below.
- ``api``: ``figsight.load(MODEL).predict(PHOTO)``.
- ``command``: ``figsight predict MODEL PHOTO``.

Prints the median wall time (what a user waits), the median processor time (what it costs; it hardly
depends on what else the machine does) and the largest peak of resident memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from figsight.bundle import open_bundle

_BARE = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
shape = [1, *session.get_inputs()[0].shape[1:]]
session.run(None, {"pixels": numpy.zeros(shape, numpy.uint8)})
"""
_API = """
import sys, figsight
figsight.load(sys.argv[1]).predict(sys.argv[2])
assert "torch" not in sys.modules
"""


def measure(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return wall seconds, processor seconds and peak resident megabytes."""
    start = time.perf_counter()
    child = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(command[:3])} ... failed")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def main() -> None:
    """Read the command line, measure, print a table."""
    parser = argparse.ArgumentParser(description="Time one photo from a cold start.")
    parser.add_argument("model")
    parser.add_argument("photo")
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "model.onnx"
        with open_bundle(arguments.model) as bundle:
            network.write_bytes(bundle.model_bytes())
        pair = [arguments.model, arguments.photo]
        commands = {
            "bare": [sys.executable, "-c", _BARE, str(network)],
            "api": [sys.executable, "-c", _API, *pair],
            "command": [sys.executable, "-m", "figsight", "predict", *pair],
        }
        for command in commands.values():  # fills the disk cache and writes bytecode
            measure(command)
        runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                runs[name].append(measure(command))
    print(f"{'':8} {'wall s':>8} {'cpu s':>8} {'peak MB':>8}   ({arguments.runs} runs)")
    for name, rows in runs.items():
        wall, processor, memory = zip(*rows, strict=True)
        print(
            f"{name:8} {statistics.median(wall):8.3f} {statistics.median(processor):8.3f} "
            f"{max(memory):8.0f}"
        )


if __name__ == "__main__":
    main()
