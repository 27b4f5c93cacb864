"""Whether known figures are still known through another camera, in other light, from other distances.

    python -m benchmarks.cameras DATA [--folds 5] [--keep FOLDER]

Each fold is held out once, copies and groups together: `figsight.train` makes a model of the rest with the
default recipe, and that model names the held-out photos as they are and as other cameras might have
taken them, spoilt at their full size. The table says how many are named right, and how many are known
(not called unknown) by the model's own threshold, which was set to keep 95 % of photos as they are.

``--keep`` keeps the models, and uses those that are there. Ten minutes or so on 268 photos.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.provenance import read_code
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

import figsight
from figsight.dataset.groups import read_groups
from figsight.dataset.splits import folds
from figsight.images import decode
from figsight.metrics import wilson

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from figsight.dataset.groups import Grouped

Change = Callable[[Image.Image, "Generator"], Image.Image]


def _numbers(change: Callable[[NDArray[np.float64], Generator], NDArray[Any]]) -> Change:
    def apply(picture: Image.Image, rng: Generator) -> Image.Image:
        changed = change(np.asarray(picture).astype(np.float64), rng)
        return Image.fromarray(np.clip(changed, 0, 255).astype(np.uint8))

    return apply


def _light(*factors: float) -> Change:
    return _numbers(lambda pixels, _: pixels * np.array(factors))


def _colours(pixels: NDArray[Any]) -> int:
    """Return how many numbers a pixel's noise has: a picture without colour is given none."""
    return 1 if (pixels == pixels[..., :1]).all() else pixels.shape[2]


def _grain(spread: float) -> Change:
    return _numbers(
        lambda pixels, rng: pixels + rng.normal(0, spread, (*pixels.shape[:2], _colours(pixels)))
    )


def _blotches(share: float, spread: float) -> Change:
    """Noise that a camera has smoothed: of so large a share of the side."""

    def apply(picture: Image.Image, rng: Generator) -> Image.Image:
        few = [max(1, round(side / (share * max(picture.size)))) for side in picture.size]
        pixels = np.asarray(picture)
        noise = rng.normal(128, spread, (few[1], few[0], _colours(pixels)))
        three = np.broadcast_to(np.clip(noise, 0, 255).astype(np.uint8), (few[1], few[0], 3))
        smooth = Image.fromarray(three.copy()).resize(picture.size, Image.Resampling.BILINEAR)
        added = pixels.astype(np.float64) + np.asarray(smooth) - 128.0
        return Image.fromarray(np.clip(added, 0, 255).astype(np.uint8))

    return apply


def _soft(share: float) -> Change:
    return lambda picture, _: picture.filter(ImageFilter.GaussianBlur(share * max(picture.size)))


