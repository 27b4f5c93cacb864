"""Renders the demo set that the package carries: photos of toy figures that do not exist.

    python scripts/make_demo.py src/figsight/demo --seed 0

writes ``photos/<figure>/01.jpg`` to ``12.jpg`` and ``unknown/<figure>-1.jpg`` to ``-3.jpg``. The
same seed gives the same pixels on the same machine with the same numpy and Pillow; elsewhere they
may differ in the last bit. The first photo of each figure is taken from the front; the others go
all around it, mostly in front. Place, light, pose and lens are drawn for each photo on its own, so
that they tell nothing about the figure.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from toys.backdrop import make_backdrops
from toys.body import Pose, place_joints
from toys.camera import Light, Photographer, Scene, View
from toys.cast import FIGURES, STRANGERS
from toys.lens import blur, develop

if TYPE_CHECKING:
    from toys.shapes import Array

SIZE = 256
VIEWS = 12
STRANGER_VIEWS = 3
_AZIMUTHS = (20, -30, 2, 46, -52, 76, -78, 12, -14, 128, -134, 176)
_LAMPS = ((1.0, 1.0, 1.0), (1.1, 1.0, 0.84), (1.05, 1.0, 0.93), (0.93, 1.0, 1.1))
_BRIGHTNESS = 2.35


def draw_pose(rng: np.random.Generator) -> Pose:
    """Draw how a figure stands: arms, legs and head."""
    stride = rng.choice([0.0, rng.uniform(-24, 24)])
    return Pose(
        arms=(rng.uniform(-15, 60), rng.uniform(0, 58)),
        spread=(rng.uniform(12, 42), rng.uniform(20, 50)),
        legs=(stride, -stride),
        tilt=(rng.uniform(0, 18), rng.uniform(-4, 28)),
        yaw=rng.uniform(-28, 28),
        nod=rng.uniform(-9, 9),
        lean=rng.uniform(-3, 3),
    )


def draw_light(rng: np.random.Generator) -> Light:
    """Draw a lamp: from where, how warm, how strong, how large."""
    warmth = np.array(_LAMPS[rng.integers(len(_LAMPS))])
    power = _BRIGHTNESS * rng.uniform(0.85, 1.15)
    key = warmth * power
    room = (2.0 - warmth) * rng.uniform(0.5, 0.72)
    return Light(
        side=rng.choice([-1.0, 1.0]) * rng.uniform(15, 65),
        height=rng.uniform(32, 62),
        key=(float(key[0]), float(key[1]), float(key[2])),
        room=(float(room[0]), float(room[1]), float(room[2])),
        softness=rng.uniform(6.0, 16.0),
    )


def draw_view(rng: np.random.Generator, azimuth: float, scene: Scene) -> View:
    """Draw where the camera stands, near an azimuth; the figure fills most of the picture."""
    wide, high = scene.measure()
    room = max(high, 0.8 * wide) * rng.uniform(1.1, 1.5)
    view = View(azimuth + rng.uniform(-10, 10), rng.uniform(2, 34))
    loose = 0.5 * (room - high) * 0.6
    return replace(
        view,
        distance=room / (2.0 * math.tan(math.radians(view.opening / 2.0))),
        target=(0.0, high / 2.0 + rng.uniform(-1, 1) * loose, 0.0),
        shift=rng.uniform(-0.1, 0.1),
        roll=rng.uniform(-3.5, 3.5),
    )


def render(name: str, view: int, *, seed: int = 0, size: int = SIZE) -> Array:
    """Return one photo of a figure, before the grain of the sensor.

    Args:
        name: A figure of ``toys.cast``.
        view: From 0.
        seed: Of the whole set.
        size: Pixels a side. Another size shows the same scene.

    Returns:
        [size, size, 3] float32 in 0..1, sRGB.
    """
    makers = FIGURES | STRANGERS
    number = list(makers).index(name)
    rng = np.random.default_rng([seed, number, view])
    # Each figure walks through the places in an order of its own, so it sees them all.
    order = np.random.default_rng([seed, number, 999]).permutation(12)
    azimuth = _AZIMUTHS[view % VIEWS] if name in FIGURES else _AZIMUTHS[(view * 2 + number) % 9]
    scene = Scene(makers[name](), place_joints(draw_pose(rng)))
    backdrop = make_backdrops(rng)[order[view % 12]]
    photographer = Photographer(scene, draw_view(rng, azimuth, scene), draw_light(rng), backdrop)
    return develop(photographer.take(size), rng.uniform(0.92, 1.1))


def add_grain(image: Array, rng: np.random.Generator) -> Image.Image:
    """Return the photo as a small camera writes it: a little soft, a little noisy."""
    softness = rng.choice([0.0, 0.0, 0.45, 0.6])
    if softness:
        image = blur(image, softness)
    strength = rng.uniform(0.003, 0.009)
    grain = rng.normal(0.0, strength, image.shape[:2])[..., None]
    grain = grain + rng.normal(0.0, strength * 0.5, image.shape)
    return Image.fromarray(np.rint(np.clip(image + grain, 0, 1) * 255).astype(np.uint8))


def write_photo(path: Path, name: str, view: int, seed: int) -> None:
    """Render one photo and write it as a JPEG."""
    image = render(name, view, seed=seed)
    number = list(FIGURES | STRANGERS).index(name)
    photo = add_grain(image, np.random.default_rng([seed, number, view, 1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    photo.save(path, quality=85, subsampling="4:2:0", optimize=True, progressive=True)


def main() -> None:
    """Render the whole set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder that gets photos/ and unknown/")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="figures to render, by name; default: all")
    arguments = parser.parse_args()
    started = time.monotonic()
    jobs = [
        (arguments.out / "photos" / name / f"{view + 1:02d}.jpg", name, view)
        for name in FIGURES
        for view in range(VIEWS)
    ]
    jobs += [
        (arguments.out / "unknown" / f"{name}-{view + 1}.jpg", name, view)
        for name in STRANGERS
        for view in range(STRANGER_VIEWS)
    ]
    jobs = [job for job in jobs if not arguments.only or job[1] in arguments.only]
    total = 0
    for path, name, view in jobs:
        write_photo(path, name, view, arguments.seed)
        total += path.stat().st_size
    seconds = time.monotonic() - started
    busy = time.process_time()
    print(f"{len(jobs)} photos, {total / 1e6:.2f} MB, {seconds:.0f} s ({busy:.0f} s of CPU)")


if __name__ == "__main__":
    main()
