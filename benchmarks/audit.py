"""What an audit needs, and how well it finds labels that were swapped.

    python benchmarks/audit.py growth [--photos 300 3000] [--side 512]
    python benchmarks/audit.py swapped DATA [--seeds 10] [--share 0.05]

``growth``: sets of made pictures, 20 classes, some of them copies, audited by whole processes as a
user starts them: wall seconds, seconds of the processor, and the peak resident memory; with and
without the search for wrong labels. From these it says what 50,000 would take.

``swapped``: embeds the photos of DATA once. Then a share of the labels is replaced by other ones at
random, again and again, and each time the share of these is counted that is found within the first
tenth of the list. Nothing is written.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from figsight.audit.labels import load_embedder, rank_labels
from figsight.dataset import look_at_photos, read
from figsight.dataset.copies import Fingerprints, find_copies, fingerprint
from figsight.dataset.groups import group_photos
from figsight.training.features import Embedder, choose_effort

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from figsight.dataset.copies import Fingerprint
    from figsight.dataset.model import Photo

CLASSES = 20
AIM = 50_000


def _scene(seed: int, side: int) -> Image.Image:
    """Draw a picture with coarse and fine structure, another for every seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (6, 6, 3), np.uint8)
    picture = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y, w, h = random.uniform(0, 0.9, 2).tolist() + random.uniform(0.02, 0.2, 2).tolist()
        colour = tuple(int(c) for c in random.integers(20, 235, 3))
        draw.ellipse([x * side, y * side, (x + w) * side, (y + h) * side], fill=colour)
    return picture