def _saved(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def _shaken(picture: Image.Image, _: Generator) -> Image.Image:
    """Move the camera by a fiftieth of the width."""
    pixels = np.asarray(picture).astype(np.float64)
    reach = max(1, picture.width // 100)
    moved = [np.roll(pixels, step, axis=1) for step in range(-reach, reach + 1)]
    return Image.fromarray(np.mean(moved, axis=0).astype(np.uint8))


def _dim_room(picture: Image.Image, rng: Generator) -> Image.Image:
    """Take half of the light, count few photons, and save it."""
    few = _numbers(
        lambda pixels, rng: (
            rng.poisson(pixels[..., : _colours(pixels)] * 0.45 / 4) * 4.0 + np.zeros(3)
        )
    )
    return _saved(few(picture, rng), 70)


def _messenger(picture: Image.Image, _: Generator) -> Image.Image:
    return _saved(picture.resize((picture.width // 2, picture.height // 2)), 50)


def _nearer(share: float) -> Change:
    """Keep the middle, of such a share of the side."""
    cut = (1 - share) / 2
    return lambda picture, _: ImageOps.crop(
        picture, (round(cut * picture.width), round(cut * picture.height))
    )


def _farther(share: float, place: float = 0.5) -> Change:
    """Shrink the picture to such a share of the side; the table that it stands on goes on around it.

    The outer 6 % of the picture are laid beside it, folded back and forth. ``place`` is where it lies,
    0 at the upper left, 1 at the lower right.
    """

    def go_on(side: int) -> NDArray[np.intp]:
        whole, strip = round(side / share), max(2, round(0.06 * side))
        places = np.arange(whole) - round((whole - side) * place)
        beyond = np.maximum(np.maximum(-1 - places, places - side), 0) % (2 * strip)
        inwards = np.minimum(beyond, 2 * strip - 1 - beyond)
        return np.where(places < 0, inwards, np.where(places < side, places, side - 1 - inwards))

    def apply(picture: Image.Image, _: Generator) -> Image.Image:
        pixels = np.asarray(picture)
        return Image.fromarray(pixels[go_on(picture.height)][:, go_on(picture.width)])

    return apply


CHANGES: dict[str, Change] = {
    "as they are": lambda picture, _: picture,
    "grain, 8 of 255": _grain(8),
    "grain, 16 of 255": _grain(16),
    "grain, 25 of 255": _grain(25),
    "blotches of 1 % of the side, 12 of 255": _blotches(0.01, 12),
    "blotches of 2 % of the side, 12 of 255": _blotches(0.02, 12),
    "a dim room": _dim_room,
    "soft, 0.4 % of the side": _soft(0.004),
    "soft, 0.8 % of the side": _soft(0.008),
    "shaken": _shaken,
    "half the size, JPEG at 50": _messenger,
    "JPEG at 10": lambda picture, _: _saved(picture, 10),
    "0.6 of the light": _light(0.6),
    "1.4 of the light": _light(1.4),
    "warm": _light(1.15, 1, 0.8),
    "cool": _light(0.85, 1, 1.15),
    "vivid": lambda picture, _: ImageEnhance.Color(picture).enhance(1.5),
    "sharpened": lambda picture, _: picture.filter(ImageFilter.UnsharpMask(2, 150, 2)),
    "the middle, 0.85 of the side": _nearer(0.85),
    "the middle, 0.65 of the side": _nearer(0.65),
    "the middle, 0.5 of the side": _nearer(0.5),
    "figures of 0.8 of their size": _farther(0.8),
    "figures of 0.65 of their size": _farther(0.65),
    "figures of half their size": _farther(0.5),
    "figures of half their size, in a corner": _farther(0.5, 0.0),
}


def ask(model: Path, found: Grouped, held: list[int]) -> dict[str, NDArray[np.bool_]]:
    """Return by change of which held-out photos the name is right, and which are known, [2, n]."""
    answers: dict[str, list[tuple[bool, bool]]] = {name: [] for name in CHANGES}
    with figsight.load(model) as classifier:
        for i in held:
            photo = found.dataset.photos[i]
            picture = Image.fromarray(decode(photo.read(), name=photo.path))
            for name, change in CHANGES.items():
                pixels = np.asarray(change(picture, np.random.default_rng(i)))
                said = classifier.predict(pixels)
                answers[name].append((said.class_id == photo.figure_id, not said.unknown))
    return {name: np.array(pairs).T for name, pairs in answers.items()}


def main() -> None:
    """Train a model for each fold, and print what it says of the rest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    found = read_groups(figsight.read(options.data), skip_bad=True)
    photos = found.dataset.photos
    dealt = folds(found.dataset.labels(), found.groups, options.folds, 0)
    answers: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in CHANGES}
    with tempfile.TemporaryDirectory() as scratch:
        for number, held in enumerate(dealt, start=1):
            model = (options.keep or Path(scratch)) / f"fold-{number}"
            if not model.exists():
                apart = set(held.tolist())
                kept = tuple(photo for i, photo in enumerate(photos) if i not in apart)
                figsight.train(replace(found.dataset, photos=kept), model)
            for name, pair in ask(model, found, held.tolist()).items():
                answers[name].append(pair)
    print(json.dumps(read_code()))
    print(f"{len(photos)} photos, {options.folds} folds\n")
    print("| photos | right | known |")
    print("|---|---|---|")
    for name, pairs in answers.items():
        right, known = np.concatenate(pairs, axis=1)
        shares = []
        for one in (right, known):
            share = wilson(int(one.sum()), len(one))
            shares.append(f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})")
        print(f"| {name} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main()
