"""How well copies of photos are found, and how often different photos are taken for copies.

    python benchmarks/copies.py photos DATA... [--every N] [--sheets FOLDER]
    python benchmarks/copies.py scale [--photos 50000]

``photos``: DATA is a folder of pictures or a zip of them; use photos of which no two are copies, or
know which are. First table: pairs of different files of DATA that are joined, and the closest ones
that are not (copies of whole files are set aside). Second table: every N-th photo is made over in
each of many ways, and looked for among the others; "wrong" are pairs that are joined though they
come of two photos; a score is 0 where the index did not bring the pair up or nothing fits.
``--sheets`` draws the joined and the closest pairs into a folder, to be judged by eye.

``scale``: fingerprints of made pictures, by the ten thousand, some of them copies, many alike, some
blank: seconds and memory of ``find_copies``. Nothing is written but the sheets.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import resource
import statistics
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from figsight.dataset.copies import Fingerprint, find_copies, fingerprint
from figsight.dataset.resemblance import MIN_SCORE
from figsight.errors import PhotoError
from figsight.images import decode, is_picture_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def _saved(picture: Image.Image, kind: str, **options: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return Image.open(stream).convert("RGB")


def _resized(factor: float, how: Image.Resampling = Image.Resampling.BICUBIC) -> Change:
    def change(picture: Image.Image, _: np.random.Generator) -> Image.Image:
        size = [max(1, round(side * factor)) for side in picture.size]
        return picture.resize((size[0], size[1]), how)

    return change


def _cropped(sides: Callable[[np.random.Generator], NDArray[np.float64]]) -> Change:
    def change(picture: Image.Image, random: np.random.Generator) -> Image.Image:
        width, height = picture.size
        left, top, right, bottom = sides(random)
        box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
        return picture.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))

    return change


def _evenly(share: float) -> Change:
    return _cropped(lambda _: np.full(4, share))


def _anyhow(most: float) -> Change:
    return _cropped(lambda random: random.uniform(0, most, 4))


def _as(kind: str, **options: int) -> Change:
    return lambda picture, _: _saved(picture, kind, **options)


def _lit(kind: type[ImageEnhance.Brightness | ImageEnhance.Contrast], factor: float) -> Change:
    return lambda picture, _: kind(picture).enhance(factor)


def _mirrored(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _all(*changes: Change) -> Change:
    def change(picture: Image.Image, random: np.random.Generator) -> Image.Image:
        for step in changes:
            picture = step(picture, random)
        return picture

    return change


_BRIGHT, _CONTRAST = ImageEnhance.Brightness, ImageEnhance.Contrast
CHANGES: dict[str, Change] = {
    "resized to 1/4": _resized(0.25),
    "resized to 1/2, Lanczos": _resized(0.5, Image.Resampling.LANCZOS),
    "resized to 0.4, nearest": _resized(0.4, Image.Resampling.NEAREST),
    "resized to 2": _resized(2),
    "JPEG, quality 20": _as("JPEG", quality=20),
    "JPEG, quality 50": _as("JPEG", quality=50),
    "JPEG, quality 95": _as("JPEG", quality=95),
    "WebP, quality 60": _as("WEBP", quality=60),
    "PNG of 64 colours": lambda picture, _: picture.quantize(64).convert("RGB"),
    "cropped 2 % each side": _evenly(0.02),
    "cropped 5 % each side": _evenly(0.05),
    "cropped 8 % each side": _evenly(0.08),
    "cropped 8 % one side": _cropped(lambda r: np.roll([0.08, 0, 0, 0], r.integers(4))),
    "cropped 0-2 % anyhow": _anyhow(0.02),
    "cropped 0-5 % anyhow": _anyhow(0.05),
    "cropped 0-8 % anyhow": _anyhow(0.08),
    "mirrored": _mirrored,
    "brightness - 15 %": _lit(_BRIGHT, 0.85),
    "brightness + 15 %": _lit(_BRIGHT, 1.15),
    "contrast - 15 %": _lit(_CONTRAST, 0.85),
    "contrast + 15 %": _lit(_CONTRAST, 1.15),
    "0-5 % crop, 1/2, JPEG 50": _all(_anyhow(0.05), _resized(0.5), _as("JPEG", quality=50)),
    "mirror, + 10 % light, 0-5 % crop": _all(_mirrored, _lit(_BRIGHT, 1.1), _anyhow(0.05)),
    "mirror, 8 % crop, 1/4, - 15 % light, JPEG 40": _all(
        _mirrored, _evenly(0.08), _resized(0.25), _lit(_BRIGHT, 0.85), _as("JPEG", quality=40)
    ),
}


def _read(paths: list[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = sorted(n for n in archive.namelist() if is_picture_name(n))
                yield from ((name, archive.read(name)) for name in names)
        else:
            files = sorted(p for p in path.rglob("*") if p.is_file() and is_picture_name(p.name))
            yield from ((str(p.relative_to(path)), p.read_bytes()) for p in files)


def _load(paths: list[Path]) -> tuple[list[str], list[Image.Image], list[Fingerprint]]:
    """Decode one of each set of identical files."""
    names, pictures, prints, seconds = [], [], [], []
    seen: set[str] = set()
    for name, data in _read(paths):
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 in seen:
            continue
        seen.add(sha256)
        try:
            pixels = decode(data, name=name)
        except PhotoError as error:
            print(f"left out: {error}")
            continue
        start = time.process_time()
        prints.append(fingerprint(pixels, sha256))
        seconds.append(time.process_time() - start)
        names.append(name)
        pictures.append(Image.fromarray(pixels))
    print(f"{len(names)} different files; fingerprint {1e3 * statistics.median(seconds):.2f} ms")
    print(f"{sum(bool(print_.plain_pixels) for print_ in prints)} of them plain")
    return names, pictures, prints


def _scores(prints: list[Fingerprint]) -> dict[tuple[int, int], float]:
    """Score every candidate pair, whatever the threshold."""
    return {(p.first, p.second): p.score for p in find_copies(prints, min_score=1e-9).near}


def _sheet(pairs: list[tuple[str, Image.Image, Image.Image]], path: Path, side: int = 200) -> None:
    across = 4
    sheet = Image.new("RGB", (across * (2 * side + 12), -(-len(pairs) // across) * (side + 14)))
    draw = ImageDraw.Draw(sheet)
    for k, (text, one, other) in enumerate(pairs):
        left, top = k % across * (2 * side + 12), k // across * (side + 14)
        draw.text((left, top), text)
        sheet.paste(one.resize((side, side)), (left, top + 12))
        sheet.paste(other.resize((side, side)), (left + side, top + 12))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _measure_different(
    names: list[str], pictures: list[Image.Image], prints: list[Fingerprint], sheets: Path | None
) -> None:
    start = time.process_time()
    found = find_copies(prints)
    seconds = time.process_time() - start
    scores = sorted(_scores(prints).items(), key=lambda item: (-item[1], item[0]))
    apart = [item for item in scores if item[1] < MIN_SCORE]
    n = len(prints)
    print(
        f"{n * (n - 1) // 2} pairs, {len(scores)} scored above 0, {seconds:.1f} s of the processor"
    )
    print(f"joined: {len(found.near)} pairs; {n - max(found.groups, default=-1) - 1} photos fewer")
    for pair in found.near[:60]:
        mark = " mirrored" * pair.mirrored
        print(f"  {pair.score:.4f} {names[pair.first]} = {names[pair.second]}{mark}")
    print("closest pairs that are not joined:")
    for (one, other), score in apart[:12]:
        print(f"  {score:.4f} {names[one]} | {names[other]}")
    if sheets is not None:
        joined = [((p.first, p.second), p.score) for p in found.near]
        for kind, chosen in (("joined", joined[:40]), ("apart", apart[:40])):
            shown = [(f"{score:.4f}", pictures[i], pictures[j]) for (i, j), score in chosen]
            if shown:
                _sheet(shown, sheets / f"{kind}.png")


def _measure_copies(pictures: list[Image.Image], prints: list[Fingerprint], every: int) -> None:
    chosen = [i for i in range(len(prints)) if i % every == 0 and not prints[i].plain_pixels]
    n = len(chosen)
    print(f"\n{n} photos made over, among each other; joined, and their scores:")
    print(f"{'':46}{'joined':>12}{'wrong':>7}{'least':>8}{'2 %':>8}{'10 %':>8}{'half':>8}")
    for name, change in CHANGES.items():
        random = np.random.default_rng(0)
        made = [np.asarray(change(pictures[i], random)) for i in chosen]
        # A made copy has no file: any name that no other has will do for its hash.
        names = [hashlib.sha256(f"{name} {k}".encode()).hexdigest() for k in range(n)]
        extra = [fingerprint(p, sha256) for p, sha256 in zip(made, names, strict=True)]
        scores = _scores([prints[i] for i in chosen] + extra)
        right = [scores.get((k, n + k), 0.0) for k in range(n)]
        joined = sum(score >= MIN_SCORE for score in right)
        wrong = sum(s >= MIN_SCORE for (i, j), s in scores.items() if i % n != j % n)
        least, low, tenth, half = np.quantile(right, [0, 0.02, 0.1, 0.5])
        print(
            f"{name:46}{joined / n:12.1%}{wrong:7}{least:8.3f}{low:8.3f}{tenth:8.3f}{half:8.3f}",
            flush=True,
        )


def _made_prints(n: int) -> Iterator[Fingerprint]:
    """Make pictures of blobs: half of them at random, the rest alike, copies, or blank."""
    random = np.random.default_rng(0)
    common = random.integers(0, 256, (8, 8, 3), np.uint8)
    picture = common
    for k in range(n):
        kind = k % 20
        if kind < 12:
            picture = random.integers(0, 256, (8, 8, 3), np.uint8)
        elif kind < 14:  # a copy of the one before
            picture = np.clip(picture.astype(int) + 3, 0, 255).astype(np.uint8)
        elif kind < 19:  # alike, as X-rays are
            noise = random.normal(0, 60, common.shape)
            picture = np.clip(common + noise, 0, 255).astype(np.uint8)
        else:
            picture = np.full((8, 8, 3), 250, np.uint8)
        pixels = np.asarray(Image.fromarray(picture).resize((80, 80), Image.Resampling.BICUBIC))
        yield fingerprint(pixels, hashlib.sha256(str(k).encode()).hexdigest())


def _megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _measure_scale(n: int) -> None:
    prints = list(_made_prints(n))
    before = _megabytes()
    start, used = time.perf_counter(), time.process_time()
    found = find_copies(prints)
    print(
        f"{n} fingerprints: {time.perf_counter() - start:.1f} s of the clock, "
        f"{time.process_time() - used:.1f} s of the processor; memory {before:.0f} MB before, "
        f"{_megabytes():.0f} MB at most; {len(found.near)} pairs, {max(found.groups) + 1} groups"
    )


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    photos = commands.add_parser("photos")
    photos.add_argument("data", nargs="+", type=Path)
    photos.add_argument("--every", type=int, default=1, help="make every N-th photo over")
    photos.add_argument("--sheets", type=Path, help="folder for pictures of pairs")
    photos.add_argument("--no-copies", action="store_true", help="only the different photos")
    scale = commands.add_parser("scale")
    scale.add_argument("--photos", type=int, default=50_000)
    options = parser.parse_args()
    if options.command == "scale":
        _measure_scale(options.photos)
        return
    names, pictures, prints = _load(options.data)
    _measure_different(names, pictures, prints, options.sheets)
    if not options.no_copies:
        _measure_copies(pictures, prints, options.every)


if __name__ == "__main__":
    main()
