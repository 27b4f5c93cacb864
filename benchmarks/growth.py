"""How time and memory grow with photos and classes: training, and prediction over a folder.

    python -m benchmarks.growth FOLDER [--photos 300,3000] [--classes 27,270] [--out NAME]

Every pair of numbers of photos and classes is measured for itself, in processes of its own that are
started as a user starts them: ``figsight train --epochs 1 --folds 0``, then ``figsight predict`` on
one photo and on up to a thousand. ``--folds 1`` trains the networks that measure, too.

Pictures are made once and kept in FOLDER with every result, so that a run that was stopped goes on
where it was; a finished pair is not measured again. A folder with results of other code of figsight is
refused; with ``--keep-old`` they stay, and the table says which they are. Prints Markdown;
``--out NAME`` writes ``NAME.md`` and ``NAME.json``.

Pictures are JPEGs of 160 to 256 pixels: a few coloured shapes for each class, moved, turned and lit at
random on a noisy ground. A network can learn them; how well is not measured here.

Processor time hardly depends on what else the machine does, and shows growth best. Exponents are the
slope of its logarithm over that of the number of photos or classes (1: linear, 2: quadratic); what a
run takes for no photos at all, imports and the export, lowers them for small sets. "One photo" is a
new process; "more photos" are what each takes beyond the first.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import provenance
from PIL import Image, ImageDraw

ASKED = 1000  # photos that are predicted at most
_HEAD = (
    "| photos | classes | folds | train, s | processor, ms a photo | peak, MB | of it own "
    "| one photo, s | more photos, photos/s | processor, ms a photo | peak, MB | model, MB | load |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def draw_figure(figure: int, view: int) -> Image.Image:
    """Draw one picture of a figure: its shapes, seen another way each time."""
    looks = np.random.default_rng([1, figure])
    varied = np.random.default_rng([2, figure, view])
    width, height = (int(side) for side in varied.integers(160, 257, 2))
    ground = varied.integers(90, 200, (9, 9, 3), np.uint8)
    picture = Image.fromarray(ground).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    turn, scale = varied.uniform(-0.4, 0.4), varied.uniform(0.7, 1.1) * min(width, height) / 2
    centre = np.array([width, height]) * varied.uniform(0.4, 0.6, 2)
    light = varied.uniform(0.7, 1.2)
    for _ in range(5):
        place, size = looks.uniform(-0.6, 0.6, 2), looks.uniform(0.15, 0.45)
        corners, phase = int(looks.integers(3, 8)), looks.uniform(0, 2 * math.pi)
        colour = np.clip(looks.integers(0, 256, 3) * light, 0, 255).astype(int)
        angles = phase + turn + np.arange(corners) * 2 * math.pi / corners
        rotated = np.array(
            [
                place[0] * math.cos(turn) - place[1] * math.sin(turn),
                place[0] * math.sin(turn) + place[1] * math.cos(turn),
            ]
        )
        ring = np.stack((np.cos(angles), np.sin(angles)), axis=1)  # [corners, 2]
        points = centre + scale * (rotated + size * ring)
        draw.polygon([(float(x), float(y)) for x, y in points], fill=tuple(map(int, colour)))
    return picture


def make_photos(folder: Path, photos: int, classes: int) -> Path:
    """Write a folder of pictures for each class, as evenly as it goes, once."""
    done = folder / "whole"
    root = folder / "photos"
    if done.exists():
        return root
    for index in range(photos):
        figure, view = index % classes, index // classes
        path = root / f"figure-{figure:05d}" / f"{view:05d}.jpg"
        if view == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        draw_figure(figure, view).save(path, quality=85)
    done.touch()
    return root


def run(words: list[str], folder: Path) -> dict[str, float]:
    """Run ``figsight`` in a new process.

    Returns:
        ``seconds`` of the clock, ``processor`` seconds, ``peak_mb`` of resident memory, and
        ``own_mb``: the most of it that was not pages of files, which the system takes back when it
        wants to (0 where there is no ``/proc``).
    """
    log = folder / f"{words[0]}.log"
    command = [sys.executable, "-m", "figsight", *words]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    output = [
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    begin = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=output)
    own = 0.0
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            break
        own = max(own, _read_own(process))
        time.sleep(0.05)
    seconds = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"figsight {' '.join(words)} failed: see {log}")
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return {
        "seconds": seconds,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss * unit / 1e6,
        "own_mb": own,
    }


def _read_own(process: int) -> float:
    """Return the megabytes that a process holds now, pages of files left out."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:  # another system
        return 0.0
    lines = (line.split() for line in text.splitlines())
    kilobytes = {words[0]: words[1] for words in lines if len(words) > 1}
    return int(kilobytes.get("RssAnon:", 0)) * 1024 / 1e6


