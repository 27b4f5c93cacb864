"""The main job on real photographs: how right, how long, how much memory, how large.

    python benchmarks/main_job.py PATH/TO/lego-minifigures [--only cv,train,predict,origin,install]

Every figure is of whole processes started as a user starts them: wall seconds, and the peak resident
memory of the largest process. Run it on an idle machine; quote medians. Nothing is written into the
project.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ORIGIN_EPOCHS = 50
FIGSIGHT = [sys.executable, "-m", "figsight"]


def run(words: list[str]) -> tuple[float, float, str]:
    """Run a command; return seconds, peak megabytes of it and its children, and what it printed."""
    code = (
        "import json, resource, subprocess, sys, time\n"
        "t = time.perf_counter()\n"
        "p = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
        "seconds = time.perf_counter() - t\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "print(json.dumps([seconds, peak, p.returncode, p.stdout, p.stderr]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    seconds, peak, status, out, err = json.loads(done.stdout)
    if status != 0:
        sys.exit(f"{' '.join(words)} ended with {status}:\n{err}")
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return seconds, peak * unit / 1e6, out


def cross_validate(index: str) -> None:
    """Print the accuracy of the default recipe."""
    seconds, peak, out = run([*FIGSIGHT, "evaluate", "--folds", "5", index, "--json"])
    found = json.loads(out)
    low, high = found["interval"]
    ece = found["scores"]["expected_calibration_error"]["value"]
    print(
        f"cross-validation  {found['correct']} of {found['n']} right, {found['accuracy']:.4f} "
        f"({low:.3f} to {high:.3f}), ECE {ece:.3f}; {seconds:.0f} s, {peak:.0f} MB"
    )


def train(index: str, model: Path) -> None:
    """Print what the default training run needs, and what it says of itself."""
    seconds, peak, out = run([*FIGSIGHT, "train", index, "-o", str(model), "--overwrite"])
    print(f"train             {seconds:.0f} s, {peak:.0f} MB; {out.splitlines()[1]}")


def predict(photo: str, model: Path) -> None:
    """Print what one photo from a cold start needs."""
    words = [*FIGSIGHT, "predict", str(model), photo, "--json"]
    run(words)
    runs = [run(words) for _ in range(11)]
    seconds = statistics.median(run[0] for run in runs)
    print(f"predict, cold     {seconds:.2f} s (median of 11), {max(r[1] for r in runs):.0f} MB")


def origin(index: str, folder: Path) -> None:
    """Print what an epoch of the origin's recipe takes, from random weights."""
    target = folder / "densenet121"
    words = ["train", index, "-o", str(target), "--recipe", "densenet121"]
    more = ["--weights", "random", "--epochs", "2", "--folds", "0"]
    _, peak, _ = run([*FIGSIGHT, *words, *more])
    epoch, whole = extrapolate((target / "history.csv").read_text("utf-8"), ORIGIN_EPOCHS)
    print(
        f"densenet121       {epoch:.0f} s an epoch but the first, {whole / 60:.0f} min for "
        f"{ORIGIN_EPOCHS}; {peak:.0f} MB"
    )


def extrapolate(history: str, epochs: int) -> tuple[float, float]:
    """Return the seconds of the last epoch of a table, and of so many: the rest at the last one's pace.

    The first warms up (memory, kernels, files): it counts once.
    """
    seconds = [float(row.split(",")[4]) for row in history.splitlines()[1:]]
    return seconds[-1], sum(seconds) + (epochs - len(seconds)) * seconds[-1]


def install(folder: Path) -> None:
    """Print how large a virtual environment with the base install is."""
    root = Path(__file__).resolve().parents[1]
    where = folder / "venv"
    venv.create(where, with_pip=True)
    subprocess.run([where / "bin" / "pip", "install", "--quiet", str(root)], check=True)
    files = (Path(base) / name for base, _, names in os.walk(where) for name in names)
    size = sum(path.lstat().st_size for path in files)
    print(f"base install      {size / 1e6:.0f} MB in the virtual environment, pip included")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("lego", type=Path)
    parser.add_argument("--only", default="train,predict,origin,install,cv")
    options = parser.parse_args()
    index = str(options.lego / "index-27.csv")
    photo = str(options.lego / "marvel" / "0001" / "001.jpg")
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "model"
        for part in options.only.split(","):
            if part == "cv":
                cross_validate(index)
            elif part == "train":
                train(index, model)
            elif part == "predict":
                if not model.exists():
                    run([*FIGSIGHT, "train", index, "-o", str(model), "--epochs", "1"])
                predict(photo, model)
            elif part == "origin":
                origin(index, folder)
            elif part == "install":
                install(folder)
            else:
                parser.error(f"expected cv, train, predict, origin or install, found {part}")


if __name__ == "__main__":
    main()