def _plant(root: Path, photos: int, side: int) -> None:
    for k in range(photos):
        folder = root / f"class-{k % CLASSES:02}"
        folder.mkdir(parents=True, exist_ok=True)
        # One in twenty is the shot before it, in another size.
        picture = _scene(k - 1 if k % 20 == 1 else k, side)
        if k % 20 == 1:
            picture = picture.resize((side // 2, side // 2))
        picture.save(folder / f"{k:06}.jpg", quality=88)


def _run(words: list[str]) -> dict[str, Any]:
    """Run a command; return wall and processor seconds, peak megabytes, and its JSON."""
    code = (
        "import json, resource, subprocess, sys, time\n"
        "t = time.perf_counter()\n"
        "p = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps({'seconds': time.perf_counter() - t, 'used': u.ru_utime + u.ru_stime,\n"
        "    'peak': u.ru_maxrss, 'status': p.returncode, 'out': p.stdout, 'err': p.stderr}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if found["status"] != 0:
        sys.exit(f"{' '.join(words)} ended with {found['status']}:\n{found['err']}")
    found["peak"] *= (1 if sys.platform == "darwin" else 1024) / 1e6  # bytes, or kilobytes
    found["json"] = json.loads(found["out"])
    return found


def measure_growth(sizes: list[int], side: int) -> None:
    """Print what audits of growing sets need."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}")
    print(f"{'photos':>8}{'labels':>8}{'wall s':>9}{'cpu s':>9}{'MB':>7}  near-duplicates")
    taken: dict[bool, list[tuple[int, float, float]]] = {True: [], False: []}
    for photos in sizes:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name) / "set"
            _plant(root, photos, side)
            for labels in (False, True):
                words = [sys.executable, "-m", "figsight", "audit", str(root), "--json"]
                found = _run(words + ([] if labels else ["--no-labels"]))
                taken[labels].append((photos, found["used"], found["peak"]))
                near = len(found["json"]["near_duplicates"])
                print(
                    f"{photos:8,}{'yes' if labels else 'no':>8}{found['seconds']:9.1f}"
                    f"{found['used']:9.1f}{found['peak']:7.0f}  {near} of {photos // 20}",
                    flush=True,
                )
    _estimate(taken[False], side)


def _estimate(rows: list[tuple[int, float, float]], side: int) -> None:
    """Print what ``AIM`` photos would take: the network looks less closely at so many."""
    effort = choose_effort(AIM)
    embedder = Embedder(effort)
    pictures = [np.asarray(_scene(k, side)) for k in range(32)]
    embedder.add(pictures[0])
    embedder.finish()
    used = time.process_time()
    for picture in pictures:
        embedder.add(embedder.fit(picture))
    embedder.finish()
    each = (time.process_time() - used) / len(pictures)
    print(f"embedding at {effort.side} px, {effort.views} view: {1e3 * each:.0f} ms a photo")
    if len(rows) > 1:
        (n, before, small), (m, after, large) = rows[-2:]
        rest, grown = (after - before) / (m - n), (large - small) / (m - n)
        print(
            f"{AIM:,} photos, if the rest stays linear: {AIM * rest:.0f} s of the processor and "
            f"{large + grown * (AIM - m):.0f} MB without labels, {AIM * (rest + each):.0f} s with"
        )


def measure_swapped(data: str, seeds: int, share: float) -> None:
    """Print how many of the swapped labels are found within the first tenth of the list."""
    dataset = read(data)
    notes: list[str] = []
    embedder = load_embedder(dataset, notes)
    if embedder is None:
        sys.exit(notes[0])
    prints = Fingerprints()

    def look(pixels: NDArray[np.uint8], sha256: str) -> tuple[Fingerprint, NDArray[np.uint8]]:
        return fingerprint(pixels, sha256), embedder.fit(pixels)

    def keep(_: Photo, seen: tuple[Fingerprint, NDArray[np.uint8]]) -> None:
        prints.append(seen[0])
        embedder.add(seen[1])

    photos = look_at_photos(dataset.photos, look, keep).good
    embeddings = embedder.finish()
    groups = group_photos(photos, prints.sha256, find_copies(prints))
    ids = [figure.id for figure in dataset.figures if any(p.figure_id == figure.id for p in photos)]
    n = len(photos)
    shares, flagged, checked = [], [], []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        swapped = random.choice(n, round(share * n), replace=False)
        changed = list(photos)
        for i in swapped:
            others = [one for one in ids if one != photos[i].figure_id]
            changed[i] = replace(photos[i], figure_id=others[random.integers(len(others))])
        ranked = rank_labels(dataset, changed, groups, embeddings, notes)
        first = {one.photo.path for one in ranked[: n // 10]}
        marked = {one.photo.path for one in ranked if one.suspect}
        wrong = {photos[i].path for i in swapped}
        shares.append(len(wrong & first) / len(wrong))
        flagged.append(len(wrong & marked) / len(wrong))
        shown = {one.photo.path for one in ranked if one.to_check}
        checked.append(len(wrong & shown) / len(wrong))
        print(
            f"seed {seed}: {len(wrong & first)} of {len(wrong)} within the first {n // 10} of {n}; "
            f"{len(marked)} marked, {len(wrong & marked)} of them swapped; {len(shown)} to check, "
            f"{len(wrong & shown)} of them swapped",
            flush=True,
        )
    print(
        f"within the first tenth: mean {np.mean(shares):.3f}, least {min(shares):.3f}; "
        f"marked: mean {np.mean(flagged):.3f}; to check: mean {np.mean(checked):.3f}"
    )
    print("\n".join(sorted(set(notes))))


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    growth = commands.add_parser("growth")
    growth.add_argument("--photos", type=int, nargs="+", default=[300, 3000])
    growth.add_argument("--side", type=int, default=512)
    swapped = commands.add_parser("swapped")
    swapped.add_argument("data")
    swapped.add_argument("--seeds", type=int, default=10)
    swapped.add_argument("--share", type=float, default=0.05)
    options = parser.parse_args()
    if options.command == "growth":
        measure_growth(options.photos, options.side)
    else:
        measure_swapped(options.data, options.seeds, options.share)


if __name__ == "__main__":
    main()