def measure(folder: Path, photos: int, classes: int, folds: int) -> dict[str, Any]:
    """Measure one number of photos of one number of classes, or return what was measured before."""
    result = folder / f"result-{folds}.json"
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text("utf-8"))
        return found
    folder.mkdir(parents=True, exist_ok=True)
    root = make_photos(folder, photos, classes)
    model = folder / "model"
    load, code = os.getloadavg(), provenance.read_code()
    words = ["train", str(root), "-o", str(model), "--overwrite"]
    words += ["--epochs", "1", "--folds", str(folds)]
    training = run(words, folder)
    paths = sorted(str(path) for path in root.rglob("*.jpg"))
    asked = paths[:: max(1, len(paths) // ASKED)][:ASKED]
    one = run(["predict", str(model), asked[0], "--json"], folder)
    predicting = run(["predict", str(model), *asked, "--json"], folder)
    found = {
        "photos": photos,
        "classes": classes,
        "folds": folds,
        "asked": len(asked),
        "train": training,
        "predict_one": one,
        "predict": predicting,
        "model_mb": sum(p.stat().st_size for p in model.rglob("*") if p.is_file()) / 1e6,
        "load": [load, os.getloadavg()],
        "code": code,
    }
    result.write_text(json.dumps(found, indent=1), "utf-8")
    return found


def find_old(rows: list[dict[str, Any]], now: dict[str, str]) -> list[str]:
    """Return a line for each row that was not measured with the code of now, saying with which."""
    return [
        f"{row['photos']:,} photos of {row['classes']:,} classes are of other code than this: {words}"
        for row in rows
        if (words := provenance.say_other_code(row.get("code", {}), now))
    ]


def read_rows(folder: Path, folds: int) -> list[dict[str, Any]]:
    """Return all that was measured in a folder, those of earlier runs included, small ones first."""
    paths = folder.glob(f"*/result-{folds}.json")
    rows: list[dict[str, Any]] = [json.loads(path.read_text("utf-8")) for path in paths]
    return sorted(rows, key=lambda row: (row["photos"], row["classes"]))


def write_table(rows: list[dict[str, Any]], now: dict[str, str]) -> str:
    """Return the measurements as Markdown."""
    lines = [
        f"One epoch on {os.cpu_count()} CPUs, {provenance.say_code(now)}; load when it began and ended.",
        "",
        _HEAD,
    ]
    for row in rows:
        train, one, many = row["train"], row["predict_one"], row["predict"]
        more = max(1, row["asked"] - 1)
        wall, processor = (many[key] - one[key] for key in ("seconds", "processor"))
        load = f"{row['load'][0][0]:.1f}, {row['load'][1][0]:.1f}"
        lines.append(
            f"| {row['photos']:,} | {row['classes']:,} | {row['folds']} | {train['seconds']:.0f} "
            f"| {1e3 * train['processor'] / row['photos']:.1f} | {train['peak_mb']:.0f} "
            f"| {train['own_mb']:.0f} | {one['seconds']:.2f} | {more / wall:.0f} "
            f"| {1e3 * processor / more:.1f} | {many['peak_mb']:.0f} | {row['model_mb']:.0f} "
            f"| {load} |"
        )
    old = [f"- {line}" for line in find_old(rows, now)]
    return "\n".join([*lines, "", *_write_exponents(rows), *old]) + "\n"


def _write_exponents(rows: list[dict[str, Any]]) -> list[str]:
    """Say how processor time grows between neighbours that differ in one number only."""
    lines = []
    for fixed, growing in (("classes", "photos"), ("photos", "classes")):
        for value in sorted({row[fixed] for row in rows}):
            same = sorted((r for r in rows if r[fixed] == value), key=lambda r: int(r[growing]))
            for less, more in pairwise(same):
                ratio = more["train"]["processor"] / less["train"]["processor"]
                slope = math.log(ratio) / math.log(more[growing] / less[growing])
                lines.append(
                    f"- {value:,} {fixed}, {less[growing]:,} to {more[growing]:,} {growing}: "
                    f"training takes {ratio:.2f} times the processor time, exponent {slope:.2f}"
                )
    return lines


def main() -> None:
    """Read the command line, measure what is missing, print the table."""
    parser = argparse.ArgumentParser(description="Measure growth with photos and classes.")
    parser.add_argument("folder", type=Path, help="for pictures, models and results")
    parser.add_argument("--photos", default="300,3000", help="numbers of photos")
    parser.add_argument("--classes", default="27", help="numbers of classes")
    parser.add_argument("--folds", type=int, default=0, help="networks that measure")
    parser.add_argument("--keep-old", action="store_true", help="keep results of other code")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    counts = [int(number) for number in options.photos.split(",")]
    kinds = [int(number) for number in options.classes.split(",")]
    now = provenance.read_code()
    old = find_old(read_rows(options.folder, options.folds), now)
    for line in old:
        print(line, file=sys.stderr)
    if old and not options.keep_old:
        sys.exit(
            f"{options.folder}: expected results of figsight's {provenance.say_code(now)}, found "
            f"{len(old)} of other code; name another folder, remove them, or give --keep-old"
        )
    for photos in counts:
        for classes in kinds:
            if photos < classes * (1 if options.folds == 0 else 2):
                print(f"{photos} photos of {classes} classes: left out", file=sys.stderr)
                continue
            measure(options.folder / f"{photos}-{classes}", photos, classes, options.folds)
            print(f"{photos} photos of {classes} classes: done", file=sys.stderr)
    rows = read_rows(options.folder, options.folds)
    text = write_table(rows, now)
    print(text)
    if options.out:
        options.out.with_suffix(".md").write_text(text, "utf-8")
        options.out.with_suffix(".json").write_text(json.dumps(rows, indent=1), "utf-8")


if __name__ == "__main__":
    main()
