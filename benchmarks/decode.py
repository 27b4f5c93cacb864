"""What decoding costs: files one by one in fresh processes, and good photos in a row.

    python benchmarks/decode.py FOLDER             every file: outcome, seconds, peak memory
    python benchmarks/decode.py --photos FOLDER    milliseconds for a photo, as prediction opens it
    python benchmarks/decode.py --largest          the largest pictures that we accept, one a format

Seconds are those of the clock and of the processor, without starting Python. Memory is the peak of
the whole process, interpreter included (from /proc on Linux, from getrusage elsewhere).
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from figsight.errors import PhotoError
from figsight.images import MAX_PIXELS, InputSpec, decode, fit, is_picture_name, open_photo

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_ALLOWED = 2.0
MB_ALLOWED = 400


def peak_mb() -> float:
    """Return the most memory that this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held before it started us
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def child(path: str) -> None:
    """Decode one file and print what came of it as JSON."""
    clock, processor = time.perf_counter(), time.process_time()
    try:
        outcome = "decoded " + " x ".join(map(str, decode(path).shape[1::-1]))
    except PhotoError as error:
        outcome = f"refused {type(error).__name__}: {error.reason}"
    result = {
        "outcome": outcome,
        "seconds": time.perf_counter() - clock,
        "processor": time.process_time() - processor,
        "peak": peak_mb(),
    }
    print(json.dumps(result))


def measure(path: Path) -> dict[str, Any]:
    """Decode one file in a fresh process."""
    command = [sys.executable, __file__, "--child", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = done.stderr.strip().splitlines()[-1:] or [""]
        return {"outcome": f"CRASHED with {done.returncode}: {why[0]}", "seconds": 0.0} | {
            "processor": 0.0,
            "peak": 0.0,
        }
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure_all(paths: list[Path]) -> None:
    """Print a line for each file, and the worst of each kind."""
    results = []
    for path in paths:
        result = measure(path)
        results.append(result)
        print(
            f"{result['seconds']:6.2f} s {result['processor']:6.2f} s cpu {result['peak']:5.0f} MB"
            f"  {path.name[:48]:48}  {result['outcome']}"
        )
    if not results:
        sys.exit("no files there")
    decoded = sum(r["outcome"].startswith("decoded") for r in results)
    refused = sum(r["outcome"].startswith("refused") for r in results)
    worst = {key: max(r[key] for r in results) for key in ("seconds", "processor", "peak")}
    print(
        f"\n{len(results)} files: {decoded} decoded, {refused} refused, "
        f"{len(results) - decoded - refused} crashed; at most {worst['seconds']:.2f} s "
        f"({worst['processor']:.2f} s cpu; allowed {SECONDS_ALLOWED:.0f}) and "
        f"{worst['peak']:.0f} MB (allowed {MB_ALLOWED})"
    )


def measure_photos(folder: Path, side: int) -> None:
    """Print the median time from the photos of a folder to what a network is given, in this process.

    ``open_photo`` is what training and prediction call. It need not take pixels out of Pillow between
    its steps, so that ``decode`` and ``fit``, one after the other, take longer.
    """
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and is_picture_name(p.name))
    if not paths:
        sys.exit(f"no pictures in {folder}")
    spec = InputSpec(side, side)
    clocks = {"clock": time.perf_counter, "processor": time.thread_time}
    jobs: dict[str, Callable[[Path], object]] = {
        "open_photo": lambda path: open_photo(path, spec),
        "decode, then fit": lambda path: fit(decode(path), spec),
        "decode alone": decode,
    }
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for path in paths * 2:
        path.read_bytes()  # so that the first job does not read for the others
        for what, job in jobs.items():
            begin = {name: now() for name, now in clocks.items()}
            job(path)
            for name, now in clocks.items():
                times[what, name].append(1e3 * (now() - begin[name]))
    print(f"{len(paths)} photos at {side} px, milliseconds, median (fastest tenth):")
    for what in jobs:
        texts = [
            f"{name} {statistics.median(values):.2f} ({statistics.quantiles(values, n=10)[0]:.2f})"
            for name in clocks
            if (values := times[what, name])
        ]
        print(f"  {what:16}  {'   '.join(texts)}")


def make_largest(folder: Path) -> list[Path]:
    """Write pictures of about the largest size that each format may have, and too large JPEGs."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (150, 200, 3), dtype=np.uint8))

    def picture(megapixels: float) -> Image.Image:
        width = int((megapixels * 1e6 * 4 / 3) ** 0.5)
        return small.resize((width, width * 3 // 4), Image.Resampling.BILINEAR)

    most = MAX_PIXELS / 1e6
    jobs: list[tuple[str, float, str, dict[str, Any]]] = [
        ("plain.jpg", most, "RGB", {"quality": 90}),
        ("cmyk.jpg", most, "CMYK", {"quality": 90}),
        ("progressive-444.jpg", most, "RGB", {"progressive": True, "subsampling": 0}),
        ("reduced.jpg", 108, "RGB", {"quality": 85}),
        (
            "turned.jpg",
            most,
            "RGB",
            {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"},
        ),
        ("rgba.png", most, "RGBA", {"compress_level": 1}),
        ("raw.tif", 34, "RGB", {"tiffinfo": {274: 6}}),
        ("one-strip.tif", 18, "RGB", {"compression": "tiff_deflate", "strip_size": 10**9}),
        ("plain.bmp", most, "RGB", {}),
        ("plain.gif", most, "P", {}),
        ("plain.webp", 13.8, "RGB", {"method": 0}),
        ("lossless-alpha.webp", 12.8, "RGBA", {"lossless": True, "method": 0, "quality": 0}),
        ("plain.avif", 17, "RGB", {"speed": 10}),
        ("444.avif", 17, "RGB", {"speed": 10, "subsampling": "4:4:4"}),
        ("alpha.avif", 13.5, "RGBA", {"speed": 10}),
    ]
    paths = []
    for name, megapixels, mode, options in jobs:
        image = picture(megapixels).convert(mode)
        if mode == "RGBA":
            image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(folder / name, **options)
        paths.append(folder / name)
    return paths


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--photos", type=Path, metavar="FOLDER")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--largest", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
    elif options.photos:
        measure_photos(options.photos, options.side)
    elif options.largest:
        with tempfile.TemporaryDirectory() as folder:
            measure_all(make_largest(Path(folder)))
    elif options.folder:
        measure_all(sorted(p for p in options.folder.iterdir() if p.is_file()))
    else:
        parser.error("give a folder, --photos FOLDER or --largest")


if __name__ == "__main__":
    main()
